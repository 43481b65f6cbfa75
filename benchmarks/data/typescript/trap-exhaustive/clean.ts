export type Shape =
  | { readonly kind: "circle"; readonly radius: number }
  | { readonly kind: "square"; readonly side: number }
  | { readonly kind: "rectangle"; readonly width: number; readonly height: number };

function unreachable(shape: never): never {
  throw new TypeError(`no such shape: ${JSON.stringify(shape)}`);
}

/** The area of a shape, in square units. */
export function area(shape: Shape): number {
  switch (shape.kind) {
    case "circle":
      return Math.PI * shape.radius ** 2;
    case "square":
      return shape.side ** 2;
    case "rectangle":
      return shape.width * shape.height;
  }
  return unreachable(shape);
}

/** The areas of all shapes together; 0 for none. */
export function totalArea(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + area(shape), 0);
}

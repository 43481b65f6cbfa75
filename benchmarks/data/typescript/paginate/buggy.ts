export interface Page<T> {
  readonly number: number;
  readonly items: readonly T[];
  readonly hasNext: boolean;
}

/** How many pages there are; at least one, which may be empty. */
export function pageCount(total: number, size: number): number {
  return Math.floor(total / size) + 1;
}

/** A page of all items. Numbers count from 1; what lies outside gives the nearest page. */
export function pageOf<T>(items: readonly T[], wanted: number, size: number): Page<T> {
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError("a page has at least one item");
  }
  const count = pageCount(items.length, size);
  const number = Math.min(Math.max(Math.trunc(wanted) || 1, 1), count);
  const start = (number - 1) * size;
  return { number, items: items.slice(start, start + size), hasNext: number < count };
}

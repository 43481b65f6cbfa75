/** Settings with defaults, in layers: the first one that says anything counts. */
export class Layers {
  /** @param {Array<Record<string, unknown> | null>} layers the most important one first */
  constructor(layers) {
    this.layers = layers.filter((layer) => layer != null);
  }

  /** What is set under a name; `fallback` where no layer has more than null or undefined. */
  get(name, fallback) {
    for (const layer of this.layers) {
      if (!Object.hasOwn(layer, name)) {
        continue;
      }
      const value = layer[name];
      if (value == null) {
        continue;
      }
      return value;
    }
    return fallback;
  }

  /** A number, also 0. */
  number(name, fallback) {
    const value = this.get(name, fallback);
    return typeof value === "number" ? value : fallback;
  }
}

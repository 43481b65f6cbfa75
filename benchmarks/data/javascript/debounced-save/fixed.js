/** Shows suggestions while somebody types. */
export class Suggestions {
  /**
   * @param {(text: string) => Promise<string[]>} search
   * @param {(items: string[]) => void} show
   */
  constructor(search, show) {
    this.search = search;
    this.show = show;
    this.latest = 0;
  }

  /** Shows what is found for the newest text; answers to older texts are dropped, whenever they come. */
  async typed(text) {
    const number = ++this.latest;
    if (text.length < 2) {
      this.show([]);
      return;
    }
    let items;
    try {
      items = await this.search(text);
    } catch {
      items = [];
    }
    if (number === this.latest) {
      this.show(items);
    }
  }
}

/** How often a server may end by itself before it is left alone. Pure. */

const WINDOW_MS = 3 * 60_000;
const MOST = 5;

export class Crashes {
  #times: readonly number[] = [];

  /** One more, at `now` (ms); whether it should be started again. */
  add(now: number): boolean {
    this.#times = [...this.#times.filter((each) => now - each < WINDOW_MS), now];
    return this.#times.length < MOST;
  }

  /** Somebody has seen to it. */
  forget(): void {
    this.#times = [];
  }
}

/** Sends measurements without holding anybody up. */
export class Beacon {
  /** @param {(batch: object[]) => Promise<void>} send */
  constructor(send, { size = 20, most = 200 } = {}) {
    this.send = send;
    this.size = size;
    this.most = most;
    this.waiting = [];
    this.lost = 0;
  }

  /** Takes a measurement; returns at once. Where too many wait, the oldest ones go. */
  record(measurement) {
    this.waiting.push(measurement);
    if (this.waiting.length > this.most) {
      this.waiting.shift();
      this.lost += 1;
    }
    if (this.waiting.length >= this.size) {
      const batch = this.waiting.splice(0);
      void this.send(batch).catch(() => {
        this.lost += batch.length;
      });
    }
  }
}

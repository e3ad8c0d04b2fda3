// spec/page.md · The server's clock

/** Milliseconds within which a Date of HTTP lies: it has whole seconds. */
const RESOLUTION = 1_000;

/** Now by the server's clock, from the Date of its HTTP answers. Before the first it is the browser's. */
export class ServerClock {
  /** The server's time less the browser's lies between the two. */
  private least: number | null = null;
  private most: number | null = null;
  constructor(private readonly browser: () => number = Date.now) {}

  /** Takes the Date of an answer that was asked for and came at these times of the browser's clock. */
  sample(date: number, asked: number, came: number): void {
    if (![date, asked, came].every(Number.isFinite) || came < asked) return;
    const least = date - came;
    const most = date + RESOLUTION - asked;
    const isWithin = this.least !== null && this.most !== null && least <= this.most && most >= this.least;
    // One of the clocks was set, or the computer slept: what was known before says nothing any more.
    this.least = isWithin && this.least !== null ? Math.max(least, this.least) : least;
    this.most = isWithin && this.most !== null ? Math.min(most, this.most) : most;
  }
  /** Milliseconds by which the server's clock is ahead of the browser's. */
  get offset(): number {
    return this.least === null || this.most === null ? 0 : Math.round((this.least + this.most) / 2);
  }
  now(): number {
    return this.browser() + this.offset;
  }
}

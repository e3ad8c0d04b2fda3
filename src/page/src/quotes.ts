// spec/page.md · Live prices
import type { AssetQuote, Cleanup, Quotes } from "./api.ts";
import { Listeners } from "./live.ts";
import { parseDecimal } from "./money.ts";
import type { QuoteList, QuoteListRow } from "./wire.ts";

/** Flags of a row: bits that this page knows. */
const NEW = 1;
const HALTED = 2;
const DAY = 86_400_000;
/** Between two readings of the whole list: notices tell prices alone, and no volume, name or previous close. */
export const LIST_INTERVAL = 15_000;
/** The same for a list that costs little: it is read with every update that begins a new day. */
export const SHORT_LIST_INTERVAL = 500;
export const SHORT_LIST_MAX = 1_000;

/** The latest prices: the list as it was read, and what notices told since. */
export class QuoteBook implements Quotes {
  private rows: AssetQuote[] = [];
  private bySymbol = new Map<string, number>();
  private readonly listeners = new Listeners<ReadonlySet<string> | null>();
  /** Symbols of the frames of one update, which come one after another. */
  private changed: Set<string> | null = null;
  private read = false;
  private failure: Error | null = null;
  /** It was told a price of an asset that is not on the list, or a new day began. */
  isStale = true;

  /** The newest market time that a notice told. */
  private newest = -Infinity;

  constructor(
    private readonly later: (task: () => void) => void = (task) => queueMicrotask(task),
    private readonly shortMax = SHORT_LIST_MAX,
  ) {}

  get isLoaded(): boolean {
    return this.read;
  }
  get error(): Error | null {
    return this.failure;
  }
  all(): readonly AssetQuote[] {
    return this.rows;
  }
  get(symbol: string): AssetQuote | undefined {
    const index = this.bySymbol.get(symbol);
    return index === undefined ? undefined : this.rows[index];
  }
  onChange(listener: (symbols: ReadonlySet<string> | null) => void): Cleanup {
    return this.listeners.add(listener);
  }
  /** Takes the list as it was read. A price that a notice told meanwhile is kept where it is newer. */
  load(list: QuoteList): void {
    this.rows = list.quotes.map((row) => {
      const before = this.get(row.symbol);
      const current = toQuote(row);
      return before && before.time > row.time ? withPrice(current, before.time, before.value) : current;
    });
    this.bySymbol = new Map(this.rows.map((row, index) => [row.symbol, index]));
    this.read = true;
    this.failure = null;
    // A list of before the last notice lacks what that told.
    this.isStale = this.rows.length > 0 && this.rows.every((row) => row.time < this.newest);
    this.listeners.tell(null);
  }
  /** The list cannot be read. */
  fail(error: Error): void {
    this.failure = error;
    this.listeners.tell(null);
  }
  /** Takes a notice: `SYMBOL=value` each, at this market time. */
  take(time: number, quotes: readonly string[]): void {
    this.newest = Math.max(this.newest, time);
    if (!this.changed) {
      this.changed = new Set();
      this.later(() => {
        const changed = this.changed;
        this.changed = null;
        if (changed?.size) this.listeners.tell(changed);
      });
    }
    for (const quote of quotes) {
      const split = quote.lastIndexOf("=");
      const symbol = quote.slice(0, split);
      const value = parseDecimal(quote.slice(split + 1));
      const index = this.bySymbol.get(symbol);
      const row = index === undefined ? undefined : this.rows[index];
      if (index === undefined || !row || value === null) {
        this.isStale = true;
        continue;
      }
      if (Math.floor(time / DAY) !== Math.floor(row.time / DAY)) {
        this.isStale = true;
        // The list is read at once, and brings the new day's bar with the price: rows do not flicker.
        if (row.value !== 0n && this.rows.length <= this.shortMax) continue;
      }
      this.rows[index] = withPrice(row, time, value);
      this.changed.add(symbol);
    }
  }
}

function toQuote(row: QuoteListRow): AssetQuote {
  return { ...row, isNew: (row.flags & NEW) !== 0, isHalted: (row.flags & HALTED) !== 0 };
}
/** A row with a newer price. On a new day the day's open, high and low begin with it, and the last price was the close. */
function withPrice(row: AssetQuote, time: number, value: bigint): AssetQuote {
  if (time < row.time) return row;
  const isNewDay = row.value !== 0n && Math.floor(time / DAY) > Math.floor(row.time / DAY);
  if (isNewDay || row.value === 0n) {
    const previousClose = isNewDay ? row.value : row.previousClose;
    return { ...row, time, value, previousClose, open: value, high: value, low: value, volume: 0n, isNew: true };
  }
  const high = value > row.high ? value : row.high;
  const low = value < row.low ? value : row.low;
  return { ...row, time, value, high, low, isNew: true };
}

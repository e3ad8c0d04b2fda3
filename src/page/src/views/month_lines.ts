// spec/page/views.md · Assets
//
// The closes of the last month of assets that are in sight. Each asset is asked for once; what its price
// does then is added here, so that an update costs no requests.
//
// Tests: src/page/test/views.test.ts

import type { AssetQuote, Session } from "../api.ts";

/** Requests under way at any one time. */
const REQUESTS_MAX = 4;
const DAY = 86_400_000;
/** Days of a line. */
const DAYS_MAX = 31;

interface Line {
  closes: bigint[];
  /** The day of the last close. */
  day: number;
  isAsked: boolean;
  /** Whoever shows it. */
  watchers: Set<(closes: readonly bigint[]) => void>;
}

/** Lines of months. */
export interface MonthLines {
  /** Calls back with the asset's closes once they are there. Returns what ends it. */
  watch(quote: AssetQuote, onCloses: (closes: readonly bigint[]) => void): () => void;
  /** The asset has another price. */
  moved(quote: AssetQuote, onCloses: (closes: readonly bigint[]) => void): void;
  /** Asks for no more. */
  close(): void;
}

const linesOf = new WeakMap<Session, Map<string, Line>>();

/** The lines of a session's assets; they are kept with it. */
export function monthLines(session: Session): MonthLines {
  const known = linesOf.get(session) ?? new Map<string, Line>();
  linesOf.set(session, known);
  const waiting: AssetQuote[] = [];
  let underWay = 0;
  let isClosed = false;

  const ask = async (quote: AssetQuote, line: Line): Promise<void> => {
    underWay += 1;
    try {
      const bars = await session.bars(quote.symbol, "month", null, "adjusted");
      line.closes = bars.map((bar) => bar.close);
      line.day = dayOf(bars[bars.length - 1]?.time ?? 0);
      for (const watcher of line.watchers) watcher(line.closes);
    } catch {
      // A line that cannot be had is left out; the next look at the asset asks again.
      line.isAsked = false;
    } finally {
      underWay -= 1;
      next();
    }
  };
  const next = (): void => {
    while (!isClosed && underWay < REQUESTS_MAX) {
      // What came into sight last is most likely still there.
      const quote = waiting.pop();
      if (quote === undefined) return;
      const line = known.get(quote.symbol);
      if (line === undefined || line.isAsked || line.watchers.size === 0) continue;
      line.isAsked = true;
      void ask(quote, line);
    }
  };
  return {
    watch(quote, onCloses) {
      let line = known.get(quote.symbol);
      if (line === undefined) {
        line = { closes: [], day: 0, isAsked: false, watchers: new Set() };
        known.set(quote.symbol, line);
      }
      const watched = line;
      watched.watchers.add(onCloses);
      if (watched.closes.length > 0) onCloses(watched.closes);
      if (!watched.isAsked) {
        waiting.push(quote);
        queueMicrotask(next);
      }
      return () => {
        watched.watchers.delete(onCloses);
      };
    },
    moved(quote, onCloses) {
      const line = known.get(quote.symbol);
      if (line === undefined || line.closes.length === 0 || quote.value === 0n) return;
      if (addClose(line, quote)) onCloses(line.closes);
    },
    close() {
      isClosed = true;
    },
  };
}

function dayOf(time: number): number {
  return Math.floor(time / DAY);
}

/** Puts the latest price at a line's end. Returns whether the line is another one. */
export function addClose(
  line: { closes: bigint[]; day: number },
  quote: { time: number; value: bigint },
): boolean {
  const day = dayOf(quote.time);
  const last = line.closes.length - 1;
  if (day === line.day) {
    if (line.closes[last] === quote.value) return false;
    line.closes[last] = quote.value;
    return true;
  }
  if (day < line.day) return false;
  line.closes.push(quote.value);
  line.day = day;
  if (line.closes.length > DAYS_MAX) line.closes.shift();
  return true;
}

// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { QuoteBook } from "../src/quotes.ts";
import type { QuoteListRow } from "../src/wire.ts";

const DAY = 86_400_000;
const row = (symbol: string, time: number, value: bigint): QuoteListRow => ({
  symbol, name: "", factor: 1n, flags: 0, time, value, previousClose: 90n, open: 95n, high: 110n, low: 94n, volume: 7n,
});

test("a notice changes a price, the day's high and low, and tells once for all frames of an update", () => {
  const tasks: (() => void)[] = [];
  const book = new QuoteBook((task) => tasks.push(task));
  const told: (readonly string[] | null)[] = [];
  book.onChange((symbols) => told.push(symbols && [...symbols]));
  book.load({ count: 2, quotes: [row("AAPL", DAY, 100n), row("A=B", DAY, 100n)], update: 1n });
  assert.equal(book.isStale, false);
  book.take(DAY + 5, ["AAPL=0.00012"]);
  book.take(DAY + 5, ["A=B=0.00009"]);
  assert.equal(tasks.length, 1);
  tasks[0]?.();
  assert.deepEqual(told, [null, ["AAPL", "A=B"]]);
  assert.equal(book.get("AAPL")?.high, 120n);
  assert.equal(book.get("A=B")?.low, 90n);
  assert.equal(book.get("A=B")?.open, 95n);
  assert.equal(book.isStale, false);
});

test("on a new day the last price was the close, and the list is read again", () => {
  const book = new QuoteBook(() => undefined, 0);
  book.load({ count: 1, quotes: [row("AAPL", DAY, 100n)], update: 1n });
  book.take(2 * DAY, ["AAPL=0.0002"]);
  const quote = book.get("AAPL");
  assert.deepEqual([quote?.previousClose, quote?.open, quote?.high, quote?.low, quote?.value], [100n, 200n, 200n, 200n, 200n]);
  assert.ok(book.isStale);
});

test("an older list does not take a newer price away, and an older notice changes nothing", () => {
  const book = new QuoteBook(() => undefined);
  book.load({ count: 1, quotes: [row("AAPL", DAY, 100n)], update: 1n });
  book.take(DAY + 9, ["AAPL=0.00012"]);
  book.load({ count: 1, quotes: [row("AAPL", DAY + 1, 101n)], update: 1n });
  assert.equal(book.get("AAPL")?.value, 120n);
  book.take(DAY + 3, ["AAPL=0.00001"]);
  assert.equal(book.get("AAPL")?.value, 120n);
});

test("an unknown symbol makes the list stale; flags are told in words", () => {
  const book = new QuoteBook(() => undefined);
  book.load({ count: 1, quotes: [{ ...row("AAPL", DAY, 100n), flags: 255 }], update: 1n });
  assert.ok(book.get("AAPL")?.isHalted && book.get("AAPL")?.isNew);
  book.take(DAY, ["NEW=1"]);
  assert.ok(book.isStale);
  assert.equal(book.get("NEW"), undefined);
});

test("a short list waits for the new day's bar; one that was read before it is read again", () => {
  const book = new QuoteBook(() => undefined);
  book.load({ count: 1, quotes: [row("AAPL", DAY, 100n)], update: 1n });
  book.take(2 * DAY, ["AAPL=0.0002"]);
  assert.equal(book.get("AAPL")?.value, 100n);
  assert.ok(book.isStale);
  book.load({ count: 1, quotes: [row("AAPL", DAY, 100n)], update: 1n });
  assert.ok(book.isStale);
  book.load({ count: 1, quotes: [row("AAPL", 2 * DAY, 200n)], update: 2n });
  assert.equal(book.get("AAPL")?.value, 200n);
  assert.equal(book.isStale, false);
});

// spec/page/views.md
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError, RefusalError } from "../src/api.ts";
import type { AssetQuote, OwnTransaction, Session } from "../src/api.ts";
import { WireError } from "../src/reader.ts";
import { accountTexts, viewTexts } from "../src/texts.ts";
import { fittingAssets, sortAssets } from "../src/views/asset_rows.ts";
import { FORECAST_DAYS, forecastTimes, hasDailyPrices, isAfter, steppedEnd, withLatest } from "../src/views/chart_periods.ts";
import { addClose, monthLines } from "../src/views/month_lines.ts";
import { kindWord } from "../src/views/history.ts";
import { endedText } from "../src/views/orders.ts";
import { isOpen, merged, ownHistory } from "../src/views/own_history.ts";
import {
  errorText,
  formatDay,
  formatSpan,
  formatTime,
  reasonText,
  sideWord,
  statusName,
  termsText,
  timeInForceText,
} from "../src/views/parts.ts";
import { allocationOf, dayChange, sortPositions } from "../src/views/portfolio.ts";
import { mainLines } from "../src/views/receipt.ts";
import type { AccountSummary } from "../src/wire.ts";

const DAY = 86_400_000;

function quote(symbol: string, part: Partial<AssetQuote> = {}): AssetQuote {
  return {
    symbol,
    name: "",
    factor: 1n,
    flags: 0,
    time: 0,
    value: 0n,
    previousClose: 0n,
    open: 0n,
    high: 0n,
    low: 0n,
    volume: 0n,
    isHalted: false,
    isNew: false,
    ...part,
  };
}

function row(id: string, status = 1): OwnTransaction {
  return { id, status } as OwnTransaction;
}

test("times are days and clocks in UTC", () => {
  assert.equal(formatDay(Date.UTC(2012, 0, 5)), "5 Jan 2012");
  assert.equal(formatTime(Date.UTC(2012, 0, 5)), "5 Jan 2012");
  assert.equal(formatTime(Date.UTC(2012, 0, 5, 14, 5)), "5 Jan 2012, 14:05");
  assert.equal(formatTime(Date.UTC(2012, 0, 5, 14, 5, 9)), "5 Jan 2012, 14:05:09");
  assert.equal(formatDay(Number.NaN), viewTexts.all.none);
  assert.equal(formatDay(8.64e15 + 1), viewTexts.all.none);
});

test("what is left of a time is rounded up", () => {
  const told = [-5, 1, 59_001, 60_000, 65_000, 3_600_000, 7_260_000, 49 * 3_600_000].map(
    formatSpan,
  );
  assert.deepEqual(told, [
    "0 s",
    "1 s",
    "1 min",
    "1 min",
    "1 min 5 s",
    "1 h",
    "2 h 1 min",
    "2 d 1 h",
  ]);
});

test("a refusal is told in words, and a code of a later edition as the server says it", () => {
  const scope = errorText(new RefusalError("scope", "the session is a token"));
  assert.ok(scope.endsWith(viewTexts.all.advice["scope"] ?? "?"), scope);
  assert.equal(errorText(new RefusalError("of-later", "the moon is full")), "The moon is full.");
  assert.equal(errorText(new RefusalError("no-price", "x")), viewTexts.all.reasons["no-price"]);
  assert.equal(errorText(new ConnectionError("x", false)), viewTexts.all.unreachable);
  assert.equal(errorText(new WireError("x")), accountTexts.nonsense);
  assert.equal(errorText("?"), viewTexts.all.failed);
});

test("sides, statuses and reasons of a later edition are shown as they are", () => {
  assert.equal(sideWord(1), "Buy");
  assert.equal(sideWord(77), "77");
  assert.equal(statusName(77), "77");
  assert.equal(reasonText("of-later"), "of-later");
  assert.equal(reasonText(""), "");
});

test("an order's terms are told in words", () => {
  const base = {
    kind: "limit",
    limit: 95_000_000n,
    stop: 101_000_000n,
    stopPercent: 0n,
    timeInForce: "gtc",
    cash: 0n,
  };
  assert.equal(termsText("buy", base, false), "at 95.00 or less");
  assert.equal(termsText("sell", { ...base, kind: "stop" }, false), "once it falls to 101.00");
  assert.equal(
    termsText("buy", { ...base, kind: "stop-limit" }, true),
    "at 95.00 or less, stop reached",
  );
  assert.equal(
    termsText("sell", { ...base, kind: "trailing", stop: 0n, stopPercent: 25_000n }, false),
    "2.5% below its best price",
  );
  assert.equal(termsText("buy", { ...base, kind: "of-later" }, false), "of-later");
  assert.equal(timeInForceText("2013-07-01T00:00:00.000Z"), "through 30 Jun 2013");
  assert.equal(timeInForceText("2013-07-01T16:00:00.000Z"), "until 1 Jul 2013, 16:00");
  assert.equal(timeInForceText("day"), viewTexts.orders.day);
  assert.equal(timeInForceText("sometime"), "sometime");
});

test("the end of an order is a sentence", () => {
  const notice = {
    status: "settled",
    asset: "AAPL",
    quantity: 10_000_000n,
    price: 98_760_000n,
    reason: null,
  };
  assert.equal(endedText(notice), "Filled: 10 AAPL at 98.76");
  const rejected = endedText({
    ...notice,
    status: "rejected",
    price: null,
    reason: "insufficient-funds",
  });
  assert.equal(rejected, `Order for AAPL: ${viewTexts.all.reasons["insufficient-funds"]}`);
});

test("a search finds all its words in symbol and name", () => {
  const all = [
    quote("AAPL", { name: "Apple Inc." }),
    quote("IBM", { name: "International Business Machines" }),
  ];
  const found = (search: string) => fittingAssets(all, search).map((it) => it.symbol);
  assert.equal(fittingAssets(all, "  "), all);
  assert.deepEqual(found("aap"), ["AAPL"]);
  assert.deepEqual(found("machines BUS"), ["IBM"]);
  assert.deepEqual(found("apple machines"), []);
  assert.deepEqual(found("<b>"), []);
});

test("a search in 10,000 assets takes a part of a frame", () => {
  const all = Array.from({ length: 10_000 }, (_, at) =>
    quote(`S${at}`, { name: `Company ${at} Holding` }),
  );
  fittingAssets(all, "warm");
  const begin = performance.now();
  for (let turn = 0; turn < 20; turn += 1) fittingAssets(all, `company ${turn}`);
  // Two frames are 33 ms; a machine that is busy otherwise gets ten times that.
  assert.ok((performance.now() - begin) / 20 < 330);
});

test("assets are sorted by figures, without a price last, by symbol between equals", () => {
  const all = [
    quote("A", { value: 90n, previousClose: 100n, volume: 5n }),
    quote("B", { value: 110n, previousClose: 100n, volume: 5n }),
    quote("C"),
    quote("D", { value: 2_000_000n, previousClose: 1_999_999n, volume: 9n }),
  ];
  const sorted = (by: Parameters<typeof sortAssets>[1]["by"], isDescending: boolean) =>
    sortAssets(all, { by, isDescending }, new Map([["A", 3n]]))
      .map((it) => it.symbol)
      .join("");
  assert.equal(sorted("change", true), "BDAC");
  assert.equal(sorted("price", false), "CABD");
  assert.equal(sorted("volume", true), "DABC");
  assert.equal(sorted("held", true), "ABCD");
  assert.equal(sorted("symbol", true), "DCBA");
});

test("a line of a month follows the price without asking again", () => {
  const line = { closes: [1n, 2n], day: 10 };
  assert.equal(addClose(line, { time: 10 * DAY + 5, value: 2n }), false);
  assert.equal(addClose(line, { time: 10 * DAY + 9, value: 3n }), true);
  assert.equal(addClose(line, { time: 11 * DAY, value: 4n }), true);
  assert.deepEqual(line.closes, [1n, 3n, 4n]);
  assert.equal(addClose(line, { time: 9 * DAY, value: 9n }), false);
  for (let day = 12; day < 90; day += 1) addClose(line, { time: day * DAY, value: 5n });
  assert.equal(line.closes.length, 31);
});

test("lines are asked for a few at a time, each once, those in sight alone", async () => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const session = {
    bars: (symbol: string) => {
      asked.push(symbol);
      return new Promise((resolve) =>
        answers.push(() =>
          resolve([
            { time: 0, close: 1n },
            { time: DAY, close: 2n },
          ]),
        ),
      );
    },
  } as unknown as Session;
  const lines = monthLines(session);
  const told: string[] = [];
  const ends = ["A", "B", "C", "D", "E", "F"].map((symbol) =>
    lines.watch(quote(symbol), () => told.push(symbol)),
  );
  await Promise.resolve();
  assert.deepEqual(asked, ["F", "E", "D", "C"], "what came last first");
  ends[1]?.();
  answers.forEach((answer) => answer());
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, ["F", "E", "D", "C", "A"], "B is out of sight");
  assert.deepEqual(told, ["F", "E", "D", "C"]);
  lines.watch(quote("F"), () => told.push("again"));
  assert.equal(told[told.length - 1], "again");
  lines.close();
});

test("the end of a period is stepped by its length, to a month's last day where it is shorter", () => {
  const day = (text: string) => Date.parse(`${text}T00:00:00Z`);
  const stepped = (window: Parameters<typeof steppedEnd>[0], from: string, step: -1 | 1) =>
    new Date(steppedEnd(window, day(from), step)).toISOString().slice(0, 10);
  assert.equal(stepped("day", "2013-03-01", -1), "2013-02-28");
  assert.equal(stepped("week", "2013-03-01", 1), "2013-03-08");
  assert.equal(stepped("month", "2013-03-31", -1), "2013-02-28");
  assert.equal(stepped("month", "2013-01-31", 1), "2013-02-28");
  assert.equal(stepped("year", "2012-02-29", 1), "2013-02-28");
  for (const days of Object.values(FORECAST_DAYS)) assert.ok(days.every((it) => it >= 1));
});

test("the last bar follows the price and the day's range within its period", () => {
  const priced = (time: number, value: bigint) => ({
    time,
    value,
    open: value,
    low: value,
    high: value,
    volume: 0n,
  });
  const bar = { time: 10 * DAY, open: 5n, high: 6n, low: 4n, close: 5n, volume: 1n };
  const followed = withLatest([bar], "month", priced(10 * DAY + 5, 9n));
  assert.deepEqual(followed, [{ ...bar, high: 9n, close: 9n }]);
  const swung = { ...priced(10 * DAY + 5, 5n), low: 2n, high: 8n };
  assert.deepEqual(withLatest([bar], "year", swung), [{ ...bar, high: 8n, low: 2n }]);
  const next = [bar];
  const later = { ...priced(11 * DAY + 5, 9n), open: 7n, low: 6n, volume: 3n };
  assert.deepEqual(
    withLatest(next, "month", later),
    [bar, { time: 11 * DAY, open: 7n, high: 9n, low: 6n, close: 9n, volume: 3n }],
    "a later day has a bar of its own at once",
  );
  assert.equal(withLatest(next, "year", priced(40 * DAY, 9n)), next, "a later month's is read");
  const traded = { ...priced(10 * DAY + 5, 5n), volume: 8n };
  assert.equal(withLatest([bar], "week", traded)[0]?.volume, 8n);
  assert.equal(withLatest([bar], "year", traded)[0]?.volume, 1n);
  assert.equal(withLatest(next, "day", priced(10 * DAY + 5, 9n)), next);
  assert.deepEqual(withLatest([], "month", priced(1, 1n)), []);
  assert.equal(withLatest([bar], "year", priced(11 * DAY, 3n))[0]?.low, 3n);
});

test("a fill of a period whose bar has not come is not put on the bar before it", () => {
  assert.equal(isAfter("month", 11 * DAY, 10 * DAY), true);
  assert.equal(isAfter("month", 10 * DAY + 5, 10 * DAY), false);
  assert.equal(isAfter("year", 11 * DAY, 10 * DAY), false);
  assert.equal(isAfter("day", 11 * DAY, 10 * DAY), false, "its bars are no days");
});

const summary = (values: readonly bigint[], cash: bigint): AccountSummary => ({
  cash,
  reserved: 0n,
  buyingPower: cash,
  value: values.reduce((sum, value) => sum + value, 0n),
  equity: 0n,
  dayChange: 0n,
  realised: 0n,
  unrealised: 0n,
  fees: 0n,
  count: values.length,
  positions: values.map((value, at) => ({
    symbol: `S${at}`,
    units: 1_000_000n,
    promised: 0n,
    cost: 50n,
    value,
    previousClose: 40n,
    realised: 0n,
  })),
  update: 1n,
});

test("an allocation has the largest parts, the others together, and cash", () => {
  const parts = allocationOf(summary([1n, 9n, 3n, 8n, 7n, 6n, 5n, 4n], 2n));
  assert.deepEqual(
    parts.map((part) => part.value),
    [9n, 8n, 7n, 6n, 5n, 4n, 4n, 2n],
  );
  assert.deepEqual(
    parts.slice(-2).map((part) => part.name),
    [viewTexts.portfolio.rest("2"), viewTexts.portfolio.cashPart],
  );
  assert.deepEqual(allocationOf(summary([], 0n)), []);
  assert.deepEqual(allocationOf(summary([0n], 0n)), []);
});

test("a position's change of the day is the one that the server adds up", () => {
  const position = { symbol: "A", units: 1_500_001n, promised: 0n, cost: 0n, value: 14n * 1_500_000n, previousClose: 10_000_001n, realised: 0n };
  // 1.500001 × 10.000001 = 15.000011500001, of which the server takes 15.000011.
  assert.equal(dayChange(position), 5_999_989n);
  assert.equal(dayChange({ ...position, previousClose: 0n }), 0n);
});

test("positions are sorted by what they gained", () => {
  const { positions } = summary([40n, 90n, 60n], 0n);
  const sorted = (by: Parameters<typeof sortPositions>[1]["by"], isDescending: boolean) =>
    sortPositions(positions, { by, isDescending })
      .map((it) => it.symbol)
      .join(" ");
  assert.equal(sorted("profit", true), "S1 S2 S0");
  assert.equal(sorted("change", false), "S0 S2 S1");
  assert.equal(sorted("symbol", true), "S2 S1 S0");
  assert.equal(sorted("units", true), "S0 S1 S2");
});

test("newer rows take the place of older ones", () => {
  const rows = merged([row("3"), row("2", 1)], [row("2", 0), row("1")]);
  assert.deepEqual(
    rows.map((it) => [it.id, it.status]),
    [
      ["3", 1],
      ["2", 1],
      ["1", 1],
    ],
  );
  assert.equal(isOpen(row("1", 0)), true);
  assert.equal(isOpen(row("1", 3)), true);
  assert.equal(isOpen(row("1", 77)), false);
});

test("a history is read in pages, and what ended since is read again", async () => {
  let rows = Array.from({ length: 1_200 }, (_, at) => row(String(1_200 - at), at === 900 ? 3 : 1));
  let notify: () => void = () => undefined;
  let asked = 0;
  const session = {
    onOrder: (listener: () => void) => {
      notify = listener;
      return () => undefined;
    },
    history: (before: string | null, count: number) => {
      asked += 1;
      const from = before === null ? 0 : rows.findIndex((it) => it.id === before) + 1;
      return Promise.resolve(rows.slice(from, from + count));
    },
  } as unknown as Session;
  const history = ownHistory(session);
  assert.equal(ownHistory(session), history);
  await history.loadTo(600);
  assert.equal(history.rows.length, 1_000);
  assert.equal(history.isComplete, false);
  await history.loadTo(5_000);
  assert.deepEqual([history.rows.length, history.isComplete, asked], [1_200, true, 3]);
  // 250 orders later, more than a newest page, the open one has ended.
  rows = rows.map((it) => (it.status === 3 ? row(it.id, 4) : it));
  rows = [...Array.from({ length: 250 }, (_, at) => row(String(1_450 - at))), ...rows];
  notify();
  await history.refresh();
  assert.deepEqual(
    history.rows.map((it) => it.id),
    rows.map((it) => it.id),
  );
  assert.equal(
    history.rows.some((it) => isOpen(it)),
    false,
  );
});

test("a history that was empty has its first row when there is one", async () => {
  let rows: OwnTransaction[] = [];
  const session = {
    onOrder: () => () => undefined,
    history: () => Promise.resolve(rows),
  } as unknown as Session;
  const history = ownHistory(session);
  await history.loadTo(10);
  assert.deepEqual([history.rows.length, history.isComplete], [0, true]);
  rows = [row("1")];
  await history.refresh();
  assert.deepEqual([history.rows.length, history.isComplete], [1, true]);
});

test("a history that cannot be read says so, and is read by the next try", async () => {
  let isDown = true;
  const session = {
    onOrder: () => () => undefined,
    history: () => (isDown ? Promise.reject(new Error("down")) : Promise.resolve([row("1")])),
  } as unknown as Session;
  const history = ownHistory(session);
  await history.loadTo(10);
  assert.equal((history.error as Error).message, "down");
  isDown = false;
  await history.loadTo(10);
  assert.deepEqual([history.error, history.rows.length, history.isComplete], [null, 1, true]);
});

test("a transaction is told with the kind of an order that waited for a price", () => {
  const row = (side: number, kind: string) => ({ side, order: { kind } }) as OwnTransaction;
  assert.equal(kindWord(row(1, "limit")), "Buy, limit");
  assert.equal(kindWord(row(1, "market")), "Buy");
  assert.equal(kindWord(row(4, "-")), "Dividend");
  assert.equal(kindWord(row(1, "iceberg")), "Buy", "a kind of a later edition");
});

test("a receipt begins with what a person asks, in the page's words", () => {
  const line = (name: string, value: string) => ({ name, value });
  const lines = [line("transaction", "01a2"), line("quantity", "1500"), line("quote time", "2012-05-24T00:00:00.000Z"), line("price", "194 USD"), line("fee", "0.0125 USD"), line("total", "291000.0125 USD")];
  assert.deepEqual(mainLines(lines), [
    line("Price", "194.00 USD"),
    line("Units", "1,500"),
    line("Total", "291,000.0125 USD"),
    line("Fee", "0.0125 USD"),
    line("Market day", "24 May 2012"),
  ]);
  assert.deepEqual(mainLines([line("price", "soon"), line("quote time", "-")]), [line("Price", "soon"), line("Market day", "-")]);
  const [rejected] = mainLines([line("reason", "insufficient-funds")]);
  assert.equal(rejected?.name, "Reason");
});

test("a market has daily prices alone where a price is of a day's midnight", () => {
  assert.equal(hasDailyPrices(Date.UTC(2012, 4, 24)), true);
  assert.equal(hasDailyPrices(Date.UTC(2012, 4, 24, 15, 30)), false);
  assert.equal(hasDailyPrices(0), false, "no price yet");
});

test("forecasts are of days on which there is a market, each after the one before", () => {
  const friday = Date.UTC(2012, 4, 11);
  const days = (hasWeekends: boolean) => forecastTimes("week", friday, hasWeekends).map((time) => new Date(time).getUTCDate());
  assert.deepEqual(days(false), [14, 15, 16]);
  assert.deepEqual(days(true), [12, 13, 14]);
  assert.deepEqual(forecastTimes("month", friday, false).map((time) => new Date(time).getUTCDate()), [14, 18, 21, 25]);
});

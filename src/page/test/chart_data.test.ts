// spec/page/views.md · Charts
import assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../src/api.ts";
import type { AssetQuote } from "../src/api.ts";
import { fillsOf, orderLinesOf } from "../src/views/chart_contents.ts";
import { ChartData, REREAD_INTERVAL } from "../src/views/chart_data.ts";
import type { ChartChoice, ChartSession } from "../src/views/chart_data.ts";
import type { Bar, Forecast, OpenOrder } from "../src/wire.ts";

const DAY = 86_400_000;
const bar: Bar = { time: 20 * DAY, open: 5n, high: 6n, low: 4n, close: 5n, volume: 1n };
const forecast = { method: "random walk", time: 23 * DAY, value: 5n, low: 4n, high: 6n } as Forecast;

/** A session whose answers a test gives when it wants. */
function heldSession() {
  const waiting: { name: "bars" | "forecast"; answer(value: never): void; fail(error: Error): void }[] =
    [];
  const hold = (name: "bars" | "forecast") => () =>
    new Promise<never>((answer, fail) => waiting.push({ name, answer, fail }));
  let quote = { symbol: "AAPL", time: 20 * DAY, value: 5n, low: 5n, high: 5n } as AssetQuote;
  const session: ChartSession = {
    bars: hold("bars"),
    forecast: hold("forecast"),
    quotes: { get: () => quote },
  };
  /** Answers all that waits, and lets what follows from it happen. */
  const answer = async (): Promise<void> => {
    for (const { name, answer: give } of waiting.splice(0))
      give((name === "bars" ? [bar] : forecast) as never);
    await settle();
  };
  const price = (time: number, value: bigint): void => void (quote = { ...quote, time, value });
  return { session, waiting, answer, price };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

function dataOf(session: ChartSession) {
  const choice: ChartChoice = {
    window: "month",
    adjustment: "adjusted",
    form: "candles",
    hasForecast: true,
  };
  const told = { changes: 0, failures: 0 };
  const data = new ChartData(session, "AAPL", choice, {
    changed: () => void (told.changes += 1),
    failed: () => void (told.failures += 1),
  });
  return { data, told, choice };
}

test("a chart that was left is told nothing by bars that come late", async () => {
  const { session, waiting, answer } = heldSession();
  const { data, told } = dataOf(session);
  data.restart();
  assert.deepEqual(waiting.map((it) => it.name), ["bars"]);
  data.close();
  const before = told.changes;
  await answer();
  assert.equal(told.changes, before);
  assert.equal(waiting.length, 0, "and asks for no forecast");
});

test("a chart that was left is told nothing by a forecast that comes late", async () => {
  const { session, waiting, answer } = heldSession();
  const { data, told } = dataOf(session);
  data.restart();
  await answer();
  assert.equal(waiting[0]?.name, "forecast");
  data.close();
  const before = told.changes;
  await answer();
  assert.equal(told.changes, before);
});

test("a chart that was left is told nothing by an error that comes late, nor by the price", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { session, waiting, answer, price } = heldSession();
  const { data, told } = dataOf(session);
  data.restart();
  await answer();
  await answer();
  price(21 * DAY, 7n);
  data.follow();
  t.mock.timers.tick(REREAD_INTERVAL);
  assert.equal(waiting.length, 1);
  price(22 * DAY, 8n);
  data.follow();
  data.close();
  const before = { ...told };
  for (const it of waiting.splice(0)) it.fail(new Error("lost"));
  data.follow();
  t.mock.timers.tick(REREAD_INTERVAL);
  await settle();
  assert.deepEqual(told, before);
  assert.equal(waiting.length, 0, "and reads nothing again");
});

test("bars are read again once for each price", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { session, waiting, answer, price } = heldSession();
  const { data } = dataOf(session);
  data.restart();
  await answer();
  await answer();
  data.follow();
  t.mock.timers.tick(REREAD_INTERVAL);
  assert.equal(waiting.length, 0, "nothing has moved");
  price(20 * DAY, 7n);
  data.follow();
  data.follow();
  assert.equal(data.bars?.[0]?.close, 7n, "the last bar follows at once");
  t.mock.timers.tick(REREAD_INTERVAL);
  assert.deepEqual(waiting.map((it) => it.name), ["bars"]);
});

test("a chart without a forecast says so where the server has too little to predict from", async () => {
  const { session, waiting, answer } = heldSession();
  const { data } = dataOf(session);
  data.restart();
  await answer();
  for (const it of waiting.splice(0)) it.fail(new RefusalError("no-data", "no data"));
  await settle();
  assert.equal(data.hasNoForecast, true);
  assert.equal(data.bars?.length, 1);
});

test("an earlier period shows no fills of later days", () => {
  const fill = (priced: number) => ({
    symbol: "AAPL",
    side: 1,
    status: 1,
    priced,
    quantity: 1_000_000n,
    price: 5_000_000n,
  });
  const bars = [bar, { ...bar, time: 20 * DAY + 60_000 }];
  const rows = [fill(21 * DAY), fill(20 * DAY + 70_000), fill(19 * DAY)];
  const times = (end: number | undefined) =>
    fillsOf("AAPL", bars, "day", end, rows).map((it) => it.time);
  assert.deepEqual(times(20 * DAY + 5), [20 * DAY + 70_000]);
  assert.deepEqual(times(undefined), [20 * DAY + 70_000, 21 * DAY]);
});

test("open orders of an asset are lines at their prices, a stop until it was reached", () => {
  const order = (kind: string, limit: bigint, stop: bigint, triggered = false) =>
    ({ symbol: "AAPL", side: 2, order: { kind, limit, stop }, triggered }) as OpenOrder;
  const lines = (one: OpenOrder) => orderLinesOf("AAPL", [one]);
  assert.deepEqual(lines(order("limit", 7n, 0n)), [{ price: 7n, text: "sell limit" }]);
  assert.deepEqual(lines(order("stop-limit", 7n, 8n)), [
    { price: 8n, text: "sell stop" },
    { price: 7n, text: "sell limit" },
  ]);
  assert.equal(lines(order("stop-limit", 7n, 8n, true)).length, 1);
  assert.deepEqual(lines(order("trailing", 0n, 8n)), [], "a distance is no price");
  assert.deepEqual(lines({ ...order("limit", 7n, 0n), symbol: "IBM" }), []);
});

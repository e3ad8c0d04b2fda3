// spec/page/views.md · Charts
import assert from "node:assert/strict";
import { test } from "node:test";
import { placesAhead, steppedTo } from "../src/charts/bar_chart.ts";
import { barAt, bySecond, linePath, placeOf, placesOf, rangeOf } from "../src/charts/scale.ts";
import { translucent } from "../src/charts/theme.ts";

const bar = (time: number, price: bigint) => ({
  time,
  open: price,
  high: price + 2n,
  low: price - 2n,
  close: price + 1n,
  volume: 3n,
});

test("a place in a range is told apart from its ends, also of prices beyond a float's digits", () => {
  const range = rangeOf([3n, 1n, 2n]);
  assert.deepEqual(range, { low: 1n, high: 3n });
  assert.deepEqual(
    [1n, 2n, 3n].map((value) => placeOf(value, range)),
    [0, 0.5, 1],
  );
  const high = 9_000_000_000_000_000_000n;
  assert.equal(placeOf(high + 1n, { low: high, high: high + 2n }), 0.5);
  assert.equal(placeOf(5n, { low: 5n, high: 5n }), 0.5);
  assert.deepEqual(rangeOf([]), { low: 0n, high: 0n });
});

test("an axis has the places that tell its labels apart", () => {
  const span = (low: bigint, high: bigint) => placesOf({ low, high });
  assert.equal(span(100_000_000n, 200_000_000n), 2);
  assert.equal(span(1_000_000n, 1_100_000n), 3);
  assert.equal(span(100_000_000n, 100_001_000n), 5);
  assert.equal(span(12n, 40n), 6);
  assert.equal(span(5n, 5n), 6);
  assert.equal(span(500_000_000n, 500_000_000n), 2);
});

test("a time belongs to the last bar that has begun", () => {
  const bars = [10, 20, 30].map((time) => bar(time, 5n));
  assert.deepEqual(
    [9, 10, 19, 20, 30, 99].map((time) => barAt(bars, time)),
    [-1, 0, 0, 1, 2, 2],
  );
  assert.equal(barAt([], 1), -1);
});

test("bars of one second are one", () => {
  const joined = bySecond([bar(1_000, 10n), bar(1_500, 40n), bar(2_000, 20n)]);
  assert.deepEqual(
    joined.map((it) => it.time),
    [1_000, 2_000],
  );
  assert.deepEqual(joined[0], {
    time: 1_000,
    open: 10n,
    high: 42n,
    low: 8n,
    close: 41n,
    volume: 6n,
  });
});

test("a line has its values' places, and none of fewer than two", () => {
  assert.equal(linePath([1n, 3n, 2n], 10, 4), "M0.0 4.0L5.0 0.0L10.0 2.0");
  assert.equal(linePath([7n], 10, 4), "");
  assert.equal(linePath([], 10, 4), "");
});

test("a forecast keeps the distances of time, and leaves most of the room to the bars", () => {
  const day = 86_400_000;
  const bars = Array.from({ length: 30 }, (_, at) => bar(at * day, 5n));
  const point = (days: number) => ({ time: (29 + days) * day, value: 5n, low: 4n, high: 6n });
  const ahead = placesAhead(bars, [point(4), point(8)]);
  assert.ok(ahead.includes(33 * day) && ahead.includes(37 * day));
  assert.equal(ahead.length, 8);
  const months = Array.from({ length: 9 }, (_, at) => bar(at * 30 * day, 5n));
  const end = { time: 365 * day, value: 5n, low: 4n, high: 6n };
  assert.ok(placesAhead(months, [end]).every((time) => time % day === 0));
  assert.deepEqual(
    ahead,
    [...ahead].sort((one, other) => one - other),
  );
  const seconds = Array.from({ length: 30 }, (_, at) => bar(at * 1_000, 5n));
  assert.ok(placesAhead(seconds, [{ time: day, value: 5n, low: 4n, high: 6n }]).length <= 10);
  assert.deepEqual(placesAhead(bars, []), []);
  assert.deepEqual(placesAhead([], [point(1)]), []);
});

test("keys read the bars one by one, and others are left to the page", () => {
  assert.equal(steppedTo("ArrowLeft", 5, 9), 4);
  assert.equal(steppedTo("PageDown", 5, 9), 15);
  assert.equal(steppedTo("Home", 5, 9), 0);
  assert.equal(steppedTo("End", 5, 9), 8);
  assert.equal(steppedTo("Escape", 5, 9), "none");
  assert.equal(steppedTo("Tab", 5, 9), undefined);
});

test("a colour lets the ground through", () => {
  assert.equal(translucent("rgb(1, 2, 3)", 0.5), "rgba(1, 2, 3, 0.5)");
  assert.equal(translucent("color(srgb 1 0 0)", 0.5), "color(srgb 1 0 0)");
});

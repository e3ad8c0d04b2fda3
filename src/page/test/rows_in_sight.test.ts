// spec/page/views.md · Tables of many rows
import assert from "node:assert/strict";
import { test } from "node:test";
import { movedTo, rangeInSight } from "../src/views/rows_in_sight.ts";

test("few rows are there of many, those in sight among them", () => {
  for (const top of [300, 0, -5_000, -359_000, -400_000]) {
    const { begin, end } = rangeInSight(10_000, top, 900, 36);
    assert.ok(end - begin <= 25 + 2 * 12 + 2, `${top}: ${begin} to ${end}`);
    const first = Math.max(0, Math.min(9_999, Math.floor(-top / 36)));
    assert.ok(begin <= first && first < end, `${top}: ${begin} to ${end}`);
  }
  assert.deepEqual(rangeInSight(3, 0, 900, 36), { begin: 0, end: 3 });
  assert.deepEqual(rangeInSight(0, 0, 900, 36), { begin: 0, end: 0 });
});

test("keys move within the rows", () => {
  assert.equal(movedTo("ArrowDown", 0, 3, 10), 1);
  assert.equal(movedTo("ArrowDown", 2, 3, 10), 2);
  assert.equal(movedTo("ArrowUp", 0, 3, 10), 0);
  assert.equal(movedTo("PageDown", 0, 100, 10), 10);
  assert.equal(movedTo("End", 0, 100, 10), 99);
  assert.equal(movedTo("Home", 50, 100, 10), 0);
  assert.equal(movedTo("x", 0, 3, 10), undefined);
  assert.equal(movedTo("End", 0, 0, 10), undefined);
});

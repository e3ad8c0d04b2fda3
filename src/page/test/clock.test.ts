// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../src/clock.ts";

test("a browser's clock that is a year off counts down by the server's", () => {
  let browser = 31_536_000_000;
  const clock = new ServerClock(() => browser);
  assert.equal(clock.now(), browser);
  // The server's time is 1,000,400 when it answers 1,000,000 in whole seconds.
  clock.sample(1_000_000, browser - 40, browser);
  assert.ok(Math.abs(clock.now() - 1_000_500) < 600);
  browser += 700;
  clock.sample(1_001_000, browser - 40, browser);
  assert.ok(Math.abs(clock.now() - 1_001_100) < 400, String(clock.now()));
  browser += 5_000;
  assert.ok(Math.abs(clock.now() - 1_006_100) < 400);
});

test("a clock that was set, or a computer that slept, is noticed with the next answer", () => {
  let browser = 1_000;
  const clock = new ServerClock(() => browser);
  clock.sample(50_000, 1_000, 1_010);
  browser = 90_000;
  clock.sample(60_000, 90_000, 90_010);
  assert.ok(Math.abs(clock.now() - 60_500) <= 500);
  clock.sample(Number.NaN, 1, 2);
  assert.ok(Math.abs(clock.now() - 60_500) <= 500);
});

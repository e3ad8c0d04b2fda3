// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { divideHalfUp, formatDecimal, formatMoney, formatPercent, ONE, parseDecimal, parseTyped, roundMoney, roundPrice, timesDown, timesUp, toDecimal } from "../src/money.ts";

test("decimals of messages are exact in both directions", () => {
  for (const text of ["0", "10.5", "0.000001", "9000000000000", "8999999999999.999999", "-2.25"]) {
    assert.equal(toDecimal(parseDecimal(text) ?? 0n), text);
  }
  assert.equal(parseDecimal("60732.215"), 60_732_215_000n);
  for (const text of ["", ".", "1.", ".5", "1e3", "0.0000001", "+1", "1,0", "--1"]) assert.equal(parseDecimal(text), null, text);
});

test("what a person types is understood, or refused whole", () => {
  assert.equal(parseTyped(" 1,234.50 "), 1_234_500_000n);
  assert.equal(parseTyped("1 234"), 1_234n * ONE);
  assert.equal(parseTyped(".5"), 500_000n);
  assert.equal(parseTyped("5."), 5n * ONE);
  assert.equal(parseTyped("0.5000000"), 500_000n);
  for (const text of ["", ".", "1,23", "1,2345", "-1", "1e3", "0.0000001", "abc", "1.2.3", "12345678901234"]) assert.equal(parseTyped(text), null, text);
});

test("figures for people are rounded half away from zero, with a true minus", () => {
  assert.equal(formatMoney(60_732_215_000n), "60,732.215");
  assert.equal(formatMoney(1_000_000n), "1.00");
  assert.equal(formatMoney(-1_234_567_890_000n), "\u22121,234,567.89");
  assert.equal(formatMoney(500_000n, true), "+0.50");
  assert.equal(formatMoney(0n, true), "0.00");
  assert.equal(formatDecimal(1_005_000n, { least: 2, most: 2 }), "1.01");
  assert.equal(formatDecimal(-4_999n, { least: 2, most: 2 }), "0.00");
  assert.equal(formatDecimal(9_000_000_000_000_000_000n), "9,000,000,000,000");
  assert.equal(formatPercent(1n, 3n), "+33.33\u00a0%");
  assert.equal(formatPercent(-1n, 8n), "\u221212.50\u00a0%");
  assert.equal(formatPercent(-1n, 100_000n), "\u22120.00\u00a0%", "a loss has its sign");
  assert.equal(formatPercent(1n, 100_000n), "+0.00\u00a0%");
  assert.equal(formatPercent(0n, 100_000n), "0.00\u00a0%");
  assert.equal(formatPercent(1n, 100_000n, false), "0.00\u00a0%");
  assert.equal(formatPercent(1n, 0n), "\u2013");
});

test("money in views has two places, prices under 1 four, and something is never nothing", () => {
  assert.equal(roundMoney(99_788_832_830n), "99,788.83");
  assert.equal(roundMoney(-118_993_824n, true), "\u2212118.99");
  assert.equal(roundMoney(-3_440_000n), "\u22123.44");
  assert.equal(roundMoney(0n, true), "0.00");
  assert.equal(roundMoney(5_000n), "0.01");
  assert.equal(roundMoney(4_999n), "0.004999");
  assert.equal(roundMoney(-4_000n, true), "\u22120.004");
  assert.equal(roundPrice(200_735_000n), "200.74");
  assert.equal(roundPrice(999_949n), "0.9999");
  assert.equal(roundPrice(500_000n), "0.5000");
  assert.equal(roundPrice(12n), "0.000012");
  assert.equal(roundPrice(-800_000n, 200_000_000n, true), "\u22120.80");
  assert.equal(roundPrice(1_234n, 900_000n, true), "+0.0012");
});

test("products are rounded as the server rounds them", () => {
  assert.equal(timesUp(1n, 1n), 1n);
  assert.equal(timesDown(1n, 1n), 0n);
  assert.equal(timesUp(10n * ONE, 418_030_000n), 4_180_300_000n);
  assert.equal(timesDown(333_333n, 3n * ONE), 999_999n);
  assert.equal(divideHalfUp(-5n, 2n), -3n);
  assert.equal(divideHalfUp(5n, 2n), 3n);
});

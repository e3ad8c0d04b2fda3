// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownOrder, OrderNotice } from "../src/api.ts";
import { endText, orderName } from "../src/order_name.ts";

const LIMIT: KnownOrder = { side: "buy", asset: "IBM", quantity: { units: 6_000_000n }, kind: "limit", limit: 160_000_000n, stop: null };
const notice = (status: string, price: bigint | null): OrderNotice => ({
  instruction: "orderNotice", transactionID: "", status, asset: "IBM", quantity: 6_000_000n, price, total: null, time: 0, reason: null,
});

test("an order's name tells it from others", () => {
  assert.equal(orderName(LIMIT), "Buy 6 IBM, limit 160.00");
  assert.equal(orderName({ ...LIMIT, side: "sell", kind: "stop-limit", stop: 150_500_000n }), "Sell 6 IBM, stop 150.50, limit 160.00");
  assert.equal(orderName({ ...LIMIT, kind: "trailing", limit: null, stop: { percent: 52_500 } }), "Buy 6 IBM, trailing 5.25\u00a0%");
  assert.equal(orderName({ ...LIMIT, kind: "market", limit: null, quantity: { cash: 500_000_000n } }), "Buy for 500.00 IBM");
  assert.equal(orderName({ ...LIMIT, side: "9", limit: null }), "9 6 IBM");
});

test("an end names the order, a fill its price", () => {
  assert.equal(endText(notice("cancelled", null), LIMIT), "Cancelled: Buy 6 IBM, limit 160.00");
  assert.equal(endText(notice("settled", 159_000_000n), LIMIT), "Filled: Buy 6 IBM at 159.00");
  assert.equal(endText(notice("later-word", null), LIMIT), "later-word: Buy 6 IBM, limit 160.00");
  assert.equal(endText(notice("settled", 1n), null), null);
});

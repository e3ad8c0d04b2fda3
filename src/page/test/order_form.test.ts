// spec/page/views.md · The order ticket
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrderTerms } from "../src/api.ts";
import { ONE } from "../src/money.ts";
import { viewTexts } from "../src/texts.ts";
import { readChange } from "../src/views/change_order.ts";
import { isMet, parseDistance, readTicket, trailLevel } from "../src/views/order_form.ts";
import type { TicketFacts, TicketInput } from "../src/views/order_form.ts";
import type { OpenOrder } from "../src/wire.ts";

const words = viewTexts.ticket;
const empty: TicketInput = {
  side: "buy",
  amountKind: "units",
  amount: "",
  kind: "market",
  limit: "",
  stop: "",
  distance: "",
  timeInForce: "gtc",
  date: "",
};
const known: TicketFacts = {
  symbol: "AAPL",
  price: 100n * ONE,
  freeUnits: 5n * ONE,
  heldUnits: 8n * ONE,
  cash: 10_000n * ONE,
  reserved: 1_000n * ONE,
  buyingPower: 9_500n * ONE,
  equity: 20_000n * ONE,
  hasFees: false,
  isKnown: true,
  marketTime: Date.UTC(2013, 5, 28, 12),
};
const read = (input: Partial<TicketInput>, facts: Partial<TicketFacts> = {}) =>
  readTicket({ ...empty, ...input }, { ...known, ...facts });
const problemOf = (input: Partial<TicketInput>, facts: Partial<TicketFacts> = {}) => {
  const told = read(input, facts);
  assert.equal(told.order, undefined);
  return told.problems.map((it) => it.text);
};

test("an empty ticket is no order and nothing is wrong with it", () => {
  const told = read({});
  assert.equal(told.order, undefined);
  assert.deepEqual(told.problems, []);
  assert.equal(told.estimate, undefined);
});

test("a market purchase is reckoned at the latest price, to the millionth", () => {
  const told = read({ amount: "1,000.5" }, { price: 1_333_333n, equity: 10_000n * ONE });
  assert.deepEqual(told.order, {
    side: "buy",
    asset: "AAPL",
    quantity: { units: 1_000_500_000n },
    kind: "market",
    limit: null,
    stop: null,
    timeInForce: "gtc",
  });
  // 1,000.5 × 1.333333 = 1,333.9996665: a purchase is rounded up.
  assert.equal(told.estimate?.total, 1_333_999_667n);
  assert.equal(told.estimate?.cashAfter, 9_000n * ONE - 1_333_999_667n);
  const sale = read({ side: "sell", amount: "1.5" }, { price: 1_333_333n });
  assert.equal(sale.estimate?.total, 1_999_999n);
});

test("an order for money is sent as money", () => {
  const told = read({ amountKind: "money", amount: "500" });
  assert.deepEqual(told.order?.quantity, { cash: 500n * ONE });
  assert.equal(told.estimate?.units, 5n * ONE);
  assert.equal(told.estimate?.total, 500n * ONE);
});

test("a purchase beyond what there is for it is refused, a limit by the cash that nothing holds back", () => {
  assert.deepEqual(problemOf({ amount: "96" }), [words.tooLittleMoney("9,600.00", "9,500.00")]);
  assert.notEqual(read({ amount: "95" }).order, undefined);
  const limit = { kind: "limit", limit: "100" } as const;
  assert.deepEqual(problemOf({ ...limit, amount: "91" }), [
    words.tooLittleMoney("9,100.00", "9,000.00"),
  ]);
  assert.notEqual(read({ ...limit, amount: "90" }).order, undefined);
  assert.notEqual(
    read({ amount: "96" }, { isKnown: false }).order,
    undefined,
    "nothing is known of the account",
  );
});

test("a sale is of units that no other sale was promised", () => {
  assert.deepEqual(problemOf({ side: "sell", amount: "5.000001" }), [
    words.tooManyUnits("5", "AAPL"),
  ]);
  assert.deepEqual(read({ side: "sell", amountKind: "all" }).order?.quantity, { units: 5n * ONE });
  assert.deepEqual(problemOf({ side: "sell", amount: "1" }, { freeUnits: 0n }), [
    words.allPromised,
  ]);
  const none = { freeUnits: 0n, heldUnits: 0n };
  assert.deepEqual(problemOf({ side: "sell", amountKind: "all" }, none), [
    words.nothingToSell("AAPL"),
  ]);
});

test("what is no number is told at its field", () => {
  for (const amount of ["ten", "0", "-1", "1e3", "0.0000001", "1234567890123", "1.2.3"]) {
    assert.deepEqual(problemOf({ amount }), [words.notAnAmount], amount);
  }
  assert.deepEqual(problemOf({ amount: "1", kind: "limit", limit: "x" }), [words.notAPrice]);
  assert.deepEqual(problemOf({ amount: "1", kind: "trailing", distance: "100%" }), [
    words.notADistance,
  ]);
  assert.deepEqual(problemOf({ amount: "1", kind: "trailing", distance: "100" }), [
    words.distanceTooFar("100.00"),
  ]);
});

test("an order without one of its prices is not sent, and says nothing before it is asked for", () => {
  for (const kind of ["limit", "stop", "stop-limit", "trailing"] as const) {
    const told = read({ amount: "1", kind });
    assert.equal(told.order, undefined, kind);
    assert.deepEqual(told.problems, [], kind);
  }
});

test("each kind has its prices and no others", () => {
  const prices = { amount: "1", limit: "90", stop: "110", distance: "2.5%" };
  const of = (kind: TicketInput["kind"]) => {
    const order = read({ ...prices, kind }).order;
    return [order?.limit, order?.stop];
  };
  assert.deepEqual(of("market"), [null, null]);
  assert.deepEqual(of("limit"), [90n * ONE, null]);
  assert.deepEqual(of("stop"), [null, 110n * ONE]);
  assert.deepEqual(of("stop-limit"), [90n * ONE, 110n * ONE]);
  assert.deepEqual(of("trailing"), [null, { percent: 25_000 }]);
});

test("a price that is met already is said", () => {
  const remarks = (input: Partial<TicketInput>) => read({ amount: "1", ...input }).remarks;
  assert.deepEqual(remarks({ kind: "limit", limit: "100" }), [words.limitIsMet("100.00")]);
  assert.deepEqual(remarks({ kind: "limit", limit: "99.99" }), []);
  assert.deepEqual(remarks({ kind: "stop", stop: "100" }), [words.stopIsPast("100.00")]);
  assert.deepEqual(remarks({ side: "sell", kind: "stop", stop: "99" }), []);
  assert.deepEqual(remarks({ side: "sell", kind: "limit", limit: "99" }), [
    words.limitIsMet("100.00"),
  ]);
});

test("a day that is over in the market is refused, the market's own is not", () => {
  const date = { amount: "1", timeInForce: "date" } as const;
  assert.deepEqual(problemOf({ ...date, date: "2013-06-27" }), [words.dateInThePast("2013-06-28")]);
  assert.equal(read({ ...date, date: "2013-06-28" }).order?.timeInForce, "2013-06-28");
  assert.equal(read({ ...date, date: "" }).order, undefined);
});

test("an order of more than half of the equity is large, a sale never", () => {
  assert.equal(read({ amount: "90" }, { equity: 18_000n * ONE }).estimate?.isLarge, false);
  assert.equal(read({ amount: "90" }, { equity: 18_000n * ONE - 1n }).estimate?.isLarge, true);
  assert.equal(read({ side: "sell", amount: "5" }, { equity: ONE }).estimate?.isLarge, false);
});

test("an asset without a price can be ordered, and it is said", () => {
  const told = read({ amount: "1" }, { price: 0n });
  assert.equal(told.estimate, undefined);
  assert.deepEqual(told.remarks, [words.noPriceYet]);
  assert.notEqual(told.order, undefined);
});

test("a distance is money or a percentage of at most 4 places", () => {
  assert.deepEqual(parseDistance("2.5%"), { money: 0n, percent: 25_000n });
  assert.deepEqual(parseDistance("0.0001%"), { money: 0n, percent: 1n });
  assert.deepEqual(parseDistance("2.5"), { money: 2_500_000n, percent: 0n });
  for (const wrong of ["", "%", "0%", "100%", "0.00001%", "-1", "x"])
    assert.equal(parseDistance(wrong), undefined, wrong);
});

test("a level is the distance away from the best price, rounded away from the trigger", () => {
  const percent = { money: 0n, percent: 25_000n };
  assert.equal(trailLevel("sell", percent, 100n * ONE), 97_500_000n);
  assert.equal(trailLevel("buy", percent, 100n * ONE), 102_500_000n);
  assert.equal(trailLevel("sell", percent, 33_333_333n), 32_499_999n);
  assert.equal(trailLevel("sell", { money: 200n * ONE, percent: 0n }, 100n * ONE), 1n);
});

test("a change has what is another, and nothing without one", () => {
  const order: OpenOrder = {
    id: "01997a3e-8a4e-7000-8000-00000000001a",
    side: 1,
    status: 3,
    symbol: "AAPL",
    accepted: 0,
    quantity: 10n * ONE,
    order: {
      kind: "stop-limit",
      limit: 95n * ONE,
      stop: 101n * ONE,
      stopPercent: 0n,
      timeInForce: "gtc",
      cash: 0n,
    },
    until: 0,
    triggered: false,
    reserve: 0n,
    clientOrderID: "",
  };
  const nothing = { field: null, text: viewTexts.orders.nothingChanged };
  assert.deepEqual(readChange(order, "10", "101.00", "95"), nothing);
  assert.deepEqual(readChange(order, "12", "101", "95"), {
    quantity: { units: 12n * ONE },
    limit: null,
    stop: null,
  });
  assert.deepEqual(readChange(order, "10", "102", "96"), {
    quantity: null,
    limit: 96n * ONE,
    stop: 102n * ONE,
  });
  assert.deepEqual(readChange(order, "0", "101", "95"), {
    field: "amount",
    text: words.notAnAmount,
  });
  assert.deepEqual(readChange(order, "10", "", "95"), { field: "stop", text: words.notAPrice });
  assert.deepEqual(readChange(order, "10", "101", "-3"), { field: "limit", text: words.notAPrice });
  const trailing = {
    ...order,
    order: { ...order.order, kind: "trailing", limit: 0n, stop: 0n, stopPercent: 25_000n },
  };
  assert.deepEqual(readChange(trailing, "10", "2.50%", ""), nothing);
  assert.deepEqual(readChange(trailing, "10", "3%", "")["stop" as never], { percent: 30_000 });
});

test("an order is met where the price of now would fill it", () => {
  const order = (
    side: "buy" | "sell",
    kind: OrderTerms["kind"],
    limit: bigint | null,
    stop: OrderTerms["stop"],
  ): OrderTerms => ({
    side,
    asset: "AAPL",
    quantity: { units: ONE },
    kind,
    limit,
    stop,
    timeInForce: "gtc",
  });
  assert.equal(isMet(order("buy", "market", null, null), 0n), true);
  assert.equal(isMet(order("buy", "limit", 100n, null), 100n), true);
  assert.equal(isMet(order("buy", "limit", 100n, null), 101n), false);
  assert.equal(isMet(order("buy", "limit", 100n, null), 0n), false, "no price meets nothing");
  assert.equal(isMet(order("sell", "limit", 100n, null), 99n), false);
  assert.equal(isMet(order("buy", "stop", null, 90n), 100n), true);
  assert.equal(isMet(order("sell", "stop", null, 90n), 100n), false);
  assert.equal(isMet(order("sell", "stop-limit", 80n, 90n), 85n), true);
  assert.equal(isMet(order("sell", "stop-limit", 88n, 90n), 85n), false);
  assert.equal(isMet(order("sell", "trailing", null, { percent: 10_000 }), 85n), false);
});

test("a purchase of nearly all cash says what price refuses it", () => {
  const remarks = (amount: string, part: Partial<TicketInput> = {}) =>
    readTicket({ ...empty, amount, ...part }, known).remarks;
  // 94 × 100 leaves 100 of 9,500.
  assert.deepEqual(remarks("94"), [words.tight("1.06\u00a0%")]);
  assert.deepEqual(remarks("90"), []);
  assert.deepEqual(remarks("94", { side: "sell" }), []);
  assert.deepEqual(remarks("9400", { amountKind: "money" }), [], "money fits any price");
});

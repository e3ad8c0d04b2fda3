// spec/page/views.md · The order ticket
//
// What a person typed into the ticket, as an order; what it takes or brings; and what the server would
// refuse, in words and before it is sent. All figures are whole millionths.
//
// Tests: src/page/test/order_form.test.ts

import type { OrderTerms } from "../api.ts";
import {
  formatMoney,
  formatPercent,
  formatQuantity,
  ONE,
  parseTyped,
  roundPrice,
  timesDown,
  timesUp,
} from "../money.ts";
import { viewTexts } from "../texts.ts";

const words = viewTexts.ticket;

/** What an order does. */
export type OrderSide = OrderTerms["side"];
/** When an order fills. */
export type OrderKind = OrderTerms["kind"];
/** What the amount of an order says. */
export type AmountKind = "units" | "money" | "all";
/** How long an order stands. */
export type TimeInForceKind = "gtc" | "day" | "date";

/** The ticket as it is filled in. Texts are as typed. */
export interface TicketInput {
  side: OrderSide;
  amountKind: AmountKind;
  amount: string;
  kind: OrderKind;
  limit: string;
  stop: string;
  /** A trailing order's distance: money, or `N%`. */
  distance: string;
  timeInForce: TimeInForceKind;
  /** `YYYY-MM-DD` */
  date: string;
}

/** What is known of asset and account. Money and units are millionths. */
export interface TicketFacts {
  symbol: string;
  /** 0: it has had no price. */
  price: bigint;
  /** What may be sold: held and promised to no sale. */
  freeUnits: bigint;
  heldUnits: bigint;
  cash: bigint;
  reserved: bigint;
  buyingPower: bigint;
  equity: bigint;
  hasFees: boolean;
  /** Whether the account's figures are there. Without them nothing is refused for them. */
  isKnown: boolean;
  /** Market time in milliseconds; undefined: unknown. */
  marketTime: number | undefined;
}

/** A field of the ticket that something is wrong with. */
export type TicketField = "amount" | "limit" | "stop" | "distance" | "date";

/** What is wrong with a field, in words. */
export interface TicketProblem {
  field: TicketField;
  text: string;
}

/** What an order takes or brings, as far as it can be known before. */
export interface OrderEstimate {
  /** The price of a unit that is reckoned with. */
  price: bigint;
  /** Whether the price is a bound that is kept; otherwise it is the latest one or near it. */
  isBound: boolean;
  /** Without the fee; of an order for money, with it. */
  total: bigint;
  /** About how many units; of an order for money alone it is no given figure. */
  units: bigint;
  /** What is not held back, after the order. */
  cashAfter: bigint;
  /** Whether a purchase takes more than half of the equity. */
  isLarge: boolean;
}

/** A ticket as far as it is understood. */
export interface ReadTicket {
  /** Undefined while there are problems, or something is missing. */
  order: OrderTerms | undefined;
  problems: TicketProblem[];
  estimate: OrderEstimate | undefined;
  /** What is worth knowing and refuses nothing. */
  remarks: string[];
}

/** Ten-thousandths of a percent in the whole. */
const PERCENT_WHOLE = 1_000_000n;
/** The least value of the protocol that has 13 digits before the point. */
const AMOUNT_END = 1_000_000_000_000n * ONE;
const DAY = 86_400_000;

/** The distance of a trailing order. */
export interface Distance {
  money: bigint;
  /** Ten-thousandths of a percent; 0: it is money. */
  percent: bigint;
}

/** A distance as typed: money, or a percentage above 0 and below 100 of at most 4 places. */
export function parseDistance(typed: string): Distance | undefined {
  const text = typed.trim();
  if (!text.endsWith("%")) {
    const money = parseTyped(text);
    return money === null || money <= 0n ? undefined : { money, percent: 0n };
  }
  const share = parseTyped(text.slice(0, -1));
  if (share === null || share <= 0n || share >= 100n * ONE || share % 100n !== 0n) return undefined;
  return { money: 0n, percent: share / 100n };
}

/** The price at which a trailing order triggers whose best close is this one. */
export function trailLevel(side: OrderSide, distance: Distance, best: bigint): bigint {
  const away =
    distance.percent === 0n
      ? distance.money
      : (best * distance.percent + PERCENT_WHOLE - 1n) / PERCENT_WHOLE;
  const level = side === "buy" ? best + away : best - away;
  return level < 1n ? 1n : level;
}

/** Whether the next update fills an order unless its price moves away; 0 is no price. */
export function isMet(order: OrderTerms, price: bigint): boolean {
  const isSale = order.side === "sell";
  const isAt = (limit: bigint): boolean => (isSale ? price >= limit : price <= limit);
  const isPast = (stop: bigint): boolean => (isSale ? price <= stop : price >= stop);
  const { limit, stop } = order;
  if (order.kind === "market") return true;
  if (price === 0n || order.kind === "trailing") return false;
  return (
    (limit === null || isAt(limit)) && (stop === null || (typeof stop === "bigint" && isPast(stop)))
  );
}

/** Reads the ticket. */
export function readTicket(input: TicketInput, facts: TicketFacts): ReadTicket {
  const problems: TicketProblem[] = [];
  const remarks: string[] = [];
  const price = (field: "limit" | "stop", typed: string): bigint | undefined => {
    const value = positive(typed);
    if (value === undefined && typed.trim() !== "") problems.push({ field, text: words.notAPrice });
    return value;
  };
  const hasLimit = input.kind === "limit" || input.kind === "stop-limit";
  const hasStop = input.kind === "stop" || input.kind === "stop-limit";
  const limit = hasLimit ? price("limit", input.limit) : undefined;
  const stop = hasStop ? price("stop", input.stop) : undefined;
  const distance = input.kind === "trailing" ? readDistance(input, facts, problems) : undefined;
  const timeInForce = readTimeInForce(input, facts, problems);
  const amount = readAmount(input, facts, problems);
  const isWhole =
    (!hasLimit || limit !== undefined) &&
    (!hasStop || stop !== undefined) &&
    (input.kind !== "trailing" || distance !== undefined);
  if (!isWhole || amount === undefined)
    return { order: undefined, problems, estimate: undefined, remarks };
  const basis = basisOf(input, { limit, stop, distance }, facts, remarks);
  const estimate = basis === undefined ? undefined : estimateOf(input, facts, amount, basis);
  if (estimate !== undefined) checkFunds(input, facts, estimate, problems);
  if (facts.price === 0n) remarks.push(words.noPriceYet);
  if (estimate !== undefined && problems.length === 0) remarkTight(input, facts, estimate, remarks);
  const order: OrderTerms = {
    side: input.side,
    asset: facts.symbol,
    quantity: amount.isMoney ? { cash: amount.value } : { units: amount.value },
    kind: input.kind,
    limit: limit ?? null,
    stop: stop ?? stopOf(distance),
    timeInForce: timeInForce ?? "gtc",
  };
  const isFit = problems.length === 0 && timeInForce !== undefined;
  return { order: isFit ? order : undefined, problems, estimate, remarks };
}

function positive(typed: string): bigint | undefined {
  const value = parseTyped(typed);
  return value === null || value <= 0n || value >= AMOUNT_END ? undefined : value;
}

/** A distance as an order has it. */
export function stopOf(distance: Distance | undefined): OrderTerms["stop"] {
  if (distance === undefined) return null;
  return distance.percent === 0n ? distance.money : { percent: Number(distance.percent) };
}

function readDistance(
  input: TicketInput,
  facts: TicketFacts,
  problems: TicketProblem[],
): Distance | undefined {
  if (input.distance.trim() === "") return undefined;
  const distance = parseDistance(input.distance);
  if (distance === undefined) {
    problems.push({ field: "distance", text: words.notADistance });
    return undefined;
  }
  if (distance.percent === 0n && facts.price > 0n && distance.money >= facts.price) {
    const text = words.distanceTooFar(formatMoney(facts.price));
    problems.push({ field: "distance", text });
  }
  return distance;
}

function readTimeInForce(
  input: TicketInput,
  facts: TicketFacts,
  problems: TicketProblem[],
): string | undefined {
  if (input.timeInForce !== "date") return input.timeInForce;
  if (input.date === "") return undefined;
  const begin = Date.parse(`${input.date}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(input.date) || Number.isNaN(begin)) {
    problems.push({ field: "date", text: words.notADate });
    return undefined;
  }
  if (facts.marketTime !== undefined && begin + DAY <= facts.marketTime) {
    const day = new Date(facts.marketTime).toISOString().slice(0, 10);
    problems.push({ field: "date", text: words.dateInThePast(day) });
  }
  return input.date;
}

interface Amount {
  value: bigint;
  isMoney: boolean;
}

function readAmount(
  input: TicketInput,
  facts: TicketFacts,
  problems: TicketProblem[],
): Amount | undefined {
  const free = facts.freeUnits;
  if (input.side === "sell" && free <= 0n && facts.isKnown) {
    const promised = facts.heldUnits > 0n;
    problems.push({
      field: "amount",
      text: promised ? words.allPromised : words.nothingToSell(facts.symbol),
    });
    return undefined;
  }
  if (input.side === "sell" && input.amountKind === "all") {
    return free > 0n ? { value: free, isMoney: false } : undefined;
  }
  if (input.amount.trim() === "") return undefined;
  const value = positive(input.amount);
  if (value === undefined) {
    problems.push({ field: "amount", text: words.notAnAmount });
    return undefined;
  }
  if (input.side === "sell" && value > free && facts.isKnown) {
    problems.push({
      field: "amount",
      text: words.tooManyUnits(formatQuantity(free), facts.symbol),
    });
  }
  return { value, isMoney: input.side === "buy" && input.amountKind === "money" };
}

interface Prices {
  limit: bigint | undefined;
  stop: bigint | undefined;
  distance: Distance | undefined;
}

interface Basis {
  price: bigint;
  isBound: boolean;
}

/** The price of a unit that is reckoned with; undefined: nobody knows it. */
function basisOf(
  input: TicketInput,
  terms: Prices,
  facts: TicketFacts,
  remarks: string[],
): Basis | undefined {
  const { limit, stop, distance } = terms;
  const isSale = input.side === "sell";
  const latest = facts.price === 0n ? undefined : facts.price;
  if (limit !== undefined) {
    const isMet = latest !== undefined && (isSale ? latest >= limit : latest <= limit);
    if (isMet && input.kind === "limit") remarks.push(words.limitIsMet(formatMoney(latest)));
    return { price: limit, isBound: true };
  }
  if (stop !== undefined) {
    const isPast = latest !== undefined && (isSale ? latest <= stop : latest >= stop);
    if (isPast) remarks.push(words.stopIsPast(formatMoney(latest)));
    return { price: isPast ? latest : stop, isBound: false };
  }
  if (latest === undefined) return undefined;
  if (distance !== undefined) {
    const level = trailLevel(input.side, distance, latest);
    remarks.push(words.trailLevel(roundPrice(level)));
    return { price: level, isBound: false };
  }
  return { price: latest, isBound: false };
}

function estimateOf(
  input: TicketInput,
  facts: TicketFacts,
  amount: Amount,
  basis: Basis,
): OrderEstimate {
  const isSale = input.side === "sell";
  const units = amount.isMoney ? (amount.value * ONE) / basis.price : amount.value;
  const worth = isSale ? timesDown(units, basis.price) : timesUp(units, basis.price);
  const total = amount.isMoney ? amount.value : worth;
  const cash = facts.cash - facts.reserved;
  return {
    price: basis.price,
    isBound: basis.isBound,
    total,
    units,
    cashAfter: isSale ? cash + total : cash - total,
    isLarge: !isSale && total * 2n > facts.equity,
  };
}

/** Of a market purchase of units nobody knows the price yet: with little to spare it may be refused. */
function remarkTight(
  input: TicketInput,
  facts: TicketFacts,
  estimate: OrderEstimate,
  remarks: string[],
): void {
  if (input.side !== "buy" || input.kind !== "market" || input.amountKind !== "units") return;
  if (!facts.isKnown || estimate.total === 0n) return;
  const spare = facts.buyingPower - estimate.total;
  if (spare * 50n >= estimate.total) return;
  remarks.push(words.tight(formatPercent(spare, estimate.total, false)));
}

/** Market purchases also have what queued sales will bring; the others have cash that nothing holds back. */
function checkFunds(
  input: TicketInput,
  facts: TicketFacts,
  estimate: OrderEstimate,
  problems: TicketProblem[],
): void {
  if (input.side === "sell" || !facts.isKnown) return;
  const free = facts.cash - facts.reserved;
  const has = input.kind === "market" ? facts.buyingPower : free < 0n ? 0n : free;
  if (estimate.total > has) {
    const text = words.tooLittleMoney(formatMoney(estimate.total), formatMoney(has));
    problems.push({ field: "amount", text });
  }
}

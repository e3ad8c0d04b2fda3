// spec/page.md · A session
import {
  ConnectionError,
  RefusalError,
  type Adjustment,
  type BarsWindow,
  type Cleanup,
  type KnownOrder,
  type OrderChange,
  type OrderNotice,
  type OrderTerms,
  type OwnTransaction,
  type PlacedOrder,
  type Session,
} from "./api.ts";
import type { Client } from "./client.ts";
import { Listeners, ReadValue } from "./live.ts";
import { toDecimal, type Money } from "./money.ts";
import { LIST_INTERVAL, QuoteBook, SHORT_LIST_INTERVAL, SHORT_LIST_MAX } from "./quotes.ts";
import { WireError } from "./reader.ts";
import { REASONS, SIDES } from "./wire.ts";
import type { AccountSummary, Answers, Arguments, Bar, Forecast, Notice, OpenOrder, ReceiptLine } from "./wire.ts";

/** How long an order is repeated that has no answer. */
export const ORDER_PATIENCE = 300_000;
/** Between two repetitions of an order whose refusal may be of the moment. */
const REPEAT_PAUSE = 1_000;
/** Ends of orders that are remembered, so that each is told once. */
const TOLD_MAX = 1_000;
/** Orders that are remembered by their ID. */
const ORDERS_MAX = 10_000;
/** Refusals that say nothing about an earlier try of the same order: they may be of the moment. */
const OF_THE_MOMENT = new Set([
  "overloaded",
  "master-unavailable",
  "internal-error",
  "too-many-attempts",
  "wrong-state",
  "insufficient-funds",
  "insufficient-holdings",
  "no-price",
]);

/** What a session needs of the browser; tests give their own. */
export interface Timers {
  now(): number;
  wait(milliseconds: number): Promise<void>;
  /** A name that was never used. */
  uuid(): string;
}

/** An account that is signed in, over a client's connections. */
export class AccountSession implements Session {
  readonly quotes = new QuoteBook();
  readonly summary: ReadValue<AccountSummary>;
  readonly openOrders: ReadValue<readonly OpenOrder[]>;
  private readonly ends = new Listeners<OrderNotice | null>();
  private readonly told = new Set<string>();
  private readonly known = new Map<string, KnownOrder>();
  private readonly cleanups: Cleanup[];
  private nextList = 0;
  private isReadingList = false;

  constructor(
    readonly username: string,
    private readonly client: Client,
    private readonly timers: Timers,
  ) {
    this.summary = new ReadValue(() => client.call("getAccountSummary", (session) => [session]));
    this.openOrders = new ReadValue(async () => {
      const { orders } = await client.call("getOpenOrders", (session) => [session]);
      for (const order of orders) this.remember(order.id, knownOrder(order));
      return orders;
    });
    this.cleanups = [
      client.notices.add((notice) => this.hear(notice)),
      client.attached.add(() => {
        this.nextList = 0;
        this.readList();
        this.ordersChanged();
        this.ends.tell(null);
      }),
    ];
    // Their ends are told by their names, also of those that were placed elsewhere.
    void this.openOrders.refresh().catch(() => undefined);
    client.subscribe("orders");
    client.subscribe("quotes");
    this.readList();
  }
  /** Ends its part of the page: it hears nothing any more. */
  close(): void {
    for (const cleanup of this.cleanups) cleanup();
  }
  /** Reads the list of quotes again where it is due. To be called every second or so. */
  tick(): void {
    if (this.quotes.isStale && this.timers.now() >= this.nextList) this.readList();
  }
  orderOf(transactionID: string): KnownOrder | null {
    return this.known.get(transactionID) ?? null;
  }
  onOrder(listener: (notice: OrderNotice | null) => void): Cleanup {
    return this.ends.add(listener);
  }

  async bars(symbol: string, window: BarsWindow, date: string | null, adjustment: Adjustment): Promise<readonly Bar[]> {
    const { client } = this;
    const day = date ?? this.marketDay();
    switch (window) {
      case "day":
        return (await client.call("getAssetValueDay", () => [symbol, day, adjustment])).bars;
      case "week":
        return (await client.call("getAssetValueWeek", () => [symbol, day, adjustment])).bars;
      case "month":
        return (await client.call("getAssetValueMonth", () => [symbol, day, adjustment])).bars;
      case "year":
        return (await client.call("getAssetValueYear", () => [symbol, day, adjustment])).bars;
      case "all":
        return (await client.call("getAssetValueAllTime", () => [symbol, adjustment])).bars;
    }
  }
  forecast(symbol: string, date: string): Promise<Forecast> {
    return this.client.call("getAssetValuePredicted", () => [symbol, date]);
  }
  async history(before: string | null, count: number): Promise<readonly OwnTransaction[]> {
    const page = await this.client.call("getUserTransactionHistoryPage", (session) => [
      session,
      this.username,
      before ?? "-",
      String(count),
    ]);
    if (!page.private) throw new WireError("a history of somebody else");
    return page.transactions as readonly OwnTransaction[];
  }
  async receipt(transactionID: string): Promise<readonly ReceiptLine[]> {
    return (await this.client.call("getTransactionReceipt", (session) => [session, transactionID])).lines;
  }
  async placeOrder(terms: OrderTerms): Promise<PlacedOrder> {
    const clientOrderID = this.timers.uuid();
    const placed = await this.order("placeOrder", (session) => [
      session,
      terms.side,
      terms.asset,
      amount(terms.quantity),
      terms.kind,
      price(terms.limit),
      price(terms.stop),
      terms.timeInForce,
      clientOrderID,
    ]);
    this.remember(placed.transactionID, terms);
    return placed;
  }
  async cancelOrder(transactionID: string): Promise<void> {
    await this.client.call("cancelOrder", (session) => [session, transactionID], { isRepeatable: true });
    this.ordersChanged();
  }
  replaceOrder(transactionID: string, change: OrderChange): Promise<PlacedOrder> {
    const clientOrderID = this.timers.uuid();
    return this.order("replaceOrder", (session) => [
      session,
      transactionID,
      change.quantity ? amount(change.quantity) : "-",
      price(change.limit),
      price(change.stop),
      clientOrderID,
    ]);
  }

  /** Repeats an order under its clientOrderID until its outcome is known. */
  private async order<Name extends "placeOrder" | "replaceOrder">(
    name: Name,
    build: (sessionID: string) => Arguments[Name],
  ): Promise<Answers[Name]> {
    const deadline = this.timers.now() + ORDER_PATIENCE;
    let isUncertain = false;
    for (;;) {
      try {
        const patience = deadline - this.timers.now();
        const placed = await this.client.call(name, build, { isRepeatable: false, patience });
        this.ordersChanged();
        return placed;
      } catch (error) {
        isUncertain ||= error instanceof WireError || (error instanceof ConnectionError && error.isUncertain);
        if (!isRepeated(error, isUncertain)) throw isUncertain ? outcome(error) : error;
        if (this.timers.now() >= deadline) throw new ConnectionError("no server answers about this order", isUncertain);
        if (!(error instanceof ConnectionError)) await this.timers.wait(REPEAT_PAUSE);
      }
    }
  }
  private remember(transactionID: string, order: KnownOrder): void {
    this.known.set(transactionID, order);
    if (this.known.size <= ORDERS_MAX) return;
    for (const oldest of this.known.keys()) if (this.known.size > ORDERS_MAX) this.known.delete(oldest);
  }
  private ordersChanged(): void {
    this.openOrders.invalidate();
    this.summary.invalidate();
  }
  /** The market's day: a window of no date ends with it. In a replay it is not today. */
  private marketDay(): string {
    const time = this.client.market.value?.marketTime ?? this.timers.now();
    return new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
  }
  private hear(notice: Notice): void {
    switch (notice.instruction) {
      case "quoteNotice":
        this.quotes.take(notice.marketTime, notice.quote);
        this.tick();
        this.summary.invalidate();
        // A stop may have been reached, a trailing distance moved.
        if (this.openOrders.value?.length) this.openOrders.invalidate();
        return;
      case "orderNotice":
        if (this.told.has(notice.transactionID)) return;
        this.told.add(notice.transactionID);
        if (this.told.size > TOLD_MAX) for (const oldest of this.told) if (this.told.size > TOLD_MAX) this.told.delete(oldest);
        this.ordersChanged();
        this.ends.tell(notice);
        return;
      case "noticesDropped":
        if (notice.topic === "orders") {
          this.ordersChanged();
          this.ends.tell(null);
        } else {
          this.nextList = 0;
          this.quotes.isStale = true;
        }
        return;
      case "transactionQueued":
      case "protocolError":
    }
  }
  private readList(): void {
    if (this.isReadingList) return;
    this.isReadingList = true;
    const isShort = this.quotes.all().length <= SHORT_LIST_MAX;
    this.nextList = this.timers.now() + (isShort ? SHORT_LIST_INTERVAL : LIST_INTERVAL);
    this.client.call("getQuoteList", () => []).then(
      (list) => {
        this.isReadingList = false;
        this.quotes.load(list);
      },
      (error: unknown) => {
        this.isReadingList = false;
        this.quotes.fail(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}

function knownOrder({ side, symbol, quantity, order }: OpenOrder): KnownOrder {
  const stop = order.stopPercent > 0n ? { percent: Number(order.stopPercent) } : order.stop || null;
  return {
    side: SIDES.get(side) ?? String(side),
    asset: symbol,
    quantity: order.cash > 0n ? { cash: order.cash } : { units: quantity },
    kind: order.kind,
    limit: order.limit || null,
    stop,
  };
}
function amount(quantity: OrderTerms["quantity"]): string {
  return "cash" in quantity ? `cash:${toDecimal(quantity.cash)}` : toDecimal(quantity.units);
}
function price(value: Money | { readonly percent: number } | null): string {
  if (value === null) return "-";
  return typeof value === "bigint" ? toDecimal(value) : `${toDecimal(BigInt(value.percent) * 100n)}%`;
}
/** Whether an order without an outcome is sent again after this. */
function isRepeated(error: unknown, isUncertain: boolean): boolean {
  if (error instanceof ConnectionError) return true;
  if (error instanceof WireError) return true;
  return error instanceof RefusalError && isUncertain && OF_THE_MOMENT.has(error.reason);
}
/** What is known of an order whose earlier try has no answer, and that is refused now. */
function outcome(error: unknown): unknown {
  if (!(error instanceof RefusalError)) return error;
  const isOfTheOrder = REASONS.includes(error.reason) && error.reason !== "session-expired" && !OF_THE_MOMENT.has(error.reason);
  return isOfTheOrder ? error : new ConnectionError(error.message, true);
}

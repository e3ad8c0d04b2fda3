// spec/page.md · What a view gets
// The interface between the views and everything below them: connection, session, live data, routes.
import type { Money, Quantity } from "./money.ts";
import type { AccountSummary, Bar, Forecast, Notice, OpenOrder, PageEntry, QuoteListRow, ReceiptLine } from "./wire.ts";

/** Ends a subscription, or a view. */
export type Cleanup = () => void;
/** A view: fills `root`, and returns what ends it (timers, subscriptions). `root` is emptied for it. */
export type View = (root: HTMLElement, app: App) => Cleanup;

/** A server's refusal. `reason` is a code of the list of reasons, or one of a later edition; `message` is for people. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  constructor(
    readonly reason: string,
    text: string,
  ) {
    super(text);
  }
}
/**
 * The answer did not come: the connection ended, or no server is reached. What only reads was asked again before.
 * `isUncertain`: the request may have taken effect.
 */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  constructor(
    text: string,
    readonly isUncertain: boolean,
  ) {
    super(text);
  }
}

/** A value that changes. */
export interface Live<Value> {
  /** The last value; null before the first. */
  readonly value: Value | null;
  /** Why the last try to read it failed; null after a success. */
  readonly error: Error | null;
  /** Is called at once if there is a value or an error, and after each change. */
  subscribe(listener: () => void): Cleanup;
}
/** A value that is read from the server: again whenever it may have changed, while somebody subscribes. */
export interface LiveRead<Value> extends Live<Value> {
  /** Reads it now. Calls while one is under way share its answer. */
  refresh(): Promise<Value>;
}

/** What getServerInfo tells, read. What the server leaves out is null. */
export interface Market {
  readonly version: string;
  readonly edition: number;
  /** The account currency, such as `USD`; empty if not told. */
  readonly currency: string;
  /** `replay`, `simulated`, `real`, or a word of a later edition. */
  readonly market: string;
  /** `open`, `closed`, `paused`, `ended`, or a word of a later edition. */
  readonly state: string;
  /** Market time in milliseconds. */
  readonly marketTime: number | null;
  /** Milliseconds between two updates. */
  readonly updateInterval: number | null;
  /** Wall time by the server's clock, in milliseconds: count down with `app.now()`. */
  readonly nextUpdate: number | null;
  /** Steps of a replay that are left. */
  readonly stepsLeft: number | null;
  /** `password` and the names of providers. */
  readonly login: readonly string[];
  /** `mail`, `administrator`, or null. */
  readonly reset: string | null;
  readonly fees: boolean;
}

/**
 * How the connection is. `waiting`: the next try is at `retryAt`, by performance.now(). `open` with `silentSince`: the
 * server has not answered since then; it is given up soon.
 */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly silentSince: number | null }
  | { readonly kind: "waiting"; readonly retryAt: number; readonly why: string };

/** Where the page is: `#/assets/AAPL?window=day` has the parts `assets`, `AAPL`. */
export interface Route {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** The latest prices of all assets. */
export interface Quotes {
  /** All assets by symbol, sorted. The list is another one only when assets come or go, or all were read again. */
  all(): readonly AssetQuote[];
  get(symbol: string): AssetQuote | undefined;
  /** False until the first list has come. */
  readonly isLoaded: boolean;
  /** Why the list cannot be read; null if it can. */
  readonly error: Error | null;
  /** Called after each update with the symbols that have a new price; null if all may have changed. */
  onChange(listener: (symbols: ReadonlySet<string> | null) => void): Cleanup;
}
/** A row of the list of quotes. The object is replaced, never changed, when a new price comes. */
export interface AssetQuote extends QuoteListRow {
  /** A later price is held back: the asset is halted. */
  readonly isHalted: boolean;
  /** Its price came with the last update. */
  readonly isNew: boolean;
}

/** A transaction of one's own, with everything that only its owner sees. */
export type OwnTransaction = Required<PageEntry>;
/** The end of an order. */
export type OrderNotice = Extract<Notice, { readonly instruction: "orderNotice" }>;
/** The windows of an asset's bars. */
export type BarsWindow = "day" | "week" | "month" | "year" | "all";
export type Adjustment = "raw" | "adjusted";

/** What an order says. Prices that its kind does not have are null. */
export interface OrderTerms {
  readonly side: "buy" | "sell";
  readonly asset: string;
  /** Units; or, of a purchase, the money to spend. */
  readonly quantity: { readonly units: Quantity } | { readonly cash: Money };
  readonly kind: "market" | "limit" | "stop" | "stop-limit" | "trailing";
  readonly limit: Money | null;
  /** A price; of a trailing order a distance: money, or `percent` in ten-thousandths. */
  readonly stop: Money | { readonly percent: number } | null;
  /** `day`, `gtc`, or a date `YYYY-MM-DD`. */
  readonly timeInForce: string;
}
/** An order as it is known by its ID: enough to name it. */
export interface KnownOrder {
  /** `buy`, `sell`, or a number of a later edition. */
  readonly side: string;
  readonly asset: string;
  readonly quantity: OrderTerms["quantity"];
  readonly kind: string;
  readonly limit: Money | null;
  readonly stop: OrderTerms["stop"];
}
/** What a change of an order says; null: as it was. */
export interface OrderChange {
  readonly quantity: { readonly units: Quantity } | { readonly cash: Money } | null;
  readonly limit: Money | null;
  readonly stop: Money | { readonly percent: number } | null;
}
/** An order that is on the server's disk. */
export interface PlacedOrder {
  readonly transactionID: string;
  readonly clientOrderID: string | null;
  /** A word of the statuses: `queued`, `open`, `settled`, … */
  readonly status: string;
}

/** An account that is signed in. A call rejects with a RefusalError, a ConnectionError or a WireError. */
export interface Session {
  readonly username: string;
  readonly quotes: Quotes;
  /** Money and positions. Read again after each update and each end of an order. */
  readonly summary: LiveRead<AccountSummary>;
  /** Orders without an outcome, newest first. Read again after each order, cancel, and end of an order. */
  readonly openOrders: LiveRead<readonly OpenOrder[]>;
  /** An order that was placed here, or was open when the orders were read; null: it is not known. */
  orderOf(transactionID: string): KnownOrder | null;
  /**
   * Tells each end of an order once. After a broken connection notices may be missing: `null` then says that the
   * history must be looked at.
   */
  onOrder(listener: (notice: OrderNotice | null) => void): Cleanup;
  /** Bars of a window that ends with `date`, or now; oldest first. */
  bars(symbol: string, window: BarsWindow, date: string | null, adjustment: Adjustment): Promise<readonly Bar[]>;
  /** The predicted value for a later date `YYYY-MM-DD`. */
  forecast(symbol: string, date: string): Promise<Forecast>;
  /** A page of one's own history, newest first, of what came before a transaction; null: the newest. `count` 1 to 1,000. */
  history(before: string | null, count: number): Promise<readonly OwnTransaction[]>;
  /** How a transaction of one's own came to its price. */
  receipt(transactionID: string): Promise<readonly ReceiptLine[]>;
  /**
   * Places an order: it is on the server's disk when this resolves. Unanswered it is repeated under one clientOrderID, on any
   * worker, so that it is never placed twice; ConnectionError with `isUncertain` after five minutes.
   */
  placeOrder(terms: OrderTerms): Promise<PlacedOrder>;
  /** Cancels an order. RefusalError `not-open` where it has ended. */
  cancelOrder(transactionID: string): Promise<void>;
  /** Cancels an order and places one with other terms, or neither. */
  replaceOrder(transactionID: string, change: OrderChange): Promise<PlacedOrder>;
}

/** What a dialog asks. */
export interface Question {
  readonly title: string;
  /** Paragraphs, or elements. */
  readonly body: readonly (string | Node)[];
  /** What the button says that does it. */
  readonly confirm: string;
  /** What the button says that does not; "Cancel" if left out, which beside an order's cancel may be misread. */
  readonly refuse?: string;
  /** The button's act cannot be taken back. */
  readonly isDangerous?: boolean;
}

/** What every view gets. */
export interface App {
  readonly route: Route;
  readonly session: Session;
  readonly market: Live<Market>;
  readonly connection: Live<ConnectionState>;
  /** Now by the server's clock, in milliseconds since 1970. The browser's clock may be wrong. */
  now(): number;
  /** Sets the title of the tab, and tells it where the page is read aloud. */
  title(text: string): void;
  /** Goes to a route, such as `#/assets/AAPL`. */
  navigate(hash: string): void;
  /** A short message that is also read aloud. Errors stay until they are closed. */
  toast(text: string, kind?: "info" | "success" | "error"): void;
  /** Asks in a dialog. Escape and Cancel are no. */
  ask(question: Question): Promise<boolean>;
}

// spec/page.md · The codec
// Written by `node generate.mjs` from spec/wire/papertrader.json: do not edit.
import type { AnswerRow, ArgumentRow, ArgumentType, RequestRow, Reader, Writable } from "./reader.ts";
import { readMoney, readMoneyOrNone, readOrNone, readTime, text } from "./reader.ts";
import type { Money, Quantity } from "./money.ts";

/** Bytes of a message's header. */
export const HEADER_BYTES = 17;
/** Bytes of a message's data at most. */
export const DATA_BYTES_MAX = 8192;
/** How passwords are hashed. */
export const HASHED_PASS = {"salt":"papertrader/1/","rounds":600000,"bytes":32,"normalization":"NFC"} as const;

/** A bar, 48 bytes. */
export interface Bar {
  /** The start */
  readonly time: number;
  readonly open: Money;
  readonly high: Money;
  readonly low: Money;
  readonly close: Money;
  /** In whole units */
  readonly volume: bigint;
}

/** An asset with the bar of its latest day. */
export interface AssetInfo {
  readonly symbol: string;
  /** The bar of the latest day */
  readonly day: Bar;
}

/** A price, 16 bytes. */
export interface Quote {
  /** Market time of the price */
  readonly time: number;
  readonly value: Money;
}

/** Bars, oldest first, without a count. An empty payload is an empty list. */
export interface Bars {
  readonly bars: readonly Bar[];
}

/** An account. */
export interface UserInfo {
  /** 1 if the session belongs to the requested username */
  readonly private: boolean;
  /** In the registered spelling */
  readonly username: string;
  /** 1 if it has a password */
  readonly isPassword: boolean;
  /** The time of registration */
  readonly created: number;
  /** Empty if it has none */
  readonly email?: string;
  readonly cash?: Money;
}

/** A position, as its owner sees it. */
export interface Position {
  readonly symbol: string;
  /** Above 0 */
  readonly quantity: Quantity;
  /** For a unit: cost ÷ quantity, rounded down */
  readonly averageCost: Money;
  /** Of all units; 0 without a price */
  readonly value: Money;
}

/** A position, as others see it. */
export interface PositionShare {
  readonly symbol: string;
  /** Of cash and positions together, rounded down; 0 if these add up to 0 */
  readonly share: number;
}

/** Positions, sorted by the bytes of their symbol. */
export interface Portfolio {
  /** 1 if the session belongs to the requested username */
  readonly private: boolean;
  /** Of positions */
  readonly count: number;
  readonly cash?: Money;
  readonly positions: readonly Position[] | readonly PositionShare[];
}

/** An order, or what a corporate action did. */
export interface Transaction {
  readonly id: string;
  readonly side: number;
  readonly status: number;
  readonly symbol: string;
  readonly accepted: number;
  /** 0 while queued; the time of the rejection if rejected */
  readonly settled: number;
  readonly quantity?: Quantity;
  /** 0 unless settled */
  readonly price?: Money;
  /** 0 unless settled */
  readonly total?: Money;
  /** Market time of the price; 0 unless settled */
  readonly priced?: number;
  /** Empty if none */
  readonly clientOrderID?: string;
  /** A code of the list of reasons; empty if none */
  readonly reason?: string;
}

/** Transactions, newest first, by time of acceptance and then by order number. Queued and rejected orders are among them, orders that were refused before they were queued are not. */
export interface Transactions {
  /** 1 if the session belongs to the requested username */
  readonly private: boolean;
  /** Of transactions */
  readonly count: number;
  readonly transactions: readonly Transaction[];
}

/** A predicted value, and the bounds of its 95 % interval. */
export interface Forecast {
  /** The name of the method */
  readonly method: string;
  /** The time that it is predicted for */
  readonly time: number;
  readonly value: Money;
  /** The lower bound */
  readonly low: Money;
  /** The upper bound */
  readonly high: Money;
}

/** Texts. */
export interface List {
  /** Of texts */
  readonly count: number;
  readonly texts: readonly string[];
}

/** A line of a receipt, for people. */
export interface ReceiptLine {
  readonly name: string;
  readonly value: string;
}

/** The explanation of a fill, in reading order. */
export interface Receipt {
  /** Of lines */
  readonly count: number;
  readonly lines: readonly ReceiptLine[];
}

/** A session of a login, as its owner sees it. */
export interface Session {
  /** The first 16 digits of its ID's SHA-256 */
  readonly id: string;
  /** 1 if it is the session that asks */
  readonly current: boolean;
  /** 1 if it ends with the connection that logged in */
  readonly expirable: boolean;
  /** How the login was made: `password`, or the name of a provider */
  readonly method: string;
  /** The latest end */
  readonly expiry: number;
  /** When it was made */
  readonly made: number;
  /** The IP address of the client */
  readonly madeClient: string;
  /** The name of the worker, or its UUID if it is registered no more */
  readonly madeWorker: string;
  /** When it was last used, as far as the master knows; 0 for a token that was not */
  readonly used: number;
  /** The IP address of the client */
  readonly usedClient: string;
  /** The name of the worker, or its UUID if it is registered no more */
  readonly usedWorker: string;
}

/** The sessions of an account's logins, newest first. */
export interface Sessions {
  /** Of sessions */
  readonly count: number;
  readonly sessions: readonly Session[];
}

/** A token, as its owner sees it. */
export interface Token {
  readonly name: string;
  /** The first 16 digits of its SHA-256 */
  readonly id: string;
  /** A word of the list of token scopes; a reader accepts others */
  readonly scope: string;
  /** The latest end */
  readonly expiry: number;
  /** When it was made */
  readonly made: number;
  /** The IP address of the client */
  readonly madeClient: string;
  /** The name of the worker, or its UUID if it is registered no more */
  readonly madeWorker: string;
  /** When it was last used, as far as the master knows; 0 for a token that was not */
  readonly used: number;
  /** The IP address of the client */
  readonly usedClient: string;
  /** The name of the worker, or its UUID if it is registered no more */
  readonly usedWorker: string;
}

/** The tokens of an account, newest first. */
export interface Tokens {
  /** Of tokens */
  readonly count: number;
  readonly tokens: readonly Token[];
}

/** An identity of an account, as its owner sees it. */
export interface Identity {
  /** The names of the providers that speak for it, joined by commas; if none does now, the name under which the account got it, or nothing */
  readonly providers: string;
  /** The provider's issuer identifier */
  readonly issuer: string;
  /** The person's name there */
  readonly subject: string;
  /** When the account got it */
  readonly linked: number;
}

/** The identities of an account, oldest first. */
export interface Identities {
  /** Of identities */
  readonly count: number;
  readonly identities: readonly Identity[];
}

/** What an order says beside its quantity, in the units of now. */
export interface OrderParameters {
  /** A word of the list of order kinds, a reader accepts others; empty for what nobody ordered */
  readonly kind: string;
  /** 0 for none */
  readonly limit: Money;
  /** A price, of a trailing order the distance; 0 for none */
  readonly stop: Money;
  /** The distance of a trailing order where it is a percentage, below 100; else 0 */
  readonly stopPercent: bigint;
  /** `gtc`, `day`, or the time until which it stands; empty where none was said */
  readonly timeInForce: string;
  /** Of an order for an amount of money that amount; else 0 */
  readonly cash: Money;
}

/** An order that has no outcome yet. */
export interface OpenOrder {
  readonly id: string;
  readonly side: number;
  readonly status: number;
  readonly symbol: string;
  readonly accepted: number;
  /** 0 where it is for an amount of money */
  readonly quantity: Quantity;
  readonly order: OrderParameters;
  /** Market time from which on it is not tested any more; 0 where that is not known yet */
  readonly until: number;
  /** 1 if its stop was reached, so that it is a limit order now */
  readonly triggered: boolean;
  /** What is held back for a purchase */
  readonly reserve: Money;
  /** Empty if none */
  readonly clientOrderID: string;
}

/** The orders of an account that have no outcome yet, newest first. */
export interface OpenOrders {
  /** Of orders */
  readonly count: number;
  readonly orders: readonly OpenOrder[];
}

/** A position with what it gained. */
export interface PositionSummary {
  readonly symbol: string;
  /** Above 0 */
  readonly units: Quantity;
  /** Units promised to sales */
  readonly promised: Quantity;
  /** Of the whole position, exact */
  readonly cost: Money;
  /** Of the whole position; 0 without a price */
  readonly value: Money;
  /** Close of the previous day for one unit, in today's units; 0 if none is known */
  readonly previousClose: Money;
  /** Profit realised in this asset */
  readonly realised: Money;
}

/** What an account has, may spend and has gained; positions sorted by the bytes of their symbol. Losses are below 0. */
export interface AccountSummary {
  readonly cash: Money;
  /** Cash held back for purchases */
  readonly reserved: Money;
  /** What a market purchase may cost now; never below 0 */
  readonly buyingPower: Money;
  /** Of all positions */
  readonly value: Money;
  /** Cash and value */
  readonly equity: Money;
  /** What the positions have gained since the previous day's close */
  readonly dayChange: Money;
  /** Profit realised in all assets */
  readonly realised: Money;
  /** Value less cost */
  readonly unrealised: Money;
  /** Fees paid */
  readonly fees: Money;
  /** Of positions */
  readonly count: number;
  readonly positions: readonly PositionSummary[];
  /** Number of the update whose prices these are */
  readonly update: bigint;
}

/** A transaction of a page. */
export interface PageEntry {
  readonly id: string;
  readonly side: number;
  readonly status: number;
  /** `-` where no asset is meant */
  readonly symbol: string;
  readonly accepted: number;
  /** When it ended; 0 before */
  readonly settled: number;
  /** 0 while an order for an amount of money is not filled */
  readonly quantity?: Quantity;
  /** 0 unless settled */
  readonly price?: Money;
  /** 0 unless settled */
  readonly total?: Money;
  /** Market time of the price; 0 unless settled */
  readonly priced?: number;
  /** Empty if none */
  readonly clientOrderID?: string;
  /** Why it was rejected, cancelled or expired: a code of the list of reasons; else empty */
  readonly reason?: string;
  readonly order?: OrderParameters;
  /** The fee in the total */
  readonly fee?: Money;
  /** What made the row, for people; empty in an order */
  readonly cause?: string;
  /** What the administrator who made the row says; else empty */
  readonly note?: string;
}

/** Transactions, newest first, of all statuses. Fewer than were asked for: there are no older ones. */
export interface TransactionPage {
  /** 1 if the session belongs to the requested username */
  readonly private: boolean;
  /** Of transactions */
  readonly count: number;
  readonly transactions: readonly PageEntry[];
}

/** An asset with its price, its day so far and what it is called. Without a price all values are 0. */
export interface QuoteListRow {
  readonly symbol: string;
  /** The full name; empty if it has none */
  readonly name: string;
  /** How many units of the market make one: 1, or more where it is offered by the lot */
  readonly factor: bigint;
  /** 1 if the price came with the last update, plus 2 if a later price is held; others may come */
  readonly flags: number;
  /** Market time of the price */
  readonly time: number;
  /** 0: it has no price */
  readonly value: Money;
  /** Close of the previous day, in today's units; 0 if none is known */
  readonly previousClose: Money;
  /** Of the price's day so far */
  readonly open: Money;
  readonly high: Money;
  readonly low: Money;
  /** In whole units */
  readonly volume: bigint;
}

/** All assets, sorted by the bytes of their symbol. */
export interface QuoteList {
  /** Of assets */
  readonly count: number;
  readonly quotes: readonly QuoteListRow[];
  /** Number of the update whose prices these are */
  readonly update: bigint;
}

/** What a request takes, in order; an argument that may be left out is left out from the right. */
export interface Arguments {
  /** Logs in with a password. If isExpirable is `true`, the session ends with the connection. */
  readonly login: readonly [username: string, hashedPass: string, isExpirable: "true" | "false"];
  /** Tells whether a session is active, and names the workers again. */
  readonly loginWithSessionID: readonly [sessionID: string];
  /** Creates an account. It does not log in. */
  readonly register: readonly [username: string, email: string, hashedPass: string];
  /** Queues a purchase, which settles at the price of the next update. Once it is queued, `transactionQueued` announces it. The answer comes when it has settled. */
  readonly purchaseAsset: readonly [sessionID: string, name: string, quantity: string, clientOrderID?: string];
  /** Queues a sale, which settles at the price of the next update. Once it is queued, `transactionQueued` announces it. The answer comes when it has settled. */
  readonly sellAsset: readonly [sessionID: string, name: string, quantity: string, clientOrderID?: string];
  /** Switches the connection to the command state or to the data state, and there binds it to the session. The way back checks only the form of the session ID. */
  readonly switchState: readonly [sessionID: string, state: "command" | "data"];
  /** Ends a session. */
  readonly logout: readonly [sessionID: string];
  /** Changes the password. The old one is `-` where the account has none: that is how it gets its first. All other sessions and all tokens of the account end. */
  readonly changePassword: readonly [sessionID: string, hashedPass: string, newHashedPass: string];
  /** Asks for a code for a new password, which is sent to the account's e-mail address. The answer comes before anything is looked up, and is always the same. */
  readonly requestReset: readonly [usernameOrEmail: string];
  /** Sets a new password with a code, which is used up. All sessions and tokens of the account end, and nobody is logged in. */
  readonly resetPassword: readonly [username: string, code: string, newHashedPass: string];
  /** Deletes the account. `-` for the hashedPass where the account has no password. */
  readonly deleteAccount: readonly [sessionID: string, hashedPass: string];
  /** Ends sessions of the account. Tokens stay. The value is the number of those ended. */
  readonly endSessions: readonly [sessionID: string, which: string];
  /** Makes a token: a session for a program. The value is the token, which is told this once. */
  readonly createToken: readonly [sessionID: string, name: string, scope: "read" | "trade", days: string];
  /** Ends a token. */
  readonly revokeToken: readonly [sessionID: string, name: string];
  /** Begins a sign-in with a provider of identities. */
  readonly beginThirdParty: readonly [provider: string, method: "device" | "redirect", redirectURI?: string];
  /** Tells how far a sign-in is, and logs in once the person is known and has an account. */
  readonly awaitThirdParty: readonly [handle: string];
  /** Gives what a browser brought back from the provider, and goes on as awaitThirdParty. */
  readonly completeThirdParty: readonly [handle: string, code: string, state: string];
  /** Creates an account without a password for the person of a sign-in, and logs in. */
  readonly registerThirdParty: readonly [handle: string, username: string, email: string];
  /** Lets the person of a sign-in log in to the account of the session. */
  readonly linkThirdParty: readonly [sessionID: string, handle: string];
  /** Takes the identities of a provider from the account, but not its last way in. */
  readonly unlinkThirdParty: readonly [sessionID: string, provider: string];
  /** Places an order, which fills when a price allows it. The answer comes once it is on disk; how it ends is told by its history and by notices. */
  readonly placeOrder: readonly [sessionID: string, side: "buy" | "sell", asset: string, quantity: string, kind: "market" | "limit" | "stop" | "stop-limit" | "trailing", limit: string, stop: string, timeInForce: string, clientOrderID?: string];
  /** Cancels an order that waits. While an update is under way the answer waits for its settlement. */
  readonly cancelOrder: readonly [sessionID: string, transactionID: string];
  /** Places an order in the place of one that waits, which is cancelled with it, or neither. `-` for a quantity or price: as it was. While an update is under way the answer waits for its settlement. */
  readonly replaceOrder: readonly [sessionID: string, transactionID: string, quantity: string, limit: string, stop: string, clientOrderID?: string];
  /** Has the server tell by notices what it is not asked for: ends of one's orders, or new prices. Ends with the session or the connection. Subscribing again succeeds. */
  readonly subscribe: readonly [sessionID: string, topic: string];
  /** Ends a subscription of this connection, also one that there is not. */
  readonly unsubscribe: readonly [sessionID: string, topic: string];
  /** Changes the e-mail address. `-` for the hashedPass where the account has no password; `-` for the address takes it away. */
  readonly changeEmail: readonly [sessionID: string, hashedPass: string, email: string];
  /** An asset with the bar of its latest day. */
  readonly getAssetInfo: readonly [asset: string];
  /** An asset's latest price. */
  readonly getAssetValueCurrent: readonly [asset: string];
  /** The bars that start after date − 24 h and not after the date. Without data: none. */
  readonly getAssetValueDay: readonly [asset: string, date: string, adjustment?: "raw" | "adjusted"];
  /** The daily bars of the 7 days that end with the date's day. Days without data have none. */
  readonly getAssetValueWeek: readonly [asset: string, date: string, adjustment?: "raw" | "adjusted"];
  /** The daily bars of the month that ends with the date's day. Days without data have none. */
  readonly getAssetValueMonth: readonly [asset: string, date: string, adjustment?: "raw" | "adjusted"];
  /** The monthly bars of the 12 whole months that end with the date's. Months without data have none. */
  readonly getAssetValueYear: readonly [asset: string, date: string, adjustment?: "raw" | "adjusted"];
  /** All monthly bars. */
  readonly getAssetValueAllTime: readonly [asset: string, adjustment?: "raw" | "adjusted"];
  /** An account. Its owner also sees e-mail address and cash. */
  readonly getUserInfo: readonly [sessionID: string, username: string];
  /** Positions. The owner sees quantities and cash, others see shares. */
  readonly getUserPortfolio: readonly [sessionID: string, username: string];
  /** Transactions, newest first. The owner also sees quantities and prices. */
  readonly getUserTransactionHistory: readonly [sessionID: string, username: string];
  /** A forecast for a date after the latest bar. */
  readonly getAssetValuePredicted: readonly [asset: string, date: string];
  /** The symbols, sorted by byte. */
  readonly getAssetList: readonly [];
  /** The explanation of a fill of one's own. */
  readonly getTransactionReceipt: readonly [sessionID: string, transactionID: string];
  /** The sessions of the account's logins: where each was made and last used. */
  readonly getSessions: readonly [sessionID: string];
  /** The account's tokens: what each allows, where it was made and last used. */
  readonly getTokens: readonly [sessionID: string];
  /** With whom the account's owner signs in beside a password. */
  readonly getIdentities: readonly [sessionID: string];
  /** The orders of the account that have no outcome yet, newest first. */
  readonly getOpenOrders: readonly [sessionID: string];
  /** What the account has, may spend and has gained, with each of its positions. */
  readonly getAccountSummary: readonly [sessionID: string];
  /** Transactions, newest first, that are older than the one of this ID; `-` for the newest. The owner also sees what each order said. */
  readonly getUserTransactionHistoryPage: readonly [sessionID: string, username: string, before: string, count: string];
  /** All assets, sorted by byte, with their prices and what they are called. */
  readonly getQuoteList: readonly [];
  /** All that the deployment has on the account's owner: a text of JSON lines. */
  readonly getAccountExport: readonly [sessionID: string];
  /** Answered with pong. Servers never send it. */
  readonly ping: readonly [];
  /** Asks for the available workers. The only instruction that a master answers. */
  readonly getWorkerList: readonly [];
  /** Asks what the server is and how its market stands. Answered before any login. */
  readonly getServerInfo: readonly [];
}

/** The successes of a request: the value of a payload, or the arguments of a message. */
export interface Answers {
  readonly login: { readonly instruction: "sessionID"; readonly sessionID: string; readonly worker: readonly string[] };
  readonly loginWithSessionID: { readonly instruction: "sessionID"; readonly sessionID: string; readonly worker: readonly string[] };
  readonly register: { readonly instruction: "registerSuccess" };
  readonly purchaseAsset: { readonly instruction: "purchaseSuccess"; readonly transactionID: string; readonly asset: string; readonly quantity: Quantity; readonly price: Money; readonly total: Money; readonly time: number };
  readonly sellAsset: { readonly instruction: "sellSuccess"; readonly transactionID: string; readonly asset: string; readonly quantity: Quantity; readonly price: Money; readonly total: Money; readonly time: number };
  readonly switchState: { readonly instruction: "stateSwitchSuccess"; readonly state: string };
  readonly logout: { readonly instruction: "logoutSuccess" };
  readonly changePassword: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly requestReset: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly resetPassword: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly deleteAccount: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly endSessions: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly createToken: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly revokeToken: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly beginThirdParty: { readonly instruction: "thirdPartyStarted"; readonly handle: string; readonly poll: number; readonly expiry: number; readonly userCode: string | null; readonly url: string };
  readonly awaitThirdParty: { readonly instruction: "sessionID"; readonly sessionID: string; readonly worker: readonly string[] }
    | { readonly instruction: "thirdPartyPending" }
    | { readonly instruction: "thirdPartyUnknown"; readonly handle: string; readonly username: string | null };
  readonly completeThirdParty: { readonly instruction: "sessionID"; readonly sessionID: string; readonly worker: readonly string[] }
    | { readonly instruction: "thirdPartyPending" }
    | { readonly instruction: "thirdPartyUnknown"; readonly handle: string; readonly username: string | null };
  readonly registerThirdParty: { readonly instruction: "sessionID"; readonly sessionID: string; readonly worker: readonly string[] };
  readonly linkThirdParty: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly unlinkThirdParty: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly placeOrder: { readonly instruction: "orderPlaced"; readonly transactionID: string; readonly clientOrderID: string | null; readonly status: string };
  readonly cancelOrder: { readonly instruction: "orderCancelled"; readonly transactionID: string };
  readonly replaceOrder: { readonly instruction: "orderPlaced"; readonly transactionID: string; readonly clientOrderID: string | null; readonly status: string };
  readonly subscribe: { readonly instruction: "subscribed"; readonly topic: string };
  readonly unsubscribe: { readonly instruction: "unsubscribed"; readonly topic: string };
  readonly changeEmail: { readonly instruction: "accountSuccess"; readonly value: string | null };
  readonly getAssetInfo: AssetInfo;
  readonly getAssetValueCurrent: Quote;
  readonly getAssetValueDay: Bars;
  readonly getAssetValueWeek: Bars;
  readonly getAssetValueMonth: Bars;
  readonly getAssetValueYear: Bars;
  readonly getAssetValueAllTime: Bars;
  readonly getUserInfo: UserInfo;
  readonly getUserPortfolio: Portfolio;
  readonly getUserTransactionHistory: Transactions;
  readonly getAssetValuePredicted: Forecast;
  readonly getAssetList: List;
  readonly getTransactionReceipt: Receipt;
  readonly getSessions: Sessions;
  readonly getTokens: Tokens;
  readonly getIdentities: Identities;
  readonly getOpenOrders: OpenOrders;
  readonly getAccountSummary: AccountSummary;
  readonly getUserTransactionHistoryPage: TransactionPage;
  readonly getQuoteList: QuoteList;
  readonly getAccountExport: List;
  readonly ping: { readonly instruction: "pong" };
  readonly getWorkerList: { readonly instruction: "workerList"; readonly worker: readonly string[] };
  readonly getServerInfo: { readonly instruction: "serverInfo"; readonly fact: readonly string[] };
}

/** The name of a request. */
export type RequestName = keyof Arguments;

/** What the server tells without being asked. */
export type Notice =
  | { readonly instruction: "protocolError"; readonly code: string; readonly text: string }
  | { readonly instruction: "transactionQueued"; readonly transactionID: string; readonly clientOrderID: string | null; readonly time: number }
  | { readonly instruction: "orderNotice"; readonly transactionID: string; readonly status: string; readonly asset: string; readonly quantity: Quantity; readonly price: Money | null; readonly total: Money | null; readonly time: number; readonly reason: string | null }
  | { readonly instruction: "quoteNotice"; readonly marketTime: number; readonly quote: readonly string[] }
  | { readonly instruction: "noticesDropped"; readonly topic: string; readonly count: number };

/** Who answers a request, and when the requests behind it may take effect: its `destination`. Words that are not here may come. */
export const DESTINATIONS: readonly string[] = ["cache", "orders", "account queries", "tunnel", "state", "local"];

/** Who sends an instruction: its `direction`. Words that are not here may come. */
export const DIRECTIONS: readonly string[] = ["request", "return", "notice", "both", "link"];

/** Why the server ends a connection: the first argument of protocolError. Words that are not here may come. */
export const FAULTS: readonly string[] = ["bad-frame", "too-large", "unknown-instruction", "argument-count", "not-allowed", "timeout", "too-many-connections", "shutting-down"];

/** The values of the fact `state`. Words that are not here may come. */
export const MARKET_STATES: readonly string[] = ["open", "closed", "paused", "ended"];

/** The values of the fact `market`. Words that are not here may come. */
export const MARKETS: readonly string[] = ["replay", "simulated", "real"];

/** When an order fills. Words that are not here may come. */
export const ORDER_KINDS: readonly string[] = ["market", "limit", "stop", "stop-limit", "trailing"];

/** Why a request fails: the first argument of every Fail of a request. Words that are not here may come. */
export const REASONS: readonly string[] = ["bad-credentials", "too-many-attempts", "session-expired", "username-invalid", "username-taken", "email-invalid", "email-taken", "password-invalid", "unknown-asset", "unknown-user", "quantity-invalid", "date-invalid", "argument-invalid", "insufficient-funds", "insufficient-holdings", "clientOrderID-reused", "wrong-state", "state-invalid", "no-data", "no-price", "overloaded", "master-unavailable", "internal-error", "third-party-login", "provider-unknown", "provider-unavailable", "identity-taken", "code-invalid", "account-locked", "scope", "name-invalid", "login-again", "not-open", "price-invalid", "kind-invalid", "cancelled", "replaced", "expired"];

/** What the session of a request must allow: its `scope`. Words that are not here may come. */
export const SCOPES: readonly string[] = ["read", "trade", "account"];

/** The names of serverInfo's facts. Words that are not here may come. */
export const SERVER_FACTS: readonly string[] = ["version", "wire", "edition", "currency", "market", "state", "market-time", "update-interval", "next-update", "steps-left", "login", "reset", "fees"];

/** What a transaction does to its account. Words that are not here may come. */
export const SIDES: ReadonlyMap<number, string> = new Map([[1, "buy"], [2, "sell"], [3, "split"], [4, "dividend"]]);

/** How far a transaction is. Words that are not here may come. */
export const STATUSES: ReadonlyMap<number, string> = new Map([[0, "queued"], [1, "settled"], [2, "rejected"], [3, "open"], [4, "cancelled"], [5, "expired"]]);

/** What a token allows. Words that are not here may come. */
export const TOKEN_SCOPES: readonly string[] = ["read", "trade"];

/** The forms of arguments. */
export const ARGUMENT_TYPES: Readonly<Record<string, ArgumentType>> = {
  AccountValue: {"pattern":"(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4(?:[01][0-9]{8}|2(?:[0-8][0-9]{7}|9(?:[0-3][0-9]{6}|4(?:[0-8][0-9]{5}|9(?:[0-5][0-9]{4}|6(?:[0-6][0-9]{3}|7(?:[01][0-9]{2}|2(?:[0-8][0-9]|9[0-5]))))))))|[0-9a-f]{64})"},
  Adjustment: {"pattern":"raw|adjusted"},
  BrowserSecret: {"pattern":"[\\u0021-\\u007e]+","minLength":1,"maxLength":2048},
  CanonicalMoney: {"pattern":"(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?","maximum":9000000000000},
  CanonicalMoneyOrDash: {"pattern":"-|(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)"},
  CanonicalQuantity: {"pattern":"(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{0,5}[1-9])?","maximum":9000000000000},
  CanonicalTime: {"pattern":"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z"},
  ClientOrderId: {"pattern":"[A-Za-z0-9._:\\-]{1,64}"},
  ClientOrderIdOrDash: {"pattern":"[A-Za-z0-9._:\\-]{1,64}"},
  Date: {"pattern":"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?"},
  Days: {"pattern":"[1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-6]"},
  DroppedCount: {"pattern":"0|[1-9][0-9]{0,8}"},
  Email: {"pattern":"[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*","minLength":3,"maxLength":321},
  EmailOrDash: {"pattern":"-|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+","minLength":1,"maxLength":321},
  EndReasonCode: {"pattern":"[A-Za-z][A-Za-z0-9\\-]{0,63}"},
  FaultCode: {"pattern":"[A-Za-z][A-Za-z0-9\\-]{0,63}"},
  Flag: {"pattern":"true|false"},
  HashedPass: {"pattern":"[0-9a-f]{64}"},
  HashedPassOrDash: {"pattern":"[0-9a-f]{64}|-"},
  IdentityProviderName: {"pattern":"[a-z0-9\\-]{1,24}"},
  NameValue: {"pattern":"[a-z][a-z0-9\\-]{0,31}=[\\u0021-\\u007e]{1,256}"},
  OrderAmount: {"pattern":"(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))"},
  OrderAmountOrDash: {"pattern":"-|(?:cash:)?(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))"},
  OrderKind: {"pattern":"market|limit|stop|stop-limit|trailing"},
  OrderSide: {"pattern":"buy|sell"},
  PageCount: {"pattern":"[1-9][0-9]{0,2}|1000"},
  PollSeconds: {"pattern":"[1-9][0-9]{0,3}"},
  PriceOrDash: {"pattern":"-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))"},
  Quantity: {"pattern":"[0-9]{1,12}(?:\\.[0-9]{1,6})?","exclusiveMinimum":0},
  QuoteValue: {"pattern":"[A-Z0-9.\\/=\\-]{1,16}=(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\\.[0-9]{0,5}[1-9])?|9000000000000)"},
  ReasonCode: {"pattern":"[A-Za-z][A-Za-z0-9\\-]{0,63}"},
  RedirectUri: {"pattern":"[\\u0021-\\u007e]+","minLength":1,"maxLength":2048},
  ResetCode: {"pattern":"(?:[0-9ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz]-?){20}","minLength":20,"maxLength":40},
  SessionId: {"pattern":"[0-9a-f]{64}"},
  SessionSelection: {"pattern":"others|all|[0-9a-f]{8,16}"},
  SignInHandle: {"pattern":"[0-9a-f]{64}"},
  SignInMethod: {"pattern":"device|redirect"},
  State: {"pattern":"command|data"},
  StatusWord: {"pattern":"[A-Za-z][A-Za-z0-9\\-]{0,63}"},
  StopOrDash: {"pattern":"-|(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])(?:\\.[0-9]{1,6})?|0{1,12}\\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))|(?:(?:[1-9][0-9]?|0[1-9])(?:\\.[0-9]{1,4})?|0{1,2}\\.(?:[1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|0{2}[1-9][0-9]?|0{3}[1-9]))\\u0025"},
  Symbol: {"pattern":"[A-Z0-9.\\/=\\-]{1,16}"},
  Text: {"maxBytes":1024},
  TimeInForce: {"pattern":"day|gtc|(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{3})?Z)?"},
  TokenName: {"pattern":"[A-Za-z0-9._\\-]{1,32}"},
  TokenScope: {"pattern":"read|trade"},
  Topic: {"pattern":"orders|quotes(?::[A-Z0-9.\\/=\\-]{1,16})?"},
  TransactionId: {"pattern":"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"},
  TransactionIdOrDash: {"pattern":"-|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"},
  UserCode: {"pattern":"[\\u0021-\\u007e]+","minLength":1,"maxLength":64},
  Username: {"pattern":"[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}"},
  UsernameOrDash: {"pattern":"[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|-"},
  UsernameOrEmail: {"pattern":"[A-Za-z0-9][A-Za-z0-9._\\-]{0,23}|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]*|[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+|@[^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb][^@\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]+","minLength":1,"maxLength":321},
  WebAddress: {"pattern":"[\\u0021-\\u007e]+","minLength":1,"maxLength":6000},
  WorkerAddress: {"pattern":"(?:[^:\\[\\]\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+|\\[(?:(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|::(?:[0-9A-Fa-f]{1,4}:){5}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,0}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){4}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,1}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){3}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,2}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:){2}(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,3}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,4}[0-9A-Fa-f]{1,4})?::(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))|(?:(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4})?::[0-9A-Fa-f]{1,4}|(?:(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{1,4})?::)\\]):(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"},
};
const SYMBOL: ArgumentType = {"pattern":"[A-Z0-9.\\/=\\-]{1,16}"};

function readBar(reader: Reader): Bar {
  const record = {} as Writable<Bar>;
  record.time = reader.time();
  record.open = reader.money();
  record.high = reader.money();
  record.low = reader.money();
  record.close = reader.money();
  record.volume = reader.u64();
  return record;
}

function readAssetInfo(reader: Reader): AssetInfo {
  const record = {} as Writable<AssetInfo>;
  record.symbol = reader.symbol(SYMBOL);
  record.day = readBar(reader);
  return record;
}

function readQuote(reader: Reader): Quote {
  const record = {} as Writable<Quote>;
  record.time = reader.time();
  record.value = reader.money();
  return record;
}

function readBars(reader: Reader): Bars {
  const record = {} as Writable<Bars>;
  record.bars = reader.rest(() => readBar(reader));
  return record;
}

function readUserInfo(reader: Reader): UserInfo {
  const record = {} as Writable<UserInfo>;
  record.private = reader.flag();
  record.username = reader.text();
  record.isPassword = reader.flag();
  record.created = reader.time();
  if (record.private) {
    record.email = reader.text();
  }
  if (record.private) {
    record.cash = reader.money();
  }
  return record;
}

function readPosition(reader: Reader): Position {
  const record = {} as Writable<Position>;
  record.symbol = reader.symbol(SYMBOL);
  record.quantity = reader.quantity();
  record.averageCost = reader.money();
  record.value = reader.money();
  return record;
}

function readPositionShare(reader: Reader): PositionShare {
  const record = {} as Writable<PositionShare>;
  record.symbol = reader.symbol(SYMBOL);
  record.share = reader.share();
  return record;
}

function readPortfolio(reader: Reader): Portfolio {
  const record = {} as Writable<Portfolio>;
  record.private = reader.flag();
  record.count = reader.count();
  if (record.private) {
    record.cash = reader.money();
  }
  if (record.private) {
    record.positions = reader.times(record.count, () => readPosition(reader));
  }
  if (!record.private) {
    record.positions = reader.times(record.count, () => readPositionShare(reader));
  }
  return record;
}

function readTransaction(reader: Reader, outer: { readonly private: boolean }): Transaction {
  const record = {} as Writable<Transaction>;
  record.id = reader.uuid();
  record.side = reader.side();
  record.status = reader.status();
  record.symbol = reader.symbol(SYMBOL);
  record.accepted = reader.time();
  record.settled = reader.time();
  if (outer.private) {
    record.quantity = reader.quantity();
  }
  if (outer.private) {
    record.price = reader.money();
  }
  if (outer.private) {
    record.total = reader.money();
  }
  if (outer.private) {
    record.priced = reader.time();
  }
  if (outer.private) {
    record.clientOrderID = reader.text();
  }
  if (outer.private) {
    record.reason = reader.text();
  }
  return record;
}

function readTransactions(reader: Reader): Transactions {
  const record = {} as Writable<Transactions>;
  record.private = reader.flag();
  record.count = reader.count();
  record.transactions = reader.times(record.count, () => readTransaction(reader, record));
  return record;
}

function readForecast(reader: Reader): Forecast {
  const record = {} as Writable<Forecast>;
  record.method = reader.text();
  record.time = reader.time();
  record.value = reader.money();
  record.low = reader.money();
  record.high = reader.money();
  return record;
}

function readList(reader: Reader): List {
  const record = {} as Writable<List>;
  record.count = reader.count();
  record.texts = reader.times(record.count, () => reader.text());
  return record;
}

function readReceiptLine(reader: Reader): ReceiptLine {
  const record = {} as Writable<ReceiptLine>;
  record.name = reader.text();
  record.value = reader.text();
  return record;
}

function readReceipt(reader: Reader): Receipt {
  const record = {} as Writable<Receipt>;
  record.count = reader.count();
  record.lines = reader.times(record.count, () => readReceiptLine(reader));
  return record;
}

function readSession(reader: Reader): Session {
  const record = {} as Writable<Session>;
  record.id = reader.text();
  record.current = reader.flag();
  record.expirable = reader.flag();
  record.method = reader.text();
  record.expiry = reader.time();
  record.made = reader.time();
  record.madeClient = reader.text();
  record.madeWorker = reader.text();
  record.used = reader.time();
  record.usedClient = reader.text();
  record.usedWorker = reader.text();
  return record;
}

function readSessions(reader: Reader): Sessions {
  const record = {} as Writable<Sessions>;
  record.count = reader.count();
  record.sessions = reader.times(record.count, () => readSession(reader));
  return record;
}

function readToken(reader: Reader): Token {
  const record = {} as Writable<Token>;
  record.name = reader.text();
  record.id = reader.text();
  record.scope = reader.text();
  record.expiry = reader.time();
  record.made = reader.time();
  record.madeClient = reader.text();
  record.madeWorker = reader.text();
  record.used = reader.time();
  record.usedClient = reader.text();
  record.usedWorker = reader.text();
  return record;
}

function readTokens(reader: Reader): Tokens {
  const record = {} as Writable<Tokens>;
  record.count = reader.count();
  record.tokens = reader.times(record.count, () => readToken(reader));
  return record;
}

function readIdentity(reader: Reader): Identity {
  const record = {} as Writable<Identity>;
  record.providers = reader.text();
  record.issuer = reader.text();
  record.subject = reader.text();
  record.linked = reader.time();
  return record;
}

function readIdentities(reader: Reader): Identities {
  const record = {} as Writable<Identities>;
  record.count = reader.count();
  record.identities = reader.times(record.count, () => readIdentity(reader));
  return record;
}

function readOrderParameters(reader: Reader): OrderParameters {
  const record = {} as Writable<OrderParameters>;
  record.kind = reader.text();
  record.limit = reader.money();
  record.stop = reader.money();
  record.stopPercent = reader.percent();
  record.timeInForce = reader.text();
  record.cash = reader.money();
  return record;
}

function readOpenOrder(reader: Reader): OpenOrder {
  const record = {} as Writable<OpenOrder>;
  record.id = reader.uuid();
  record.side = reader.side();
  record.status = reader.status();
  record.symbol = reader.symbol(SYMBOL);
  record.accepted = reader.time();
  record.quantity = reader.quantity();
  record.order = readOrderParameters(reader);
  record.until = reader.time();
  record.triggered = reader.flag();
  record.reserve = reader.money();
  record.clientOrderID = reader.text();
  return record;
}

function readOpenOrders(reader: Reader): OpenOrders {
  const record = {} as Writable<OpenOrders>;
  record.count = reader.count();
  record.orders = reader.times(record.count, () => readOpenOrder(reader));
  return record;
}

function readPositionSummary(reader: Reader): PositionSummary {
  const record = {} as Writable<PositionSummary>;
  record.symbol = reader.symbol(SYMBOL);
  record.units = reader.quantity();
  record.promised = reader.quantity();
  record.cost = reader.money();
  record.value = reader.money();
  record.previousClose = reader.money();
  record.realised = reader.money();
  return record;
}

function readAccountSummary(reader: Reader): AccountSummary {
  const record = {} as Writable<AccountSummary>;
  record.cash = reader.money();
  record.reserved = reader.money();
  record.buyingPower = reader.money();
  record.value = reader.money();
  record.equity = reader.money();
  record.dayChange = reader.money();
  record.realised = reader.money();
  record.unrealised = reader.money();
  record.fees = reader.money();
  record.count = reader.count();
  record.positions = reader.times(record.count, () => readPositionSummary(reader));
  record.update = reader.u64();
  return record;
}

function readPageEntry(reader: Reader, outer: { readonly private: boolean }): PageEntry {
  const record = {} as Writable<PageEntry>;
  record.id = reader.uuid();
  record.side = reader.side();
  record.status = reader.status();
  record.symbol = reader.symbol(SYMBOL);
  record.accepted = reader.time();
  record.settled = reader.time();
  if (outer.private) {
    record.quantity = reader.quantity();
  }
  if (outer.private) {
    record.price = reader.money();
  }
  if (outer.private) {
    record.total = reader.money();
  }
  if (outer.private) {
    record.priced = reader.time();
  }
  if (outer.private) {
    record.clientOrderID = reader.text();
  }
  if (outer.private) {
    record.reason = reader.text();
  }
  if (outer.private) {
    record.order = readOrderParameters(reader);
  }
  if (outer.private) {
    record.fee = reader.money();
  }
  if (outer.private) {
    record.cause = reader.text();
  }
  if (outer.private) {
    record.note = reader.text();
  }
  return record;
}

function readTransactionPage(reader: Reader): TransactionPage {
  const record = {} as Writable<TransactionPage>;
  record.private = reader.flag();
  record.count = reader.count();
  record.transactions = reader.times(record.count, () => readPageEntry(reader, record));
  return record;
}

function readQuoteListRow(reader: Reader): QuoteListRow {
  const record = {} as Writable<QuoteListRow>;
  record.symbol = reader.symbol(SYMBOL);
  record.name = reader.text();
  record.factor = reader.u64();
  record.flags = reader.u8();
  record.time = reader.time();
  record.value = reader.money();
  record.previousClose = reader.money();
  record.open = reader.money();
  record.high = reader.money();
  record.low = reader.money();
  record.volume = reader.u64();
  return record;
}

function readQuoteList(reader: Reader): QuoteList {
  const record = {} as Writable<QuoteList>;
  record.count = reader.count();
  record.quotes = reader.times(record.count, () => readQuoteListRow(reader));
  record.update = reader.u64();
  return record;
}

const FAILURE: readonly ArgumentRow[] = [
  { name: "code", type: "ReasonCode" },
  { name: "text", type: "Text" },
];
/** What is known of each request: number, state, arguments, and its answers by number. */
export const REQUESTS: { readonly [Name in RequestName]: RequestRow<Answers[Name]> } = {
  login: {
    number: 257,
    state: "command",
    arguments: [{ name: "username", type: "Username", reason: "bad-credentials" }, { name: "hashedPass", type: "HashedPass", reason: "bad-credentials" }, { name: "isExpirable", type: "Flag", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["login"]>>([
      [770, { arguments: [{ name: "sessionID", type: "SessionId" }, { name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "sessionID", sessionID: text(texts, 0), worker: texts.slice(1) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  loginWithSessionID: {
    number: 258,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["loginWithSessionID"]>>([
      [770, { arguments: [{ name: "sessionID", type: "SessionId" }, { name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "sessionID", sessionID: text(texts, 0), worker: texts.slice(1) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  register: {
    number: 259,
    state: "command",
    arguments: [{ name: "username", type: "Username", reason: "username-invalid" }, { name: "email", type: "Email", reason: "email-invalid" }, { name: "hashedPass", type: "HashedPass", reason: "password-invalid" }],
    answers: new Map<number, AnswerRow<Answers["register"]>>([
      [771, { arguments: [], read: () => ({ instruction: "registerSuccess" }) }],
      [772, { failure: true, arguments: FAILURE }],
    ]),
  },
  purchaseAsset: {
    number: 260,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "name", type: "Symbol", reason: "unknown-asset" }, { name: "quantity", type: "Quantity", reason: "quantity-invalid" }, { name: "clientOrderID", type: "ClientOrderId", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["purchaseAsset"]>>([
      [773, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "asset", type: "Symbol" }, { name: "quantity", type: "CanonicalQuantity" }, { name: "price", type: "CanonicalMoney" }, { name: "total", type: "CanonicalMoney" }, { name: "time", type: "CanonicalTime" }], read: (texts) => ({ instruction: "purchaseSuccess", transactionID: text(texts, 0), asset: text(texts, 1), quantity: readMoney(text(texts, 2)), price: readMoney(text(texts, 3)), total: readMoney(text(texts, 4)), time: readTime(text(texts, 5)) }) }],
      [774, { failure: true, arguments: FAILURE }],
    ]),
  },
  sellAsset: {
    number: 261,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "name", type: "Symbol", reason: "unknown-asset" }, { name: "quantity", type: "Quantity", reason: "quantity-invalid" }, { name: "clientOrderID", type: "ClientOrderId", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["sellAsset"]>>([
      [775, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "asset", type: "Symbol" }, { name: "quantity", type: "CanonicalQuantity" }, { name: "price", type: "CanonicalMoney" }, { name: "total", type: "CanonicalMoney" }, { name: "time", type: "CanonicalTime" }], read: (texts) => ({ instruction: "sellSuccess", transactionID: text(texts, 0), asset: text(texts, 1), quantity: readMoney(text(texts, 2)), price: readMoney(text(texts, 3)), total: readMoney(text(texts, 4)), time: readTime(text(texts, 5)) }) }],
      [776, { failure: true, arguments: FAILURE }],
    ]),
  },
  switchState: {
    number: 262,
    state: null,
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "state", type: "State", reason: "state-invalid" }],
    answers: new Map<number, AnswerRow<Answers["switchState"]>>([
      [777, { arguments: [{ name: "state", type: "State" }], read: (texts) => ({ instruction: "stateSwitchSuccess", state: text(texts, 0) }) }],
      [778, { failure: true, arguments: FAILURE }],
    ]),
  },
  logout: {
    number: 263,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["logout"]>>([
      [781, { arguments: [], read: () => ({ instruction: "logoutSuccess" }) }],
      [782, { failure: true, arguments: FAILURE }],
    ]),
  },
  changePassword: {
    number: 264,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "hashedPass", type: "HashedPassOrDash", reason: "bad-credentials" }, { name: "newHashedPass", type: "HashedPass", reason: "password-invalid" }],
    answers: new Map<number, AnswerRow<Answers["changePassword"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  requestReset: {
    number: 265,
    state: "command",
    arguments: [{ name: "usernameOrEmail", type: "UsernameOrEmail", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["requestReset"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  resetPassword: {
    number: 266,
    state: "command",
    arguments: [{ name: "username", type: "Username", reason: "code-invalid" }, { name: "code", type: "ResetCode", reason: "code-invalid" }, { name: "newHashedPass", type: "HashedPass", reason: "password-invalid" }],
    answers: new Map<number, AnswerRow<Answers["resetPassword"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  deleteAccount: {
    number: 267,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "hashedPass", type: "HashedPassOrDash", reason: "bad-credentials" }],
    answers: new Map<number, AnswerRow<Answers["deleteAccount"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  endSessions: {
    number: 268,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "which", type: "SessionSelection", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["endSessions"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  createToken: {
    number: 269,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "name", type: "TokenName", reason: "name-invalid" }, { name: "scope", type: "TokenScope", reason: "argument-invalid" }, { name: "days", type: "Days", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["createToken"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  revokeToken: {
    number: 270,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "name", type: "TokenName", reason: "name-invalid" }],
    answers: new Map<number, AnswerRow<Answers["revokeToken"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  beginThirdParty: {
    number: 271,
    state: "command",
    arguments: [{ name: "provider", type: "IdentityProviderName", reason: "provider-unknown" }, { name: "method", type: "SignInMethod", reason: "argument-invalid" }, { name: "redirectURI", type: "RedirectUri", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["beginThirdParty"]>>([
      [785, { arguments: [{ name: "handle", type: "SignInHandle" }, { name: "poll", type: "PollSeconds" }, { name: "expiry", type: "CanonicalTime" }, { name: "userCode", type: "UserCode" }, { name: "url", type: "WebAddress" }], read: (texts) => ({ instruction: "thirdPartyStarted", handle: text(texts, 0), poll: Number(text(texts, 1)), expiry: readTime(text(texts, 2)), userCode: readOrNone(text(texts, 3)), url: text(texts, 4) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  awaitThirdParty: {
    number: 272,
    state: "command",
    arguments: [{ name: "handle", type: "SignInHandle", reason: "code-invalid" }],
    answers: new Map<number, AnswerRow<Answers["awaitThirdParty"]>>([
      [770, { arguments: [{ name: "sessionID", type: "SessionId" }, { name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "sessionID", sessionID: text(texts, 0), worker: texts.slice(1) }) }],
      [786, { arguments: [], read: () => ({ instruction: "thirdPartyPending" }) }],
      [787, { arguments: [{ name: "handle", type: "SignInHandle" }, { name: "username", type: "UsernameOrDash" }], read: (texts) => ({ instruction: "thirdPartyUnknown", handle: text(texts, 0), username: readOrNone(text(texts, 1)) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  completeThirdParty: {
    number: 273,
    state: "command",
    arguments: [{ name: "handle", type: "SignInHandle", reason: "code-invalid" }, { name: "code", type: "BrowserSecret", reason: "argument-invalid" }, { name: "state", type: "BrowserSecret", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["completeThirdParty"]>>([
      [770, { arguments: [{ name: "sessionID", type: "SessionId" }, { name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "sessionID", sessionID: text(texts, 0), worker: texts.slice(1) }) }],
      [786, { arguments: [], read: () => ({ instruction: "thirdPartyPending" }) }],
      [787, { arguments: [{ name: "handle", type: "SignInHandle" }, { name: "username", type: "UsernameOrDash" }], read: (texts) => ({ instruction: "thirdPartyUnknown", handle: text(texts, 0), username: readOrNone(text(texts, 1)) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  registerThirdParty: {
    number: 274,
    state: "command",
    arguments: [{ name: "handle", type: "SignInHandle", reason: "code-invalid" }, { name: "username", type: "Username", reason: "username-invalid" }, { name: "email", type: "EmailOrDash", reason: "email-invalid" }],
    answers: new Map<number, AnswerRow<Answers["registerThirdParty"]>>([
      [770, { arguments: [{ name: "sessionID", type: "SessionId" }, { name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "sessionID", sessionID: text(texts, 0), worker: texts.slice(1) }) }],
      [769, { failure: true, arguments: FAILURE }],
    ]),
  },
  linkThirdParty: {
    number: 275,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "handle", type: "SignInHandle", reason: "code-invalid" }],
    answers: new Map<number, AnswerRow<Answers["linkThirdParty"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  unlinkThirdParty: {
    number: 276,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "provider", type: "IdentityProviderName", reason: "provider-unknown" }],
    answers: new Map<number, AnswerRow<Answers["unlinkThirdParty"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  placeOrder: {
    number: 277,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "side", type: "OrderSide", reason: "argument-invalid" }, { name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "quantity", type: "OrderAmount", reason: "quantity-invalid" }, { name: "kind", type: "OrderKind", reason: "kind-invalid" }, { name: "limit", type: "PriceOrDash", reason: "price-invalid" }, { name: "stop", type: "StopOrDash", reason: "price-invalid" }, { name: "timeInForce", type: "TimeInForce", reason: "date-invalid" }, { name: "clientOrderID", type: "ClientOrderId", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["placeOrder"]>>([
      [788, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "clientOrderID", type: "ClientOrderIdOrDash" }, { name: "status", type: "StatusWord" }], read: (texts) => ({ instruction: "orderPlaced", transactionID: text(texts, 0), clientOrderID: readOrNone(text(texts, 1)), status: text(texts, 2) }) }],
      [790, { failure: true, arguments: FAILURE }],
    ]),
  },
  cancelOrder: {
    number: 278,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "transactionID", type: "TransactionId", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["cancelOrder"]>>([
      [789, { arguments: [{ name: "transactionID", type: "TransactionId" }], read: (texts) => ({ instruction: "orderCancelled", transactionID: text(texts, 0) }) }],
      [790, { failure: true, arguments: FAILURE }],
    ]),
  },
  replaceOrder: {
    number: 279,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "transactionID", type: "TransactionId", reason: "argument-invalid" }, { name: "quantity", type: "OrderAmountOrDash", reason: "quantity-invalid" }, { name: "limit", type: "PriceOrDash", reason: "price-invalid" }, { name: "stop", type: "StopOrDash", reason: "price-invalid" }, { name: "clientOrderID", type: "ClientOrderId", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["replaceOrder"]>>([
      [788, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "clientOrderID", type: "ClientOrderIdOrDash" }, { name: "status", type: "StatusWord" }], read: (texts) => ({ instruction: "orderPlaced", transactionID: text(texts, 0), clientOrderID: readOrNone(text(texts, 1)), status: text(texts, 2) }) }],
      [790, { failure: true, arguments: FAILURE }],
    ]),
  },
  subscribe: {
    number: 280,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "topic", type: "Topic", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["subscribe"]>>([
      [791, { arguments: [{ name: "topic", type: "Topic" }], read: (texts) => ({ instruction: "subscribed", topic: text(texts, 0) }) }],
      [790, { failure: true, arguments: FAILURE }],
    ]),
  },
  unsubscribe: {
    number: 281,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "topic", type: "Topic", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["unsubscribe"]>>([
      [792, { arguments: [{ name: "topic", type: "Topic" }], read: (texts) => ({ instruction: "unsubscribed", topic: text(texts, 0) }) }],
      [790, { failure: true, arguments: FAILURE }],
    ]),
  },
  changeEmail: {
    number: 282,
    state: "command",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "hashedPass", type: "HashedPassOrDash", reason: "bad-credentials" }, { name: "email", type: "EmailOrDash", reason: "email-invalid" }],
    answers: new Map<number, AnswerRow<Answers["changeEmail"]>>([
      [783, { arguments: [{ name: "value", type: "AccountValue", optional: true }], read: (texts) => ({ instruction: "accountSuccess", value: texts.length > 0 ? text(texts, 0) : null }) }],
      [784, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetInfo: {
    number: 513,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }],
    answers: new Map<number, AnswerRow<Answers["getAssetInfo"]>>([
      [779, { payload: readAssetInfo }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueCurrent: {
    number: 514,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueCurrent"]>>([
      [779, { payload: readQuote }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueDay: {
    number: 515,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "date", type: "Date", reason: "date-invalid" }, { name: "adjustment", type: "Adjustment", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueDay"]>>([
      [779, { payload: readBars }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueWeek: {
    number: 516,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "date", type: "Date", reason: "date-invalid" }, { name: "adjustment", type: "Adjustment", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueWeek"]>>([
      [779, { payload: readBars }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueMonth: {
    number: 517,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "date", type: "Date", reason: "date-invalid" }, { name: "adjustment", type: "Adjustment", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueMonth"]>>([
      [779, { payload: readBars }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueYear: {
    number: 518,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "date", type: "Date", reason: "date-invalid" }, { name: "adjustment", type: "Adjustment", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueYear"]>>([
      [779, { payload: readBars }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValueAllTime: {
    number: 519,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "adjustment", type: "Adjustment", optional: true, reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValueAllTime"]>>([
      [779, { payload: readBars }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getUserInfo: {
    number: 520,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "username", type: "Username", reason: "unknown-user" }],
    answers: new Map<number, AnswerRow<Answers["getUserInfo"]>>([
      [779, { payload: readUserInfo }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getUserPortfolio: {
    number: 521,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "username", type: "Username", reason: "unknown-user" }],
    answers: new Map<number, AnswerRow<Answers["getUserPortfolio"]>>([
      [779, { payload: readPortfolio }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getUserTransactionHistory: {
    number: 522,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "username", type: "Username", reason: "unknown-user" }],
    answers: new Map<number, AnswerRow<Answers["getUserTransactionHistory"]>>([
      [779, { payload: readTransactions }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetValuePredicted: {
    number: 523,
    state: "data",
    arguments: [{ name: "asset", type: "Symbol", reason: "unknown-asset" }, { name: "date", type: "Date", reason: "date-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getAssetValuePredicted"]>>([
      [779, { payload: readForecast }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAssetList: {
    number: 524,
    state: "data",
    arguments: [],
    answers: new Map<number, AnswerRow<Answers["getAssetList"]>>([
      [779, { payload: readList }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getTransactionReceipt: {
    number: 525,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "transactionID", type: "TransactionId", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getTransactionReceipt"]>>([
      [779, { payload: readReceipt }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getSessions: {
    number: 526,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getSessions"]>>([
      [779, { payload: readSessions }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getTokens: {
    number: 527,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getTokens"]>>([
      [779, { payload: readTokens }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getIdentities: {
    number: 528,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getIdentities"]>>([
      [779, { payload: readIdentities }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getOpenOrders: {
    number: 529,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getOpenOrders"]>>([
      [779, { payload: readOpenOrders }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAccountSummary: {
    number: 530,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getAccountSummary"]>>([
      [779, { payload: readAccountSummary }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getUserTransactionHistoryPage: {
    number: 531,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }, { name: "username", type: "Username", reason: "unknown-user" }, { name: "before", type: "TransactionIdOrDash", reason: "argument-invalid" }, { name: "count", type: "PageCount", reason: "argument-invalid" }],
    answers: new Map<number, AnswerRow<Answers["getUserTransactionHistoryPage"]>>([
      [779, { payload: readTransactionPage }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getQuoteList: {
    number: 532,
    state: "data",
    arguments: [],
    answers: new Map<number, AnswerRow<Answers["getQuoteList"]>>([
      [779, { payload: readQuoteList }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  getAccountExport: {
    number: 533,
    state: "data",
    arguments: [{ name: "sessionID", type: "SessionId", reason: "session-expired" }],
    answers: new Map<number, AnswerRow<Answers["getAccountExport"]>>([
      [779, { payload: readList }],
      [780, { failure: true, arguments: FAILURE }],
    ]),
  },
  ping: {
    number: 1025,
    state: null,
    arguments: [],
    answers: new Map<number, AnswerRow<Answers["ping"]>>([
      [1026, { arguments: [], read: () => ({ instruction: "pong" }) }],
    ]),
  },
  getWorkerList: {
    number: 1027,
    state: null,
    arguments: [],
    answers: new Map<number, AnswerRow<Answers["getWorkerList"]>>([
      [1028, { arguments: [{ name: "worker", type: "WorkerAddress", repeated: true }], read: (texts) => ({ instruction: "workerList", worker: texts.slice(0) }) }],
    ]),
  },
  getServerInfo: {
    number: 1031,
    state: null,
    arguments: [],
    answers: new Map<number, AnswerRow<Answers["getServerInfo"]>>([
      [1032, { arguments: [{ name: "fact", type: "NameValue", repeated: true }], read: (texts) => ({ instruction: "serverInfo", fact: texts.slice(0) }) }],
    ]),
  },
};

/** The notices by their number. */
export const NOTICES: ReadonlyMap<number, AnswerRow<Notice>> = new Map<number, AnswerRow<Notice>>([
  [1029, { arguments: [{ name: "code", type: "FaultCode" }, { name: "text", type: "Text" }], read: (texts) => ({ instruction: "protocolError", code: text(texts, 0), text: text(texts, 1) }) }],
  [1030, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "clientOrderID", type: "ClientOrderIdOrDash" }, { name: "time", type: "CanonicalTime" }], read: (texts) => ({ instruction: "transactionQueued", transactionID: text(texts, 0), clientOrderID: readOrNone(text(texts, 1)), time: readTime(text(texts, 2)) }) }],
  [1033, { arguments: [{ name: "transactionID", type: "TransactionId" }, { name: "status", type: "StatusWord" }, { name: "asset", type: "Symbol" }, { name: "quantity", type: "CanonicalQuantity" }, { name: "price", type: "CanonicalMoneyOrDash" }, { name: "total", type: "CanonicalMoneyOrDash" }, { name: "time", type: "CanonicalTime" }, { name: "reason", type: "EndReasonCode", optional: true }], read: (texts) => ({ instruction: "orderNotice", transactionID: text(texts, 0), status: text(texts, 1), asset: text(texts, 2), quantity: readMoney(text(texts, 3)), price: readMoneyOrNone(text(texts, 4)), total: readMoneyOrNone(text(texts, 5)), time: readTime(text(texts, 6)), reason: texts.length > 7 ? text(texts, 7) : null }) }],
  [1034, { arguments: [{ name: "marketTime", type: "CanonicalTime" }, { name: "quote", type: "QuoteValue", repeated: true }], read: (texts) => ({ instruction: "quoteNotice", marketTime: readTime(text(texts, 0)), quote: texts.slice(1) }) }],
  [1035, { arguments: [{ name: "topic", type: "Topic" }, { name: "count", type: "DroppedCount" }], read: (texts) => ({ instruction: "noticesDropped", topic: text(texts, 0), count: Number(text(texts, 1)) }) }],
]);

// spec/page.md · Reconnecting
// Keeps two connections to one worker of a deployment: one in the command state, one in the data state.
import { ConnectionError, RefusalError, type ConnectionState, type Market } from "./api.ts";
import { ArgumentError } from "./codec.ts";
import { Connection, SilenceError, type Network } from "./connection.ts";
import { Listeners, LiveValue } from "./live.ts";
import { readMarket } from "./market.ts";
import { WireError } from "./reader.ts";
import { REQUESTS, type Answers, type Arguments, type Notice, type RequestName } from "./wire.ts";

/** How long a call waits for a connection. */
export const CALL_TIMEOUT = 60_000;
/** The first pause after a round over all workers that failed; it doubles up to the longest. Each varies by a quarter. */
export const PAUSE_MIN = 250;
export const PAUSE_MAX = 15_000;
/** Between two checks of deadlines. */
export const TICK_INTERVAL = 1_000;
/** Between two tries to subscribe to what was refused. */
const SUBSCRIBE_INTERVAL = 5_000;
/** Between two questions about the market where no notice asks for one. */
const MARKET_INTERVAL = 10_000;
/** Prices are overdue after two intervals, or this. */
const OVERDUE_MIN = 2_000;
/** Workers that the page knows at most. */
export const WORKERS_MAX = 64;

/** How a call is made. */
export interface CallOptions {
  /** It is sent again after a broken connection: only for what may happen twice. Reads are always. */
  readonly isRepeatable?: boolean;
  /** Milliseconds for which it waits for a connection. */
  readonly patience?: number;
}

interface Call {
  readonly name: RequestName;
  readonly build: (sessionID: string) => readonly (string | undefined)[];
  readonly needsSession: boolean;
  readonly isRepeatable: boolean;
  readonly deadline: number;
  /** How often it made the client move on to another worker. */
  moves: number;
  /** It was sent, and its answer is not known. */
  isUncertain: boolean;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Client {
  readonly state = new LiveValue<ConnectionState>({ kind: "connecting" });
  readonly market = new LiveValue<Market>();
  readonly notices = new Listeners<Notice>();
  /** The session is over: it was ended elsewhere, or its time is up. */
  readonly sessionEnded = new Listeners<void>();
  /** Connections stand again, or for the first time, with a session: whatever was told meanwhile is unknown. */
  readonly attached = new Listeners<void>();

  private addresses: string[];
  private index = 0;
  private command: Connection | null = null;
  private data: Connection | null = null;
  private session: string | null = null;
  /** Workers that were tried since the last connection that stood. */
  private tries = 0;
  private retryAt: number | null = null;
  private isEstablishing = false;
  private isStopped = false;
  private queue: Call[] = [];
  private wanted = new Set<string>();
  private nextSubscribe = 0;
  private nextMarket = 0;
  /** When prices came, or were last looked for. */
  private lastPrices = 0;
  private isAskingMarket = false;
  /** Prices came while the answer was on its way. */
  private isMarketStale = false;

  constructor(
    own: string,
    private readonly network: Network,
  ) {
    this.addresses = [own];
  }

  /** Connects, and goes on doing so. `tick` must be called every TICK_INTERVAL from now on. */
  start(): void {
    void this.establish();
  }
  stop(): void {
    this.isStopped = true;
    this.drop(new ConnectionError("the page ends", false));
  }
  /** The workers to move on to, this page's own first. What is no address of a WebSocket is left out. */
  setAddresses(urls: readonly string[]): void {
    const current = this.addresses[this.index];
    const known = new Set<string>(this.addresses.slice(0, 1));
    // A browser refuses to go from https to what is not encrypted.
    const form = this.addresses[0]?.startsWith("wss:") ? /^wss:\/\/[^/?#@\s]+\/ws$/ : /^wss?:\/\/[^/?#@\s]+\/ws$/;
    for (const url of urls) if (form.test(url) && known.size < WORKERS_MAX) known.add(url);
    this.addresses = [...known];
    this.index = Math.max(0, this.addresses.indexOf(current ?? ""));
  }
  get sessionID(): string | null {
    return this.session;
  }
  /** Uses a session from now on, on both connections. */
  async attach(sessionID: string): Promise<void> {
    this.session = sessionID;
    const { command } = this;
    if (!command?.isUsable || this.isEstablishing) return;
    await this.attachSession().catch((error: unknown) => {
      if (command === this.command) this.lose(error);
    });
  }
  /** Forgets the session. Calls that need it fail. */
  detach(): void {
    this.session = null;
    this.wanted.clear();
    const data = this.data;
    this.data = null;
    data?.close();
    for (const call of this.queue.filter((one) => one.needsSession)) this.fail(call, new RefusalError("session-expired", "you are signed out"));
    this.queue = this.queue.filter((one) => !one.needsSession);
  }
  /** Ends a session as the page goes away: nobody waits for the answer. */
  endSession(): void {
    if (this.session) this.command?.sendLast("logout", this.session);
  }
  /** Asks for a topic's notices, now and after each new connection. */
  subscribe(topic: string): void {
    this.wanted.add(topic);
    this.nextSubscribe = this.network.now();
    this.subscribeAll();
  }
  /** Looks whether the connections still stand, and connects at once if not: the computer woke, the network is back. */
  wake(): void {
    if (this.retryAt !== null) void this.establish();
    this.command?.probe();
    this.data?.probe();
    this.nextMarket = 0;
    this.tick();
  }

  /** Makes a request. Waits for a connection; repeats what may be repeated after a broken one. */
  call<Name extends RequestName>(name: Name, build: (sessionID: string) => Arguments[Name], options: CallOptions = {}): Promise<Answers[Name]> {
    return new Promise<Answers[Name]>((resolve, reject) => {
      const row = REQUESTS[name];
      const call: Call = {
        name,
        build,
        needsSession: row.state === "data" || row.arguments[0]?.name === "sessionID",
        isRepeatable: options.isRepeatable ?? (row.state === "data" || row.state === null),
        deadline: this.network.now() + (options.patience ?? CALL_TIMEOUT),
        moves: 0,
        isUncertain: false,
        resolve: resolve as (value: unknown) => void,
        reject,
      };
      if (call.needsSession && this.session === null) reject(new RefusalError("session-expired", "you are signed out"));
      else this.send(call);
    });
  }

  /** Checks all deadlines. */
  tick(): void {
    const now = this.network.now();
    this.command?.tick();
    this.data?.tick();
    for (const call of this.queue.filter((one) => now > one.deadline)) {
      this.fail(call, new ConnectionError("no server is reached", call.isUncertain));
    }
    this.queue = this.queue.filter((one) => now <= one.deadline);
    if (this.retryAt !== null && now >= this.retryAt) void this.establish();
    const state = this.state.value;
    if (state?.kind !== "open") return;
    const silentSince = this.command?.silentSince ?? this.data?.silentSince ?? null;
    if (silentSince !== state.silentSince) this.state.set({ kind: "open", silentSince });
    // Prices that do not come are a reason to look whether the server still answers.
    const interval = this.market.value?.updateInterval ?? null;
    if (interval !== null && now - this.lastPrices > Math.max(2 * interval, OVERDUE_MIN)) {
      this.lastPrices = now;
      this.nextMarket = now;
    }
    if (now >= this.nextSubscribe) this.subscribeAll();
    if (now >= this.nextMarket) this.askMarket();
  }

  private send(call: Call): void {
    const connection = REQUESTS[call.name].state === "data" ? this.data : this.command;
    if (this.isEstablishing || !connection?.isUsable || (call.needsSession && this.session === null)) {
      this.queue.push(call);
      return;
    }
    const sessionID = this.session ?? "";
    let answer: Promise<unknown>;
    try {
      const texts = call.build(sessionID) as Arguments[RequestName];
      answer = (connection.request as (name: RequestName, ...texts: Arguments[RequestName]) => Promise<unknown>).call(connection, call.name, ...texts);
    } catch (error) {
      // What the server would refuse is refused here, with the same reason.
      const isForm = error instanceof ArgumentError;
      this.fail(call, isForm ? new RefusalError(error.reason, error.message) : asError(error));
      return;
    }
    answer.then(
      (value) => call.resolve(value),
      (error: unknown) => this.settle(call, error, connection, sessionID),
    );
  }
  private settle(call: Call, error: unknown, connection: Connection, sessionID: string): void {
    if (error instanceof ConnectionError) {
      call.isUncertain ||= error.isUncertain;
      const isOver = call.needsSession && this.session === null;
      if (call.isRepeatable && !this.isStopped && !isOver && this.network.now() <= call.deadline) this.send(call);
      else this.fail(call, new ConnectionError(error.message, call.isUncertain));
      return;
    }
    if (error instanceof RefusalError && error.reason === "master-unavailable" && call.moves < this.addresses.length - 1) {
      // This worker has lost its master, and sent nothing on: another may have it.
      call.moves += 1;
      if (connection === this.command || connection === this.data) this.moveOn(error);
      this.send(call);
      return;
    }
    this.fail(call, asError(error));
    if (error instanceof RefusalError && error.reason === "session-expired" && call.needsSession) this.endedSession(sessionID);
  }
  private fail(call: Call, error: Error): void {
    call.reject(error);
  }
  private endedSession(sessionID: string): void {
    if (this.session !== sessionID) return;
    this.detach();
    this.sessionEnded.tell();
  }

  private connect(): Connection {
    const connection: Connection = new Connection(this.addresses[this.index] ?? "", this.network, {
      notice: (notice) => this.hear(notice, connection),
      ended: (why) => {
        if (connection === this.command || connection === this.data) this.lose(why);
      },
    });
    return connection;
  }
  private async establish(): Promise<void> {
    if (this.isEstablishing || this.isStopped) return;
    this.isEstablishing = true;
    this.retryAt = null;
    this.state.set({ kind: "connecting" });
    this.command = this.connect();
    const command = this.command;
    try {
      await command.opened();
      const info = await command.request("getServerInfo");
      this.market.set(readMarket(info.fact));
      this.nextMarket = this.network.now() + MARKET_INTERVAL;
      // A session may take the place of another while that is attached.
      for (let used: string | null = null; this.session !== null && this.session !== used; ) {
        used = this.session;
        await this.attachSession();
      }
    } catch (error) {
      if (command === this.command) this.lose(error);
      return;
    }
    if (command !== this.command) return;
    this.isEstablishing = false;
    this.tries = 0;
    this.state.set({ kind: "open", silentSince: null });
    this.lastPrices = this.network.now();
    if (this.session) this.attached.tell();
    this.flush();
  }
  /** The session on both connections, and its topics. */
  private async attachSession(): Promise<void> {
    const { command, session } = this;
    if (!command || !session) return;
    const isFirst = !this.isEstablishing;
    const before = this.data;
    this.data = null;
    before?.close();
    const data = this.connect();
    this.data = data;
    try {
      await Promise.all([
        command.request("loginWithSessionID", session),
        data.opened().then(() => data.request("switchState", session, "data")),
      ]);
    } catch (error) {
      if (!(error instanceof RefusalError) || error.reason !== "session-expired") throw error;
      this.endedSession(session);
      return;
    }
    this.nextSubscribe = this.network.now();
    this.subscribed.clear();
    this.subscribeAll();
    if (!isFirst) return;
    this.attached.tell();
    this.flush();
  }
  private readonly subscribed = new Set<string>();
  private subscribeAll(): void {
    const { command, session } = this;
    if (!command?.isUsable || !session) return;
    this.nextSubscribe = this.network.now() + SUBSCRIBE_INTERVAL;
    for (const topic of this.wanted) {
      if (this.subscribed.has(topic)) continue;
      this.subscribed.add(topic);
      command.request("subscribe", session, topic).catch((error: unknown) => {
        if (command !== this.command) return;
        this.subscribed.delete(topic);
        if (error instanceof RefusalError && error.reason === "session-expired") this.endedSession(session);
      });
    }
  }
  private flush(): void {
    const calls = this.queue;
    this.queue = [];
    for (const call of calls) this.send(call);
  }

  private hear(notice: Notice, connection: Connection): void {
    if (connection !== this.command && connection !== this.data) return;
    this.notices.tell(notice);
    if (notice.instruction !== "quoteNotice") return;
    this.lastPrices = this.network.now();
    this.askMarket();
  }
  private askMarket(): void {
    if (this.isAskingMarket) {
      this.isMarketStale = true;
      return;
    }
    if (!this.command?.isUsable) return;
    this.isAskingMarket = true;
    this.isMarketStale = false;
    this.nextMarket = this.network.now() + MARKET_INTERVAL;
    this.command.request("getServerInfo").then(
      (info) => {
        this.isAskingMarket = false;
        this.market.set(readMarket(info.fact));
        if (this.isMarketStale) this.askMarket();
      },
      () => (this.isAskingMarket = false),
    );
  }

  /** A connection has ended, or its worker is of no use: the next try is planned. */
  private lose(why: unknown): void {
    const wasOpen = this.state.value?.kind === "open";
    this.drop(why);
    if (this.isStopped) return;
    // The worker that served until now is tried first: it may only have closed an idle connection. One that spoke
    // nonsense, or nothing any more, is not.
    if (!wasOpen || why instanceof WireError || why instanceof SilenceError) {
      this.tries += 1;
      this.index = (this.index + 1) % this.addresses.length;
    }
    const rounds = Math.floor(this.tries / this.addresses.length);
    const longest = Math.min(PAUSE_MAX, PAUSE_MIN * 2 ** (rounds - 1));
    const pause = rounds === 0 ? 0 : longest * (0.75 + this.network.random() / 2);
    this.retryAt = this.network.now() + pause;
    this.state.set({ kind: "waiting", retryAt: this.retryAt, why: why instanceof Error ? why.message : String(why) });
    if (pause === 0) void this.establish();
  }
  private moveOn(why: Error): void {
    this.drop(why);
    this.index = (this.index + 1) % this.addresses.length;
    void this.establish();
  }
  private drop(why: unknown): void {
    void why;
    const { command, data } = this;
    this.command = this.data = null;
    this.isEstablishing = false;
    this.subscribed.clear();
    this.isAskingMarket = false;
    command?.close();
    data?.close();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

// spec/page.md · A connection
// One WebSocket to a worker: requests in order, answers by counting, notices in between.
import { ConnectionError, RefusalError } from "./api.ts";
import { AnswerReader, encodeRequest, FrameReader, readNotice, type Answer } from "./codec.ts";
import { WireError } from "./reader.ts";
import type { Answers, Arguments, Notice, RequestName } from "./wire.ts";

/** The subprotocol of the WebSocket. */
export const SUBPROTOCOL = "papertrader.1";
/** From the first packet of the network to an open WebSocket. */
export const OPEN_TIMEOUT = 10_000;
/** For an answer to the oldest request. A worker may need 60 s. */
export const ANSWER_TIMEOUT = 75_000;
/** Without a request for so long, a ping is sent: a worker ends an idle connection after 300 s or what it is set to. */
export const PING_INTERVAL = 15_000;
/** For an answer that the worker gives by itself, once nothing is before it. */
export const PROMPT_TIMEOUT = 10_000;
/** After so long without such an answer the person is told. */
export const SILENCE_TIME = 3_000;
/** What a worker answers by itself, at once. */
const PROMPT: ReadonlySet<RequestName> = new Set(["ping", "getServerInfo"]);
/** The control messages' class: a control message that answers nothing is a notice. */
const CONTROL = 4;

/** The server has stopped answering: it is no use to connect to it again at once. */
export class SilenceError extends ConnectionError {}

/** What the browser gives: sockets, time. Tests give their own. */
export interface Network {
  open(url: string): WebSocket;
  /** Milliseconds that only grow. */
  now(): number;
  random(): number;
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  notice(notice: Notice): void;
  /** Once, when it has ended. */
  ended(why: Error): void;
}

interface Pending {
  readonly name: RequestName;
  readonly reader: { push(frame: Parameters<AnswerReader<RequestName>["push"]>[0]): Answer<unknown> };
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Connection {
  private readonly socket: WebSocket;
  private readonly frames = new FrameReader();
  private readonly pending: Pending[] = [];
  private readonly started: number;
  private lastSent: number;
  /** Since when the oldest request is the oldest. */
  private oldestSince = 0;
  private isOpen = false;
  private hasEnded = false;
  private readonly whenOpen: Promise<void>;
  private settleOpen: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(
    readonly url: string,
    private readonly network: Network,
    private readonly events: ConnectionEvents,
  ) {
    this.started = this.lastSent = network.now();
    this.whenOpen = new Promise((resolve, reject) => (this.settleOpen = { resolve, reject }));
    this.whenOpen.catch(() => undefined);
    this.socket = network.open(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      if (this.socket.protocol !== SUBPROTOCOL) return this.end(new WireError("the server speaks another subprotocol"));
      this.isOpen = true;
      this.settleOpen?.resolve();
    };
    this.socket.onmessage = (event: MessageEvent) => this.receive(event.data);
    this.socket.onerror = () => this.end(new ConnectionError("the server is not reached", false));
    this.socket.onclose = () => this.end(new ConnectionError("the connection ended", false));
  }

  /** Resolves once requests can be sent. */
  opened(): Promise<void> {
    return this.whenOpen;
  }
  get isUsable(): boolean {
    return this.isOpen && !this.hasEnded;
  }
  /** Sends a request. Rejects with an ArgumentError, a RefusalError, a WireError, or a ConnectionError that is uncertain. */
  request<Name extends RequestName>(name: Name, ...texts: Arguments[Name]): Promise<Answers[Name]> {
    const bytes = encodeRequest(name, texts);
    if (!this.isUsable) return Promise.reject(new ConnectionError("there is no connection", false));
    return new Promise((resolve, reject) => {
      this.lastSent = this.network.now();
      if (this.pending.length === 0) this.oldestSince = this.lastSent;
      this.pending.push({ name, reader: new AnswerReader(name), resolve: resolve as (value: unknown) => void, reject });
      this.socket.send(bytes);
    });
  }
  /** Sends a request whose answer nobody waits for, as the last one. */
  sendLast<Name extends RequestName>(name: Name, ...texts: Arguments[Name]): void {
    if (this.isUsable) this.socket.send(encodeRequest(name, texts));
  }
  /** Ends it from this side. */
  close(): void {
    this.end(new ConnectionError("the connection was given up", false));
  }
  /** Checks the deadlines, and pings. To be called every few seconds. */
  tick(): void {
    if (this.hasEnded) return;
    const now = this.network.now();
    if (!this.isOpen) {
      if (now - this.started > OPEN_TIMEOUT) this.end(new SilenceError("the server does not answer", false));
      return;
    }
    const oldest = this.pending[0];
    const limit = oldest && PROMPT.has(oldest.name) ? PROMPT_TIMEOUT : ANSWER_TIMEOUT;
    if (oldest && now - this.oldestSince > limit) this.end(new SilenceError("the server does not answer", false));
    else if (now - this.lastSent > PING_INTERVAL) this.probe();
  }
  /** Since when the server owes an answer that it gives by itself; null: it does not, or not for long. */
  get silentSince(): number | null {
    const oldest = this.pending[0];
    const isSilent = oldest && PROMPT.has(oldest.name) && this.network.now() - this.oldestSince > SILENCE_TIME;
    return isSilent ? this.oldestSince : null;
  }
  /** Asks for a sign of life, unless an answer is awaited anyhow. */
  probe(): void {
    if (this.isUsable && this.pending.length === 0) void this.request("ping").catch(() => undefined);
  }

  private receive(data: unknown): void {
    if (this.hasEnded) return;
    try {
      if (!(data instanceof ArrayBuffer)) throw new WireError("a message of text");
      for (const frame of this.frames.push(new Uint8Array(data))) {
        this.take(frame);
        if (this.hasEnded) return;
      }
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)));
    }
  }
  private take(frame: Parameters<AnswerReader<RequestName>["push"]>[0]): void {
    const oldest = this.pending[0];
    const isAnswer = frame.instruction >> 8 !== CONTROL || isControlAnswer(oldest?.name, frame.instruction);
    if (!isAnswer) {
      const notice = readNotice(frame);
      if (notice?.instruction === "protocolError") this.end(new ConnectionError(`${notice.code}: ${notice.text}`, false));
      else if (notice) this.events.notice(notice);
      return;
    }
    if (!oldest) throw new WireError("an answer that nobody asked for");
    const answer = oldest.reader.push(frame);
    if (answer === null) return;
    this.pending.shift();
    this.oldestSince = this.network.now();
    if ("success" in answer) oldest.resolve(answer.success);
    else oldest.reject(new RefusalError(answer.failure.code, answer.failure.text));
  }
  private end(why: Error): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.socket.onopen = this.socket.onmessage = this.socket.onerror = this.socket.onclose = null;
    this.socket.close();
    this.settleOpen?.reject(why);
    // Nonsense is about the oldest request; the others have no answer.
    this.pending.splice(0).forEach((request, index) => {
      request.reject(index === 0 && why instanceof WireError ? why : new ConnectionError(why.message, true));
    });
    this.events.ended(why);
  }
}

const PONG = 0x0402;
const WORKER_LIST = 0x0404;
const SERVER_INFO = 0x0408;
/** Three control messages are answers; each answers its own request alone. */
function isControlAnswer(oldest: RequestName | undefined, instruction: number): boolean {
  if (instruction === PONG || instruction === WORKER_LIST || instruction === SERVER_INFO) {
    if (oldest === undefined) throw new WireError("an answer that nobody asked for");
    return true;
  }
  return false;
}

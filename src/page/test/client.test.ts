// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError, RefusalError } from "../src/api.ts";
import { CALL_TIMEOUT, Client, PAUSE_MAX, WORKERS_MAX } from "../src/client.ts";
import { encodeFrame, FrameReader, splitArguments, type Frame } from "../src/codec.ts";
import { ANSWER_TIMEOUT, PING_INTERVAL, PROMPT_TIMEOUT, SILENCE_TIME, SUBPROTOCOL } from "../src/connection.ts";
import { WireError } from "../src/reader.ts";
import { AccountSession, ORDER_PATIENCE } from "../src/session.ts";
import { REQUESTS } from "../src/wire.ts";

const SESSION = "5e".repeat(32);
const ORDER = "01a21483-220a-7000-8000-dd9cbe9d03ca";
const SERVER_INFO = 0x0408;
const names = new Map(Object.entries(REQUESTS).map(([name, row]) => [row.number, name]));

/** A worker's end of a WebSocket, played by a test. */
class FakeSocket {
  binaryType = "";
  protocol = SUBPROTOCOL;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: (() => void) | null = null;
  /** Names and arguments of what was asked, in order. */
  readonly asked: { readonly name: string; readonly texts: readonly string[] }[] = [];
  isClosed = false;
  private readonly reader = new FrameReader();
  constructor(
    readonly url: string,
    private readonly answer: (socket: FakeSocket, name: string, texts: readonly string[]) => void,
  ) {}
  send(bytes: Uint8Array): void {
    for (const frame of this.reader.push(bytes)) {
      const texts = splitArguments(frame);
      const name = names.get(frame.instruction) ?? "unknown";
      this.asked.push({ name, texts });
      this.answer(this, name, texts);
    }
  }
  close(): void {
    this.isClosed = true;
  }
  open(): void {
    this.onopen?.();
  }
  reply(instruction: number, ...texts: string[]): void {
    this.onmessage?.({ data: encodeFrame(instruction, texts).buffer });
  }
  data(bytes: Uint8Array): void {
    const frame = encodeFrame(0x030b, []);
    const whole = new Uint8Array(frame.length + bytes.length);
    whole.set(frame);
    whole.set(bytes, frame.length);
    new DataView(whole.buffer).setUint32(3, bytes.length);
    this.onmessage?.({ data: whole.buffer });
  }
  /** The connection breaks. */
  drop(): void {
    this.onclose?.();
  }
}

/** Workers, and a client of them with a clock that the test moves. */
class Deployment {
  now = 0;
  readonly sockets: FakeSocket[] = [];
  readonly dead = new Set<string>();
  /** Answers that a test gives itself, by the request's name; true: it did. */
  readonly own = new Map<string, (socket: FakeSocket, texts: readonly string[]) => boolean>();
  version = "1.0.0";
  readonly client: Client;
  constructor(workers: readonly string[] = ["ws://a/ws", "ws://b/ws"]) {
    this.client = new Client(workers[0] ?? "", {
      open: (url) => {
        const socket = new FakeSocket(url, (at, name, texts) => queueMicrotask(() => this.answer(at, name, texts)));
        this.sockets.push(socket);
        queueMicrotask(() => (this.dead.has(url) ? socket.onerror?.() : socket.open()));
        return socket as unknown as WebSocket;
      },
      now: () => this.now,
      random: () => 0.5,
    });
    this.client.setAddresses(workers);
  }
  private answer(socket: FakeSocket, name: string, texts: readonly string[]): void {
    if (socket.isClosed || this.own.get(name)?.(socket, texts)) return;
    switch (name) {
      case "getServerInfo":
        return socket.reply(SERVER_INFO, `version=${this.version}`, "edition=2", "market=replay", "state=open", "steps-left=7", "later-fact=1");
      case "loginWithSessionID":
        return socket.reply(0x0302, texts[0] ?? "", "127.0.0.1:2049");
      case "switchState":
        return socket.reply(0x0309, texts[1] ?? "");
      case "subscribe":
        return socket.reply(0x0317, texts[1] ?? "");
      case "ping":
        return socket.reply(0x0402);
      case "placeOrder":
        return socket.reply(0x0314, ORDER, texts[8] ?? "-", "queued");
      case "cancelOrder":
        return socket.reply(0x0315, texts[1] ?? "");
      case "getQuoteList":
        return socket.data(new Uint8Array(12));
      case "getOpenOrders":
        return socket.data(new Uint8Array(4));
      default:
        throw new Error(`nobody answers ${name}`);
    }
  }
  /** The last socket of a connection that was asked for this. */
  last(name: string): FakeSocket {
    const found = this.sockets.findLast((socket) => socket.asked.some((asked) => asked.name === name));
    assert.ok(found, `nobody was asked for ${name}`);
    return found;
  }
  all(name: string): (readonly string[])[] {
    return this.sockets.flatMap((socket) => socket.asked.filter((asked) => asked.name === name).map((asked) => asked.texts));
  }
  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.client.tick();
  }
  async opened(): Promise<this> {
    this.client.start();
    await settled();
    assert.equal(this.client.state.value?.kind, "open");
    return this;
  }
}
/** Lets everything run that needs no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
function session(deployment: Deployment): AccountSession {
  let ids = 0;
  const timers = {
    now: () => deployment.now,
    wait: (milliseconds: number) => {
      deployment.pass(milliseconds);
      return settled();
    },
    uuid: () => `order-${(ids += 1)}`,
  };
  return new AccountSession("alice", deployment.client, timers);
}
const LIMIT = { side: "buy", asset: "AAPL", quantity: { units: 1_500_000n }, kind: "limit", limit: 10_000_000n, stop: null, timeInForce: "gtc" } as const;

test("it asks what the server is, uses the session on both connections, and passes unknown facts over", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  assert.equal(deployment.client.market.value?.stepsLeft, 7);
  assert.deepEqual(deployment.all("loginWithSessionID"), [[SESSION]]);
  assert.deepEqual(deployment.all("switchState"), [[SESSION, "data"]]);
  assert.equal(deployment.sockets[0]?.asked[0]?.name, "getServerInfo");
});

test("a worker that is gone costs a try: the next of the list serves, and topics are asked for again", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  deployment.client.subscribe("orders");
  await settled();
  deployment.dead.add("ws://a/ws");
  deployment.last("subscribe").drop();
  await settled();
  assert.equal(deployment.client.state.value?.kind, "open");
  assert.deepEqual(deployment.all("subscribe"), [[SESSION, "orders"], [SESSION, "orders"]]);
  assert.equal(deployment.last("subscribe").url, "ws://b/ws");
  // A new login takes the session's place: topics last with a session.
  await deployment.client.attach("cd".repeat(32));
  await settled();
  assert.deepEqual(deployment.all("subscribe").at(-1), ["cd".repeat(32), "orders"]);
});

test("pauses grow up to their limit while nobody answers, and one try too many costs nothing", async () => {
  const deployment = new Deployment();
  deployment.dead.add("ws://a/ws").add("ws://b/ws");
  deployment.client.start();
  await settled();
  const pauses: number[] = [];
  for (let round = 0; round < 24; round += 1) {
    const state = deployment.client.state.value;
    assert.equal(state?.kind, "waiting");
    if (state?.kind !== "waiting") return;
    pauses.push(state.retryAt - deployment.now);
    deployment.now = state.retryAt;
    deployment.client.tick();
    await settled();
  }
  assert.ok(pauses.every((pause, index) => index === 0 || pause >= (pauses[index - 1] ?? 0)), pauses.join());
  assert.equal(pauses.at(-1), PAUSE_MAX);
  deployment.dead.clear();
  deployment.client.wake();
  await settled();
  assert.equal(deployment.client.state.value?.kind, "open");
});

test("an order without an answer is sent again under its clientOrderID, on the next worker", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  const account = session(deployment);
  deployment.own.set("placeOrder", (socket) => {
    deployment.own.delete("placeOrder");
    deployment.dead.add("ws://a/ws");
    for (const one of deployment.sockets) if (one.url === socket.url) one.drop();
    return true;
  });
  const placed = await account.placeOrder(LIMIT);
  assert.equal(placed.transactionID, ORDER);
  const [first, second, ...more] = deployment.all("placeOrder");
  assert.deepEqual(first, [SESSION, "buy", "AAPL", "1.5", "limit", "10", "-", "gtc", "order-1"]);
  assert.deepEqual(second, first);
  assert.equal(more.length, 0);
});

test("after a lost answer a refusal of the moment says nothing: it is repeated; another one is the outcome", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  const account = session(deployment);
  let turn = 0;
  deployment.own.set("placeOrder", (socket) => {
    turn += 1;
    if (turn === 1) socket.drop();
    else if (turn < 4) socket.reply(0x0316, "insufficient-funds", "there is not enough");
    else return false;
    return true;
  });
  assert.equal((await account.placeOrder(LIMIT)).status, "queued");
  assert.equal(turn, 4);
  turn = 0;
  deployment.own.set("placeOrder", (socket) => {
    turn += 1;
    if (turn === 1) socket.drop();
    else socket.reply(0x0316, "price-invalid", "no such price");
    return true;
  });
  await assert.rejects(account.placeOrder(LIMIT), (error) => error instanceof RefusalError && error.reason === "price-invalid");
  deployment.own.set("placeOrder", (socket) => (socket.reply(0x0316, "insufficient-funds", "there is not enough"), true));
  await assert.rejects(account.placeOrder(LIMIT), (error) => error instanceof RefusalError && error.reason === "insufficient-funds");
});

test("an order that nobody answers about has an unknown outcome in the end", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  const account = session(deployment);
  deployment.own.set("placeOrder", (socket) => {
    deployment.dead.add("ws://a/ws").add("ws://b/ws");
    socket.drop();
    return true;
  });
  const placed = account.placeOrder(LIMIT);
  const refused = assert.rejects(placed, (error) => error instanceof ConnectionError && error.isUncertain);
  await settled();
  for (let passed = 0; passed < ORDER_PATIENCE + 2_000; passed += 1_000) {
    deployment.pass(1_000);
    await settled();
  }
  await refused;
});

test("what could happen twice is not repeated, and says that it is uncertain", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  deployment.own.set("createToken", (socket) => (socket.drop(), true));
  const made = deployment.client.call("createToken", (id) => [id, "robot", "read", "30"]);
  await assert.rejects(made, (error) => error instanceof ConnectionError && error.isUncertain);
  assert.equal(deployment.all("createToken").length, 1);
});

test("reads wait for a connection, and give up after their time", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  deployment.dead.add("ws://a/ws").add("ws://b/ws");
  deployment.client.start();
  const list = deployment.client.call("getOpenOrders", (id) => [id]);
  await settled();
  deployment.dead.clear();
  deployment.pass(PAUSE_MAX);
  assert.deepEqual((await list).orders, []);
  deployment.dead.add("ws://a/ws").add("ws://b/ws");
  deployment.sockets.at(-1)?.drop();
  await settled();
  const given = assert.rejects(deployment.client.call("getOpenOrders", (id) => [id]), (error) => error instanceof ConnectionError && !error.isUncertain);
  deployment.pass(CALL_TIMEOUT + 1);
  await given;
});

test("a session that ended while the tab slept is told once, and its calls fail", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  let told = 0;
  deployment.client.sessionEnded.add(() => (told += 1));
  deployment.own.set("loginWithSessionID", (socket) => (socket.reply(0x0301, "session-expired", "it has ended"), true));
  for (const socket of deployment.sockets) socket.drop();
  deployment.now += 86_400_000;
  const call = deployment.client.call("getOpenOrders", (id) => [id]);
  const refused = assert.rejects(call, (error) => error instanceof RefusalError && error.reason === "session-expired");
  deployment.client.wake();
  await settled();
  await refused;
  assert.equal(told, 1);
  assert.equal(deployment.client.sessionID, null);
  assert.equal(deployment.client.state.value?.kind, "open");
});

test("a session that takes another's place while that is attached is the one in use", async () => {
  const deployment = new Deployment();
  const next = "cd".repeat(32);
  let told = 0;
  deployment.client.sessionEnded.add(() => (told += 1));
  deployment.own.set("loginWithSessionID", (socket, texts) => {
    if (texts[0] !== SESSION) return false;
    void deployment.client.attach(next);
    socket.reply(0x0301, "session-expired", "it has ended");
    return true;
  });
  await deployment.client.attach(SESSION);
  await deployment.opened();
  assert.deepEqual((await deployment.client.call("getOpenOrders", (id) => [id])).orders, []);
  assert.deepEqual(deployment.all("getOpenOrders"), [[next]]);
  assert.equal(deployment.last("getOpenOrders").asked[0]?.texts[0], next);
  assert.equal(told, 0);
});

test("a worker without its master makes the client move on once; where none has it the refusal is the answer", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  deployment.own.set("getOpenOrders", (socket) => {
    if (socket.url === "ws://a/ws") socket.reply(0x030c, "master-unavailable", "there is no link");
    return socket.url === "ws://a/ws";
  });
  assert.deepEqual((await deployment.client.call("getOpenOrders", (id) => [id])).orders, []);
  assert.equal(deployment.last("getOpenOrders").url, "ws://b/ws");
  deployment.own.set("getOpenOrders", (socket) => (socket.reply(0x030c, "master-unavailable", "there is no link"), true));
  await assert.rejects(deployment.client.call("getOpenOrders", (id) => [id]), RefusalError);
});

test("nonsense ends the connection and fails what it answered; the rest is asked again elsewhere", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  let turn = 0;
  deployment.own.set("getOpenOrders", (socket) => {
    turn += 1;
    if (turn === 1) socket.data(new Uint8Array([0, 0, 0, 9]));
    return turn === 1;
  });
  const first = assert.rejects(deployment.client.call("getOpenOrders", (id) => [id]), WireError);
  const second = deployment.client.call("getOpenOrders", (id) => [id]);
  await first;
  assert.deepEqual((await second).orders, []);
  assert.equal(deployment.last("getOpenOrders").url, "ws://b/ws");
  for (const nonsense of [new Uint8Array(17), new Uint8Array([9, 9, 9]), "text"]) {
    const socket = deployment.sockets.at(-1);
    socket?.onmessage?.({ data: typeof nonsense === "string" ? nonsense : nonsense.buffer });
    if (nonsense instanceof Uint8Array && nonsense.length < 17) socket?.drop();
    await settled();
    assert.equal(deployment.client.state.value?.kind, "open");
    assert.ok(socket?.isClosed);
  }
});

test("it pings an idle connection, and gives up one that does not answer", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  deployment.client.notices.add(() => assert.fail("no notice"));
  deployment.pass(PING_INTERVAL + 1);
  await settled();
  assert.ok(deployment.last("switchState").asked.some((asked) => asked.name === "ping"));
  deployment.client.detach();
  for (const name of ["ping", "getServerInfo"]) deployment.own.set(name, () => true);
  deployment.client.wake();
  await settled();
  deployment.own.clear();
  deployment.pass(PROMPT_TIMEOUT + 1);
  await settled();
  assert.equal(deployment.client.state.value?.kind, "open");
  assert.ok(deployment.sockets[0]?.isClosed);
});

test("a worker that has stopped answering is told, and left for the next one; a slow answer is neither", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  const second = async () => {
    deployment.pass(1_000);
    await settled();
  };
  const state = () => deployment.client.state.value;
  // A cancel waits for a settlement: what is asked behind it waits, too.
  let answer: (() => void) | null = null;
  deployment.own.set("cancelOrder", (socket, texts) => {
    answer = () => socket.reply(0x0315, texts[1] ?? "");
    return true;
  });
  const cancelled = deployment.client.call("cancelOrder", (id) => [id, ORDER], { isRepeatable: true });
  await settled();
  const waiting = deployment.last("cancelOrder");
  for (const name of ["ping", "getServerInfo"]) deployment.own.set(name, (socket) => socket === waiting);
  for (let passed = 0; passed < ANSWER_TIMEOUT - 5_000; passed += 1_000) await second();
  assert.deepEqual(state(), { kind: "open", silentSince: null });
  assert.equal(waiting.isClosed, false);
  (answer as (() => void) | null)?.();
  await cancelled;
  // Now nothing is before them.
  let silent = 0;
  for (let passed = 0; passed < PROMPT_TIMEOUT + 3_000 && deployment.last("getServerInfo").url === "ws://a/ws"; passed += 1_000) {
    await second();
    const now = state();
    if (now?.kind === "open" && now.silentSince !== null) silent += 1;
  }
  assert.ok(silent >= (PROMPT_TIMEOUT - SILENCE_TIME) / 1_000 - 2, `told for ${silent} s`);
  assert.deepEqual(state(), { kind: "open", silentSince: null });
  assert.equal(deployment.last("getServerInfo").url, "ws://b/ws");
});

test("prices that do not come are a reason to look whether the server answers", async () => {
  const deployment = await new Deployment().opened();
  deployment.own.set("getServerInfo", (socket) => (socket.reply(SERVER_INFO, "edition=2", "state=open", "update-interval=1000"), true));
  deployment.pass(10_000);
  await settled();
  const before = deployment.all("getServerInfo").length;
  for (let passed = 0; passed < 6; passed += 1) {
    deployment.pass(1_000);
    await settled();
  }
  assert.ok(deployment.all("getServerInfo").length >= before + 2);
});

test("a list of workers is bounded, and holds addresses of WebSockets alone", async () => {
  const deployment = new Deployment(["ws://a/ws"]);
  const many = Array.from({ length: 200 }, (_, index) => `ws://w${index}/ws`);
  deployment.client.setAddresses(["https://evil/ws", "ws://user@evil/ws", "ws://evil/ws?x", "javascript:1", ...many]);
  for (const url of ["ws://a/ws", ...many]) deployment.dead.add(url);
  deployment.client.start();
  for (let turn = 0; turn < 5; turn += 1) await settled();
  const tried = new Set(deployment.sockets.map((socket) => socket.url));
  assert.ok(tried.size <= WORKERS_MAX);
  assert.ok([...tried].every((url) => /^ws:\/\/(a|w\d+)\/ws$/.test(url)), [...tried].join());
  const secure = new Deployment(["wss://a/ws", "ws://b/ws", "wss://c/ws"]);
  secure.dead.add("wss://a/ws").add("wss://c/ws").add("ws://b/ws");
  secure.client.start();
  await settled();
  assert.deepEqual(secure.sockets.map((socket) => socket.url), ["wss://a/ws", "wss://c/ws"]);
});

test("each end of an order is told once, and what may be missing is told as such", async () => {
  const deployment = new Deployment();
  await deployment.client.attach(SESSION);
  await deployment.opened();
  const account = session(deployment);
  const ends: (string | null)[] = [];
  account.onOrder((notice) => ends.push(notice && notice.status));
  await settled();
  const socket = deployment.last("subscribe");
  const notice = [ORDER, "settled", "AAPL", "1.5", "10", "15", "2026-01-02T03:04:05.678Z"];
  socket.reply(0x0409, ...notice);
  socket.reply(0x0409, ...notice);
  socket.reply(0x040b, "orders", "0");
  socket.reply(0x04ff, "of", "a", "later", "edition");
  assert.deepEqual(ends, ["settled", null]);
});

test("an answer in the wrong order or to nobody ends the connection", async () => {
  const deployment = await new Deployment().opened();
  const socket = deployment.sockets[0];
  socket?.reply(0x0314, ORDER, "-", "queued");
  await settled();
  assert.ok(socket?.isClosed);
  assert.equal(deployment.client.state.value?.kind, "open");
  const frame: Frame | undefined = new FrameReader().push(encodeFrame(0x0402, []))[0];
  assert.equal(frame?.instruction, 0x0402);
});

// spec/page.md · In the browser
// A worker that a test plays: it serves the page's files and speaks the protocol from the description, so that a test
// can have 10,000 assets, markup in names, answers that are nonsense, and a worker of another version.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocketServer } from "ws";

const repository = join(import.meta.dirname, "../..");
const wire = JSON.parse(readFileSync(join(repository, "spec/wire/papertrader.json"), "utf8"));
const rows = new Map(wire.instructions.map((row) => [row.number, row]));
const numbers = new Map(wire.instructions.map((row) => [row.name, row.number]));
const POLICY = (origin) =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ${origin}; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/app.js": ["app.js", "text/javascript; charset=utf-8"],
  "/app.css": ["app.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
  "/licenses.txt": ["licenses.txt", "text/plain; charset=utf-8"],
};
const SESSION = "ab".repeat(32);

/** Bytes of a value by a layout of the description. */
export function encodeLayout(name, value, outer = {}) {
  const parts = [];
  for (const field of wire.layouts[name].fields) {
    const known = { ...outer, ...value };
    if (field.when && (Number(known[field.when.field]) & field.when.mask) !== field.when.equals) continue;
    const one = (item) => (field.layout ? encodeLayout(field.layout, item, known) : encodeScalar(field.scalar, item));
    if (field.repeated) for (const item of value[field.name]) parts.push(one(item));
    else parts.push(one(value[field.name]));
  }
  return Buffer.concat(parts);
}
function encodeScalar(name, value) {
  const scalar = wire.scalars[name];
  if (scalar.encoding === "text") {
    const text = Buffer.from(value);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length);
    return Buffer.concat([length, text]);
  }
  if (scalar.encoding === "bytes") return Buffer.from(value.replaceAll("-", ""), "hex");
  const bytes = Buffer.alloc(scalar.bytes);
  if (scalar.bytes === 8) scalar.signed ? bytes.writeBigInt64BE(BigInt(value)) : bytes.writeBigUInt64BE(BigInt(value));
  else bytes.writeUIntBE(Number(value), 0, scalar.bytes);
  return bytes;
}
function message(instruction, argumentCount, data, number = 1, max = 1) {
  const head = Buffer.alloc(17);
  head.writeUInt8(instruction >> 8, 0);
  head.writeUInt16BE(instruction, 1);
  head.writeUInt32BE(data.length, 3);
  head.writeUInt16BE(argumentCount, 7);
  head.writeUInt32BE(number, 9);
  head.writeUInt32BE(max, 13);
  return Buffer.concat([head, data]);
}

/** One connection of the page. */
class PlayedConnection {
  constructor(socket, worker) {
    this.socket = socket;
    this.worker = worker;
    this.left = Buffer.alloc(0);
    socket.on("message", (data) => this.take(data));
  }
  take(data) {
    this.left = Buffer.concat([this.left, data]);
    while (this.left.length >= 17 && this.left.length >= 17 + this.left.readUInt32BE(3)) {
      const size = this.left.readUInt32BE(3);
      const row = rows.get(this.left.readUInt16BE(1));
      const count = this.left.readUInt16BE(7);
      const texts = count ? this.left.subarray(17, 17 + size).toString().split(" ") : [];
      this.left = this.left.subarray(17 + size);
      this.worker.asked.push({ name: row.name, texts });
      this.worker.answer(this, row.name, texts);
    }
  }
  reply(name, ...texts) {
    this.socket.send(message(numbers.get(name), texts.length, Buffer.from(texts.join(" "))));
  }
  payload(layout, value) {
    this.bytes(encodeLayout(layout, value));
  }
  bytes(payload) {
    const max = Math.max(1, Math.ceil(payload.length / 8192));
    for (let number = 1; number <= max; number += 1) {
      this.socket.send(message(numbers.get("data"), 0, payload.subarray((number - 1) * 8192, number * 8192), number, max));
    }
  }
}

/** A worker: files, list of workers, protocol. `answers` has what a test answers itself, by the request's name. */
export class PlayedWorker {
  constructor(dist = join(repository, "src/page/dist")) {
    this.dist = dist;
    this.answers = {};
    this.asked = [];
    this.connections = new Set();
    this.facts = { version: "1.0.0", wire: "1", edition: "2", currency: "USD", market: "simulated", state: "open", login: "password", reset: "mail", fees: "no", "update-interval": "2000" };
    /** Seconds by which this computer's clock is ahead of the browser's. */
    this.bars = [];
    this.quotes = [];
    this.positions = [];
    this.rows = [];
    this.openOrders = [];
    this.username = "alice";
  }
  async start(port = 0) {
    this.server = createServer((request, response) => this.serve(request, response));
    this.sockets = new WebSocketServer({ server: this.server, path: "/ws", handleProtocols: (offered) => (offered.has("papertrader.1") ? "papertrader.1" : false) });
    this.sockets.on("connection", (socket) => {
      const connection = new PlayedConnection(socket, this);
      this.connections.add(connection);
      socket.on("close", () => this.connections.delete(connection));
    });
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.host = `127.0.0.1:${this.server.address().port}`;
    this.workers ??= [`ws://${this.host}/ws`];
    return `http://${this.host}/`;
  }
  async stop() {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
  /** Ends all connections of the page. */
  cut() {
    for (const { socket } of this.connections) socket.terminate();
  }
  notify(name, ...texts) {
    for (const connection of this.connections) if (connection.hears) connection.reply(name, ...texts);
  }
  serve(request, response) {
    const path = request.url.split("?")[0];
    const headers = {
      "content-security-policy": POLICY(`ws://${this.host}`),
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    };
    if (path === "/workers.json") {
      response.writeHead(200, { ...headers, "content-type": "application/json" });
      response.end(JSON.stringify({ workers: this.workers }));
      return;
    }
    const file = FILES[path];
    response.writeHead(file ? 200 : 404, file ? { ...headers, "content-type": file[1] } : headers);
    response.end(file ? readFileSync(join(this.dist, file[0])) : "");
  }
  answer(connection, name, texts) {
    if (this.answers[name]?.(connection, texts)) return;
    switch (name) {
      case "getServerInfo": {
        const next = { "next-update": new Date(Date.now() + 2_000).toISOString(), "market-time": new Date().toISOString() };
        return connection.reply("serverInfo", ...Object.entries({ ...next, ...this.facts }).map(([fact, value]) => `${fact}=${value}`));
      }
      case "ping":
        return connection.reply("pong");
      case "login":
        return connection.reply("sessionID", SESSION, "127.0.0.1:2049");
      case "register":
        return connection.reply("registerSuccess");
      case "logout":
        return connection.reply("logoutSuccess");
      case "switchState":
        return connection.reply("stateSwitchSuccess", texts[1]);
      case "subscribe":
        connection.hears = true;
        return connection.reply("subscribed", texts[1]);
      case "getUserInfo":
        return connection.payload("UserInfo", { private: 1, username: this.username, isPassword: 1, created: Date.now(), email: "alice@example.org", cash: 0 });
      case "getQuoteList":
        return connection.payload("QuoteList", { count: this.quotes.length, quotes: this.quotes, update: 1 });
      case "getAccountSummary":
        return connection.payload("AccountSummary", this.summary());
      case "getOpenOrders":
        return connection.payload("OpenOrders", { count: this.openOrders.length, orders: this.openOrders });
      case "getUserTransactionHistoryPage": {
        const at = texts[2] === "-" ? 0 : this.rows.findIndex((row) => row.id === texts[2]) + 1;
        const page = this.rows.slice(at, at + Number(texts[3]));
        return connection.payload("TransactionPage", { private: 1, count: page.length, transactions: page });
      }
      case "getSessions":
        return connection.payload("Sessions", { count: 3, sessions: [0, 1, 2].map(playedSession) });
      case "getTokens":
        return connection.payload("Tokens", { count: 1, tokens: [{ ...playedSession(3), name: "robot", scope: "trade" }] });
      case "getIdentities":
        return connection.payload(name.slice(3), { count: 0, [name.slice(3).toLowerCase()]: [] });
      case "getAssetValueDay":
      case "getAssetValueWeek":
      case "getAssetValueMonth":
      case "getAssetValueYear":
      case "getAssetValueAllTime":
        return connection.payload("Bars", { bars: this.bars });
      case "getAssetValuePredicted":
        return connection.reply("dataFail", "no-data", "there is too little history");
      case "getTransactionReceipt":
        return connection.payload("Receipt", { count: 1, lines: [{ name: "price", value: "10.5" }] });
      default:
        throw new Error(`the played worker does not answer ${name}`);
    }
  }
  summary() {
    const sum = (field) => this.positions.reduce((total, position) => total + BigInt(position[field]), 0n);
    const cash = 100_000_000_000n;
    return {
      cash, reserved: 0, buyingPower: cash, value: sum("value"), equity: cash + sum("value"), dayChange: 0,
      realised: sum("realised"), unrealised: sum("value") - sum("cost"), fees: 0,
      count: this.positions.length, positions: this.positions, update: 1,
    };
  }
}

/** A session of an account, the first the one that asks. */
function playedSession(index) {
  const made = Date.now() - index * 7_200_000;
  return {
    id: String(index).repeat(16), current: index === 0 ? 1 : 0, expirable: 0, method: index === 2 ? "school" : "password",
    expiry: made + 2_592_000_000, made, madeClient: "127.0.0.1", madeWorker: "worker-1",
    used: made + 60_000, usedClient: "2001:db8::1234:5678", usedWorker: "worker-1",
  };
}

/** Assets by the thousand, with prices that differ. */
export function manyQuotes(count, symbol = (index) => `A${String(index).padStart(5, "0")}`, name = (index) => `Asset number ${index}`) {
  const time = Date.now();
  return Array.from({ length: count }, (_, index) => {
    const value = 10_000_000 + index * 12_345;
    return { symbol: symbol(index), name: name(index), factor: 1, flags: 1, time, value, previousClose: value - 5_000 + (index % 11) * 1_000, open: value, high: value + 9_000, low: value - 9_000, volume: 1_000 + index };
  });
}
/** An account's history of so many fills. */
export function manyRows(count) {
  return Array.from({ length: count }, (_, index) => ({
    id: `01a21483-220a-7000-8000-${(count - index).toString(16).padStart(12, "0")}`,
    side: 1 + (index % 2), status: 1, symbol: `A${String(index % 200).padStart(5, "0")}`,
    accepted: Date.now() - index * 60_000, settled: Date.now() - index * 60_000 + 2_000,
    quantity: 1_500_000, price: 10_000_000, total: 15_000_000, priced: Date.now() - index * 60_000,
    clientOrderID: "", reason: "", fee: 0, cause: "", note: "",
    order: { kind: "market", limit: 0, stop: 0, stopPercent: 0, timeInForce: "gtc", cash: 0 },
  }));
}
/** A portfolio of so many positions. */
export function manyPositions(quotes) {
  return quotes.map((quote, index) => ({
    symbol: quote.symbol, units: 2_000_000 + index, promised: 0, cost: quote.value * 2, value: quote.value * 2 + (index % 7) * 100_000 - 300_000,
    previousClose: quote.previousClose, realised: (index % 5) * 1_000_000,
  }));
}

// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerReader, ArgumentError, checkArguments, encodeFrame, encodeRequest, FrameReader, isOfType, readNotice, splitArguments, type Frame } from "../src/codec.ts";
import { Reader, WireError } from "../src/reader.ts";
import { ARGUMENT_TYPES, NOTICES, REQUESTS, type RequestName } from "../src/wire.ts";
import { description, unhex } from "./repository.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const rows = Object.entries(REQUESTS) as [RequestName, (typeof REQUESTS)[RequestName]][];

/** A value as the description's vectors have it: numbers of eight bytes as texts, bytes in hexadecimal. */
function described(value: unknown, like: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => described(item, (like as unknown[])[index]));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, described(item, (like as Record<string, unknown>)?.[name])]));
  }
  if (typeof value === "bigint") return typeof like === "number" ? Number(value) : String(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return typeof like === "string" ? String(value) : value;
  return typeof value === "string" && typeof like === "string" && /^[0-9a-f]{32}$/.test(like) ? value.replaceAll("-", "") : value;
}
function one(bytes: Uint8Array): Frame {
  const frames = new FrameReader().push(bytes);
  assert.equal(frames.length, 1);
  return frames[0] as Frame;
}

test("requests are written as the golden frames are", () => {
  let written = 0;
  for (const vector of description.vectors.frames) {
    const row = rows.find(([, request]) => request.number === vector.number);
    if (!row || !vector.arguments) continue;
    assert.equal(hex(encodeRequest(row[0], vector.arguments as never)), vector.hex, vector.name);
    written += 1;
  }
  assert.ok(written >= 40, `${written} requests`);
});

test("answers and notices are read from the golden frames, in pieces of any size", () => {
  let read = 0;
  for (const vector of description.vectors.frames) {
    const bytes = unhex(vector.hex);
    const frame = one(bytes);
    for (const size of [1, 5, 17, 18]) {
      const reader = new FrameReader();
      const frames: Frame[] = [];
      for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
      assert.deepEqual(frames.map((item) => hex(item.data)), [hex(frame.data)], vector.name);
    }
    assert.equal(frame.instruction, vector.number);
    if (vector.arguments) assert.deepEqual(splitArguments(frame), vector.arguments, vector.name);
    for (const [name, request] of rows) {
      if (!request.answers.has(vector.number) || frame.argumentCount === 0) continue;
      const answer = new AnswerReader(name).push(frame);
      if (answer && "success" in answer) read += 1;
      else if (answer) assert.deepEqual(answer.failure, { code: vector.arguments?.[0], text: vector.arguments?.[1] });
    }
    if (NOTICES.has(vector.number)) assert.ok(readNotice(frame), vector.name);
  }
  assert.ok(read >= 10, `${read} answers`);
});

test("payloads are read to the description's values, and cut short they are an error", () => {
  const read = new Set<string>();
  for (const vector of description.vectors.payloads) {
    const instruction = description.instructions.find((row) => row.direction === "request" && row.answers.some((answer) => answer.payload === vector.layout));
    const entry = rows.find(([, request]) => request.number === instruction?.number);
    if (!entry) continue;
    const row = [...entry[1].answers.values()].find((answer) => "payload" in answer);
    assert.ok(row && "payload" in row);
    const bytes = unhex(vector.hex);
    const reader = new Reader(bytes);
    const value = row.payload(reader);
    reader.end();
    assert.deepEqual(described(value, vector.value), vector.value, vector.name);
    read.add(vector.layout);
    for (let size = 0; size < bytes.length; size += 1) {
      if (vector.layout === "Bars" && size % 48 === 0) continue;
      const short = new Reader(bytes.slice(0, size));
      assert.throws(() => { row.payload(short); short.end(); }, WireError, `${vector.name} cut to ${size}`);
    }
    const long = new Reader(new Uint8Array([...bytes, 0]));
    assert.throws(() => { row.payload(long); long.end(); }, WireError, `${vector.name} and a byte`);
  }
  assert.ok(read.size >= 15, [...read].join());
});

test("types of arguments take the examples and refuse what is wrong", () => {
  for (const [name, type] of Object.entries(description.argumentTypes)) {
    if (!(name in ARGUMENT_TYPES)) continue;
    for (const example of type.examples ?? []) assert.ok(isOfType(name, example), `${name} ${example}`);
    for (const wrong of type.wrong ?? []) assert.ok(!isOfType(name, wrong), `${name} ${JSON.stringify(wrong)}`);
  }
});

test("a request that the server would refuse is not written, and says with which reason", () => {
  const session = "00".repeat(32);
  assert.throws(() => encodeRequest("purchaseAsset", [session, "AAPL", "0"]), (error) => error instanceof ArgumentError && error.reason === "quantity-invalid");
  assert.throws(() => encodeRequest("register", ["a b", "a@b.c", "0".repeat(64)]), (error) => error instanceof ArgumentError && error.reason === "username-invalid");
  assert.throws(() => encodeRequest("cancelOrder", [session, ""]), ArgumentError);
});

test("what is no message is an error", () => {
  const ping = encodeFrame(0x0401, []);
  const wrong = (change: (bytes: Uint8Array) => void) => {
    const bytes = ping.slice();
    change(bytes);
    return () => new FrameReader().push(bytes);
  };
  assert.throws(wrong((bytes) => (bytes[0] = 5)), WireError);
  assert.throws(wrong((bytes) => (bytes[0] = 1)), WireError);
  assert.throws(wrong((bytes) => (bytes[5] = 0x21)), WireError, "8,448 bytes");
  assert.equal(new FrameReader().push(ping.subarray(0, 16)).length, 0);
  const frame = (instruction: number, count: number, data: string): Frame => ({ instruction, argumentCount: count, number: 1, max: 1, data: new TextEncoder().encode(data) });
  assert.throws(() => splitArguments(frame(0x301, 0, "x")), WireError);
  assert.throws(() => splitArguments(frame(0x301, 3, "a b")), WireError);
  assert.throws(() => splitArguments(frame(0x301, 3, "a  b")), WireError);
  assert.throws(() => splitArguments({ ...frame(0x301, 1, ""), data: new Uint8Array([0xff]) }), WireError);
  assert.deepEqual(splitArguments(frame(0x301, 2, "no-data a b c")), ["no-data", "a b c"]);
  assert.throws(() => checkArguments([{ name: "code", type: "ReasonCode" }], ["<b>"]), WireError);
});

test("packets come in their turn and fit", () => {
  const packet = (number: number, max: number, size: number): Frame => ({ instruction: 0x30b, argumentCount: 0, number, max, data: new Uint8Array(size) });
  const reader = new AnswerReader("getAssetValueAllTime");
  assert.equal(reader.push(packet(1, 2, 8192)), null);
  assert.throws(() => reader.push(packet(1, 2, 8192)), WireError);
  assert.throws(() => new AnswerReader("getAssetValueAllTime").push(packet(2, 2, 8)), WireError);
  assert.throws(() => new AnswerReader("getAssetValueAllTime").push(packet(1, 2, 48)), WireError);
  const whole = new AnswerReader("getAssetValueAllTime").push(packet(1, 1, 0));
  assert.deepEqual(whole, { success: { bars: [] } });
  assert.throws(() => new AnswerReader("getAssetValueCurrent").push(packet(1, 1, 17)), WireError, "a byte too many");
  const flag = new Uint8Array(100).fill(2);
  assert.throws(() => new AnswerReader("getUserInfo").push({ ...packet(1, 1, 0), data: flag }), /flag/);
  const other = encodeFrame(0x0305, []);
  assert.throws(() => new AnswerReader("getQuoteList").push(one(other)), WireError);
});

test("a count that is a lie ends with the bytes", () => {
  const row = REQUESTS.getQuoteList.answers.get(0x30b);
  assert.ok(row && "payload" in row);
  assert.throws(() => row.payload(new Reader(unhex("ffffffff"))), WireError);
});

test("markup in texts is text", () => {
  const frame = one(encodeFrame(0x0316, ["no-data", "<img src=x onerror=alert(1)>"]));
  assert.deepEqual(new AnswerReader("placeOrder").push(frame), { failure: { code: "no-data", text: "<img src=x onerror=alert(1)>" } });
  assert.equal(isOfType("Symbol", "<B>"), false);
});

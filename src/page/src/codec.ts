// spec/page.md · The codec
import {
  isOfForm,
  Reader,
  readUtf8,
  text,
  WireError,
  type ArgumentRow,
  type RequestRow,
} from "./reader.ts";
import { ARGUMENT_TYPES, DATA_BYTES_MAX, HEADER_BYTES, NOTICES, REQUESTS, type Answers, type Arguments, type Notice, type RequestName } from "./wire.ts";

/** Bytes of a payload that the page takes; a server may send 1 GiB, a browser's tab should not. */
export const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;
const utf8 = new TextEncoder();

/** An argument that the server would refuse: it was not sent. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
  /** `reason` is the code with which the server would refuse it. */
  constructor(
    readonly argument: string,
    readonly reason: string,
  ) {
    super(`${argument} is not of its form`);
  }
}

/** Whether a text has the form of a type of arguments. */
export function isOfType(type: string, text: string): boolean {
  const form = ARGUMENT_TYPES[type];
  return form !== undefined && isOfForm(form, text);
}

/** A message: the arguments as texts, or the data of a packet. */
export interface Frame {
  readonly instruction: number;
  readonly argumentCount: number;
  readonly number: number;
  readonly max: number;
  readonly data: Uint8Array;
}

/** Writes a request. An ArgumentError for what the server would refuse. */
export function encodeRequest<Name extends RequestName>(name: Name, texts: Arguments[Name]): Uint8Array<ArrayBuffer> {
  const row = REQUESTS[name];
  const list = texts as readonly (string | undefined)[];
  const given: string[] = [];
  row.arguments.forEach((argument, index) => {
    const value = list[index];
    if (value === undefined) {
      if (!argument.optional) throw new ArgumentError(argument.name, argument.reason ?? "argument-invalid");
      return;
    }
    if (given.length < index || value.includes(" ") || !isOfType(argument.type, value)) {
      throw new ArgumentError(argument.name, argument.reason ?? "argument-invalid");
    }
    given.push(value);
  });
  return encodeFrame(row.number, given);
}
/** Writes a message. The arguments are not checked. */
export function encodeFrame(instruction: number, texts: readonly string[]): Uint8Array<ArrayBuffer> {
  const data = utf8.encode(texts.join(" "));
  if (data.length > DATA_BYTES_MAX) throw new ArgumentError("the request", "argument-invalid");
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, instruction >> 8);
  view.setUint16(1, instruction);
  view.setUint32(3, data.length);
  view.setUint16(7, texts.length);
  view.setUint32(9, 1);
  view.setUint32(13, 1);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/** Cuts a stream of bytes, in pieces of any size, into messages. */
export class FrameReader {
  /** Bytes that no whole message is made of yet: less than one message. */
  private left = new Uint8Array(0);
  /** The messages that end in these bytes. A WireError for what is no message. */
  push(bytes: Uint8Array): Frame[] {
    let all = bytes;
    if (this.left.length > 0) {
      all = new Uint8Array(this.left.length + bytes.length);
      all.set(this.left);
      all.set(bytes, this.left.length);
    }
    const frames: Frame[] = [];
    let start = 0;
    while (all.length - start >= HEADER_BYTES) {
      const view = new DataView(all.buffer, all.byteOffset + start, HEADER_BYTES);
      const size = view.getUint32(3);
      const instruction = view.getUint16(1);
      const messageType = view.getUint8(0);
      if (messageType !== instruction >> 8 || messageType < 1 || messageType > 4) throw new WireError("a message of no type");
      if (size > DATA_BYTES_MAX) throw new WireError("a message is too large");
      if (all.length - start < HEADER_BYTES + size) break;
      const data = all.subarray(start + HEADER_BYTES, start + HEADER_BYTES + size);
      frames.push({ instruction, argumentCount: view.getUint16(7), number: view.getUint32(9), max: view.getUint32(13), data });
      start += HEADER_BYTES + size;
    }
    this.left = all.slice(start);
    return frames;
  }
}

/** The arguments of a message, as many as it says. */
export function splitArguments(frame: Frame): string[] {
  if (frame.number !== 1 || frame.max !== 1) throw new WireError("a message in parts that has none");
  if (frame.argumentCount === 0) {
    if (frame.data.length > 0) throw new WireError("data without arguments");
    return [];
  }
  const parts = readUtf8(frame.data).split(" ");
  if (parts.length < frame.argumentCount) throw new WireError("an argument is missing");
  const texts = parts.slice(0, frame.argumentCount - 1);
  texts.push(parts.slice(frame.argumentCount - 1).join(" "));
  if (texts.includes("")) throw new WireError("an argument is empty");
  return texts;
}
/** Checks number and forms of an answer's arguments. */
export function checkArguments(rows: readonly ArgumentRow[], texts: readonly string[]): void {
  const least = rows.filter((row) => !row.optional && !row.repeated).length;
  const most = rows.some((row) => row.repeated) ? Infinity : rows.length;
  if (texts.length < least || texts.length > most) throw new WireError("another number of arguments");
  texts.forEach((value, index) => {
    const row = rows[Math.min(index, rows.length - 1)];
    if (!row || !isOfType(row.type, value)) throw new WireError(`${row?.name ?? "an argument"} is not of its form`);
  });
}

/** Why a request was refused, or why the connection ends: a code for programs, a sentence for people. */
export interface Fault {
  readonly code: string;
  readonly text: string;
}
/** An answer: a success, a refusal, or null while packets of it are still to come. */
export type Answer<Value> = { readonly success: Value } | { readonly failure: Fault } | null;

/** Gathers the answer to one request from the messages that answer it. */
export class AnswerReader<Name extends RequestName> {
  private packets: Uint8Array[] = [];
  private bytes = 0;
  private max = 0;
  constructor(private readonly name: Name) {}
  /** Takes the next message of the answer. */
  push(frame: Frame): Answer<Answers[Name]> {
    const row = (REQUESTS[this.name] as RequestRow<Answers[Name]>).answers.get(frame.instruction);
    if (!row) throw new WireError(`an answer that ${this.name} does not have`);
    if ("payload" in row) {
      const payload = this.packet(frame);
      if (!payload) return null;
      const reader = new Reader(payload);
      const success = row.payload(reader);
      reader.end();
      return { success };
    }
    if (this.packets.length > 0) throw new WireError("a payload is cut short");
    const texts = splitArguments(frame);
    checkArguments(row.arguments, texts);
    if ("failure" in row) return { failure: { code: text(texts, 0), text: text(texts, 1) } };
    return { success: row.read(texts) };
  }
  private packet(frame: Frame): Uint8Array | null {
    const expected = this.packets.length + 1;
    if (expected === 1) this.max = frame.max;
    const isLast = frame.number === frame.max;
    const fits = isLast || frame.data.length === DATA_BYTES_MAX;
    if (frame.argumentCount !== 0 || frame.number !== expected || frame.max !== this.max || frame.max === 0 || !fits) {
      throw new WireError("a packet out of its turn");
    }
    this.bytes += frame.data.length;
    if (this.bytes > PAYLOAD_BYTES_MAX) throw new WireError("a payload is too large");
    this.packets.push(frame.data);
    if (!isLast) return null;
    const payload = new Uint8Array(this.bytes);
    let offset = 0;
    for (const packet of this.packets) {
      payload.set(packet, offset);
      offset += packet.length;
    }
    return payload;
  }
}

/** A notice, or null for one of a later edition. */
export function readNotice(frame: Frame): Notice | null {
  const row = NOTICES.get(frame.instruction);
  if (!row || !("read" in row)) return null;
  const texts = splitArguments(frame);
  checkArguments(row.arguments, texts);
  return row.read(texts);
}

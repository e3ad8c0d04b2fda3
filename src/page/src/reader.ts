// spec/page.md · The codec
// Reads texts, payloads and arguments strictly: what wire.ts is made of.
import { parseDecimal, type Money } from "./money.ts";

/** The server said what no server of this protocol says. The connection cannot be used further. */
export class WireError extends Error {
  override readonly name = "WireError";
}
/** The form of a type of arguments; sizes count code points, bytes those of UTF-8. */
export interface ArgumentType {
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxBytes?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}
/** An argument of a request or an answer. */
export interface ArgumentRow {
  readonly name: string;
  readonly type: string;
  readonly optional?: boolean;
  readonly repeated?: boolean;
  readonly reason?: string;
}
/** One answer of a request: a payload, a message's arguments, or a refusal. */
export type AnswerRow<Answer> =
  | { readonly payload: (reader: Reader) => Answer }
  | { readonly arguments: readonly ArgumentRow[]; readonly read: (texts: readonly string[]) => Answer }
  | { readonly arguments: readonly ArgumentRow[]; readonly failure: true };
/** What is known of a request. `state` is null where both states take it. */
export interface RequestRow<Answer> {
  readonly number: number;
  readonly state: "command" | "data" | null;
  readonly arguments: readonly ArgumentRow[];
  readonly answers: ReadonlyMap<number, AnswerRow<Answer>>;
}
/** A record that is being filled. */
export type Writable<Record> = { -readonly [Field in keyof Record]: Record[Field] };

const expressions = new Map<string, RegExp>();
const utf8 = new TextEncoder();
/** Strict: bytes that are no UTF-8 are an error, and a byte order mark is a character. */
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const MILLISECONDS_MAX = 8_640_000_000_000_000n;

/** Whether a text has the form. */
export function isOfForm(form: ArgumentType, text: string): boolean {
  if (text === "") return false;
  if (form.pattern !== undefined) {
    let expression = expressions.get(form.pattern);
    if (!expression) expressions.set(form.pattern, (expression = new RegExp(`^(?:${form.pattern})$`, "u")));
    if (!expression.test(text)) return false;
  }
  const length = form.minLength === undefined && form.maxLength === undefined ? 0 : [...text].length;
  if (form.minLength !== undefined && length < form.minLength) return false;
  if (form.maxLength !== undefined && length > form.maxLength) return false;
  if (form.maxBytes !== undefined && utf8.encode(text).length > form.maxBytes) return false;
  if (form.exclusiveMinimum === undefined && form.maximum === undefined) return true;
  const value = parseDecimal(text);
  if (value === null) return false;
  if (form.exclusiveMinimum !== undefined && value <= BigInt(form.exclusiveMinimum) * 1_000_000n) return false;
  return form.maximum === undefined || value <= BigInt(form.maximum) * 1_000_000n;
}

/** Reads a payload's bytes in order; beyond their end is a WireError. */
export class Reader {
  private offset = 0;
  private readonly view: DataView;
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  private take(size: number): number {
    const start = this.offset;
    if (size > this.bytes.length - start) throw new WireError("a payload is cut short");
    this.offset += size;
    return start;
  }
  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2));
  }
  u32(): number {
    return this.view.getUint32(this.take(4));
  }
  u64(): bigint {
    return this.view.getBigUint64(this.take(8));
  }
  money(): bigint {
    return this.view.getBigInt64(this.take(8));
  }
  quantity(): bigint {
    return this.money();
  }
  percent(): bigint {
    return BigInt(this.u32());
  }
  time(): number {
    const value = this.money();
    if (value > MILLISECONDS_MAX || value < -MILLISECONDS_MAX) throw new WireError("a time is none");
    return Number(value);
  }
  duration(): number {
    return this.time();
  }
  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new WireError("a flag is neither 0 nor 1");
    return value === 1;
  }
  share(): number {
    const value = this.u16();
    if (value > 10_000) throw new WireError("a share is more than all");
    return value;
  }
  side(): number {
    return this.u8();
  }
  status(): number {
    return this.u8();
  }
  count(): number {
    return this.u32();
  }
  uuid(): string {
    const start = this.take(16);
    const digits = [...this.bytes.subarray(start, start + 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
  text(): string {
    const size = this.u16();
    const start = this.take(size);
    return readUtf8(this.bytes.subarray(start, start + size));
  }
  /** A text of the form of a symbol. */
  symbol(form: ArgumentType): string {
    const value = this.text();
    if (!isOfForm(form, value)) throw new WireError("a symbol is none");
    return value;
  }
  /** `count` items. The list grows as items come: a false count allocates nothing. */
  times<Item>(count: number, read: () => Item): Item[] {
    const items: Item[] = [];
    for (let index = 0; index < count; index += 1) items.push(read());
    return items;
  }
  /** Items until the bytes end. */
  rest<Item>(read: () => Item): Item[] {
    const items: Item[] = [];
    while (this.offset < this.bytes.length) items.push(read());
    return items;
  }
  /** A WireError if bytes are left. */
  end(): void {
    if (this.offset < this.bytes.length) throw new WireError("a payload is longer than its layout");
  }
}

/** A text of these bytes. A WireError if they are no UTF-8. */
export function readUtf8(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new WireError("a text is no UTF-8");
  }
}
/** The argument with this index, which was checked to be there. */
export function text(texts: readonly string[], index: number): string {
  const found = texts[index];
  if (found === undefined) throw new WireError("an argument is missing");
  return found;
}
/** Money or a quantity of an answer. */
export function readMoney(decimal: string): Money {
  const value = parseDecimal(decimal);
  if (value === null) throw new WireError("a decimal is none");
  return value;
}
/** As readMoney; `-` is none. */
export function readMoneyOrNone(decimal: string): Money | null {
  return decimal === "-" ? null : readMoney(decimal);
}
/** A text; `-` is none. */
export function readOrNone(word: string): string | null {
  return word === "-" ? null : word;
}
/** A time of an answer, in milliseconds since 1970. */
export function readTime(time: string): number {
  const value = Date.parse(time);
  if (Number.isNaN(value)) throw new WireError("a time is none");
  return value;
}


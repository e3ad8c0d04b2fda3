// spec/page.md · Money
/** Money in millionths of the account currency. Whole numbers of any size: nothing is rounded by accident. */
export type Money = bigint;
/** Units of an asset, in millionths. */
export type Quantity = bigint;

/** One unit, or one of the account currency, in millionths. */
export const ONE = 1_000_000n;
const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]{1,6}))?$/;
/** Digits that a person types before the point; the largest value of the protocol has 13. */
const TYPED = /^([0-9]{0,13})(?:\.([0-9]*))?$/;

/** Reads a decimal as messages have it. Null for what is none, or has more than 6 places. */
export function parseDecimal(text: string): bigint | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const value = BigInt(match[2] ?? "0") * ONE + BigInt((match[3] ?? "").padEnd(6, "0"));
  return match[1] ? -value : value;
}

/** Reads a number as a person types it: spaces and thousands' commas may stand in it. Null for what is none. */
export function parseTyped(text: string): bigint | null {
  const plain = text.trim().replace(/(?<=\d)[ ,_\u00a0\u202f](?=\d{3}(?!\d))/g, "");
  const match = TYPED.exec(plain);
  if (!match || (!match[1] && !match[2])) return null;
  const places = match[2] ?? "";
  if (places.length > 6 && /[1-9]/.test(places.slice(6))) return null;
  return BigInt(match[1] || "0") * ONE + BigInt(places.slice(0, 6).padEnd(6, "0"));
}

/** As messages have it: no needless zeros, no bare point. */
export function toDecimal(value: bigint): string {
  const size = value < 0n ? -value : value;
  const places = (size % ONE).toString().padStart(6, "0").replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${size / ONE}${places ? `.${places}` : ""}`;
}

/** How a number is written for people. */
export interface DecimalFormat {
  /** Places after the point at least; zeros fill them. */
  readonly least?: number;
  /** Places after the point at most; the rest is rounded, half away from zero. Left out: all. */
  readonly most?: number;
  /** Also a plus before what is above zero. */
  readonly sign?: boolean;
}

/** For people, in English: thousands' commas, a true minus sign. Exact unless `most` cuts it. */
export function formatDecimal(value: bigint, { least = 0, most = 6, sign = false }: DecimalFormat = {}): string {
  let size = value < 0n ? -value : value;
  const step = 10n ** BigInt(6 - Math.max(0, Math.min(6, most)));
  size = ((size + step / 2n) / step) * step;
  const whole = (size / ONE).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const places = (size % ONE).toString().padStart(6, "0").replace(/0+$/, "").padEnd(least, "0");
  const mark = size === 0n ? "" : value < 0n ? "\u2212" : sign ? "+" : "";
  return `${mark}${whole}${places ? `.${places}` : ""}`;
}

/** Exact money for people: two places at least, all that there are. */
export function formatMoney(value: Money, sign = false): string {
  return formatDecimal(value, { least: 2, sign });
}

/** Money to two places; exact where that would be nothing of something. */
export function roundMoney(value: Money, sign = false): string {
  return roundTo(2, value, sign);
}

/** A price to two places, of what costs less than 1 to four. `of`: the price that a change is of. */
export function roundPrice(value: Money, of: Money = value, sign = false): string {
  return roundTo(of < ONE ? 4 : 2, value, sign);
}

function roundTo(places: number, value: Money, sign: boolean): string {
  const size = value < 0n ? -value : value;
  const isLost = value !== 0n && size * 2n < 10n ** BigInt(6 - places);
  return isLost ? formatMoney(value, sign) : formatDecimal(value, { least: places, most: places, sign });
}

/** Units for people: as many places as there are. */
export function formatQuantity(value: Quantity): string {
  return formatDecimal(value);
}

/** `part` of `whole` in percent, for people: `+1.25 %`, a dash where there is no whole. */
export function formatPercent(part: bigint, whole: bigint, sign = true): string {
  if (whole === 0n) return "\u2013";
  const percent = formatDecimal(divideHalfUp(part * 100n * ONE, whole), { least: 2, most: 2, sign });
  // What is too little to be seen still went somewhere: its sign is told.
  const isLost = sign && part !== 0n && percent === "0.00";
  return `${isLost ? (part < 0n !== whole < 0n ? "\u2212" : "+") : ""}${percent}\u00a0%`;
}

/** `value` ÷ `by`, rounded half away from zero; `by` is not zero. */
export function divideHalfUp(value: bigint, by: bigint): bigint {
  const negative = value < 0n !== by < 0n;
  const size = value < 0n ? -value : value;
  const part = by < 0n ? -by : by;
  const rounded = (size + part / 2n) / part;
  return negative ? -rounded : rounded;
}

/** Units × price, rounded down to a millionth: what a sale brings. */
export function timesDown(quantity: Quantity, price: Money): Money {
  return (quantity * price) / ONE;
}

/** Units × price, rounded up to a millionth: what a purchase costs. */
export function timesUp(quantity: Quantity, price: Money): Money {
  const product = quantity * price;
  return product / ONE + (product % ONE > 0n ? 1n : 0n);
}

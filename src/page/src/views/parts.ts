// spec/page/views.md · Parts of views
//
// What several views are made of: figures, times, and what stands in place of data that are not there.
//
// Tests: src/page/test/views.test.ts

import { ConnectionError, RefusalError } from "../api.ts";
import type { App } from "../api.ts";
import { h, replaceChildren } from "../dom.ts";
import type { Child } from "../dom.ts";
import {
  formatDecimal,
  formatMoney,
  formatPercent,
  formatQuantity,
  ONE,
  roundMoney,
  roundPrice,
} from "../money.ts";
import { WireError } from "../reader.ts";
import { accountTexts, viewTexts } from "../texts.ts";
import { SIDES, STATUSES } from "../wire.ts";
import type { OrderParameters } from "../wire.ts";

const words = viewTexts.all;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE = 60_000;
const DAY = 86_400_000;

/** A day, in UTC: `5 Jan 2012`. */
export function formatDay(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return words.none;
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""} ${date.getUTCFullYear()}`;
}

/** A time of day, in UTC: `14:05`; with seconds where they are not 0. */
export function formatClock(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return words.none;
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = date.getUTCSeconds();
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${seconds === 0 ? "" : `:${two(seconds)}`}`;
}

/** A time, in UTC: a day alone where it is a day's midnight. */
export function formatTime(time: number): string {
  return time % DAY === 0 ? formatDay(time) : `${formatDay(time)}, ${formatClock(time)}`;
}

/** A time to the minute, in UTC, for columns. */
export function formatMinute(time: number): string {
  return formatTime(time - (((time % MINUTE) + MINUTE) % MINUTE));
}

/** A day as fields of forms have it: `2012-01-05`. */
export function isoDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** What is left of a time, rounded up: `9 s`, `2 min 5 s`, `3 h 20 min`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60)
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Whole units of a volume: `1,234,567`. */
export function formatVolume(volume: bigint): string {
  return formatDecimal(volume * ONE);
}

/** The class of a figure that may be a gain or a loss; it also has a sign. */
export function gainClass(value: bigint): string {
  if (value === 0n) return "";
  return value > 0n ? "gain" : "loss";
}

/** A gain or loss as money with a sign. */
export function gain(value: bigint): HTMLElement {
  const element = h("span", { class: gainClass(value) });
  setMoney(element, value, true);
  return element;
}

/** A gain or loss as money and in percent of a whole. */
export function gainOf(value: bigint, whole: bigint): HTMLElement {
  const percent = whole === 0n ? "" : ` (${formatPercent(value, whole)})`;
  const element = gain(value);
  element.append(percent);
  return element;
}

/** Rounded money, with the exact figure as its title. */
export function money(value: bigint): HTMLElement {
  const element = h("span");
  setMoney(element, value);
  return element;
}

/** A rounded price, with the exact one as its title. */
export function price(value: bigint): HTMLElement {
  const element = h("span");
  setPrice(element, value);
  return element;
}

/** Sets an element to rounded money; its title is the exact figure where that is another. */
export function setMoney(element: HTMLElement, value: bigint, sign = false): void {
  setFigure(element, roundMoney(value, sign), formatMoney(value, sign));
}

/** Sets an element to a rounded price; its title is the exact one where that is another. */
export function setPrice(element: HTMLElement, value: bigint): void {
  setFigure(element, roundPrice(value), formatMoney(value));
}

/** Sets an element to a figure, which is exact unless a title says more. */
function setFigure(element: HTMLElement, rounded: string, exact: string): void {
  setText(element, rounded);
  const isSame = plain(rounded) === plain(exact);
  const title = isSame ? "" : exact;
  if (element.title !== title) element.title = title;
}

function plain(figure: string): string {
  return figure.replace(/\.?0+$/, "");
}

/** Sets an element to a dash, where there is no figure. */
export function setNone(element: HTMLElement): void {
  setText(element, words.none);
  if (element.title !== "") element.title = "";
}

/** Sets an element's text if it is another one, so that what does not change is not painted anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an element's class if it is another one. */
export function setClass(element: Element, name: string): void {
  if (element.className !== name) element.className = name;
}

/** The word for a transaction's side; one of a later edition is its number. */
export function sideWord(side: number): string {
  const name = SIDES.get(side);
  return name === undefined ? String(side) : (words.sides[name] ?? name);
}

/** The name of a status, as the protocol has it; one of a later edition is its number. */
export function statusName(status: number): string {
  return STATUSES.get(status) ?? String(status);
}

/** The word for a status's name. */
export function statusWord(name: string): string {
  return words.statuses[name] ?? name;
}

/** Why an order ended, in a sentence; a code of a later edition as it is, nothing for none. */
export function reasonText(code: string | null): string {
  if (code === null || code === "") return "";
  return words.reasons[code] ?? code;
}

/** The state of a status as a badge. */
export function statusBadge(name: string): HTMLElement {
  const kinds: Record<string, string> = {
    settled: "gain",
    rejected: "loss",
    expired: "warning",
    open: "",
    queued: "",
  };
  return h("span", { class: `badge ${kinds[name] ?? ""}`.trim() }, statusWord(name));
}

/** A percentage of ten-thousandths as text: `2.5%`. */
export function percentText(tenThousandths: bigint): string {
  return `${formatDecimal(tenThousandths * 100n)}%`;
}

/** When an order fills, in words. `isTriggered`: its stop was reached. */
export function termsText(side: string, order: OrderParameters, isTriggered: boolean): string {
  const said = viewTexts.orders;
  const limit = formatMoney(order.limit);
  switch (order.kind) {
    case "limit":
      return said.limit(side, limit);
    case "stop":
      return said.stop(side, formatMoney(order.stop));
    case "stop-limit":
      return isTriggered
        ? `${said.limit(side, limit)}, ${said.triggered}`
        : said.stopLimit(side, formatMoney(order.stop), limit);
    case "trailing":
      return said.trailing(
        side,
        order.stopPercent > 0n ? percentText(order.stopPercent) : formatMoney(order.stop),
      );
    default:
      return said.kinds[order.kind] ?? order.kind;
  }
}

/** A time in force, in words: `gtc`, `day`, or the time until which an order stands. */
export function timeInForceText(timeInForce: string): string {
  const said = viewTexts.orders;
  if (timeInForce === "gtc" || timeInForce === "") return said.gtc;
  if (timeInForce === "day") return said.day;
  const end = Date.parse(timeInForce);
  if (Number.isNaN(end)) return timeInForce;
  // The midnight at which a day ends is that day's.
  return end % DAY === 0 && timeInForce.length > 10
    ? said.through(formatDay(end - MINUTE))
    : said.untilTime(formatTime(end));
}

/** How much an order is for, in words. */
export function amountText(quantity: bigint, cash: bigint): string {
  return cash > 0n ? viewTexts.orders.forMoney(formatMoney(cash)) : formatQuantity(quantity);
}

/** What stands while data are on their way. */
export function loading(text: string = words.loading): HTMLElement {
  return h("div", { class: "loading", role: "status" }, text);
}

/** What stands where there is nothing yet, and what to do. */
export function empty(title: string, hint: string, ...actions: Child[]): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("strong", null, title),
    hint === "" ? null : h("p", null, hint),
    ...actions,
  );
}

/** What an error says to a person, and what to do. */
export function errorText(error: unknown): string {
  if (error instanceof RefusalError) {
    const told = words.reasons[error.reason] ?? sentence(error.message);
    const advice = words.advice[error.reason];
    return advice === undefined ? told : `${told} ${advice}`;
  }
  if (error instanceof ConnectionError) return words.unreachable;
  if (error instanceof WireError) return accountTexts.nonsense;
  return error instanceof Error && error.message !== "" ? sentence(error.message) : words.failed;
}

/** A server's text as a sentence. */
export function sentence(text: string): string {
  if (text === "") return text;
  const begun = text[0]?.toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** What stands in place of data that could not be read, with a button that tries again. */
export function failure(error: unknown, again?: () => void): HTMLElement {
  return h(
    "div",
    { class: "message failure", role: "alert" },
    h("p", null, errorText(error)),
    again === undefined
      ? null
      : h(
          "div",
          null,
          h("button", { class: "button compact", type: "button", onclick: again }, words.again),
        ),
  );
}

/** A figure with its name, for a list of class `stats`. */
export function stat(name: string, value: Child, className = ""): HTMLElement {
  return h(
    "div",
    { class: className === "" ? null : className },
    h("dt", null, name),
    h("dd", null, value),
  );
}

/** A box with a heading. */
export function panel(title: string, ...children: Child[]): HTMLElement {
  return h("section", { class: "panel" }, h("h2", null, title), ...children);
}

/** One of few: radio buttons in a row. */
export interface Choice<Name extends string> {
  element: HTMLElement;
  value: Name;
  set(value: Name): void;
  /** Says why one cannot be chosen; empty: it can. */
  forbid(value: Name, why: string): void;
}

let choices = 0;

/** Radio buttons in a row with a name that is read aloud. */
export function choice<Name extends string>(
  label: string,
  options: readonly (readonly [Name, string])[],
  first: Name,
  onChange: (value: Name) => void,
): Choice<Name> {
  choices += 1;
  const group = `choice-${choices}`;
  const inputs = options.map(([value, text]) => {
    const input = h("input", { type: "radio", name: group, value, checked: value === first });
    input.addEventListener("change", () => {
      made.value = value;
      onChange(value);
    });
    return { value, input, text, element: h("label", null, input, text) };
  });
  const made: Choice<Name> = {
    element: h(
      "div",
      { class: "choice", role: "radiogroup", "aria-label": label },
      ...inputs.map((it) => it.element),
    ),
    value: first,
    set(value) {
      made.value = value;
      for (const it of inputs) it.input.checked = it.value === value;
    },
    forbid(value, why) {
      const it = inputs.find((each) => each.value === value);
      if (it === undefined) return;
      it.input.disabled = why !== "";
      if (it.element.title !== why) it.element.title = why;
      if (why === "") it.input.removeAttribute("aria-label");
      else it.input.setAttribute("aria-label", `${it.text}, ${why}`);
    },
  };
  return made;
}

/** A head of a column that sorts. */
export interface SortHead<Name extends string> {
  element: HTMLTableCellElement;
  name: Name;
}

/** How a table is sorted. */
export interface SortOrder<Name extends string> {
  by: Name;
  isDescending: boolean;
}

/** Heads of columns with buttons that sort; another click turns the order around. */
export function sortHead<Name extends string>(
  name: Name,
  text: string,
  className: string,
  order: () => SortOrder<Name>,
  sort: (order: SortOrder<Name>) => void,
  beginsDescending: boolean,
): SortHead<Name> {
  const button = h(
    "button",
    { class: "sort", type: "button" },
    text,
    h("span", { "aria-hidden": "true" }),
  );
  button.addEventListener("click", () => {
    const now = order();
    sort({ by: name, isDescending: now.by === name ? !now.isDescending : beginsDescending });
  });
  return {
    element: h("th", { scope: "col", class: className === "" ? null : className }, button),
    name,
  };
}

/** Marks by which column a table is sorted. */
export function markSorted<Name extends string>(
  heads: readonly SortHead<Name>[],
  order: SortOrder<Name>,
): void {
  for (const head of heads) {
    const isBy = head.name === order.by;
    const mark = head.element.querySelector("span");
    if (mark !== null) setText(mark, isBy ? (order.isDescending ? "▼" : "▲") : "");
    if (isBy)
      head.element.setAttribute("aria-sort", order.isDescending ? "descending" : "ascending");
    else head.element.removeAttribute("aria-sort");
  }
}

/** Fills a box with a view of data that are loading, there, or could not be read. */
export function showIn(box: HTMLElement, ...children: Child[]): void {
  replaceChildren(box, ...children);
}

/** As showIn, but leaves a box as it is while the keyboard's focus is in it, which would be lost. */
export function showUnlessFocused(box: HTMLElement, ...children: Child[]): void {
  if (!box.contains(document.activeElement)) replaceChildren(box, ...children);
}

/** Marks a button as busy. It keeps the keyboard's focus, which a disabled one would lose; whoever listens asks isBusy. */
export function setBusy(button: HTMLButtonElement, busy: boolean): void {
  if (busy) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

/** Whether what a button began is still under way. */
export function isBusy(button: HTMLButtonElement): boolean {
  return button.getAttribute("aria-disabled") === "true";
}

/** The address of an asset's view. */
export function assetHash(symbol: string): string {
  return `#/assets/${encodeURIComponent(symbol)}`;
}

/** A link to an asset's view. */
export function assetLink(symbol: string): HTMLAnchorElement {
  return h("a", { href: assetHash(symbol) }, symbol);
}

/** Compares texts as their bytes are, as the server sorts. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Compares figures. */
export function compareFigure(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Runs several cleanups as one. */
export function cleanupOf(...cleanups: (() => void)[]): () => void {
  return () => {
    for (const cleanup of cleanups) cleanup();
  };
}

/** Market time, if it is known. */
export function marketTimeOf(app: App): number | undefined {
  return app.market.value?.marketTime ?? undefined;
}

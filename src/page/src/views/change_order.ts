// spec/page/views.md · Orders
//
// A dialog that changes an open order: its amount and prices, checked while they are typed.
//
// Tests: src/page/test/order_form.test.ts, and in Chromium tests/browser

import type { App, OrderChange } from "../api.ts";
import { h } from "../dom.ts";
import { formatMoney, formatQuantity, parseTyped, toDecimal } from "../money.ts";
import { viewTexts } from "../texts.ts";
import type { OpenOrder } from "../wire.ts";
import { parseDistance, stopOf } from "./order_form.ts";
import { errorText, isBusy, percentText, setBusy, setText, sideWord } from "./parts.ts";

const words = viewTexts.orders;

/** What an open order is, in a few words: `Buy 10 AAPL`. */
export function openOrderText(order: OpenOrder): string {
  const { units, money } = viewTexts.ticket.what;
  const cash = order.order.cash;
  const what =
    cash > 0n
      ? money(formatMoney(cash), order.symbol)
      : units(formatQuantity(order.quantity), order.symbol);
  return `${sideWord(order.side)} ${what}`;
}

/** Asks for other terms of an order, and sends them. Side, asset, kind and time in force stay. */
export function changeDialog(app: App, order: OpenOrder): void {
  const opener = document.activeElement;
  const fields = changeFields(app, order);
  const { amount, stop, limit } = fields;
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const send = h("button", { class: "button primary", type: "submit" }, words.changeSend);
  const keep = h("button", { class: "button", type: "button" }, words.keep);
  const form = h(
    "form",
    { class: "form", novalidate: true, autocomplete: "off" },
    h("h2", { id: "change-title" }, `${words.changeTitle}: ${openOrderText(order)}`),
    h("p", { class: "muted small" }, words.changeHint),
    amount.element,
    hasStop(order) || order.order.kind === "trailing" ? stop.element : null,
    hasLimit(order) ? limit.element : null,
    problem,
    h("div", { class: "dialog-actions" }, keep, send),
  );
  const dialog = h("dialog", { "aria-labelledby": "change-title" }, form);
  const tell = (text: string): void => {
    problem.hidden = text === "";
    setText(problem, text);
  };
  const update = (): OrderChange | ChangeProblem => {
    const read = readChange(order, amount.input.value, stop.input.value, limit.input.value);
    const wrong = "text" in read ? read.field : null;
    for (const [name, row] of Object.entries(fields))
      row.tell(name === wrong && "text" in read ? read.text : "");
    return read;
  };
  form.addEventListener("input", () => {
    tell("");
    update();
  });
  keep.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
  const submit = async (): Promise<void> => {
    const change = update();
    tell("text" in change && change.field === null ? change.text : "");
    if ("text" in change) {
      if (change.field !== null) fields[change.field].input.focus();
      return;
    }
    if (isBusy(send)) return;
    setBusy(send, true);
    try {
      await app.session.replaceOrder(order.id, change);
      dialog.close();
      await app.session.openOrders.refresh().catch(() => undefined);
    } catch (error) {
      tell(errorText(error));
    } finally {
      setBusy(send, false);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  document.body.append(dialog);
  dialog.showModal();
  amount.input.focus();
  amount.input.select();
}

function hasLimit({ order }: OpenOrder): boolean {
  return order.kind === "limit" || order.kind === "stop-limit";
}

function hasStop({ order }: OpenOrder): boolean {
  return order.kind === "stop" || order.kind === "stop-limit";
}

/** The fields with the order's terms of now. */
function changeFields(app: App, { order, quantity }: OpenOrder): Record<ChangeField, ChangeRow> {
  const said = viewTexts.ticket;
  const isMoney = order.cash > 0n;
  const currency = app.market.value?.currency ?? "";
  const isPercent = order.stopPercent > 0n;
  const stop = isPercent ? percentText(order.stopPercent) : toDecimal(order.stop);
  return {
    amount: changeField(
      "change-amount",
      isMoney ? said.amountMoney(currency) : said.units,
      toDecimal(isMoney ? order.cash : quantity),
    ),
    stop: changeField("change-stop", order.kind === "trailing" ? said.distance : said.stop, stop),
    limit: changeField("change-limit", said.limit, toDecimal(order.limit)),
  };
}

/** A field of the dialog that changes an order. */
export type ChangeField = "amount" | "stop" | "limit";

/** Why a change cannot be sent; a field of null: it is about all of them. */
export interface ChangeProblem {
  field: ChangeField | null;
  text: string;
}

/** What a person changed, or what is wrong with it. */
export function readChange(
  order: OpenOrder,
  amount: string,
  stop: string,
  limit: string,
): OrderChange | ChangeProblem {
  const said = viewTexts.ticket;
  const isMoney = order.order.cash > 0n;
  const kind = order.order.kind;
  const typedAmount = parseTyped(amount);
  if (typedAmount === null || typedAmount <= 0n) return { field: "amount", text: said.notAnAmount };
  const isSameAmount = typedAmount === (isMoney ? order.order.cash : order.quantity);
  let newLimit: bigint | null = null;
  if (hasLimit(order)) {
    newLimit = parseTyped(limit);
    if (newLimit === null || newLimit <= 0n) return { field: "limit", text: said.notAPrice };
    if (newLimit === order.order.limit) newLimit = null;
  }
  let newStop: OrderChange["stop"] = null;
  if (hasStop(order)) {
    newStop = parseTyped(stop);
    if (newStop === null || newStop <= 0n) return { field: "stop", text: said.notAPrice };
    if (newStop === order.order.stop) newStop = null;
  } else if (kind === "trailing") {
    const distance = parseDistance(stop);
    if (distance === undefined) return { field: "stop", text: said.notADistance };
    const isSame =
      distance.money === order.order.stop && distance.percent === order.order.stopPercent;
    newStop = isSame ? null : stopOf(distance);
  }
  if (isSameAmount && newLimit === null && newStop === null)
    return { field: null, text: words.nothingChanged };
  const quantity = isMoney ? { cash: typedAmount } : { units: typedAmount };
  return { quantity: isSameAmount ? null : quantity, limit: newLimit, stop: newStop };
}

interface ChangeRow {
  element: HTMLElement;
  input: HTMLInputElement;
  /** What is wrong with it; empty: nothing. */
  tell(text: string): void;
}

function changeField(id: string, text: string, value: string): ChangeRow {
  const input = h("input", {
    class: "input number",
    id,
    inputmode: "decimal",
    autocomplete: "off",
    "aria-describedby": `${id}-problem`,
  });
  input.value = value;
  const problem = h("p", { class: "error", id: `${id}-problem`, hidden: true });
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, text), input, problem),
    input,
    tell(told) {
      setText(problem, told);
      problem.hidden = told === "";
      if (told === "") input.removeAttribute("aria-invalid");
      else input.setAttribute("aria-invalid", "true");
    },
  };
}

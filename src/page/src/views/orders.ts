// spec/page/views.md · Orders
//
// Orders that have no outcome yet: what they say, and how to change and cancel them.
//
// Tests: src/page/test/order_form.test.ts, and in Chromium tests/browser

import { RefusalError } from "../api.ts";
import type { App, OrderChange, View } from "../api.ts";
import { h } from "../dom.ts";
import {
  formatDecimal,
  formatMoney,
  formatQuantity,
  ONE,
  parseTyped,
  toDecimal,
} from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES } from "../wire.ts";
import type { OpenOrder } from "../wire.ts";
import {
  amountText,
  assetLink,
  empty,
  errorText,
  failure,
  formatMinute,
  formatTime,
  isBusy,
  loading,
  percentText,
  reasonText,
  setBusy,
  setText,
  showIn,
  sideWord,
  statusBadge,
  statusName,
  statusWord,
  termsText,
  timeInForceText,
} from "./parts.ts";
import { parseDistance, stopOf } from "./order_form.ts";
import { rowsInSight } from "./rows_in_sight.ts";
import type { TableRow } from "./rows_in_sight.ts";

const words = viewTexts.orders;

/** After rows moved, a click on one of their buttons is not taken: it was meant for another row. */
const MOVED_TIME = 600;

/** Tells whether rows moved a moment ago. */
interface MovedRows {
  show(orders: readonly OpenOrder[]): void;
  isClickMeant(event: MouseEvent): boolean;
}

function movedRows(): MovedRows {
  let shown = "";
  let at = -Infinity;
  return {
    show(orders) {
      const now = orders.map((order) => order.id).join(" ");
      if (shown !== "" && now !== shown) at = performance.now();
      shown = now;
    },
    // A key presses what has the focus, wherever that has moved to: its click has no count.
    isClickMeant: (event) => event.detail === 0 || performance.now() - at > MOVED_TIME,
  };
}

/** The open orders. */
export const ordersView: View = (root, app) => {
  app.title(words.title);
  const { openOrders } = app.session;
  const all = h(
    "button",
    { class: "button danger push", type: "button", hidden: true },
    words.cancelAll,
  );
  all.addEventListener("click", () => void cancelAll(app, all));
  const heads = [
    [words.asset, "column-symbol column-two-lines"],
    [words.side, "medium column-short"],
    [words.amount, "number medium column-units"],
    [words.terms, "medium"],
    [words.inForce, "wide column-time"],
    [words.until, "wide column-time"],
    [words.heldBack, "number wide column-held"],
    [words.since, "wider column-time"],
    ["", "actions column-actions"],
  ] as const;
  const table = h(
    "table",
    { class: "table rows two-lines", "aria-label": words.title },
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        ...heads.map(([name, className]) =>
          h(
            name === "" ? "td" : "th",
            { scope: name === "" ? null : "col", class: className || null },
            name,
          ),
        ),
      ),
    ),
  );
  const moved = movedRows();
  const rows = rowsInSight<OpenOrder>(
    table,
    (order) => order.id,
    (order) => orderRow(app, order, moved),
  );
  const instead = h("div");
  root.append(
    h("div", { class: "cluster" }, h("h1", { tabindex: "-1" }, words.title), all),
    h("div", { class: "panel" }, table, instead),
  );
  const show = (): void => {
    const orders = openOrders.value;
    moved.show(orders ?? []);
    table.hidden = orders === null || orders.length === 0;
    all.hidden = orders === null || orders.length < 2;
    if (orders === null) {
      showIn(
        instead,
        openOrders.error === null
          ? loading()
          : failure(openOrders.error, () => void openOrders.refresh().catch(() => undefined)),
      );
    } else if (orders.length === 0) {
      showIn(
        instead,
        empty(
          words.none,
          words.noneHint,
          h("a", { class: "button", href: "#/assets" }, words.find),
        ),
      );
    } else {
      showIn(instead);
      rows.show(orders);
    }
  };
  show();
  const end = openOrders.subscribe(show);
  return () => {
    end();
    rows.close();
  };
};

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

function orderRow(app: App, first: OpenOrder, moved: MovedRows): TableRow<OpenOrder> {
  let order = first;
  const what = openOrderText(first);
  const side = SIDES.get(first.side) ?? "";
  const cancel = h(
    "button",
    { class: "button compact danger", type: "button", "aria-label": words.cancelOf(what) },
    words.cancel,
  );
  const change = h(
    "button",
    { class: "button compact", type: "button", "aria-label": words.changeOf(what) },
    words.change,
  );
  cancel.addEventListener("click", (event) => {
    if (moved.isClickMeant(event)) void cancelOne(app, order, cancel);
  });
  change.addEventListener("click", (event) => {
    if (moved.isClickMeant(event)) changeDialog(app, order);
  });
  const cell = (className: string, ...children: (string | Node)[]): HTMLElement =>
    h("td", { class: className === "" ? null : className }, ...children);
  const below = h("span", { class: "below narrow-only" });
  const amount = cell("number medium");
  const terms = cell("medium");
  const reserve = cell("number wide");
  const inForce = cell("wide");
  const until = cell("wide");
  const element = h(
    "tr",
    null,
    h("th", { scope: "row" }, assetLink(first.symbol), below),
    cell("medium", sideWord(first.side)),
    amount,
    terms,
    inForce,
    until,
    reserve,
    h("td", { class: "wider", title: formatTime(first.accepted) }, formatMinute(first.accepted)),
    cell("actions", change, " ", cancel),
  );
  return {
    element,
    show(value) {
      order = value;
      setText(amount, amountText(value.quantity, value.order.cash));
      const status = statusName(value.status);
      setText(terms, termsText(side, value.order, value.triggered));
      terms.title = terms.textContent;
      setText(below, `${what} ${terms.textContent}`);
      if (status === "queued") terms.append(" ", statusBadge(status));
      setText(reserve, value.reserve > 0n ? formatMoney(value.reserve) : viewTexts.all.none);
      setText(inForce, timeInForceText(value.order.timeInForce));
      setText(until, value.until > 0 ? formatMinute(value.until) : viewTexts.all.none);
      change.hidden = value.order.kind === "market";
    },
  };
}

async function cancelOne(app: App, order: OpenOrder, button: HTMLButtonElement): Promise<void> {
  if (isBusy(button)) return;
  setBusy(button, true);
  try {
    await app.session.cancelOrder(order.id);
  } catch (error) {
    app.toast(errorText(error), "error");
  } finally {
    setBusy(button, false);
    await app.session.openOrders.refresh().catch(() => undefined);
  }
}

async function cancelAll(app: App, button: HTMLButtonElement): Promise<void> {
  const orders = app.session.openOrders.value ?? [];
  const count = formatDecimal(BigInt(orders.length) * ONE);
  const isMeant = await app.ask({
    title: words.cancelAll,
    body: [words.cancelAllAsk(count)],
    confirm: words.cancelAllConfirm(count),
    refuse: words.cancelAllRefuse,
    isDangerous: true,
  });
  if (!isMeant || isBusy(button)) return;
  setBusy(button, true);
  let done = 0;
  let failed: unknown;
  for (const order of orders) {
    try {
      await app.session.cancelOrder(order.id);
      done += 1;
    } catch (error) {
      // It ended meanwhile, as was wanted.
      if (error instanceof RefusalError && error.reason === "not-open") continue;
      failed = error;
      break;
    }
  }
  setBusy(button, false);
  if (failed === undefined) {
    app.toast(words.cancelledAll(formatDecimal(BigInt(done) * ONE)), "success");
  } else {
    app.toast(
      `${words.someLeft(formatDecimal(BigInt(done) * ONE), count)} ${errorText(failed)}`,
      "error",
    );
  }
}

/** Asks for other terms of an order, and sends them. Side, asset, kind and time in force stay. */
function changeDialog(app: App, order: OpenOrder): void {
  const said = viewTexts.ticket;
  const opener = document.activeElement;
  const isMoney = order.order.cash > 0n;
  const oldAmount = isMoney ? order.order.cash : order.quantity;
  const hasLimit = order.order.kind === "limit" || order.order.kind === "stop-limit";
  const hasStop = order.order.kind === "stop" || order.order.kind === "stop-limit";
  const isTrailing = order.order.kind === "trailing";
  const oldStop =
    order.order.stopPercent > 0n
      ? percentText(order.order.stopPercent)
      : toDecimal(order.order.stop);
  const amount = changeField(
    "change-amount",
    isMoney ? said.amountMoney(app.market.value?.currency ?? "") : said.units,
    toDecimal(oldAmount),
  );
  const stop = changeField("change-stop", isTrailing ? said.distance : said.stop, oldStop);
  const limit = changeField("change-limit", said.limit, toDecimal(order.order.limit));
  const fields: Record<ChangeField, ChangeRow> = { amount, stop, limit };
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const send = h("button", { class: "button primary", type: "submit" }, words.changeSend);
  const keep = h("button", { class: "button", type: "button" }, words.keep);
  const form = h(
    "form",
    { class: "form", novalidate: true, autocomplete: "off" },
    h("h2", { id: "change-title" }, `${words.changeTitle}: ${openOrderText(order)}`),
    h("p", { class: "muted small" }, words.changeHint),
    amount.element,
    hasStop || isTrailing ? stop.element : null,
    hasLimit ? limit.element : null,
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
  if (kind === "limit" || kind === "stop-limit") {
    newLimit = parseTyped(limit);
    if (newLimit === null || newLimit <= 0n) return { field: "limit", text: said.notAPrice };
    if (newLimit === order.order.limit) newLimit = null;
  }
  let newStop: OrderChange["stop"] = null;
  if (kind === "stop" || kind === "stop-limit") {
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

/** An end of an order in a sentence, for a short message. It is the only one: views do not tell what a notice tells. */
export function endedText(notice: {
  status: string;
  asset: string;
  quantity: bigint;
  price: bigint | null;
  reason: string | null;
}): string {
  const price = notice.price === null ? viewTexts.all.none : formatMoney(notice.price);
  if (notice.status === "settled")
    return words.filled(formatQuantity(notice.quantity), notice.asset, price);
  if (notice.reason === "cancelled") return words.wasCancelled(notice.asset);
  if (notice.reason === "replaced") return words.wasChanged(notice.asset);
  return words.ended(
    notice.asset,
    notice.reason === null ? statusWord(notice.status) : reasonText(notice.reason),
  );
}

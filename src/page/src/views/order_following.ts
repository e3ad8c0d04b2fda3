// spec/page/views.md · The order ticket
//
// An order that was sent, followed to its end: a countdown by the server's clock, the outcome, a cancel.
//
// Tests: in Chromium tests/browser

import type { App, Cleanup, OrderNotice, OrderTerms, OwnTransaction, PlacedOrder } from "../api.ts";
import { h } from "../dom.ts";
import { formatQuantity, roundMoney, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { isMet } from "./order_form.ts";
import {
  cleanupOf,
  errorText,
  formatSpan,
  isBusy,
  reasonText,
  setBusy,
  setText,
  showIn,
  statusName,
} from "./parts.ts";
import { showReceipt } from "./receipt.ts";

const words = viewTexts.ticket;
/** Between two looks at the clock. */
const COUNT_INTERVAL = 500;

/** An order that was sent. */
export interface SentOrder {
  order: OrderTerms;
  /** It in a few words. */
  what: string;
  placed: PlacedOrder;
}

/** Follows an order that was placed. `again` goes back to an empty ticket. */
export function followOrder(
  root: HTMLElement,
  app: App,
  sent: SentOrder,
  again: () => void,
): Cleanup {
  const { placed } = sent;
  const shown = followedOrder(sent.what, again);
  showIn(root, shown.message, shown.actions);
  shown.heading.focus();
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    isOver = true;
    clearTimeout(timer);
  };
  const tellEnd = (end: OrderEnd): void => {
    if (isOver) return;
    stop();
    shown.tellEnd(end, endText(sent.order, end));
    if (end.status === "settled") shown.actions.append(whyButton(app, sent));
  };
  const onNotice = (notice: OrderNotice | null): void => {
    if (notice === null) return void lookUp();
    if (notice.transactionID !== placed.transactionID) return;
    const { status, quantity, price, total, reason } = notice;
    tellEnd({ status, units: quantity, price: price ?? 0n, total: total ?? 0n, reason });
  };
  const lookUp = async (): Promise<void> => {
    const row = await rowOf(app, placed.transactionID);
    if (row === undefined || isOver) return;
    const status = statusName(row.status);
    if (status === "queued" || status === "open") return;
    tellEnd({ ...row, status, units: row.quantity });
  };
  const countDown = (): void => {
    if (isOver) return;
    setText(shown.count, countdownText(app, sent.order));
    timer = setTimeout(countDown, COUNT_INTERVAL);
  };
  const cancelIt = async (): Promise<void> => {
    if (isBusy(shown.cancel)) return;
    setBusy(shown.cancel, true);
    try {
      await app.session.cancelOrder(placed.transactionID);
      tellEnd({ status: "cancelled", units: 0n, price: 0n, total: 0n, reason: "cancelled" });
    } catch (error) {
      setBusy(shown.cancel, false);
      await lookUp();
      if (!isOver) app.toast(errorText(error), "error");
    }
  };
  shown.cancel.addEventListener("click", () => void cancelIt());
  const onKey = (event: KeyboardEvent): void => {
    // A dialog in front takes its Escape itself.
    if (event.key !== "Escape" || document.querySelector("dialog[open]") !== null) return;
    if (!isOver) app.toast(words.stands);
    again();
  };
  document.addEventListener("keydown", onKey);
  const endNotices = app.session.onOrder(onNotice);
  countDown();
  // The order may have ended before anybody listened.
  void lookUp();
  return cleanupOf(endNotices, stop, () => document.removeEventListener("keydown", onKey));
}

/** How an order ended. */
interface OrderEnd {
  status: string;
  units: bigint;
  price: bigint;
  total: bigint;
  reason: string | null;
}

function endText(order: OrderTerms, end: OrderEnd): string {
  if (end.status !== "settled") return words.notFilled(reasonText(end.reason));
  const verb = order.side === "buy" ? viewTexts.asset.bought : viewTexts.asset.sold;
  const [price, total] = [roundPrice(end.price), roundMoney(end.total)];
  return words.filled(`${verb} ${order.asset},`, formatQuantity(end.units), price, total);
}

/** What stands in the place of the ticket. */
interface FollowedOrder {
  message: HTMLElement;
  heading: HTMLElement;
  count: HTMLElement;
  actions: HTMLElement;
  cancel: HTMLButtonElement;
  tellEnd(end: OrderEnd, text: string): void;
}

function followedOrder(what: string, again: () => void): FollowedOrder {
  const heading = h("h3", { tabindex: "-1" }, words.placed);
  const count = h("p", { class: "muted" });
  const told = h(
    "div",
    { "aria-live": "polite", class: "stack" },
    h("p", null, words.placedText(what)),
  );
  const message = h("div", { class: "message" }, heading, told, count);
  const another = h(
    "button",
    { class: "button primary", type: "button", onclick: again },
    words.another,
  );
  const cancel = h("button", { class: "button danger", type: "button" }, words.cancel);
  const toOrders = h("a", { class: "button", href: "#/orders" }, words.toOrders);
  return {
    message,
    heading,
    count,
    actions: h("div", { class: "cluster" }, another, toOrders, cancel),
    cancel,
    tellEnd(end, text) {
      message.className = `message ${end.status === "settled" ? "success" : "warning"}`;
      count.hidden = true;
      cancel.remove();
      setText(heading, viewTexts.all.statuses[end.status] ?? end.status);
      showIn(told, h("p", null, text));
    },
  };
}

function whyButton(app: App, { placed, what }: SentOrder): HTMLElement {
  const open = (): void => showReceipt(app.session, placed.transactionID, what);
  return h("button", { class: "button", type: "button", onclick: open }, words.why);
}

/** How far an order is from its end, by the server's clock. */
function countdownText(app: App, order: OrderTerms): string {
  const market = app.market.value;
  if (market?.state === "paused") return words.paused;
  if (market?.state === "ended") return words.ended;
  const price = app.session.quotes.get(order.asset)?.value ?? 0n;
  if (!isMet(order, price)) return words.waits;
  if (market?.nextUpdate === null || market?.nextUpdate === undefined) return "";
  const left = market.nextUpdate - app.now();
  return left > 0 ? words.nextUpdate(formatSpan(left)) : words.nextUpdateDue;
}

/** The row of a transaction among the newest; undefined: it cannot be had now. */
async function rowOf(app: App, transactionID: string): Promise<OwnTransaction | undefined> {
  try {
    const rows = await app.session.history(null, 100);
    return rows.find((row) => row.id === transactionID);
  } catch {
    return undefined;
  }
}

// spec/page/views.md · The order ticket
//
// An order for one asset: filled in, reckoned, sent, and followed to its end. What the server would refuse
// is told before it is sent.
//
// Tests: src/page/test/order_form.test.ts, and in Chromium tests/browser

import { ConnectionError } from "../api.ts";
import type { App, Cleanup, OrderTerms } from "../api.ts";
import { h } from "../dom.ts";
import { formatMoney, formatQuantity, roundMoney, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { followOrder } from "./order_following.ts";
import { readTicket } from "./order_form.ts";
import type { OrderSide, ReadTicket, TicketFacts, TicketField, TicketInput } from "./order_form.ts";
import { cleanupOf, errorText, marketTimeOf, setBusy, setClass, setText, showIn } from "./parts.ts";
import { estimateLines } from "./ticket_estimate.ts";
import { showFields, TICKET_FIELDS, ticketFields } from "./ticket_fields.ts";
import type { TicketFields } from "./ticket_fields.ts";

const words = viewTexts.ticket;

/** A ticket on the page. */
export interface OrderTicket {
  /** Goes to the ticket, to be filled in for this side. An order that is followed is left as it is. */
  open(side: OrderSide): void;
  /** Ends it; an order that was sent stands on. */
  close: Cleanup;
}

/** The ticket of an asset. */
export function orderTicket(root: HTMLElement, app: App, symbol: string): OrderTicket {
  const form = ticketForm(app, symbol, (order, what) => void send(order, what));
  const after = h("div", { class: "ticket", hidden: true });
  let endFollowing: Cleanup = () => undefined;
  const price = h("span", { class: "muted push" });
  const showPrice = (): void => {
    const value = app.session.quotes.get(symbol)?.value ?? 0n;
    setText(price, value === 0n ? symbol : `${symbol} ${roundPrice(value)}`);
  };
  showPrice();
  const endPrice = app.session.quotes.onChange((symbols) => {
    if (symbols === null || symbols.has(symbol)) showPrice();
  });
  root.append(
    h("div", { class: "cluster" }, h("h2", null, words.title), price),
    form.element,
    after,
  );

  const backToForm = (): void => {
    endFollowing();
    after.hidden = true;
    form.element.hidden = false;
    form.reset();
  };

  const send = async (order: OrderTerms, what: string): Promise<void> => {
    form.setBusy(true);
    try {
      const placed = await app.session.placeOrder(order);
      if (!root.isConnected) {
        app.toast(words.placedText(what), "success");
        return;
      }
      form.element.hidden = true;
      after.hidden = false;
      endFollowing = followOrder(after, app, { order, what, placed }, backToForm);
    } catch (error) {
      const isUncertain = error instanceof ConnectionError && error.isUncertain;
      const text = isUncertain ? words.uncertain : errorText(error);
      if (root.isConnected) form.tellFailure(text);
      else app.toast(text, "error");
    } finally {
      form.setBusy(false);
    }
  };
  return {
    open(side) {
      root.scrollIntoView({ block: "nearest" });
      if (!form.element.hidden) form.open(side);
    },
    close: cleanupOf(form.close, endPrice, () => endFollowing()),
  };
}

interface TicketForm {
  open(side: OrderSide): void;
  element: HTMLElement;
  setBusy(isBusy: boolean): void;
  tellFailure(text: string): void;
  reset(): void;
  close(): void;
}

function ticketForm(
  app: App,
  symbol: string,
  send: (order: OrderTerms, what: string) => void,
): TicketForm {
  const input = emptyInput();
  /** Fields that were left once: what is missing in them is told. */
  const left = new Set<TicketField>();
  let isBusy = false;
  const turn = (value: OrderSide): void => {
    input.side = value;
    input.amountKind = "units";
    fields.amountKinds.buy.set("units");
    fields.amountKinds.sell.set("units");
    update();
  };
  const fields = ticketFields(input, left, turn, () => void update());
  const { rows } = fields;
  const estimate = h("div", { class: "estimate", id: "ticket-estimate" });
  const failed = h("div", { class: "message failure", role: "alert", hidden: true });
  const attributes = { class: "button primary full", type: "submit" };
  const button = h("button", { ...attributes, "aria-describedby": "ticket-estimate" });
  const element = formOf(fields, estimate, failed, button);

  const update = (): ReadTicket => {
    const facts = factsOf(app, symbol);
    const read = readTicket(input, facts);
    setClass(element, `ticket ${input.side}`);
    showFields(fields, input, facts, read, left, app.market.value?.currency ?? "");
    const plain = words.send(input.side === "buy" ? words.buy : words.sell, symbol);
    const what = read.order === undefined ? plain : orderText(read.order);
    setText(button, isBusy ? words.sending : what);
    const lines = estimateLines(read, input, facts, app);
    estimate.hidden = lines.length === 0;
    showIn(estimate, ...lines);
    return read;
  };

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isBusy) return;
    failed.hidden = true;
    for (const field of TICKET_FIELDS) if (!rows[field].element.hidden) left.add(field);
    if (update().order !== undefined) return void confirmAndSend(app, symbol, update, send);
    Object.values(rows)
      .find((row) => row.problem.textContent !== "" && !row.element.hidden)
      ?.input.focus();
  });
  const ends = [
    app.session.quotes.onChange((symbols) => {
      if (symbols === null || symbols.has(symbol)) update();
    }),
    app.session.summary.subscribe(update),
    app.market.subscribe(update),
  ];
  update();
  return {
    element,
    open(value) {
      fields.side.set(value);
      turn(value);
      rows.amount.input.focus();
    },
    setBusy(value) {
      isBusy = value;
      setBusy(button, value);
      update();
    },
    tellFailure(text) {
      failed.hidden = false;
      setText(failed, text);
    },
    reset() {
      for (const field of TICKET_FIELDS) {
        input[field] = "";
        rows[field].input.value = "";
      }
      left.clear();
      failed.hidden = true;
      update();
      rows.amount.input.focus();
    },
    close: cleanupOf(...ends),
  };
}

function emptyInput(): TicketInput {
  return {
    side: "buy",
    amountKind: "units",
    amount: "",
    kind: "market",
    limit: "",
    stop: "",
    distance: "",
    timeInForce: "gtc",
    date: "",
  };
}

function formOf(fields: TicketFields, ...below: HTMLElement[]): HTMLFormElement {
  const { side, kind, amountKinds, rows, timeInForce } = fields;
  const amount = [amountKinds.buy.element, amountKinds.sell.element, rows.amount.element];
  return h(
    "form",
    { class: "ticket", novalidate: true, autocomplete: "off" },
    side.element,
    kind.element,
    h("div", { class: "stack" }, ...amount),
    rows.stop.element,
    rows.limit.element,
    rows.distance.element,
    timeInForce.element,
    rows.date.element,
    ...below,
  );
}

/** What an order is, in a few words: `Buy 10 AAPL`. */
export function orderText(order: OrderTerms): string {
  const what =
    "units" in order.quantity
      ? words.what.units(formatQuantity(order.quantity.units), order.asset)
      : words.what.money(formatMoney(order.quantity.cash), order.asset);
  return words.send(order.side === "buy" ? words.buy : words.sell, what);
}

/** Sends the order; a large one after a question, which follows the price while it stands. */
async function confirmAndSend(
  app: App,
  symbol: string,
  reread: () => ReadTicket,
  send: (order: OrderTerms, what: string) => void,
): Promise<void> {
  if (reread().estimate?.isLarge === true) {
    const text = h("p");
    const show = (): void => setText(text, confirmText(app, reread()));
    show();
    const end = cleanupOf(
      app.session.quotes.onChange((symbols) => {
        if (symbols === null || symbols.has(symbol)) show();
      }),
      app.session.summary.subscribe(show),
    );
    const isMeant = await app.ask({
      title: words.confirmTitle,
      body: [text],
      confirm: words.confirm,
      refuse: words.refuse,
    });
    end();
    if (!isMeant) return;
  }
  // What fits no more since the question is told in the ticket.
  const { order } = reread();
  if (order !== undefined) send(order, orderText(order));
}

/** What a large order takes by the price of now, or why it cannot be sent any more. */
function confirmText(app: App, read: ReadTicket): string {
  const { order, estimate } = read;
  if (order === undefined || estimate === undefined) return read.problems[0]?.text ?? "";
  const what = orderText(order);
  const equity = app.session.summary.value?.equity ?? 0n;
  // An order for money says itself how much it takes.
  const told =
    "cash" in order.quantity ? what : words.confirmWhat(what, roundMoney(estimate.total));
  return words.confirmText(told, roundMoney(equity));
}

/** What is known of asset and account now. */
export function factsOf(app: App, symbol: string): TicketFacts {
  const summary = app.session.summary.value;
  const position = summary?.positions.find((it) => it.symbol === symbol);
  return {
    symbol,
    price: app.session.quotes.get(symbol)?.value ?? 0n,
    freeUnits: (position?.units ?? 0n) - (position?.promised ?? 0n),
    heldUnits: position?.units ?? 0n,
    cash: summary?.cash ?? 0n,
    reserved: summary?.reserved ?? 0n,
    buyingPower: summary?.buyingPower ?? 0n,
    equity: summary?.equity ?? 0n,
    hasFees: app.market.value?.fees ?? false,
    isKnown: summary !== null,
    marketTime: marketTimeOf(app),
  };
}

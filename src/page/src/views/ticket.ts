// spec/page/views.md · The order ticket
//
// An order for one asset: filled in, reckoned, sent, and followed to its end. What the server would refuse
// is told before it is sent.
//
// Tests: src/page/test/order_form.test.ts, and in Chromium tests/browser

import { ConnectionError } from "../api.ts";
import type { App, Cleanup, OrderNotice, OrderTerms, OwnTransaction, PlacedOrder } from "../api.ts";
import { h } from "../dom.ts";
import { formatDecimal, formatMoney, formatQuantity } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { isMet, readTicket } from "./order_form.ts";
import type {
  AmountKind,
  OrderKind,
  OrderSide,
  ReadTicket,
  TicketFacts,
  TicketField,
  TicketInput,
  TimeInForceKind,
} from "./order_form.ts";
import {
  choice,
  cleanupOf,
  errorText,
  formatSpan,
  isBusy as isButtonBusy,
  isoDay,
  marketTimeOf,
  reasonText,
  setBusy,
  setClass,
  setText,
  showIn,
  statusName,
} from "./parts.ts";
import { showReceipt } from "./receipt.ts";

const words = viewTexts.ticket;

/** A field with its label, a hint and what is wrong with it. */
interface TicketRow {
  element: HTMLElement;
  label: HTMLElement;
  input: HTMLInputElement;
  hint: HTMLElement;
  problem: HTMLElement;
}

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
    setText(price, value === 0n ? symbol : `${symbol} ${formatMoney(value)}`);
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
      endFollowing = followOrder(after, app, order, what, placed, backToForm);
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
  const input: TicketInput = {
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
  /** Fields that were left once: what is missing in them is told. */
  const left = new Set<TicketField>();
  let isBusy = false;

  const turn = (value: OrderSide): void => {
    input.side = value;
    input.amountKind = "units";
    amountKinds.buy.set("units");
    amountKinds.sell.set("units");
    update();
  };
  const side = choice<OrderSide>(
    words.side,
    [
      ["buy", words.buy],
      ["sell", words.sell],
    ],
    "buy",
    turn,
  );
  const amountKindOf = (value: AmountKind): void => {
    input.amountKind = value;
    update();
    rows.amount.input.focus();
  };
  const amountKinds = {
    buy: choice<AmountKind>(
      words.amountKind,
      [
        ["units", words.units],
        ["money", words.money],
      ],
      "units",
      amountKindOf,
    ),
    sell: choice<AmountKind>(
      words.amountKind,
      [
        ["units", words.units],
        ["all", words.all],
      ],
      "units",
      amountKindOf,
    ),
  };
  const rows: Record<TicketField, TicketRow> = {
    amount: ticketRow("ticket-amount", words.amount),
    limit: ticketRow("ticket-limit", words.limit),
    stop: ticketRow("ticket-stop", words.stop),
    distance: ticketRow("ticket-distance", words.distance, words.distanceHint),
    date: ticketRow("ticket-date", words.dateLabel, "", "date"),
  };
  for (const field of Object.keys(rows) as TicketField[]) {
    const row = rows[field];
    row.input.addEventListener("input", () => {
      input[field] = row.input.value;
      update();
    });
    row.input.addEventListener("change", () => {
      left.add(field);
      update();
    });
  }
  const kind = select<OrderKind>(
    "ticket-kind",
    words.kind,
    Object.entries(words.kinds) as [OrderKind, string][],
    (value) => {
      input.kind = value;
      update();
    },
  );
  const timeInForce = select<TimeInForceKind>(
    "ticket-time",
    words.timeInForce,
    [
      ["gtc", words.gtc],
      ["day", words.day],
      ["date", words.date],
    ],
    (value) => {
      input.timeInForce = value;
      update();
    },
  );
  const estimate = h("div", { class: "estimate", id: "ticket-estimate" });
  const failed = h("div", { class: "message failure", role: "alert", hidden: true });
  const button = h("button", {
    class: "button primary full",
    type: "submit",
    "aria-describedby": "ticket-estimate",
  });
  const element = h(
    "form",
    { class: "ticket", novalidate: true, autocomplete: "off" },
    side.element,
    kind.element,
    h(
      "div",
      { class: "stack" },
      amountKinds.buy.element,
      amountKinds.sell.element,
      rows.amount.element,
    ),
    rows.stop.element,
    rows.limit.element,
    rows.distance.element,
    timeInForce.element,
    rows.date.element,
    estimate,
    failed,
    button,
  );

  const update = (): ReadTicket => {
    const facts = factsOf(app, symbol);
    const read = readTicket(input, facts);
    setClass(element, `ticket ${input.side}`);
    const has = (...kinds: OrderKind[]): boolean => kinds.includes(input.kind);
    amountKinds.buy.element.hidden = input.side !== "buy";
    amountKinds.sell.element.hidden = input.side !== "sell";
    rows.amount.input.hidden = input.amountKind === "all";
    rows.limit.element.hidden = !has("limit", "stop-limit");
    rows.stop.element.hidden = !has("stop", "stop-limit");
    rows.distance.element.hidden = !has("trailing");
    rows.date.element.hidden = input.timeInForce !== "date";
    setText(kind.hint, words.kindHelp[input.side][input.kind]);
    const currency = app.market.value?.currency ?? "";
    setText(
      rows.amount.label,
      input.amountKind === "money" ? words.amountMoney(currency) : words.amount,
    );
    setText(rows.amount.hint, amountHint(input, facts));
    setText(
      rows.date.hint,
      facts.marketTime === undefined ? "" : words.inMarketTime(isoDay(facts.marketTime)),
    );
    const plain = words.send(input.side === "buy" ? words.buy : words.sell, symbol);
    setText(
      button,
      isBusy ? words.sending : read.order === undefined ? plain : orderText(read.order),
    );
    for (const field of Object.keys(rows) as TicketField[]) {
      const problem = read.problems.find((it) => it.field === field);
      const isMissing =
        left.has(field) &&
        !rows[field].element.hidden &&
        !rows[field].input.hidden &&
        input[field].trim() === "";
      showProblem(rows[field], problem?.text ?? (isMissing ? words.missing : ""));
    }
    const lines = estimateLines(read, input, facts, app);
    estimate.hidden = lines.length === 0;
    showIn(estimate, ...lines);
    return read;
  };

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isBusy) return;
    failed.hidden = true;
    for (const field of Object.keys(rows) as TicketField[])
      if (!rows[field].element.hidden) left.add(field);
    const read = update();
    if (read.order === undefined) {
      Object.values(rows)
        .find((row) => row.problem.textContent !== "" && !row.element.hidden)
        ?.input.focus();
      return;
    }
    void confirmAndSend(app, symbol, update, send);
  });
  const endQuotes = app.session.quotes.onChange((symbols) => {
    if (symbols === null || symbols.has(symbol)) update();
  });
  const endSummary = app.session.summary.subscribe(update);
  const endMarket = app.market.subscribe(update);
  update();
  return {
    element,
    open(value) {
      side.set(value);
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
      for (const field of Object.keys(rows) as TicketField[]) {
        input[field] = "";
        rows[field].input.value = "";
      }
      left.clear();
      failed.hidden = true;
      update();
      rows.amount.input.focus();
    },
    close: cleanupOf(endQuotes, endSummary, endMarket),
  };
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
    "cash" in order.quantity ? what : words.confirmWhat(what, formatMoney(estimate.total));
  return words.confirmText(told, formatMoney(equity));
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

function amountHint(input: TicketInput, facts: TicketFacts): string {
  if (!facts.isKnown) return "";
  if (input.side === "buy") {
    const free = facts.cash - facts.reserved;
    return words.canSpend(
      formatMoney(input.kind === "market" ? facts.buyingPower : free < 0n ? 0n : free),
    );
  }
  if (input.amountKind === "all") return words.allUnits(formatQuantity(facts.freeUnits));
  return words.canSell(formatQuantity(facts.freeUnits));
}

function estimateLines(
  read: ReadTicket,
  input: TicketInput,
  facts: TicketFacts,
  app: App,
): HTMLElement[] {
  const lines: HTMLElement[] = [];
  const estimate = read.estimate;
  if (estimate === undefined) {
    const isPriceMissing = input.amount.trim() !== "" || input.amountKind === "all";
    const isPriced = input.kind === "market" || !isPriceMissing;
    if (read.problems.length === 0)
      lines.push(h("p", { class: "muted small" }, isPriced ? words.fillIn : words.fillInPrices));
  } else {
    lines.push(estimateList(estimate, input, facts));
  }
  const state = app.market.value?.state;
  const remarks = [...read.remarks];
  if (state === "paused") remarks.push(words.paused);
  if (state === "ended") remarks.push(words.ended);
  for (const remark of remarks) lines.push(h("p", { class: "small" }, remark));
  return lines;
}

function estimateList(
  estimate: NonNullable<ReadTicket["estimate"]>,
  input: TicketInput,
  facts: TicketFacts,
): HTMLElement {
  const list = h("dl", { class: "lines sums" });
  const put = (name: string, value: string): void =>
    void list.append(h("dt", null, name), h("dd", null, value));
  const isSale = input.side === "sell";
  const price = formatMoney(estimate.price);
  put(
    words.estimatePrice,
    estimate.isBound ? (isSale ? words.orMore(price) : words.orLess(price)) : words.about(price),
  );
  const isMoney = !isSale && input.amountKind === "money";
  if (isMoney) put(words.estimateUnits, formatDecimal(estimate.units, { most: 6 }));
  const total = formatMoney(estimate.total);
  const told = isMoney
    ? total
    : estimate.isBound
      ? isSale
        ? words.orMore(total)
        : words.orLess(total)
      : words.about(total);
  const fees = !facts.hasFees ? "" : isMoney ? ` (${words.feesIn})` : ` (${words.beforeFees})`;
  put(isSale ? words.brings : words.takes, told + fees);
  put(words.cashAfter, formatMoney(estimate.cashAfter));
  if (facts.reserved > 0n) {
    return h(
      "div",
      { class: "stack" },
      list,
      h("p", { class: "muted small" }, words.heldBack(formatMoney(facts.reserved))),
    );
  }
  return list;
}

/** Follows an order that was placed. `again` goes back to an empty ticket. */
function followOrder(
  root: HTMLElement,
  app: App,
  order: OrderTerms,
  what: string,
  placed: PlacedOrder,
  again: () => void,
): Cleanup {
  const heading = h("h3", { tabindex: "-1" }, words.placed);
  const text = h("p", null, words.placedText(what));
  const count = h("p", { class: "muted" });
  const told = h("div", { "aria-live": "polite", class: "stack" }, text);
  const another = h(
    "button",
    { class: "button primary", type: "button", onclick: again },
    words.another,
  );
  const cancel = h("button", { class: "button danger", type: "button" }, words.cancel);
  const actions = h(
    "div",
    { class: "cluster" },
    another,
    h("a", { class: "button", href: "#/orders" }, words.toOrders),
    cancel,
  );
  const message = h("div", { class: "message" }, heading, told, count);
  showIn(root, message, actions);
  heading.focus();
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const end = (kind: string, ...lines: string[]): void => {
    isOver = true;
    clearTimeout(timer);
    message.className = `message ${kind}`.trim();
    count.hidden = true;
    cancel.remove();
    showIn(told, ...lines.map((line) => h("p", null, line)));
  };
  const tellEnd = (
    status: string,
    units: bigint,
    price: bigint,
    total: bigint,
    reason: string | null,
  ): void => {
    if (isOver) return;
    if (status === "settled") {
      const verb = order.side === "buy" ? viewTexts.asset.bought : viewTexts.asset.sold;
      setText(heading, viewTexts.all.statuses["settled"] ?? "");
      end(
        "success",
        words.filled(
          `${verb} ${order.asset},`,
          formatQuantity(units),
          formatMoney(price),
          formatMoney(total),
        ),
      );
      actions.append(whyButton(app, placed.transactionID, what));
    } else {
      setText(heading, viewTexts.all.statuses[status] ?? status);
      end("warning", words.notFilled(reasonText(reason)));
    }
  };
  const onNotice = (notice: OrderNotice | null): void => {
    if (notice === null) void lookUp();
    else if (notice.transactionID === placed.transactionID) {
      tellEnd(
        notice.status,
        notice.quantity,
        notice.price ?? 0n,
        notice.total ?? 0n,
        notice.reason,
      );
    }
  };
  const lookUp = async (): Promise<void> => {
    const row = await rowOf(app, placed.transactionID);
    if (row === undefined || isOver) return;
    const status = statusName(row.status);
    if (status === "queued" || status === "open") return;
    tellEnd(status, row.quantity, row.price, row.total, row.reason);
  };
  const countDown = (): void => {
    if (isOver) return;
    setText(count, countdownText(app, order));
    timer = setTimeout(countDown, 500);
  };
  cancel.addEventListener("click", () => void cancelIt());
  const cancelIt = async (): Promise<void> => {
    if (isButtonBusy(cancel)) return;
    setBusy(cancel, true);
    try {
      await app.session.cancelOrder(placed.transactionID);
      if (!isOver) tellEnd("cancelled", 0n, 0n, 0n, "cancelled");
    } catch (error) {
      setBusy(cancel, false);
      await lookUp();
      if (!isOver) app.toast(errorText(error), "error");
    }
  };
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
  return cleanupOf(endNotices, () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("keydown", onKey);
  });
}

function whyButton(app: App, transactionID: string, what: string): HTMLElement {
  const open = (): void => showReceipt(app.session, transactionID, what);
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

function ticketRow(id: string, text: string, hintText = "", type = "text"): TicketRow {
  const label = h("label", { for: id }, text);
  const hint = h("p", { class: "hint", id: `${id}-hint` }, hintText);
  const problem = h("p", { class: "error", id: `${id}-problem`, hidden: true });
  const input = h("input", {
    class: type === "text" ? "input number" : "input",
    id,
    type,
    inputmode: type === "text" ? "decimal" : null,
    autocomplete: "off",
    "aria-describedby": `${id}-hint ${id}-problem`,
  });
  const element = h("div", { class: "field" }, label, input, hint, problem);
  return { element, label, input, hint, problem };
}

function showProblem(row: TicketRow, text: string): void {
  setText(row.problem, text);
  row.problem.hidden = text === "";
  if (text === "") row.input.removeAttribute("aria-invalid");
  else row.input.setAttribute("aria-invalid", "true");
}

/** A list to choose from, with its label and a hint. */
function select<Name extends string>(
  id: string,
  text: string,
  options: readonly (readonly [Name, string])[],
  onChange: (value: Name) => void,
): { element: HTMLElement; hint: HTMLElement } {
  const hint = h("p", { class: "hint", id: `${id}-hint` });
  const list = h("select", { class: "input", id, "aria-describedby": `${id}-hint` });
  for (const [value, name] of options) list.append(h("option", { value }, name));
  list.addEventListener("change", () => {
    const chosen = options.find(([value]) => value === list.value);
    if (chosen !== undefined) onChange(chosen[0]);
  });
  return { element: h("div", { class: "field" }, h("label", { for: id }, text), list, hint), hint };
}

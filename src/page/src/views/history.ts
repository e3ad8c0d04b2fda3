// spec/page/views.md · Histories
//
// All transactions of an account with filters, receipts, and a file for spreadsheets.
//
// Tests: src/page/test/csv.test.ts, and in Chromium tests/browser

import type { App, OwnTransaction, View } from "../api.ts";
import { h } from "../dom.ts";
import { formatDecimal, formatQuantity, ONE, toDecimal } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES, STATUSES } from "../wire.ts";
import { csvOf, download } from "./csv.ts";
import { isOpen, ownHistory } from "./own_history.ts";
import type { OwnHistory } from "./own_history.ts";
import {
  assetLink,
  empty,
  errorText,
  failure,
  formatDay,
  formatMinute,
  formatTime,
  isBusy,
  isoDay,
  loading,
  percentText,
  reasonText,
  setBusy,
  setMoney,
  setNone,
  setPrice,
  setText,
  showIn,
  sideWord,
  statusBadge,
  statusName,
  statusWord,
  termsText,
} from "./parts.ts";
import { showReceipt, transactionText } from "./receipt.ts";
import { rowsInSight } from "./rows_in_sight.ts";
import type { TableRow } from "./rows_in_sight.ts";

const words = viewTexts.history;
/** Rows that are read at first. */
const FIRST_ROWS = 1_000;
/** Up to so many rows are read by scrolling alone; the button reads on. */
const SCROLLED_ROWS_MAX = 10_000;
/** Rows that a file has at most. */
const CSV_ROWS_MAX = 1_000_000;

/** What a person wants to see of a history. Empty: all. */
export interface HistoryFilter {
  asset: string;
  side: string;
  status: string;
}

/** The rows that a filter lets through. */
export function filterRows(
  rows: readonly OwnTransaction[],
  filter: HistoryFilter,
): readonly OwnTransaction[] {
  const asset = filter.asset.trim().toUpperCase();
  if (asset === "" && filter.side === "" && filter.status === "") return rows;
  return rows.filter(
    (row) =>
      row.symbol.includes(asset) &&
      (filter.side === "" || SIDES.get(row.side) === filter.side) &&
      (filter.status === "" || STATUSES.get(row.status) === filter.status),
  );
}

/** A history as the rows of a file: the first line names the columns, figures and times are as the protocol has them. */
export function csvRows(rows: readonly OwnTransaction[]): string[][] {
  const time = (at: number): string => (at === 0 ? "" : new Date(at).toISOString());
  const figure = (value: bigint): string => (value === 0n ? "" : toDecimal(value));
  const lines = rows.map((row) => [
    row.id,
    time(row.accepted),
    time(row.settled),
    time(row.priced),
    SIDES.get(row.side) ?? String(row.side),
    row.symbol === "-" ? "" : row.symbol,
    figure(row.quantity),
    figure(row.price),
    figure(row.total),
    toDecimal(row.fee),
    STATUSES.get(row.status) ?? String(row.status),
    row.reason,
    row.order.kind,
    figure(row.order.limit),
    row.order.stopPercent > 0n ? percentText(row.order.stopPercent) : figure(row.order.stop),
    row.order.timeInForce,
    row.cause,
    row.note,
    row.clientOrderID,
  ]);
  return [Object.values(words.columns), ...lines];
}

/** The history of one's own account. */
export const historyView: View = (root, app) => {
  app.title(words.title);
  const history = ownHistory(app.session);
  const filters = historyFilters(() => show());
  const count = h("span", { class: "muted small", role: "status" });
  const csv = h("button", { class: "button push", type: "button" }, words.csv);
  csv.addEventListener("click", () => void saveCsv(app, filters.filter, csv));
  const table = historyTable();
  const rows = rowsInSight<OwnTransaction>(
    table,
    (row) => row.id,
    (row) => historyRow(app, row),
  );
  const instead = h("div");
  const more = moreButton(history);
  root.append(
    h("div", { class: "cluster" }, h("h1", { tabindex: "-1" }, words.title), count, csv),
    h("div", { class: "panel" }, filters.element, table, instead, h("div", null, more.button)),
  );
  const show = (): void => {
    const all = history.rows;
    const fitting = filterRows(all, filters.filter);
    const number = (value: number): string => formatDecimal(BigInt(value) * ONE);
    const counted = words.count(number(fitting.length), number(all.length), history.isComplete);
    setText(count, all.length === 0 ? "" : counted);
    table.hidden = fitting.length === 0;
    more.show();
    csv.disabled = all.length === 0;
    rows.show(fitting);
    const reload = (): void => void history.loadTo(Math.max(FIRST_ROWS, all.length));
    if (history.error !== null) showIn(instead, failure(history.error, reload));
    else if (fitting.length > 0) showIn(instead, null);
    else if (all.length > 0) showIn(instead, empty(words.nothingFits, "", filters.clear));
    else if (history.isComplete) showIn(instead, nothingYet());
    else showIn(instead, loading());
  };
  show();
  const endHistory = history.subscribe(show);
  void history.loadTo(FIRST_ROWS);
  return () => {
    more.close();
    endHistory();
    rows.close();
  };
};

/** What a person wants to see, and the button that shows all again. `refilter` is called after each change. */
function historyFilters(refilter: () => void): {
  element: HTMLElement;
  filter: HistoryFilter;
  clear: HTMLElement;
} {
  const filter: HistoryFilter = { asset: "", side: "", status: "" };
  const search = h("input", {
    class: "input",
    id: "history-asset",
    type: "search",
    placeholder: words.searchHint,
    autocomplete: "off",
  });
  const sideName = (name: string): string => viewTexts.all.sides[name] ?? name;
  const sides = [...SIDES.values()];
  const side = list("history-side", words.side, words.allSides, sides, sideName);
  const statuses = [...STATUSES.values()];
  const status = list("history-status", words.status, words.allStatuses, statuses, statusWord);
  const read = (): void => {
    filter.asset = search.value;
    filter.side = side.input.value;
    filter.status = status.input.value;
    refilter();
  };
  search.addEventListener("input", read);
  side.input.addEventListener("change", read);
  status.input.addEventListener("change", read);
  const clear = h("button", { class: "button", type: "button" }, words.clear);
  clear.addEventListener("click", () => {
    for (const input of [search, side.input, status.input]) input.value = "";
    read();
    search.focus();
  });
  const label = h("label", { for: "history-asset" }, words.search);
  const field = h("div", { class: "field" }, label, search);
  const element = h("div", { class: "cluster filters" }, field, side.element, status.element);
  return { element, filter, clear };
}

function historyTable(): HTMLTableElement {
  const heads = [
    [words.time, "medium column-time"],
    [words.what, "medium column-kind"],
    [words.asset, "column-symbol column-two-lines"],
    [words.units, "number medium column-units"],
    [words.price, "number medium"],
    [words.total, "number"],
    [words.fee, "number wide"],
    [words.marketDay, "wide column-day"],
    [words.outcome, "medium column-outcome"],
    ["", "actions column-why"],
  ] as const;
  const cells = heads.map(([name, className]) => {
    const isNamed = name !== "";
    return h(isNamed ? "th" : "td", { scope: isNamed ? "col" : null, class: className }, name);
  });
  return h(
    "table",
    { class: "table rows two-lines", "aria-label": words.table },
    h("thead", null, h("tr", null, ...cells)),
  );
}

/** A button that reads older rows, and does so by itself when it comes into sight. */
function moreButton(history: OwnHistory): {
  button: HTMLElement;
  show(): void;
  close(): void;
} {
  const button = h("button", { class: "button", type: "button" }, words.more);
  const readOn = async (): Promise<void> => {
    if (isBusy(button)) return;
    await history.loadTo(history.rows.length + FIRST_ROWS);
    // Asks anew whether the end is in sight, now that it is further down.
    end.unobserve(button);
    if (button.isConnected) end.observe(button);
  };
  button.addEventListener("click", () => void readOn());
  // Whoever scrolls to the end, or filters for what is not there yet, need not press it.
  const end = new IntersectionObserver((entries) => {
    const isInSight = entries.some((entry) => entry.isIntersecting);
    const isRead =
      history.isComplete || history.error !== null || history.rows.length >= SCROLLED_ROWS_MAX;
    if (isInSight && !isRead) void readOn();
  });
  end.observe(button);
  return {
    button,
    show() {
      button.hidden = history.isComplete || history.rows.length === 0;
      setBusy(button, history.isLoading);
      setText(button, history.isLoading ? words.loadingMore : words.more);
    },
    close: () => end.disconnect(),
  };
}

function nothingYet(): HTMLElement {
  const find = h("a", { class: "button", href: "#/assets" }, words.find);
  return empty(words.none, words.noneHint, find);
}

/** Saves what the filters let through of the whole history. */
async function saveCsv(app: App, filter: HistoryFilter, button: HTMLButtonElement): Promise<void> {
  const history = ownHistory(app.session);
  if (isBusy(button)) return;
  setBusy(button, true);
  setText(button, words.csvLoading);
  await history.loadTo(CSV_ROWS_MAX);
  setBusy(button, false);
  setText(button, words.csv);
  if (history.error !== null) {
    app.toast(errorText(history.error), "error");
    return;
  }
  const rows = filterRows(history.rows, filter);
  const name = `papertrader-${app.session.username}-${isoDay(app.now())}.csv`;
  download(name, "text/csv;charset=utf-8", csvOf(csvRows(rows)));
  app.toast(words.csvSaved(formatDecimal(BigInt(rows.length) * ONE)), "success");
}

/** What a transaction is: `Buy`, `Dividend`; of an order that waited for a price also its kind. */
export function kindWord(row: OwnTransaction): string {
  const kinds: Readonly<Record<string, string>> = viewTexts.ticket.kinds;
  const kind = row.order.kind === "market" ? undefined : kinds[row.order.kind];
  return kind === undefined ? sideWord(row.side) : words.kindOf(sideWord(row.side), kind);
}

/** When an order was to fill, in words; empty: it has no such terms. */
function termsOf(row: OwnTransaction): string | null {
  const kinds: Readonly<Record<string, string>> = viewTexts.ticket.kinds;
  if (row.order.kind === "market" || kinds[row.order.kind] === undefined) return null;
  return termsText(SIDES.get(row.side) ?? "", row.order, false);
}

function historyRow(app: App, first: OwnTransaction): TableRow<OwnTransaction> {
  const what = transactionText(first);
  const why = h(
    "button",
    { class: "button compact quiet", type: "button", "aria-label": words.whyOf(what) },
    words.why,
  );
  why.addEventListener("click", () => showReceipt(app.session, first.id, what));
  const cell = (className: string, ...children: (string | Node)[]): HTMLElement =>
    h("td", { class: className === "" ? null : className }, ...children);
  const [units, price, total] = [cell("number medium"), cell("number medium"), cell("number")];
  const when = formatMinute(first.accepted);
  const below = h("span", { class: "below narrow-only" });
  const [fee, priced, outcome] = [cell("number wide"), cell("wide"), cell("medium")];
  const element = h(
    "tr",
    null,
    h("td", { class: "medium", title: formatTime(first.accepted) }, when),
    h("td", { class: "medium", title: termsOf(first) }, kindWord(first)),
    h(
      "th",
      { scope: "row" },
      first.symbol === "-" ? viewTexts.all.none : assetLink(first.symbol),
      below,
    ),
    units,
    price,
    total,
    fee,
    priced,
    outcome,
    cell("actions", why),
  );
  let shown = "";
  return {
    element,
    show(row) {
      const isSettled = statusName(row.status) === "settled";
      setText(units, row.quantity === 0n ? viewTexts.all.none : formatQuantity(row.quantity));
      if (isSettled && row.price > 0n) setPrice(price, row.price);
      else setNone(price);
      if (isSettled) setMoney(total, row.total);
      else setNone(total);
      if (row.fee > 0n) setMoney(fee, row.fee);
      else setNone(fee);
      setText(priced, row.priced > 0 ? formatDay(row.priced) : viewTexts.all.none);
      priced.title = row.priced > 0 ? formatTime(row.priced) : "";
      const told = `${row.status} ${row.reason} ${row.cause}`;
      if (told === shown) return;
      shown = told;
      setText(below, words.below(kindWord(row), statusWord(statusName(row.status)), when));
      // A status that says why needs no reason beside it.
      const isSaid = isOpen(row) || isSettled || row.reason === statusName(row.status);
      const reason = isSaid ? "" : reasonText(row.reason);
      const cause =
        row.cause === "" ? reason : `${row.cause}${row.note === "" ? "" : `: ${row.note}`}`;
      showIn(
        outcome,
        statusBadge(statusName(row.status)),
        " ",
        h("span", { class: "muted small" }, cause),
      );
      outcome.title = cause;
    },
  };
}

function list(
  id: string,
  label: string,
  all: string,
  values: readonly string[],
  nameOf: (value: string) => string,
): { element: HTMLElement; input: HTMLSelectElement } {
  const input = h("select", { class: "input", id }, h("option", { value: "" }, all));
  for (const value of values) input.append(h("option", { value }, nameOf(value)));
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), input), input };
}

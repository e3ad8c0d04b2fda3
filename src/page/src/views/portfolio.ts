// spec/page/views.md · Portfolio
//
// What an account is worth, may spend and has gained; its positions, and how it is divided.
//
// Tests: src/page/test/views.test.ts, and in Chromium tests/browser

import type { App, View } from "../api.ts";
import { h, svg } from "../dom.ts";
import {
  divideHalfUp,
  formatDecimal,
  formatPercent,
  formatQuantity,
  ONE,
  roundMoney,
  timesDown,
} from "../money.ts";
import { viewTexts } from "../texts.ts";
import type { AccountSummary, PositionSummary } from "../wire.ts";
import {
  assetHash,
  assetLink,
  compareFigure,
  compareText,
  empty,
  failure,
  gain,
  gainClass,
  gainOf,
  loading,
  markSorted,
  money,
  panel,
  setClass,
  setMoney,
  setPrice,
  setText,
  showIn,
  showUnlessFocused,
  sortHead,
  stat,
} from "./parts.ts";
import type { SortHead, SortOrder } from "./parts.ts";
import { rowsInSight } from "./rows_in_sight.ts";
import type { TableRow } from "./rows_in_sight.ts";

const words = viewTexts.portfolio;
/** Positions with a part of their own in the picture of the allocation. */
const PARTS_MAX = 6;

type PositionColumn = "symbol" | "units" | "price" | "change" | "value" | "profit";

/** A part of what an account is worth. */
export interface AllocationPart {
  name: string;
  value: bigint;
  /** Whether its name is a symbol. */
  isAsset: boolean;
}

/** The largest positions, the others together, and cash; without parts of nothing. */
export function allocationOf(summary: AccountSummary): AllocationPart[] {
  const sorted = [...summary.positions]
    .filter((position) => position.value > 0n)
    .sort(
      (one, other) =>
        compareFigure(other.value, one.value) || compareText(one.symbol, other.symbol),
    );
  const parts: AllocationPart[] = sorted
    .slice(0, PARTS_MAX)
    .map((position) => ({ name: position.symbol, value: position.value, isAsset: true }));
  const others = sorted.slice(PARTS_MAX);
  if (others.length > 0) {
    const value = others.reduce((sum, position) => sum + position.value, 0n);
    parts.push({
      name: words.rest(formatDecimal(BigInt(others.length) * ONE)),
      value,
      isAsset: false,
    });
  }
  if (summary.cash > 0n) parts.push({ name: words.cashPart, value: summary.cash, isAsset: false });
  return parts;
}

/** What the account has. */
export const portfolioView: View = (root, app) => {
  app.title(words.title);
  const { summary, quotes } = app.session;
  const first = h("dl", { class: "stats line" });
  const stats = h("dl", { class: "stats" });
  const figures = h("section", { class: "panel", "aria-label": words.title }, first, stats);
  const allocation = h("div");
  const positions = positionsTable(app);
  const instead = h("div");
  const positionsPanel = panel(words.positions, positions.element, instead);
  const body = h("div", { class: "stack" }, figures, positionsPanel, allocation);
  const waiting = h("div");
  root.append(h("h1", { tabindex: "-1" }, words.title), waiting, body);
  const show = (): void => {
    const value = summary.value;
    body.hidden = value === null;
    waiting.hidden = value !== null;
    if (value === null) {
      const again = (): void => void summary.refresh().catch(() => undefined);
      showIn(waiting, summary.error === null ? loading() : failure(summary.error, again));
      return;
    }
    const before = value.equity - value.dayChange;
    showIn(
      first,
      stat(words.equity, money(value.equity), "first"),
      stat(words.dayChange, gainOf(value.dayChange, before), "first"),
    );
    showIn(stats, ...statsOf(value));
    const isEmpty = value.positions.length === 0;
    positions.element.hidden = isEmpty;
    if (isEmpty) {
      const find = h("a", { class: "button primary", href: "#/assets" }, words.find);
      showIn(instead, empty(words.none, words.noneHint(roundMoney(value.cash)), find));
    } else {
      showIn(instead);
      positions.show(value);
    }
    showUnlessFocused(allocation, isEmpty ? null : allocationPanel(value));
  };
  show();
  const endSummary = summary.subscribe(show);
  const endQuotes = quotes.onChange(() => {
    if (summary.value !== null) positions.show(summary.value);
  });
  return () => {
    endSummary();
    endQuotes();
    positions.close();
  };
};

function statsOf(summary: AccountSummary): HTMLElement[] {
  const cost = summary.value - summary.unrealised;
  return [
    stat(words.cash, money(summary.cash)),
    stat(words.reserved, money(summary.reserved)),
    stat(words.buyingPower, money(summary.buyingPower)),
    stat(words.value, money(summary.value)),
    stat(words.unrealised, gainOf(summary.unrealised, cost)),
    stat(words.realised, gain(summary.realised)),
    stat(words.fees, money(summary.fees)),
  ];
}

interface PositionsTable {
  element: HTMLTableElement;
  show(summary: AccountSummary): void;
  close(): void;
}

function positionsTable(app: App): PositionsTable {
  let order: SortOrder<PositionColumn> = { by: "value", isDescending: true };
  let shown: AccountSummary | undefined;
  const sort = (to: SortOrder<PositionColumn>): void => {
    order = to;
    if (shown !== undefined) show(shown);
  };
  const head = (name: PositionColumn, text: string, className: string): SortHead<PositionColumn> =>
    sortHead(name, text, className, () => order, sort, name !== "symbol");
  const plain = (text: string, className: string): HTMLElement =>
    h("th", { scope: "col", class: className }, text);
  const heads = [
    head("symbol", words.asset, "column-symbol"),
    head("units", words.units, "number medium"),
    head("price", words.price, "number wide"),
    head("change", words.dayChange, "number medium"),
    head("value", words.worth, "number"),
    head("profit", words.profit, "number"),
  ] as const;
  const [symbol, units, price, change, value, profit] = heads;
  const row = h(
    "tr",
    null,
    symbol.element,
    units.element,
    plain(words.free, "number wide"),
    plain(words.cost, "number wide"),
    price.element,
    change.element,
    value.element,
    plain(words.share, "number wide column-short"),
    profit.element,
    plain(words.profitShare, "number medium column-short"),
  );
  const element = h(
    "table",
    { class: "table rows", "aria-label": words.table },
    h("thead", null, row),
  );
  const priceOf = (position: PositionSummary): bigint =>
    app.session.quotes.get(position.symbol)?.value ??
    divideHalfUp(position.value * ONE, position.units);
  const rows = rowsInSight<PositionSummary>(
    element,
    (position) => position.symbol,
    (position) => positionRow(position.symbol, priceOf, () => shown?.equity ?? 0n),
  );
  const show = (summary: AccountSummary): void => {
    shown = summary;
    markSorted(heads, order);
    rows.show(sortPositions(summary.positions, order));
  };
  return { element, show, close: rows.close };
}

/** By how much a position moved since the previous close: as the server adds it up. */
export function dayChange(position: PositionSummary): bigint {
  if (position.previousClose === 0n || position.value === 0n) return 0n;
  return position.value - timesDown(position.units, position.previousClose);
}

/** Positions in the order of a column; the symbol decides between equals. */
export function sortPositions(
  positions: readonly PositionSummary[],
  order: SortOrder<PositionColumn>,
): PositionSummary[] {
  const turn = order.isDescending ? -1 : 1;
  const figure = (position: PositionSummary): bigint => {
    switch (order.by) {
      case "units":
        return position.units;
      case "price":
        return divideHalfUp(position.value * ONE, position.units);
      case "change":
        return dayChange(position);
      case "profit":
        return position.value - position.cost;
      case "value":
      case "symbol":
        return position.value;
    }
  };
  return [...positions].sort((one, other) => {
    if (order.by === "symbol") return compareText(one.symbol, other.symbol) * turn;
    return (
      compareFigure(figure(one), figure(other)) * turn || compareText(one.symbol, other.symbol)
    );
  });
}

function positionRow(
  symbol: string,
  priceOf: (position: PositionSummary) => bigint,
  equity: () => bigint,
): TableRow<PositionSummary> {
  const cell = (className: string): HTMLElement => h("td", { class: className });
  const [units, free, cost, price] = [
    cell("number medium"),
    cell("number wide"),
    cell("number wide"),
    cell("number wide"),
  ];
  const [change, value, share, profit] = [
    cell("number medium"),
    cell("number"),
    cell("number wide"),
    cell("number"),
  ];
  const gained = cell("number medium");
  const link = h("a", { href: assetHash(symbol) }, symbol);
  const element = h(
    "tr",
    null,
    h("th", { scope: "row" }, link),
    ...[units, free, cost, price, change, value, share, profit, gained],
  );
  return {
    element,
    show(position) {
      const moved = dayChange(position);
      const sum = position.value - position.cost;
      setText(units, formatQuantity(position.units));
      setText(free, formatQuantity(position.units - position.promised));
      setPrice(cost, divideHalfUp(position.cost * ONE, position.units));
      setPrice(price, priceOf(position));
      setMoney(change, moved, true);
      setClass(change, `number medium ${gainClass(moved)}`.trim());
      setMoney(value, position.value);
      setText(share, formatPercent(position.value, equity(), false));
      setMoney(profit, sum, true);
      setClass(profit, `number ${gainClass(sum)}`.trim());
      setText(gained, formatPercent(sum, position.cost));
      setClass(gained, `number medium ${gainClass(sum)}`.trim());
    },
  };
}

function allocationPanel(summary: AccountSummary): HTMLElement {
  const parts = allocationOf(summary);
  const whole = parts.reduce((sum, part) => sum + part.value, 0n);
  const bar = svg("svg", {
    class: "allocation",
    viewBox: "0 0 1000 24",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  let from = 0;
  const rows = parts.map((part, at) => {
    const width = whole === 0n ? 0 : Number((part.value * 1_000_000n) / whole) / 1000;
    // A gap of the ground between two parts tells them apart without colour.
    bar.append(
      svg("rect", {
        class: `part-${partColour(part, at)}`,
        x: from,
        y: 0,
        width: Math.max(0.5, width - 2),
        height: 24,
      }),
    );
    from += width;
    return h(
      "tr",
      null,
      h(
        "th",
        { scope: "row" },
        h("span", { class: `swatch part-${partColour(part, at)}` }),
        part.isAsset ? assetLink(part.name) : part.name,
      ),
      h("td", { class: "number" }, money(part.value)),
      h("td", { class: "number" }, formatPercent(part.value, whole, false)),
    );
  });
  const heads = h(
    "tr",
    null,
    h("th", { scope: "col" }, words.part),
    h("th", { scope: "col", class: "number" }, words.worth),
    h("th", { scope: "col", class: "number" }, words.share),
  );
  const table = h(
    "table",
    { class: "table allocation-table" },
    h("caption", { class: "visually-hidden" }, words.allocationOf),
    h("thead", null, heads),
    h("tbody", null, ...rows),
  );
  return panel(words.allocation, bar, table);
}

/** Positions have a colour each, the rest and cash greys. */
function partColour(part: AllocationPart, at: number): number {
  if (part.isAsset) return at % PARTS_MAX;
  return part.name === words.cashPart ? 7 : 6;
}

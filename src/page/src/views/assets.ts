// spec/page/views.md · Assets
//
// All assets with price, day's change and a line of their month; search and sort.
//
// Tests: src/page/test/views.test.ts, and in Chromium tests/browser

import type { AssetQuote, Session, View } from "../api.ts";
import { drawSparkline, sparkline } from "../charts/sparkline.ts";
import { h } from "../dom.ts";
import { formatMoney, formatPercent, formatQuantity, ONE, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import {
  assetHash,
  empty,
  failure,
  formatTime,
  formatVolume,
  gainClass,
  loading,
  markSorted,
  setClass,
  setNone,
  setPrice,
  setText,
  showIn,
  showUnlessFocused,
  sortHead,
} from "./parts.ts";
import type { SortHead, SortOrder } from "./parts.ts";
import { fittingAssets, sortAssets } from "./asset_rows.ts";
import type { AssetColumn } from "./asset_rows.ts";
import { rowsInSight } from "./rows_in_sight.ts";
import type { TableRow } from "./rows_in_sight.ts";
import { monthLines } from "./month_lines.ts";
import type { MonthLines } from "./month_lines.ts";

const words = viewTexts.assets;

/** What stays while one looks at an asset and comes back. */
interface Remembered {
  search: string;
  order: SortOrder<AssetColumn>;
  scroll: number;
}

const remembered = new WeakMap<Session, Remembered>();

/** All assets. */
export const assetsView: View = (root, app) => {
  app.title(words.title);
  const { quotes, summary } = app.session;
  const kept = keptOf(app.session);
  const lines = monthLines(app.session);
  const held = new Map<string, bigint>();
  const search = searchField(kept.search);
  const count = h("span", { class: "muted small", role: "status" });
  const heads = columnHeads(
    () => kept.order,
    (order) => {
      kept.order = order;
      refill(true);
    },
  );
  const table = assetsTable(heads);
  const rows = rowsInSight<AssetQuote>(
    table,
    (quote) => quote.symbol,
    (quote) => assetRow(quote, lines, held),
  );
  const instead = h("div");
  root.append(
    h("div", { class: "cluster" }, h("h1", { tabindex: "-1" }, words.title), search, count),
    h("div", { class: "panel" }, table, instead),
  );

  const narrow = window.matchMedia("(max-width: 40rem)");
  let shown: readonly AssetQuote[] = [];
  let isLoaded = false;
  /** Enter was pressed before there were assets. */
  let isEntered = false;
  const refill = (isOrdered: boolean): void => {
    const all = quotes.all();
    search.placeholder = words.searchHint(hasNames(all), narrow.matches);
    if (!quotes.isLoaded || all.length === 0) {
      table.hidden = true;
      return showIn(instead, noAssets(app.session));
    }
    const fitting = fittingAssets(all, kept.search);
    const isOther = isOrdered || shown.length !== fitting.length;
    shown = isOther ? sortAssets(fitting, kept.order, held) : reorder(shown, fitting);
    markSorted(heads, kept.order);
    const number = (value: number): string => formatQuantity(BigInt(value) * ONE);
    setText(count, words.count(number(shown.length), number(all.length)));
    table.hidden = shown.length === 0;
    if (shown.length === 0) {
      showUnlessFocused(instead, empty(words.nothingFound(kept.search), "", clearButton(search)));
    } else {
      showIn(instead);
      rows.show(shown);
    }
    if (isEntered) openFirst();
    if (!isLoaded && kept.scroll > 0) window.scrollTo(0, kept.scroll);
    isLoaded = true;
  };
  const openFirst = (): void => {
    const first = shown[0];
    isEntered = first === undefined && !quotes.isLoaded;
    if (first !== undefined) app.navigate(assetHash(first.symbol));
  };
  search.addEventListener("input", () => {
    kept.search = search.value;
    refill(true);
    window.scrollTo(0, 0);
  });
  const endKeys = searchKeys(search, openFirst, () => rows.focus(0));
  const endQuotes = quotes.onChange((symbols) => {
    // Rows stay where they are while somebody points at them.
    const isStill = symbols !== null && (rows.focused() >= 0 || table.matches(":hover"));
    refill(!isStill);
  });
  const endSummary = summary.subscribe(() => {
    held.clear();
    for (const { symbol, units } of summary.value?.positions ?? []) held.set(symbol, units);
    rows.refresh();
  });
  refill(true);
  return () => {
    kept.scroll = window.scrollY;
    endKeys();
    endQuotes();
    endSummary();
    rows.close();
    lines.close();
  };
};

function keptOf(session: Session): Remembered {
  const kept = remembered.get(session) ?? {
    search: "",
    order: { by: "symbol", isDescending: false },
    scroll: 0,
  };
  remembered.set(session, kept);
  return kept;
}

/** Whether assets have names beside their symbols, by which they are found. */
function hasNames(quotes: readonly AssetQuote[]): boolean {
  return quotes.some((quote) => quote.name !== "" && quote.name !== quote.symbol);
}

function searchField(value: string): HTMLInputElement {
  const search = h("input", {
    class: "input search",
    type: "search",
    id: "asset-search",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": words.search,
    "aria-keyshortcuts": "/",
  });
  search.value = value;
  return search;
}

/** `/` goes to the search; in it Enter opens the first asset, and the arrow down leads into the list. */
function searchKeys(search: HTMLInputElement, enter: () => void, down: () => void): () => void {
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") enter();
    else if (event.key === "ArrowDown") down();
    else if (event.key === "Escape" && search.value !== "") clear(search);
    else return;
    event.preventDefault();
  });
  const onKey = (event: KeyboardEvent): void => {
    const hasModifier = event.ctrlKey || event.altKey || event.metaKey;
    if (event.key !== "/" || hasModifier || isTyping(event.target)) return;
    event.preventDefault();
    search.focus();
    search.select();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function assetsTable(heads: readonly SortHead<AssetColumn>[]): HTMLTableElement {
  const month = h("th", { scope: "col", class: "medium" }, words.month);
  const cells = heads.map((it) => it.element);
  cells.splice(3, 0, month);
  return h(
    "table",
    { class: "table rows assets", "aria-label": words.table },
    h("thead", null, h("tr", null, ...cells)),
  );
}

/** What stands in the place of a list that is not there. */
function noAssets({ quotes }: Session): HTMLElement {
  if (quotes.error !== null) return failure(quotes.error);
  return quotes.isLoaded ? empty(words.noAssets, words.noAssetsHint) : loading();
}

function columnHeads(
  order: () => SortOrder<AssetColumn>,
  sort: (order: SortOrder<AssetColumn>) => void,
): SortHead<AssetColumn>[] {
  const head = (name: AssetColumn, text: string, className: string): SortHead<AssetColumn> =>
    sortHead(name, text, className, order, sort, name !== "symbol");
  return [
    head("symbol", words.symbol, "column-asset"),
    head("price", words.price, "number"),
    head("change", words.change, "number"),
    head("low", words.low, "number wide"),
    head("high", words.high, "number wide"),
    head("volume", words.volume, "number wide"),
    head("held", words.held, "number medium"),
  ];
}

/** The same rows in the same order, with their values of now. */
function reorder(
  shown: readonly AssetQuote[],
  fitting: readonly AssetQuote[],
): readonly AssetQuote[] {
  const bySymbol = new Map(fitting.map((quote) => [quote.symbol, quote]));
  return shown.map((quote) => bySymbol.get(quote.symbol) ?? quote);
}

function clear(search: HTMLInputElement): void {
  search.value = "";
  search.dispatchEvent(new Event("input"));
  search.focus();
}

function clearButton(search: HTMLInputElement): HTMLElement {
  return h(
    "button",
    { class: "button", type: "button", onclick: () => clear(search) },
    words.clear,
  );
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea, dialog") !==
    null
  );
}

function assetRow(
  first: AssetQuote,
  lines: MonthLines,
  held: ReadonlyMap<string, bigint>,
): TableRow<AssetQuote> {
  const name = h("span", { class: "asset-name" }, first.name);
  const flags = h("span");
  const link = h("a", { href: assetHash(first.symbol) }, first.symbol);
  const line = sparkline();
  const cell = (className: string): HTMLTableCellElement => h("td", { class: className });
  const [price, change, low, high] = [
    cell("number"),
    cell("number"),
    cell("number wide"),
    cell("number wide"),
  ];
  const [volume, units] = [cell("number wide"), cell("number medium muted")];
  const element = h(
    "tr",
    null,
    h("th", { scope: "row", title: first.name }, link, " ", flags, " ", name),
    price,
    change,
    h("td", { class: "medium" }, line),
    low,
    high,
    volume,
    units,
  );
  const redraw = (closes: readonly bigint[]): void => drawSparkline(line, closes);
  let shown: AssetQuote | undefined;
  const stop = lines.watch(first, redraw);
  return {
    element,
    show(quote) {
      setText(units, quantityOf(held.get(quote.symbol)));
      if (quote === shown) return;
      const isMoved = shown !== undefined && shown.value !== quote.value;
      shown = quote;
      const moved = quote.value - quote.previousClose;
      const isPriced = quote.value > 0n;
      setText(price, isPriced ? roundPrice(quote.value) : words.noPrice);
      // A price that the last update did not bring is grey; its time says how old it is.
      setClass(price, quote.isNew && isPriced ? "number" : "number muted");
      const time = words.priceOf(
        formatMoney(quote.value),
        `${formatTime(quote.time)} ${viewTexts.all.utc}`,
      );
      price.title = isPriced ? `${time} ${quote.isNew ? words.isNewTitle : words.isOldTitle}` : "";
      setText(
        change,
        isPriced && quote.previousClose > 0n
          ? formatPercent(moved, quote.previousClose)
          : viewTexts.all.none,
      );
      setClass(
        change,
        `number ${quote.previousClose > 0n && isPriced ? gainClass(moved) : ""}`.trim(),
      );
      change.title = isPriced && quote.previousClose > 0n ? formatMoney(moved, true) : "";
      if (isPriced) {
        setPrice(low, quote.low);
        setPrice(high, quote.high);
      } else {
        setNone(low);
        setNone(high);
      }
      setText(volume, quote.volume > 0n ? formatVolume(quote.volume) : viewTexts.all.none);
      setFlags(flags, quote);
      if (isMoved) flash(price);
      lines.moved(quote, redraw);
    },
    close: stop,
  };
}

function quantityOf(units: bigint | undefined): string {
  return units === undefined ? "" : formatQuantity(units);
}

function setFlags(flags: HTMLElement, quote: AssetQuote): void {
  const told = `${quote.isHalted} ${quote.factor}`;
  if (flags.dataset["told"] === told) return;
  flags.dataset["told"] = told;
  flags.replaceChildren();
  if (quote.isHalted)
    flags.append(h("span", { class: "badge warning", title: words.isHaltedTitle }, words.isHalted));
  if (quote.factor > 1n)
    flags.append(h("span", { class: "badge" }, words.byTheLot(formatVolume(quote.factor))));
}

/** Lights a cell up whose value has moved. */
export function flash(cell: Element): void {
  cell.classList.remove("flash");
  // Without a frame between, the animation would not begin anew.
  requestAnimationFrame(() => cell.classList.add("flash"));
}

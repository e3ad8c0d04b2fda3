// spec/page/views.md · An asset
//
// Price, chart with forecast and own fills, what is held of it, and the order ticket.
//
// Tests: in Chromium tests/browser

import type { App, AssetQuote, View } from "../api.ts";
import { h } from "../dom.ts";
import { divideHalfUp, formatPercent, formatQuantity, ONE, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES } from "../wire.ts";
import type { OpenOrder } from "../wire.ts";
import { assetChart } from "./asset_chart.ts";
import { openOrderText } from "./change_order.ts";
import {
  cleanupOf,
  empty,
  failure,
  formatTime,
  formatVolume,
  gain,
  gainClass,
  gainOf,
  loading,
  money,
  panel,
  price,
  setClass,
  setPrice,
  setText,
  showIn,
  stat,
  termsText,
} from "./parts.ts";
import { orderTicket } from "./ticket.ts";

const words = viewTexts.asset;

/** An asset: `#/assets/SYMBOL`. */
export const assetView: View = (root, app) => {
  const symbol = app.route.parts[1] ?? "";
  app.title(symbol);
  const { quotes } = app.session;
  let end: (() => void) | undefined;
  const open = (): void => {
    if (end !== undefined) return;
    if (quotes.get(symbol) !== undefined) {
      end = openAsset(root, app, symbol);
    } else if (quotes.error !== null) {
      showIn(root, failure(quotes.error));
    } else if (quotes.isLoaded) {
      const back = h("a", { class: "button", href: "#/assets" }, words.back);
      showIn(
        root,
        h("h1", { tabindex: "-1" }, symbol),
        empty(words.unknown(symbol), words.unknownHint, back),
      );
    } else {
      showIn(root, h("h1", { tabindex: "-1" }, symbol), loading());
    }
  };
  open();
  const endQuotes = quotes.onChange(open);
  return () => {
    endQuotes();
    end?.();
  };
};

function openAsset(root: HTMLElement, app: App, symbol: string): () => void {
  const head = h("div", { class: "stack" });
  const trade = h(
    "button",
    { class: "button primary ticket-jump", type: "button", onclick: () => ticket.open("buy") },
    words.trade,
  );
  const endHead = assetHead(head, app, symbol, trade);
  const position = h("div");
  const endPosition = assetPosition(position, app, symbol, () => ticket.open("sell"));
  const chart = h("section", { class: "panel", "aria-label": words.chart });
  const endChart = assetChart(chart, app, symbol);
  const ticketPanel = h("section", { class: "panel stays", "aria-label": viewTexts.ticket.title });
  const ticket = orderTicket(ticketPanel, app, symbol);
  showIn(
    root,
    head,
    h("div", { class: "beside" }, h("div", { class: "stack" }, chart, position), ticketPanel),
  );
  return cleanupOf(endHead, endPosition, endChart, ticket.close);
}

/** Name, price and the figures of the day. */
function assetHead(root: HTMLElement, app: App, symbol: string, trade: HTMLElement): () => void {
  const { quotes } = app.session;
  const name = h("span", { class: "muted" });
  const badges = h("span", { class: "cluster" });
  const price = h("span", { class: "figure" });
  const change = h("span");
  const when = h("span", { class: "muted small" });
  const stats = h("dl", { class: "stats line" });
  root.append(
    h("div", { class: "cluster" }, h("h1", { tabindex: "-1" }, symbol), name, badges),
    h("div", { class: "cluster" }, price, change, when, trade),
    stats,
  );
  const show = (): void => {
    const quote = quotes.get(symbol);
    if (quote === undefined) return;
    const isPriced = quote.value > 0n;
    const moved = quote.value - quote.previousClose;
    const isMoved = isPriced && quote.previousClose > 0n;
    setText(name, quote.name);
    if (isPriced) setPrice(price, quote.value);
    else setText(price, words.noPrice);
    setText(
      change,
      isMoved
        ? `${roundPrice(moved, quote.value, true)} (${formatPercent(moved, quote.previousClose)})`
        : "",
    );
    setClass(change, isMoved ? gainClass(moved) : "");
    setText(when, isPriced ? words.priceOf(`${formatTime(quote.time)} ${viewTexts.all.utc}`) : "");
    showIn(badges, ...badgesOf(quote));
    showIn(stats, ...(isPriced ? statsOf(quote) : []));
  };
  show();
  return quotes.onChange((symbols) => {
    if (symbols === null || symbols.has(symbol)) show();
  });
}

function badgesOf(quote: AssetQuote): HTMLElement[] {
  const badges: HTMLElement[] = [];
  const said = viewTexts.assets;
  if (quote.isHalted)
    badges.push(h("span", { class: "badge warning", title: said.isHaltedTitle }, said.isHalted));
  if (quote.factor > 1n)
    badges.push(h("span", { class: "badge" }, said.byTheLot(formatVolume(quote.factor))));
  return badges;
}

function statsOf(quote: AssetQuote): HTMLElement[] {
  const stats = [stat(words.open, price(quote.open))];
  stats.push(stat(words.range, h("span", null, price(quote.low), " – ", price(quote.high))));
  if (quote.previousClose > 0n)
    stats.push(stat(words.previousClose, price(quote.previousClose)));
  if (quote.volume > 0n) stats.push(stat(words.volume, formatVolume(quote.volume)));
  return stats;
}

/** What the account holds of the asset. */
function assetPosition(root: HTMLElement, app: App, symbol: string, sell: () => void): () => void {
  const { summary, openOrders } = app.session;
  const said = viewTexts.portfolio;
  const stats = h("dl", { class: "stats" });
  const instead = h("div");
  const sellButton = h(
    "button",
    { class: "button compact", type: "button", onclick: sell },
    words.sellThis,
  );
  const orders = h("div", { class: "stack small" });
  root.append(panel(words.position, instead, stats, h("div", null, sellButton), orders));
  const show = (): void => {
    const value = summary.value;
    const held = value?.positions.find((position) => position.symbol === symbol);
    stats.hidden = held === undefined;
    sellButton.hidden = held === undefined;
    if (value === null) {
      const again = (): void => void summary.refresh().catch(() => undefined);
      showIn(instead, summary.error === null ? loading() : failure(summary.error, again));
      return;
    }
    showIn(
      instead,
      held === undefined ? h("p", { class: "muted" }, words.nothingHeld(symbol)) : null,
    );
    if (held === undefined) return;
    showIn(
      stats,
      stat(said.units, formatQuantity(held.units)),
      stat(said.free, formatQuantity(held.units - held.promised)),
      stat(said.cost, price(divideHalfUp(held.cost * ONE, held.units))),
      stat(said.worth, money(held.value)),
      stat(said.unrealised, gainOf(held.value - held.cost, held.cost)),
      stat(said.realised, gain(held.realised)),
    );
  };
  show();
  const showOrders = (): void => {
    const own = (openOrders.value ?? []).filter((order) => order.symbol === symbol);
    orders.hidden = own.length === 0;
    showIn(orders, ...(own.length === 0 ? [] : orderLines(own)));
  };
  showOrders();
  return cleanupOf(summary.subscribe(show), openOrders.subscribe(showOrders));
}

/** Open orders for the asset, in words. */
function orderLines(orders: readonly OpenOrder[]): HTMLElement[] {
  const lines = orders.map((order) => {
    const terms = termsText(SIDES.get(order.side) ?? "", order.order, order.triggered);
    return h("li", null, `${openOrderText(order)} ${terms}`);
  });
  return [
    h("h3", null, words.ownOrders),
    h("ul", null, ...lines),
    h("div", null, h("a", { href: "#/orders" }, words.toOrders)),
  ];
}

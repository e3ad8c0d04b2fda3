// spec/page/views.md · Charts
//
// What an asset's chart is given to show: bars, forecast, own fills and cost, and the words for them.
//
// Tests: in Chromium tests/browser

import type { App, BarsWindow, OwnTransaction } from "../api.ts";
import type { ChartContents, ChartFill, ChartOrder, ChartWords } from "../charts/bar_chart.ts";
import { rangeOf } from "../charts/scale.ts";
import type { ChartBar } from "../charts/scale.ts";
import { h, svg } from "../dom.ts";
import { divideHalfUp, formatDecimal, formatQuantity, ONE, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES } from "../wire.ts";
import type { OpenOrder } from "../wire.ts";
import type { ChartChoice, ChartData } from "./chart_data.ts";
import { isAfter } from "./chart_periods.ts";
import { formatDay, formatTime, formatVolume, sideWord, statusName } from "./parts.ts";

const words = viewTexts.asset;
const DAY = 86_400_000;

/** What a chart shows of an asset now. */
export function contentsOf(
  app: App,
  symbol: string,
  data: ChartData,
  choice: ChartChoice,
  rows: readonly OwnTransaction[],
): ChartContents {
  const bars = data.bars ?? [];
  const forecast = data.end === undefined && choice.hasForecast ? data.forecast : [];
  const held = app.session.summary.value?.positions.find((position) => position.symbol === symbol);
  const range = rangeOf(bars.flatMap((bar) => [bar.low, bar.high]));
  const label = words.chartOf(
    symbol,
    words.windows[choice.window],
    formatTime(bars[0]?.time ?? 0),
    formatTime(bars[bars.length - 1]?.time ?? 0),
    roundPrice(range.low),
    roundPrice(range.high),
  );
  return {
    bars,
    form: bars.every((bar) => bar.low === bar.high) ? "line" : choice.form,
    forecast,
    fills: fillsOf(symbol, bars, choice.window, data.end, rows),
    orders: orderLinesOf(symbol, app.session.openOrders.value ?? []),
    cost: held === undefined ? undefined : divideHalfUp(held.cost * ONE, held.units),
    label,
    hasClock: choice.window === "day" && bars.some((bar) => bar.time % DAY !== 0),
    subject: `${choice.window} ${choice.adjustment} ${choice.form} ${data.end ?? ""} ${forecast.length}`,
  };
}

/** The prices at which open orders wait. Where a trailing one would trigger, the server does not tell. */
export function orderLinesOf(symbol: string, orders: readonly OpenOrder[]): ChartOrder[] {
  const { limit, stop } = viewTexts.ticket;
  return orders.flatMap(({ order, side, symbol: asset, triggered }) => {
    if (asset !== symbol || order.kind === "trailing") return [];
    const line = (price: bigint, what: string): ChartOrder[] =>
      price > 0n ? [{ price, text: words.orderLine(sideWord(side), what) }] : [];
    return [...line(triggered ? 0n : order.stop, stop), ...line(order.limit, limit)];
  });
}

/** One's own fills within a period, oldest first. `end` is its last day; undefined: it follows the market. */
export function fillsOf(
  symbol: string,
  bars: readonly ChartBar[],
  window: BarsWindow,
  end: number | undefined,
  rows: readonly FillRow[],
): ChartFill[] {
  const first = bars[0];
  const last = bars[bars.length - 1];
  const over = end === undefined ? Infinity : Math.floor(end / DAY) * DAY + DAY;
  const fills: ChartFill[] = [];
  for (const row of rows) {
    const side = SIDES.get(row.side);
    if (row.symbol !== symbol || statusName(row.status) !== "settled") continue;
    if (side !== "buy" && side !== "sell") continue;
    if (row.priced < (first?.time ?? 0) || row.priced >= over) continue;
    if (last !== undefined && isAfter(window, row.priced, last.time)) continue;
    const verb = side === "sell" ? words.sold : words.bought;
    const text = words.fillText(verb, formatQuantity(row.quantity), roundPrice(row.price));
    fills.push({ time: row.priced, isSale: side === "sell", text });
  }
  return fills.reverse();
}

/** What of a transaction a fill is made of. */
type FillRow = Pick<
  OwnTransaction,
  "symbol" | "side" | "status" | "priced" | "quantity" | "price"
>;

/** What the signs of a chart mean; only those that are in it. */
export function keyOf(contents: ChartContents): HTMLElement[] {
  const item = (text: string, shape: SVGElement): HTMLElement =>
    h("li", null, svg("svg", { viewBox: "0 0 20 14", "aria-hidden": "true" }, shape), text);
  const items: HTMLElement[] = [];
  if (contents.form === "candles") {
    items.push(
      item(words.keyRising, svg("path", { class: "rising", d: "M10 0v3M10 11v3M6 3h8v8h-8z" })),
    );
    items.push(
      item(words.keyFalling, svg("path", { class: "falling", d: "M10 0v3M10 11v3M6 3h8v8h-8z" })),
    );
  }
  if (contents.fills.some((fill) => !fill.isSale)) {
    items.push(item(words.keyBought, svg("path", { class: "fill-buy", d: "M10 2l6 10h-12z" })));
  }
  if (contents.fills.some((fill) => fill.isSale)) {
    items.push(item(words.keySold, svg("path", { class: "fill-sell", d: "M10 12l6 -10h-12z" })));
  }
  if (contents.cost !== undefined) {
    items.push(item(words.keyCost, svg("path", { class: "own-cost", d: "M0 7h20" })));
  }
  if (contents.orders.length > 0) {
    items.push(item(words.keyOrders, svg("path", { class: "own-order", d: "M0 7h20" })));
  }
  if (contents.forecast.length > 0) {
    items.push(item(words.keyForecast, svg("path", { class: "forecast", d: "M0 7h20" })));
  }
  return items;
}

/** The words of a chart; its times are as exact as the window's bars. */
export function wordsFor(window: () => BarsWindow): ChartWords {
  return {
    price: (value, places) =>
      places === undefined
        ? roundPrice(value)
        : formatDecimal(value, { least: places, most: places }),
    volume: formatVolume,
    time: (time) => {
      if (window() === "year" || window() === "all")
        return formatDay(time).split(" ").slice(1).join(" ");
      return formatTime(time);
    },
    open: words.open,
    high: words.high,
    low: words.low,
    close: words.close,
    volumeName: words.volume,
    forecast: words.forecast,
    cost: words.keyCost,
    between: words.between,
  };
}

// spec/page/views.md · Charts
//
// The chart of an asset: five periods, adjusted or as traded, a forecast, own fills; and its figures in a table.
//
// Tests: src/page/test/views.test.ts, and in Chromium tests/browser

import { RefusalError } from "../api.ts";
import type { Adjustment, App, AssetQuote, BarsWindow, Cleanup } from "../api.ts";
import { barChart } from "../charts/bar_chart.ts";
import type {
  BarForm,
  ChartContents,
  ChartFill,
  ChartForecast,
  ChartWords,
} from "../charts/bar_chart.ts";
import { placesOf, rangeOf } from "../charts/scale.ts";
import type { ChartBar } from "../charts/scale.ts";
import { h, svg } from "../dom.ts";
import { divideHalfUp, formatDecimal, formatMoney, formatQuantity, ONE } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES } from "../wire.ts";
import { ownHistory } from "./own_history.ts";
import {
  choice,
  cleanupOf,
  empty,
  errorText,
  failure,
  formatDay,
  formatTime,
  formatVolume,
  isoDay,
  loading,
  setText,
  showIn,
  showUnlessFocused,
  statusName,
} from "./parts.ts";

const words = viewTexts.asset;
const DAY = 86_400_000;
/** Bars are read again at most so often; between, the last one follows the price. */
const REREAD_INTERVAL = 1_000;
/** The same where there are many bars, in which one more is hardly seen. */
const REREAD_MANY_INTERVAL = 30_000;
const MANY_BARS = 2_000;
/** Rows of the table beside the chart. */
const TABLE_ROWS = 250;
/** Rows of the own history that are searched for fills. */
const HISTORY_ROWS = 1_000;

/** For how many days ahead a period shows forecasts. */
export const FORECAST_DAYS: Record<BarsWindow, readonly number[]> = {
  day: [1, 2],
  week: [1, 2, 3],
  month: [3, 7, 10, 14],
  year: [30, 60, 90],
  all: [90, 180, 365],
};

/** What a person chose for charts; it holds for all assets until the page is loaded anew. */
const chosen: { window: BarsWindow; adjustment: Adjustment; form: BarForm; hasForecast: boolean } =
  {
    window: "month",
    adjustment: "adjusted",
    form: "candles",
    hasForecast: true,
  };

/** The end of the period before or after one that ends at a time. */
export function steppedEnd(window: BarsWindow, end: number, step: -1 | 1): number {
  const date = new Date(end);
  if (window === "day") return end + step * DAY;
  if (window === "week") return end + step * 7 * DAY;
  const months = window === "month" ? 1 : 12;
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + step * months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.getTime();
}

/** The bars with the latest price in the last one, or in a new one where a new period has begun. */
export function withLatest(
  bars: readonly ChartBar[],
  window: BarsWindow,
  quote: { time: number; value: bigint; low: bigint; high: bigint },
): readonly ChartBar[] {
  const last = bars[bars.length - 1];
  if (last === undefined || quote.value === 0n || quote.time < last.time) return bars;
  if (window === "day" || isAfter(window, quote.time, last.time)) return bars;
  const close = quote.value;
  // A bar has at least a day: the day's range is in its.
  const high = quote.high > last.high ? quote.high : last.high;
  const low = quote.low < last.low ? quote.low : last.low;
  return [...bars.slice(0, -1), { ...last, close, high, low }];
}

/** Whether a time is of a later period than a bar: the bar of that period is still on its way. */
export function isAfter(window: BarsWindow, time: number, bar: number): boolean {
  return window !== "day" && time > bar && periodOf(window, time) !== periodOf(window, bar);
}

function periodOf(window: BarsWindow, time: number): string {
  const day = isoDay(time);
  return window === "year" || window === "all" ? day.slice(0, 7) : day;
}

/** The chart and all that belongs to it. */
export function assetChart(root: HTMLElement, app: App, symbol: string): Cleanup {
  const { quotes, summary } = app.session;
  let bars: readonly ChartBar[] | undefined;
  let forecast: readonly ChartForecast[] = [];
  let method = "";
  let hasNoForecast = false;
  /** The period's last day; undefined: it follows the market. */
  let end: number | undefined;
  let problem: unknown;
  let asked = 0;
  let isClosed = false;
  let lastRead = 0;
  /** The price that the bars were read for; its time and value, or "". */
  let readFor = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  const chart = barChart(wordsFor(() => chosen.window));
  const note = h("p", { class: "muted small" });
  const key = h("ul", { class: "key" });
  const table = h("details");
  const box = h("div", { class: "stack" });
  const until = h("span", { class: "muted small" });
  const later = h("button", { class: "button compact", type: "button" }, words.later);
  const latest = h("button", { class: "button compact", type: "button" }, words.latest);
  const earlier = h("button", { class: "button compact", type: "button" }, words.earlier);
  const forecastBox = h("input", {
    type: "checkbox",
    id: "chart-forecast",
    checked: chosen.hasForecast,
  });
  const restart = (): void => {
    bars = undefined;
    forecast = [];
    show();
    void read();
  };
  const windows = Object.entries(words.windows) as [BarsWindow, string][];
  const controls = [
    choice<BarsWindow>(words.windowLabel, windows, chosen.window, (value) => {
      chosen.window = value;
      end = undefined;
      restart();
    }),
    choice<BarForm>(
      words.formLabel,
      [
        ["candles", words.candles],
        ["line", words.line],
      ],
      chosen.form,
      (value) => {
        chosen.form = value;
        show();
      },
    ),
    choice<Adjustment>(
      words.adjustmentLabel,
      [
        ["adjusted", words.adjusted],
        ["raw", words.raw],
      ],
      chosen.adjustment,
      (value) => {
        chosen.adjustment = value;
        restart();
      },
    ),
  ];
  controls[2]?.element.setAttribute("title", words.adjustedHint);
  const step = (to: -1 | 1): void => {
    const from = end ?? quotes.get(symbol)?.time;
    if (from === undefined) return;
    const next = steppedEnd(chosen.window, from, to);
    end = next >= (quotes.get(symbol)?.time ?? 0) ? undefined : next;
    restart();
  };
  earlier.addEventListener("click", () => step(-1));
  later.addEventListener("click", () => step(1));
  latest.addEventListener("click", () => {
    end = undefined;
    restart();
  });
  forecastBox.addEventListener("change", () => {
    chosen.hasForecast = forecastBox.checked;
    void readForecast();
    show();
  });
  root.append(
    h("div", { class: "cluster" }, ...controls.map((it) => it.element)),
    box,
    h(
      "div",
      { class: "cluster" },
      earlier,
      later,
      latest,
      until,
      h("label", { class: "check push" }, forecastBox, words.forecastShow),
    ),
    key,
    note,
    table,
    h(
      "p",
      { class: "muted small" },
      h(
        "a",
        { href: words.chartsBy.address, rel: "noopener noreferrer", target: "_blank" },
        words.chartsBy.name,
      ),
      ` ${words.chartsBy.rights}`,
    ),
  );

  const history = ownHistory(app.session);
  const show = (): void => {
    if (isClosed) return;
    const isAll = chosen.window === "all";
    earlier.hidden = isAll;
    later.hidden = isAll || end === undefined;
    latest.hidden = end === undefined;
    setText(until, end === undefined ? "" : words.until(formatDay(end)));
    if (problem !== undefined && bars === undefined) {
      showIn(box, failure(problem, restart));
    } else if (bars === undefined) {
      // The place stays, so that the page does not jump.
      if (!box.contains(chart.element)) showIn(box, loading());
    } else if (bars.length === 0) {
      showIn(box, empty(words.noBars, words.noBarsHint));
    } else {
      showChart(bars);
    }
    key.hidden = bars === undefined || bars.length === 0;
    note.hidden =
      !chosen.hasForecast || end !== undefined || (!hasNoForecast && forecast.length === 0);
    setText(note, hasNoForecast ? words.forecastNone : words.forecastNote(method));
    if (bars === undefined || bars.length === 0) table.hidden = true;
  };
  const showChart = (all: readonly ChartBar[]): void => {
    const ahead = end === undefined && chosen.hasForecast ? forecast : [];
    const contents = contentsOf(app, symbol, all, ahead, end, history.rows);
    if (!box.contains(chart.element)) showIn(box, chart.element);
    chart.show(contents);
    showIn(key, ...keyOf(contents));
    table.hidden = false;
    if (table.open || table.childElementCount === 0) fillTable(table, symbol, contents);
  };
  table.addEventListener("toggle", () => {
    if (table.open) show();
  });

  const read = async (): Promise<void> => {
    asked += 1;
    const mine = asked;
    lastRead = performance.now();
    readFor = priceOf(quotes.get(symbol));
    try {
      const date = end === undefined ? null : endOfDay(chosen.window, end);
      const answer = await app.session.bars(symbol, chosen.window, date, chosen.adjustment);
      if (mine !== asked) return;
      bars = answer;
      problem = undefined;
    } catch (error) {
      if (mine !== asked) return;
      problem = error;
      if (bars !== undefined) app.toast(errorText(error), "error");
    }
    show();
    if (forecast.length === 0) void readForecast();
  };
  const readForecast = async (): Promise<void> => {
    const time = quotes.get(symbol)?.time;
    if (isClosed || !chosen.hasForecast || end !== undefined || time === undefined || time === 0)
      return;
    const window = chosen.window;
    try {
      const dates = FORECAST_DAYS[window].map((days) => isoDay(time + days * DAY));
      const answers = await Promise.all(dates.map((date) => app.session.forecast(symbol, date)));
      if (window !== chosen.window) return;
      forecast = answers.map((it) => ({
        time: it.time,
        value: it.value,
        low: it.low,
        high: it.high,
      }));
      method = answers[0]?.method ?? "";
      hasNoForecast = false;
    } catch (error) {
      // A price may have come meanwhile, or the connection may have gone: the chart is there without it.
      hasNoForecast =
        forecast.length === 0 && error instanceof RefusalError && error.reason === "no-data";
    }
    show();
  };
  const follow = (): void => {
    if (end !== undefined || bars === undefined) return;
    const quote = quotes.get(symbol);
    if (quote !== undefined) bars = withLatest(bars, chosen.window, quote);
    show();
    // The list of quotes is also read anew where nothing has moved: a reading for that would put
    // off the one that the next price needs.
    if (readFor === priceOf(quote)) return;
    const interval = bars.length > MANY_BARS ? REREAD_MANY_INTERVAL : REREAD_INTERVAL;
    const wait = Math.max(0, lastRead + interval - performance.now());
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void read().then(() => readForecast());
    }, wait);
  };
  show();
  void read();
  void history.loadTo(HISTORY_ROWS);
  return cleanupOf(
    quotes.onChange((symbols) => {
      if (symbols === null || symbols.has(symbol)) follow();
    }),
    summary.subscribe(show),
    history.subscribe(show),
    () => {
      isClosed = true;
      asked += 1;
      clearTimeout(timer);
      chart.close();
    },
  );
}

function priceOf(quote: AssetQuote | undefined): string {
  return quote === undefined ? "" : `${quote.time} ${quote.value}`;
}

/** The date that a request names for a period that ends with a day. */
function endOfDay(window: BarsWindow, end: number): string {
  return window === "day" ? `${isoDay(end)}T23:59:59Z` : isoDay(end);
}

function contentsOf(
  app: App,
  symbol: string,
  bars: readonly ChartBar[],
  forecast: readonly ChartForecast[],
  end: number | undefined,
  rows: readonly {
    symbol: string;
    side: number;
    status: number;
    priced: number;
    quantity: bigint;
    price: bigint;
  }[],
): ChartContents {
  const first = bars[0];
  const last = bars[bars.length - 1];
  const fills: ChartFill[] = [];
  for (const row of rows) {
    const side = SIDES.get(row.side);
    if (
      row.symbol !== symbol ||
      statusName(row.status) !== "settled" ||
      row.priced < (first?.time ?? 0)
    )
      continue;
    if (side !== "buy" && side !== "sell") continue;
    if (last !== undefined && isAfter(chosen.window, row.priced, last.time)) continue;
    const verb = side === "sell" ? words.sold : words.bought;
    const text = words.fillText(verb, formatQuantity(row.quantity), formatMoney(row.price));
    fills.push({ time: row.priced, isSale: side === "sell", text });
  }
  const held = app.session.summary.value?.positions.find((position) => position.symbol === symbol);
  const range = rangeOf(bars.flatMap((bar) => [bar.low, bar.high]));
  const label = words.chartOf(
    symbol,
    words.windows[chosen.window],
    formatTime(first?.time ?? 0),
    formatTime(last?.time ?? 0),
    formatMoney(range.low),
    formatMoney(range.high),
  );
  return {
    bars,
    form: bars.every((bar) => bar.low === bar.high) ? "line" : chosen.form,
    forecast,
    fills: fills.reverse(),
    cost: held === undefined ? undefined : divideHalfUp(held.cost * ONE, held.units),
    label,
    hasClock: chosen.window === "day" && bars.some((bar) => bar.time % DAY !== 0),
    subject: `${chosen.window} ${chosen.adjustment} ${chosen.form} ${end ?? ""} ${forecast.length}`,
  };
}

/** What the signs of a chart mean; only those that are in it. */
function keyOf(contents: ChartContents): HTMLElement[] {
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
  if (contents.forecast.length > 0) {
    items.push(item(words.keyForecast, svg("path", { class: "forecast", d: "M0 7h20" })));
  }
  return items;
}

function fillTable(details: HTMLDetailsElement, symbol: string, contents: ChartContents): void {
  if (details.childElementCount === 0)
    details.append(h("summary", null, viewTexts.all.showTable), h("div", { class: "stack" }));
  if (!details.open) return;
  const number = (text: string): HTMLElement => h("td", { class: "number" }, text);
  const heads = (names: readonly string[]): HTMLElement =>
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        ...names.map((name, at) =>
          h("th", { scope: "col", class: at === 0 ? null : "number" }, name),
        ),
      ),
    );
  const newest = [...contents.bars].reverse().slice(0, TABLE_ROWS);
  const shown = formatDecimal(BigInt(newest.length) * ONE);
  const cut =
    newest.length < contents.bars.length
      ? words.barsCut(shown, formatDecimal(BigInt(contents.bars.length) * ONE))
      : "";
  const bars = h(
    "table",
    { class: "table" },
    h("caption", null, `${words.barsTable(symbol)}. ${cut}`.trim()),
    heads([words.time, words.open, words.high, words.low, words.close, words.volume]),
    h(
      "tbody",
      null,
      ...newest.map((bar) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, formatTime(bar.time)),
          ...[bar.open, bar.high, bar.low, bar.close].map((price) => number(formatMoney(price))),
          number(formatVolume(bar.volume)),
        ),
      ),
    ),
  );
  const places = placesOf(rangeOf(contents.bars.flatMap((bar) => [bar.low, bar.high])));
  const forecast = h(
    "table",
    { class: "table" },
    h("caption", null, words.forecastTable),
    heads([words.time, words.lowBound, words.forecast, words.highBound]),
    h(
      "tbody",
      null,
      ...contents.forecast.map((point) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, formatTime(point.time)),
          ...[point.low, point.value, point.high].map((price) =>
            number(formatDecimal(price, { least: places, most: places })),
          ),
        ),
      ),
    ),
  );
  const scroll = (table: HTMLElement, label: string): HTMLElement =>
    h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": label }, table);
  const box = details.lastElementChild;
  if (box instanceof HTMLElement)
    showUnlessFocused(
      box,
      ...(contents.forecast.length > 0 ? [scroll(forecast, words.forecastTable)] : []),
      scroll(bars, words.barsTable(symbol)),
    );
}

function wordsFor(window: () => BarsWindow): ChartWords {
  return {
    price: (value, places) =>
      places === undefined
        ? formatMoney(value)
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

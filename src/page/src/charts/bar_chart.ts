// spec/page/views.md · Charts
//
// Bars, volumes, a forecast with its band, and own fills, painted by the library lightweight-charts and read by
// pointer and keyboard. What is read is exact; only what is painted goes through floats.
//
// Tests: src/page/test/charts.test.ts, and in Chromium tests/browser

import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
  PriceScaleMode,
} from "lightweight-charts";
import type {
  IChartApi,
  IPriceLine,
  ISeriesApi,
  ISeriesMarkersPluginApi,
  SeriesMarker,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import { ForecastBand } from "./band.ts";
import { barAt, bySecond, placesOf, rangeOf } from "./scale.ts";
import type { ChartBar } from "./scale.ts";
import { chartColours, onTheme, translucent } from "./theme.ts";
import type { ChartColours } from "./theme.ts";

/** How bars are drawn. */
export type BarForm = "candles" | "line";

/** A predicted price with the bounds of its interval. */
export interface ChartForecast {
  time: number;
  value: bigint;
  low: bigint;
  high: bigint;
}

/** An own fill, at the time of its price. */
export interface ChartFill {
  time: number;
  isSale: boolean;
  /** What it was, in a few words. */
  text: string;
}

/** The price at which an own order waits. */
export interface ChartOrder {
  price: bigint;
  text: string;
}

/** What a chart shows. */
export interface ChartContents {
  /** Oldest first. */
  bars: readonly ChartBar[];
  form: BarForm;
  forecast: readonly ChartForecast[];
  fills: readonly ChartFill[];
  orders: readonly ChartOrder[];
  /** The average cost of what is held; undefined: nothing is. */
  cost: bigint | undefined;
  /** The chart in a sentence, for those who do not see it. */
  label: string;
  /** Times of day are told, not days alone. */
  hasClock: boolean;
  /** Names what is looked at: while it stays, so does the part that a person has moved to. */
  subject: string;
}

/** How a chart tells prices and times. */
export interface ChartWords {
  price(value: bigint, places?: number): string;
  volume(value: bigint): string;
  /** A whole time for the reading. */
  time(time: number): string;
  open: string;
  high: string;
  low: string;
  close: string;
  volumeName: string;
  forecast: string;
  cost: string;
  /** Bounds of a forecast. */
  between(low: string, high: string): string;
}

/** A chart on the page. */
export interface BarChart {
  element: HTMLElement;
  show(contents: ChartContents): void;
  close(): void;
}

const ONE = 1_000_000;
const DAY = 86_400_000;
/** Fills of a bar that its reading tells, the latest ones. */
const FILLS_TOLD_MAX = 3;

type OwnSeries = ISeriesApi<"Candlestick"> | ISeriesApi<"Line">;

interface Drawing {
  chart: IChartApi;
  candles: ISeriesApi<"Candlestick">;
  line: ISeriesApi<"Line">;
  volumes: ISeriesApi<"Histogram">;
  forecast: ISeriesApi<"Line">;
  band: ForecastBand;
  marks: { candles: ISeriesMarkersPluginApi<Time>; line: ISeriesMarkersPluginApi<Time> };
  /** Lines at own prices: the average cost, and those of open orders. */
  ownLines: { series: OwnSeries; line: IPriceLine }[];
}

/** A chart that fills the width of where it is put. */
export function barChart(words: ChartWords): BarChart {
  const reading = document.createElement("p");
  reading.className = "chart-reading";
  const plot = document.createElement("div");
  plot.className = "chart-plot";
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  const canvas = document.createElement("div");
  canvas.className = "chart-canvas";
  canvas.setAttribute("aria-hidden", "true");
  plot.append(canvas);
  const element = document.createElement("div");
  element.className = "chart";
  element.append(reading, plot);

  let contents: ChartContents | undefined;
  let bars: ChartBar[] = [];
  let colours = chartColours();
  let subject = "";
  /** The time of the bar or the point of the forecast that is read; undefined: the latest bar. */
  let read: number | undefined;
  let isByKey = false;
  let isClosed = false;
  // Beside the cross stands the time of what is read.
  const drawing = draw(canvas, (time) => words.time(timeOf(placeOfTime(bars, contents, time), time)));

  let isFitted = true;
  /** Shows all bars; before it is on the page, a chart has no width to fit them in. */
  const fit = (): void => {
    if (isFitted || drawing.chart.timeScale().width() === 0) return;
    isFitted = true;
    drawing.chart.timeScale().fitContent();
  };
  drawing.chart.timeScale().subscribeSizeChange(fit);

  const count = (): number => bars.length + (contents?.forecast.length ?? 0);
  /** The place of what is read among bars and forecast. */
  const place = (): number =>
    read === undefined ? bars.length - 1 : placeOfTime(bars, contents, read);
  const timeOf = (at: number, otherwise: number): number =>
    bars[at]?.time ?? contents?.forecast[at - bars.length]?.time ?? otherwise;
  const tell = (): void => {
    if (contents === undefined || bars.length === 0) return reading.replaceChildren();
    reading.replaceChildren(...readingOf(bars, contents, place(), words));
  };
  const point = (to: number): void => {
    const at = Math.max(0, Math.min(count() - 1, to));
    const bar = bars[at];
    const ahead = contents?.forecast[at - bars.length];
    const series =
      bar === undefined
        ? drawing.forecast
        : contents?.form === "line"
          ? drawing.line
          : drawing.candles;
    const [time, value] = [bar?.time ?? ahead?.time, bar?.close ?? ahead?.value];
    if (time === undefined || value === undefined) return;
    read = time;
    isByKey = true;
    drawing.chart.setCrosshairPosition(toFloat(value), toSeconds(time), series);
    tell();
  };
  drawing.chart.subscribeCrosshairMove((event) => {
    // What a key reads stays until a pointer comes or the focus goes.
    if (isByKey && event.sourceEvent === undefined) return;
    isByKey = false;
    read = typeof event.time === "number" ? event.time * 1000 : undefined;
    tell();
  });
  plot.addEventListener("keydown", (event) => {
    const to = steppedTo(event.key, place(), count());
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    // Read aloud what keys reach; what a pointer passes over would be too much.
    reading.setAttribute("aria-live", "polite");
    if (to === "none") leave();
    else point(to);
  });
  const leave = (): void => {
    // The focus also leaves when the chart does.
    if (isClosed) return;
    read = undefined;
    isByKey = false;
    reading.removeAttribute("aria-live");
    drawing.chart.clearCrosshairPosition();
    tell();
  };
  plot.addEventListener("blur", leave);
  const endTheme = onTheme(() => {
    colours = chartColours();
    paint();
  });
  const paint = (): void => {
    paintColours(drawing, colours);
    if (contents !== undefined) paintContents(drawing, bars, contents, colours, words);
  };
  paintColours(drawing, colours);
  return {
    element,
    show(shown) {
      if (isClosed) return;
      contents = shown;
      bars = bySecond(shown.bars);
      plot.setAttribute("aria-label", shown.label);
      paintContents(drawing, bars, shown, colours, words);
      if (subject !== shown.subject) {
        subject = shown.subject;
        read = undefined;
        drawing.chart.priceScale("right").applyOptions({ autoScale: true });
        isFitted = false;
        fit();
      }
      tell();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      endTheme();
      drawing.chart.applyOptions({ autoSize: false });
      drawing.chart.remove();
    },
  };
}

/** Where a key leads from a place; "none": nowhere in particular; undefined: the key is not the chart's. */
export function steppedTo(key: string, at: number, count: number): number | "none" | undefined {
  switch (key) {
    case "ArrowLeft":
      return at - 1;
    case "ArrowRight":
      return at + 1;
    case "PageUp":
      return at - 10;
    case "PageDown":
      return at + 10;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    case "Escape":
      return "none";
    default:
      return undefined;
  }
}

/** The bar, or the point of the forecast, of a time. */
function placeOfTime(
  bars: readonly ChartBar[],
  contents: ChartContents | undefined,
  time: number,
): number {
  const last = bars[bars.length - 1];
  if (last === undefined || contents === undefined || time <= last.time)
    return Math.max(0, barAt(bars, time));
  // Between two points it is the next one that is meant.
  const ahead = contents.forecast.findIndex((point) => point.time >= time);
  return ahead < 0 ? bars.length + contents.forecast.length - 1 : bars.length + ahead;
}

function toFloat(value: bigint): number {
  return Number(value) / ONE;
}

function toSeconds(time: number): UTCTimestamp {
  return Math.floor(time / 1000) as UTCTimestamp;
}

/** Height of the volumes, where that of the prices is 1. */
const VOLUMES_HEIGHT = 0.25;

function draw(root: HTMLElement, timeText: (time: number) => string): Drawing {
  const chart = createChart(root, {
    autoSize: true,
    layout: {
      attributionLogo: false,
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
      panes: { enableResize: false },
    },
    // The wheel and a finger's way up and down scroll the page.
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    kineticScroll: { touch: false, mouse: false },
    rightPriceScale: {
      borderVisible: false,
      mode: PriceScaleMode.Normal,
      scaleMargins: { top: 0.08, bottom: 0.08 },
    },
    timeScale: { borderVisible: false, rightOffset: 1, minBarSpacing: 0.05, maxBarSpacing: 40 },
    localization: {
      locale: "en-GB",
      timeFormatter: (time: Time) => (typeof time === "number" ? timeText(time * 1000) : ""),
    },
  });
  const quiet = { priceLineVisible: false, lastValueVisible: false };
  const volumes = chart.addSeries(HistogramSeries, { ...quiet, priceFormat: { type: "volume" } });
  const candles = chart.addSeries(CandlestickSeries, {});
  const line = chart.addSeries(LineSeries, { lineWidth: 2, visible: false });
  const forecast = chart.addSeries(LineSeries, {
    ...quiet,
    lineWidth: 2,
    lineStyle: LineStyle.Dashed,
  });
  const band = new ForecastBand();
  forecast.attachPrimitive(band);
  const marks = { candles: createSeriesMarkers(candles, []), line: createSeriesMarkers(line, []) };
  return { chart, candles, line, volumes, forecast, band, marks, ownLines: [] };
}

function paintColours(drawing: Drawing, colours: ChartColours): void {
  drawing.chart.applyOptions({
    layout: {
      background: { color: colours.surface },
      textColor: colours.text,
      panes: { separatorColor: colours.line },
    },
    grid: { vertLines: { visible: false }, horzLines: { color: colours.line } },
    crosshair: {
      vertLine: { color: colours.edge, labelBackgroundColor: colours.edge },
      horzLine: { color: colours.edge, labelBackgroundColor: colours.edge },
    },
  });
  // Rising candles are hollow and falling ones full, so that they differ without colour.
  drawing.candles.applyOptions({
    upColor: colours.surface,
    borderUpColor: colours.gain,
    wickUpColor: colours.gain,
    downColor: colours.loss,
    borderDownColor: colours.loss,
    wickDownColor: colours.loss,
    priceLineColor: colours.accent,
  });
  drawing.line.applyOptions({ color: colours.accent, priceLineColor: colours.accent });
  drawing.forecast.applyOptions({ color: colours.accent });
  drawing.volumes.applyOptions({ color: translucent(colours.edge, 0.5) });
}

function paintContents(
  drawing: Drawing,
  bars: readonly ChartBar[],
  contents: ChartContents,
  colours: ChartColours,
  words: ChartWords,
): void {
  const isLine = contents.form === "line";
  const prices = bars.flatMap((bar) => [bar.low, bar.high]);
  const places = placesOf(rangeOf(prices));
  const priceFormat = {
    type: "custom" as const,
    minMove: 10 ** -places,
    // The space below the lowest bar may reach below 0, where there are no prices.
    formatter: (price: number) =>
      price < 0 ? "" : words.price(BigInt(Math.round(price * ONE)), places),
  };
  for (const each of [drawing.candles, drawing.line, drawing.forecast])
    each.applyOptions({ priceFormat });
  drawing.candles.applyOptions({ visible: !isLine });
  drawing.line.applyOptions({ visible: isLine });
  drawing.chart.timeScale().applyOptions({ timeVisible: contents.hasClock });
  drawing.candles.setData(
    isLine
      ? []
      : bars.map((bar) => ({
          time: toSeconds(bar.time),
          open: toFloat(bar.open),
          high: toFloat(bar.high),
          low: toFloat(bar.low),
          close: toFloat(bar.close),
        })),
  );
  drawing.line.setData(
    isLine ? bars.map((bar) => ({ time: toSeconds(bar.time), value: toFloat(bar.close) })) : [],
  );
  // Places without a bar between the points of a forecast keep the distances of time.
  const hasVolumes = bars.some((bar) => bar.volume > 0n);
  placeVolumes(drawing, hasVolumes);
  drawing.volumes.setData([
    ...bars.map((bar) =>
      hasVolumes
        ? { time: toSeconds(bar.time), value: Number(bar.volume) }
        : { time: toSeconds(bar.time) },
    ),
    ...placesAhead(bars, contents.forecast).map((time) => ({ time: toSeconds(time) })),
  ]);
  paintForecast(drawing, bars, contents.forecast, colours);
  drawing.marks.candles.setMarkers(isLine ? [] : marksOf(bars, contents.fills, colours));
  drawing.marks.line.setMarkers(isLine ? marksOf(bars, contents.fills, colours) : []);
  paintOwnLines(drawing, isLine ? drawing.line : drawing.candles, contents, colours, words);
}

/** Volumes have a pane of their own below the prices, if there are any. */
function placeVolumes(drawing: Drawing, hasVolumes: boolean): void {
  const pane = hasVolumes ? 1 : 0;
  if (drawing.volumes.getPane().paneIndex() === pane) return;
  drawing.volumes.moveToPane(pane);
  if (!hasVolumes) return;
  drawing.volumes.getPane().setStretchFactor(VOLUMES_HEIGHT);
  drawing.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.15, bottom: 0 } });
}

function paintOwnLines(
  drawing: Drawing,
  series: OwnSeries,
  contents: ChartContents,
  colours: ChartColours,
  words: ChartWords,
): void {
  for (const own of drawing.ownLines) own.series.removePriceLine(own.line);
  const line = (price: bigint, title: string, color: string, lineStyle: LineStyle): void => {
    const options = { price: toFloat(price), title, color, lineStyle } as const;
    const made = series.createPriceLine({ ...options, lineWidth: 1, axisLabelVisible: false });
    drawing.ownLines.push({ series, line: made });
  };
  drawing.ownLines = [];
  if (contents.cost !== undefined)
    line(contents.cost, words.cost, colours.warning, LineStyle.LargeDashed);
  for (const order of contents.orders)
    line(order.price, order.text, colours.text, LineStyle.Dotted);
}

function paintForecast(
  drawing: Drawing,
  bars: readonly ChartBar[],
  forecast: readonly ChartForecast[],
  colours: ChartColours,
): void {
  const last = bars[bars.length - 1];
  const ahead = last === undefined ? [] : forecast.filter((point) => point.time > last.time);
  if (last === undefined || ahead.length === 0) {
    drawing.forecast.setData([]);
    drawing.band.show([], "", { minValue: 0, maxValue: 0 });
    return;
  }
  const begin = { time: last.time, value: last.close, low: last.close, high: last.close };
  const points = [begin, ...ahead];
  drawing.forecast.setData(
    points.map((point) => ({ time: toSeconds(point.time), value: toFloat(point.value) })),
  );
  const edges = points.map((point) => ({
    time: toSeconds(point.time),
    low: toFloat(point.low),
    high: toFloat(point.high),
  }));
  const range = rangeOf(bars.flatMap((bar) => [bar.low, bar.high]));
  const scale = { minValue: toFloat(range.low), maxValue: toFloat(range.high) };
  drawing.band.show(edges, translucent(colours.accent, 0.18), scale);
}

/** Times between the last bar and the end of a forecast, about as far apart as the bars are; the points' own among them. */
export function placesAhead(
  bars: readonly ChartBar[],
  forecast: readonly ChartForecast[],
): number[] {
  const last = bars[bars.length - 1];
  const end = forecast[forecast.length - 1];
  const first = bars[0];
  if (last === undefined || first === undefined || end === undefined || end.time <= last.time)
    return [];
  const apart =
    bars.length > 1 ? (last.time - first.time) / (bars.length - 1) : end.time - last.time;
  // A forecast of days behind bars of seconds would leave them no room: it has a third of the bars' at most.
  const most = Math.max(forecast.length, Math.floor(bars.length / 3));
  const count = Math.max(
    1,
    Math.min(most, Math.round((end.time - last.time) / Math.max(1_000, apart))),
  );
  const times = new Set(
    forecast.filter((point) => point.time > last.time).map((point) => point.time),
  );
  // Places between bars of days are days, so that the crosshair names no hour.
  const step = apart >= DAY ? DAY : 1_000;
  for (let at = 1; at < count; at += 1)
    times.add(last.time + Math.round(((end.time - last.time) * at) / count / step) * step);
  return [...times].filter((time) => time > last.time).sort((one, other) => one - other);
}

/** Purchases are arrows below their bar that point up, sales above it that point down. */
function marksOf(
  bars: readonly ChartBar[],
  fills: readonly ChartFill[],
  colours: ChartColours,
): SeriesMarker<Time>[] {
  const marks = new Map<string, SeriesMarker<Time>>();
  for (const fill of fills) {
    const bar = bars[barAt(bars, fill.time)];
    if (bar === undefined) continue;
    marks.set(`${bar.time} ${fill.isSale}`, {
      time: toSeconds(bar.time),
      position: fill.isSale ? "aboveBar" : "belowBar",
      shape: fill.isSale ? "arrowDown" : "arrowUp",
      color: fill.isSale ? colours.warning : colours.accent,
      size: 0.7,
    });
  }
  return [...marks.values()].sort((one, other) => Number(one.time) - Number(other.time));
}

function readingOf(
  bars: readonly ChartBar[],
  contents: ChartContents,
  at: number,
  words: ChartWords,
): Node[] {
  const part = (name: string, value: string): Node => {
    const element = document.createElement("span");
    const strong = document.createElement("b");
    strong.textContent = value;
    element.append(`${name} `, strong);
    return element;
  };
  const when = (time: number): Node => {
    const element = document.createElement("b");
    element.textContent = words.time(time);
    return element;
  };
  const bar = bars[at];
  if (bar === undefined) {
    const point = contents.forecast[at - bars.length];
    if (point === undefined) return [];
    // A forecast is no price: it has the places of the axis.
    const places = placesOf(rangeOf(bars.flatMap((each) => [each.low, each.high])));
    const [low, value, high] = [point.low, point.value, point.high].map((price) =>
      words.price(price, places),
    );
    return [
      when(point.time),
      part(words.forecast, `${value} ${words.between(low ?? "", high ?? "")}`),
    ];
  }
  const fills = contents.fills.filter((fill) => barAt(bars, fill.time) === at);
  const told = fills.slice(-FILLS_TOLD_MAX).map((fill) => {
    const element = document.createElement("span");
    element.textContent = fill.text;
    return element;
  });
  return [
    when(bar.time),
    part(words.open, words.price(bar.open)),
    part(words.high, words.price(bar.high)),
    part(words.low, words.price(bar.low)),
    part(words.close, words.price(bar.close)),
    ...(bar.volume > 0n ? [part(words.volumeName, words.volume(bar.volume))] : []),
    ...told,
  ];
}

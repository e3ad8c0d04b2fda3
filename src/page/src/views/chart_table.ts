// spec/page/views.md · Charts
//
// The table beside a chart: its bars and its forecast, for those who read figures.
//
// Tests: in Chromium tests/browser

import type { ChartContents } from "../charts/bar_chart.ts";
import { placesOf, rangeOf } from "../charts/scale.ts";
import type { ChartBar } from "../charts/scale.ts";
import { h } from "../dom.ts";
import { formatDecimal, ONE } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { formatTime, formatVolume, price, showUnlessFocused } from "./parts.ts";

const words = viewTexts.asset;
/** Rows of bars: more would take long to make at each price. */
const TABLE_ROWS = 250;

/** Fills what opens below a chart; while it is closed, its summary alone. */
export function fillTable(
  details: HTMLDetailsElement,
  symbol: string,
  contents: ChartContents,
): void {
  if (details.childElementCount === 0)
    details.append(h("summary", null, viewTexts.all.showTable), h("div", { class: "stack" }));
  const box = details.lastElementChild;
  if (!details.open || !(box instanceof HTMLElement)) return;
  const bars = scrolling(barsTable(symbol, contents.bars), words.barsTable(symbol));
  if (contents.forecast.length === 0) showUnlessFocused(box, bars);
  else showUnlessFocused(box, scrolling(forecastTable(contents), words.forecastTable), bars);
}

function barsTable(symbol: string, bars: readonly ChartBar[]): HTMLElement {
  const newest = [...bars].reverse().slice(0, TABLE_ROWS);
  const number = (count: number): string => formatDecimal(BigInt(count) * ONE);
  const cut =
    newest.length < bars.length ? words.barsCut(number(newest.length), number(bars.length)) : "";
  return figures(
    `${words.barsTable(symbol)}. ${cut}`.trim(),
    [words.time, words.open, words.high, words.low, words.close, words.volume],
    newest.map((bar) => [
      formatTime(bar.time),
      ...[bar.open, bar.high, bar.low, bar.close].map(price),
      formatVolume(bar.volume),
    ]),
  );
}

function forecastTable(contents: ChartContents): HTMLElement {
  // A forecast is no price: it has the places of the axis.
  const places = placesOf(rangeOf(contents.bars.flatMap((bar) => [bar.low, bar.high])));
  return figures(
    words.forecastTable,
    [words.time, words.lowBound, words.forecast, words.highBound],
    contents.forecast.map((point) => [
      formatTime(point.time),
      ...[point.low, point.value, point.high].map((value) =>
        formatDecimal(value, { least: places, most: places }),
      ),
    ]),
  );
}

/** A table whose first column names its rows, and whose others are figures. */
function figures(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly [string, ...(string | HTMLElement)[]])[],
): HTMLElement {
  const head = heads.map((name, at) =>
    h("th", { scope: "col", class: at === 0 ? null : "number" }, name),
  );
  const body = rows.map(([first, ...others]) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, first),
      ...others.map((text) => h("td", { class: "number" }, text)),
    ),
  );
  return h(
    "table",
    { class: "table" },
    h("caption", null, caption),
    h("thead", null, h("tr", null, ...head)),
    h("tbody", null, ...body),
  );
}

function scrolling(table: HTMLElement, label: string): HTMLElement {
  const attributes = { class: "table-scroll", tabindex: "0", role: "region", "aria-label": label };
  return h("div", attributes, table);
}

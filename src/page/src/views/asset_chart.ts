// spec/page/views.md · Charts
//
// The chart of an asset with its controls: five periods, adjusted or as traded, a forecast, own fills;
// and its figures in a table.
//
// Tests: in Chromium tests/browser

import type { Adjustment, App, BarsWindow, Cleanup } from "../api.ts";
import { barChart } from "../charts/bar_chart.ts";
import type { BarForm } from "../charts/bar_chart.ts";
import { h } from "../dom.ts";
import { viewTexts } from "../texts.ts";
import { contentsOf, keyOf, wordsFor } from "./chart_contents.ts";
import { ChartData } from "./chart_data.ts";
import type { ChartChoice } from "./chart_data.ts";
import { hasDailyPrices } from "./chart_periods.ts";
import { fillTable } from "./chart_table.ts";
import { ownHistory } from "./own_history.ts";
import {
  choice,
  cleanupOf,
  empty,
  errorText,
  failure,
  formatDay,
  loading,
  setText,
  showIn,
} from "./parts.ts";

const words = viewTexts.asset;
/** Rows of the own history that are searched for fills. */
const HISTORY_ROWS = 1_000;

/** It holds for all assets until the page is loaded anew. */
const chosen: ChartChoice = {
  window: "month",
  adjustment: "adjusted",
  form: "candles",
  hasForecast: true,
};

/** The chart and all that belongs to it. */
export function assetChart(root: HTMLElement, app: App, symbol: string): Cleanup {
  const { quotes, summary, openOrders } = app.session;
  const history = ownHistory(app.session);
  const isDaily = (): boolean => hasDailyPrices(quotes.get(symbol)?.time ?? 0);
  if (chosen.window === "day" && isDaily()) chosen.window = "month";
  const chart = barChart(wordsFor(() => chosen.window));
  const data = new ChartData(app.session, symbol, chosen, {
    changed: () => show(),
    failed: (error) => app.toast(errorText(error), "error"),
  });
  const box = h("div", { class: "stack" });
  const controls = chartControls(data, () => show());
  const steps = chartSteps(data);
  const key = h("ul", { class: "key" });
  const note = h("p", { class: "muted small" });
  const table = h("details");
  root.append(
    controls.element,
    box,
    steps.element,
    key,
    note,
    table,
    libraryLine(),
  );
  const show = (): void => {
    const { bars, hasNoForecast } = data;
    const hasBars = bars !== undefined && bars.length > 0;
    controls.show(isDaily());
    steps.show();
    key.hidden = !hasBars;
    table.hidden = !hasBars;
    note.hidden =
      !chosen.hasForecast ||
      data.end !== undefined ||
      (!hasNoForecast && data.forecast.length === 0);
    setText(note, hasNoForecast ? words.forecastNone : words.forecastNote(data.method));
    if (bars === undefined) {
      if (data.problem !== undefined) showIn(box, failure(data.problem, () => data.restart()));
      // The place stays, so that the page does not jump.
      else if (!box.contains(chart.element)) showIn(box, loading());
      return;
    }
    if (!hasBars) return showIn(box, empty(words.noBars, words.noBarsHint));
    const contents = contentsOf(app, symbol, data, chosen, history.rows);
    if (!box.contains(chart.element)) showIn(box, chart.element);
    chart.show(contents);
    showIn(key, ...keyOf(contents));
    if (table.open || table.childElementCount === 0) fillTable(table, symbol, contents);
  };
  table.addEventListener("toggle", () => {
    if (table.open) show();
  });
  data.restart();
  void history.loadTo(HISTORY_ROWS);
  return cleanupOf(
    quotes.onChange((symbols) => {
      if (symbols === null || symbols.has(symbol)) data.follow();
    }),
    summary.subscribe(show),
    openOrders.subscribe(show),
    history.subscribe(show),
    () => data.close(),
    () => chart.close(),
  );
}

/** Window, form and adjustment. `show` paints another form of the same data. */
function chartControls(
  data: ChartData,
  show: () => void,
): { element: HTMLElement; show(isDaily: boolean): void } {
  const windows = Object.entries(words.windows) as [BarsWindow, string][];
  const window = choice<BarsWindow>(words.windowLabel, windows, chosen.window, (value) => {
    chosen.window = value;
    data.showUntil(undefined);
  });
  const forms: readonly [BarForm, string][] = [
    ["candles", words.candles],
    ["line", words.line],
  ];
  const form = choice<BarForm>(words.formLabel, forms, chosen.form, (value) => {
    chosen.form = value;
    show();
  });
  const adjustments: readonly [Adjustment, string][] = [
    ["adjusted", words.adjusted],
    ["raw", words.raw],
  ];
  const adjustment = choice<Adjustment>(
    words.adjustmentLabel,
    adjustments,
    chosen.adjustment,
    (value) => {
      chosen.adjustment = value;
      data.restart();
    },
  );
  adjustment.element.setAttribute("title", words.adjustedHint);
  return {
    element: h("div", { class: "cluster" }, window.element, form.element, adjustment.element),
    show(isDaily) {
      // What is shown already stays reachable.
      const isForbidden = isDaily && chosen.window !== "day";
      window.forbid("day", isForbidden ? words.oneBarADay : "");
    },
  };
}

/** The way to earlier and later periods, and whether there is a forecast. */
function chartSteps(data: ChartData): { element: HTMLElement; show(): void } {
  const button = (text: string, onclick: () => void): HTMLButtonElement =>
    h("button", { class: "button compact", type: "button", onclick }, text);
  const earlier = button(words.earlier, () => data.step(-1));
  const later = button(words.later, () => data.step(1));
  const latest = button(words.latest, () => data.showUntil(undefined));
  const until = h("span", { class: "muted small" });
  const forecast = h("input", {
    type: "checkbox",
    id: "chart-forecast",
    checked: chosen.hasForecast,
    onchange: () => {
      chosen.hasForecast = forecast.checked;
      data.forecastChosen();
    },
  });
  const label = h("label", { class: "check push" }, forecast, words.forecastShow);
  return {
    element: h("div", { class: "cluster" }, earlier, later, latest, until, label),
    show() {
      const isAll = chosen.window === "all";
      earlier.hidden = isAll;
      later.hidden = isAll || data.end === undefined;
      latest.hidden = data.end === undefined;
      setText(until, data.end === undefined ? "" : words.until(formatDay(data.end)));
    },
  };
}

/** The library that paints asks to be named. */
function libraryLine(): HTMLElement {
  const { address, name, rights } = words.chartsBy;
  const link = h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, name);
  return h("p", { class: "muted small" }, link, ` ${rights}`);
}

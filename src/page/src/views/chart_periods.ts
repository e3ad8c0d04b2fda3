// spec/page/views.md · Charts
//
// The periods of charts: where they end, which bar a price belongs to, how far their forecasts reach.
//
// Tests: src/page/test/views.test.ts

import type { AssetQuote, BarsWindow } from "../api.ts";
import type { ChartBar } from "../charts/scale.ts";
import { isoDay } from "./parts.ts";

const DAY = 86_400_000;

/** For how many days ahead a period shows forecasts. */
export const FORECAST_DAYS: Record<BarsWindow, readonly number[]> = {
  day: [1, 2],
  week: [1, 2, 3],
  month: [3, 7, 10, 14],
  year: [30, 60, 90],
  all: [90, 180, 365],
};

/** The days for which forecasts are shown after a price, one after the other. Markets that rest at weekends have none there. */
export function forecastTimes(window: BarsWindow, time: number, hasWeekends: boolean): number[] {
  let last = time;
  return FORECAST_DAYS[window].map((days) => {
    let day = Math.max(time + days * DAY, last + DAY);
    while (!hasWeekends && isWeekend(day)) day += DAY;
    last = day;
    return day;
  });
}

/** Whether a time is of a Saturday or a Sunday, in UTC. */
export function isWeekend(time: number): boolean {
  return [0, 6].includes(new Date(time).getUTCDay());
}

/** Whether a price of this time is a day's close, as where a market has daily prices alone: a day has one bar then. */
export function hasDailyPrices(time: number): boolean {
  return time > 0 && time % DAY === 0;
}

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

/** What of a quote the last bar follows. */
export type BarQuote = Pick<AssetQuote, "time" | "value" | "open" | "low" | "high" | "volume">;

/** The bars with the latest price in the last one, or in a new one where a new day has begun. */
export function withLatest(
  bars: readonly ChartBar[],
  window: BarsWindow,
  quote: BarQuote,
): readonly ChartBar[] {
  const last = bars[bars.length - 1];
  if (last === undefined || quote.value === 0n || quote.time < last.time) return bars;
  // A day's bars are those of its updates.
  if (window === "day") return bars;
  const isDaily = window === "week" || window === "month";
  const { value: close, volume } = quote;
  if (isAfter(window, quote.time, last.time)) {
    if (!isDaily || last.time % DAY !== 0) return bars;
    const time = Math.floor(quote.time / DAY) * DAY;
    return [...bars, { time, open: quote.open, high: quote.high, low: quote.low, close, volume }];
  }
  // A bar has at least a day: the day's range is in its.
  return [
    ...bars.slice(0, -1),
    {
      ...last,
      close,
      high: quote.high > last.high ? quote.high : last.high,
      low: quote.low < last.low ? quote.low : last.low,
      volume: isDaily && volume > last.volume ? volume : last.volume,
    },
  ];
}

/** Whether a time is of a later period than a bar: the bar of that period is still on its way. */
export function isAfter(window: BarsWindow, time: number, bar: number): boolean {
  return window !== "day" && time > bar && periodOf(window, time) !== periodOf(window, bar);
}

function periodOf(window: BarsWindow, time: number): string {
  const day = isoDay(time);
  return window === "year" || window === "all" ? day.slice(0, 7) : day;
}

/** The date that a request names for a period that ends with a day. */
export function endOfDay(window: BarsWindow, end: number): string {
  return window === "day" ? `${isoDay(end)}T23:59:59Z` : isoDay(end);
}

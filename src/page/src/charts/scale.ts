// spec/page/views.md · Charts
//
// From prices and times to places in a picture. Prices are whole millionths; only a place, which a
// person cannot read more exactly than a pixel, is a float.
//
// Tests: src/page/test/charts.test.ts

/** A bar of a chart. Prices are millionths of the currency, the time is milliseconds since 1970. */
export interface ChartBar {
  readonly time: number;
  readonly open: bigint;
  readonly high: bigint;
  readonly low: bigint;
  readonly close: bigint;
  readonly volume: bigint;
}

/** A range of prices, the lower one first. */
export interface PriceRange {
  low: bigint;
  high: bigint;
}

/** The range that holds all values; of none it is empty at 0. */
export function rangeOf(values: Iterable<bigint>): PriceRange {
  let low: bigint | undefined;
  let high: bigint | undefined;
  for (const value of values) {
    if (low === undefined || value < low) low = value;
    if (high === undefined || value > high) high = value;
  }
  return { low: low ?? 0n, high: high ?? 0n };
}

/** The place of a value in a range: 0 at its low end, 1 at its high end; in a range of one value the middle. */
export function placeOf(value: bigint, range: PriceRange): number {
  const span = range.high - range.low;
  return span === 0n ? 0.5 : Number(value - range.low) / Number(span);
}

/** With how many places after the point prices of a range are told apart on an axis: 2 to 6. */
export function placesOf(range: PriceRange): number {
  const span = range.high - range.low;
  // An axis has some ten labels, so that a step is at least a twentieth of the range.
  const step = (span === 0n ? range.high : span) / 20n;
  let places = 2;
  let least = 10_000n;
  while (places < 6 && step < least) {
    places += 1;
    least /= 10n;
  }
  return places;
}

/** The index of the last bar that begins at or before a time; -1: the time is before all. */
export function barAt(bars: readonly { readonly time: number }[], time: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const bar = bars[middle];
    if (bar !== undefined && bar.time <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The points of a line in a box of a width and height, as an SVG path; empty of fewer than 2 values. */
export function linePath(values: readonly bigint[], width: number, height: number): string {
  if (values.length < 2) return "";
  const range = rangeOf(values);
  const step = width / (values.length - 1);
  const points = values.map((value, at) => {
    const y = height - placeOf(value, range) * height;
    return `${(at * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}

/** Bars whose times are whole seconds that grow, as the chart library wants them: those of one second are one. */
export function bySecond(bars: readonly ChartBar[]): ChartBar[] {
  const seconds: ChartBar[] = [];
  for (const bar of bars) {
    const time = Math.floor(bar.time / 1000) * 1000;
    const last = seconds[seconds.length - 1];
    if (last === undefined || time > last.time) {
      seconds.push({ ...bar, time });
      continue;
    }
    seconds[seconds.length - 1] = {
      time: last.time,
      open: last.open,
      high: bar.high > last.high ? bar.high : last.high,
      low: bar.low < last.low ? bar.low : last.low,
      close: bar.close,
      volume: last.volume + bar.volume,
    };
  }
  return seconds;
}

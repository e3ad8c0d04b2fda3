// spec/page/views.md · Charts
//
// The band of a forecast, painted behind its line.

import type {
  AutoscaleInfo,
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

/** A place of the band's edges. Prices are for the picture alone. */
export interface BandPoint {
  time: UTCTimestamp;
  low: number;
  high: number;
}

/** A range of prices of the picture. */
export interface PriceSpan {
  minValue: number;
  maxValue: number;
}

/** A band between two lines. */
export class ForecastBand implements ISeriesPrimitive<Time> {
  #chart: IChartApi | undefined;
  #series: ISeriesApi<"Line"> | undefined;
  #points: readonly BandPoint[] = [];
  #colour = "";
  #bars: PriceSpan = { minValue: 0, maxValue: 0 };
  #update: () => void = () => undefined;
  readonly #views: readonly IPrimitivePaneView[] = [
    { zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.#draw(target) }) },
  ];

  attached(to: SeriesAttachedParameter<Time, "Line">): void {
    this.#chart = to.chart;
    this.#series = to.series;
    this.#update = to.requestUpdate;
  }

  detached(): void {
    this.#chart = undefined;
    this.#series = undefined;
  }

  /** `bars` is the range of what is known: the band widens the picture by three quarters of it at most, above and below. */
  show(points: readonly BandPoint[], colour: string, bars: PriceSpan): void {
    this.#points = points;
    this.#bars = bars;
    this.#colour = colour;
    this.#update();
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  autoscaleInfo(): AutoscaleInfo | null {
    if (this.#points.length === 0) return null;
    const room = (this.#bars.maxValue - this.#bars.minValue) * 0.75;
    const low = Math.min(...this.#points.map((point) => point.low));
    const high = Math.max(...this.#points.map((point) => point.high));
    // A wide band would squeeze the bars; what is beyond is cut off, and stands in the table.
    const minValue = Math.max(low, this.#bars.minValue - room);
    const maxValue = Math.min(high, this.#bars.maxValue + room);
    return { priceRange: { minValue, maxValue } };
  }

  #draw(target: Target): void {
    const places: { x: number; low: number; high: number }[] = [];
    for (const point of this.#points) {
      const x = this.#chart?.timeScale().timeToCoordinate(point.time);
      const low = this.#series?.priceToCoordinate(point.low);
      const high = this.#series?.priceToCoordinate(point.high);
      if (typeof x !== "number" || typeof low !== "number" || typeof high !== "number") continue;
      places.push({ x, low, high });
    }
    if (places.length < 2) return;
    target.useMediaCoordinateSpace(({ context }) => {
      context.beginPath();
      for (const place of places) context.lineTo(place.x, place.high);
      for (const place of [...places].reverse()) context.lineTo(place.x, place.low);
      context.closePath();
      context.fillStyle = this.#colour;
      context.fill();
    });
  }
}

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

/** A band between two lines. */
export class ForecastBand implements ISeriesPrimitive<Time> {
  #chart: IChartApi | undefined;
  #series: ISeriesApi<"Line"> | undefined;
  #points: readonly BandPoint[] = [];
  #colour = "";
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

  show(points: readonly BandPoint[], colour: string): void {
    this.#points = points;
    this.#colour = colour;
    this.#update();
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  autoscaleInfo(): AutoscaleInfo | null {
    if (this.#points.length === 0) return null;
    const minValue = Math.min(...this.#points.map((point) => point.low));
    const maxValue = Math.max(...this.#points.map((point) => point.high));
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

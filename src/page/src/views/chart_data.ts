// spec/page/views.md · Charts
//
// What a chart shows, read from the server and kept up with the price: bars and forecast of a period.
// Once it is closed it tells nothing more, whatever answers still come.
//
// Tests: src/page/test/chart_data.test.ts

import { RefusalError } from "../api.ts";
import type { Adjustment, AssetQuote, BarsWindow, Session } from "../api.ts";
import type { BarForm, ChartForecast } from "../charts/bar_chart.ts";
import type { ChartBar } from "../charts/scale.ts";
import { endOfDay, forecastTimes, isWeekend, steppedEnd, withLatest } from "./chart_periods.ts";
import { isoDay } from "./parts.ts";

/** Bars are read again at most so often; between, the last one follows the price. */
export const REREAD_INTERVAL = 1_000;
/** The same where there are many bars, in which one more is hardly seen. */
const REREAD_MANY_INTERVAL = 30_000;
const MANY_BARS = 2_000;

/** What a person chose for charts. */
export interface ChartChoice {
  window: BarsWindow;
  adjustment: Adjustment;
  form: BarForm;
  hasForecast: boolean;
}

/** Who is told of a chart's data. */
export interface ChartListener {
  changed(): void;
  /** A new reading failed; the bars that were there stay. */
  failed(error: unknown): void;
}

/** What a chart's data need of a session. */
export type ChartSession = Pick<Session, "bars" | "forecast"> & {
  readonly quotes: Pick<Session["quotes"], "get">;
};

/** Bars and forecast of an asset in the period that is chosen. */
export class ChartData {
  /** Oldest first; undefined: they are on their way. */
  bars: readonly ChartBar[] | undefined;
  forecast: readonly ChartForecast[] = [];
  /** How the forecast is reckoned, in the server's words. */
  method = "";
  /** The server has too little to predict from. */
  hasNoForecast = false;
  /** The period's last day; undefined: it follows the market. */
  end: number | undefined;
  /** Why the last reading failed. */
  problem: unknown;
  private asked = 0;
  private isClosed = false;
  private lastRead = 0;
  /** The price that bars were read for. */
  private readFor = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: ChartSession,
    private readonly symbol: string,
    private readonly choice: ChartChoice,
    private readonly listener: ChartListener,
  ) {}

  /** Reads all anew, as after another choice. */
  restart(): void {
    this.bars = undefined;
    this.forecast = [];
    this.tell();
    void this.read();
  }

  /** Goes to the period before or after. */
  step(to: -1 | 1): void {
    const latest = this.quote()?.time;
    const from = this.end ?? latest;
    if (from === undefined) return;
    const next = steppedEnd(this.choice.window, from, to);
    this.showUntil(next >= (latest ?? 0) ? undefined : next);
  }

  /** Goes to the period that ends with a day; undefined: to the one that follows the market. */
  showUntil(end: number | undefined): void {
    this.end = end;
    this.restart();
  }

  /** A forecast is to be shown from now on, or is not. */
  forecastChosen(): void {
    this.tell();
    void this.readForecast();
  }

  /** Takes the price of now into the last bar, and reads the bars again where it is another one. */
  follow(): void {
    if (this.end !== undefined || this.bars === undefined || this.isClosed) return;
    const quote = this.quote();
    if (quote !== undefined) this.bars = withLatest(this.bars, this.choice.window, quote);
    this.tell();
    // The list of quotes is also read anew where nothing has moved: a reading for that would put
    // off the one that the next price needs.
    if (this.timer !== undefined || this.readFor === priceOf(quote)) return;
    const interval = this.bars.length > MANY_BARS ? REREAD_MANY_INTERVAL : REREAD_INTERVAL;
    const wait = Math.max(0, this.lastRead + interval - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.read().then(() => this.readForecast());
    }, wait);
  }

  /** Ends it. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private async read(): Promise<void> {
    this.asked += 1;
    const mine = this.asked;
    const { window, adjustment } = this.choice;
    this.lastRead = performance.now();
    this.readFor = priceOf(this.quote());
    try {
      const date = this.end === undefined ? null : endOfDay(window, this.end);
      const answer = await this.session.bars(this.symbol, window, date, adjustment);
      if (mine !== this.asked) return;
      this.bars = answer;
      this.problem = undefined;
    } catch (error) {
      if (mine !== this.asked) return;
      this.problem = error;
      if (this.bars !== undefined && !this.isClosed) this.listener.failed(error);
    }
    this.tell();
    if (this.forecast.length === 0) void this.readForecast();
  }

  private async readForecast(): Promise<void> {
    const time = this.quote()?.time ?? 0;
    if (this.isClosed || !this.choice.hasForecast || this.end !== undefined || time === 0) return;
    const window = this.choice.window;
    try {
      const hasWeekends = [time, ...(this.bars ?? []).map((bar) => bar.time)].some(isWeekend);
      const dates = forecastTimes(window, time, hasWeekends).map(isoDay);
      const answers = await Promise.all(
        dates.map((date) => this.session.forecast(this.symbol, date)),
      );
      if (window !== this.choice.window) return;
      this.forecast = answers;
      this.method = answers[0]?.method ?? "";
      this.hasNoForecast = false;
    } catch (error) {
      // A price may have come meanwhile, or the connection may have gone: the chart is there without it.
      this.hasNoForecast =
        this.forecast.length === 0 && error instanceof RefusalError && error.reason === "no-data";
    }
    this.tell();
  }

  private quote(): AssetQuote | undefined {
    return this.session.quotes.get(this.symbol);
  }

  /** A chart that is gone must not paint: its canvas is disposed of. */
  private tell(): void {
    if (!this.isClosed) this.listener.changed();
  }
}

function priceOf(quote: AssetQuote | undefined): string {
  return quote === undefined ? "" : `${quote.time} ${quote.value}`;
}

// spec/page.md · The shell
// What stands around every view: header, market, connection, messages, dialogs.
import type { ConnectionState, Live, Market, Question } from "./api.ts";
import { h, replaceChildren } from "./dom.ts";
import { chosenTheme, keepTheme, type Theme } from "./store.ts";
import { shellTexts } from "./texts.ts";

/** How long a message stays that is no error, in milliseconds. */
const TOAST_TIME = 6_000;
/** Messages that are shown at most; the oldest goes. */
const TOASTS_MAX = 3;

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
/** Milliseconds by which prices may be late before that is told. */
const OVERDUE_MIN = 5_000;
/** The routes of the navigation. */
const PAGES = ["assets", "portfolio", "orders", "history"] as const;

/** What the shell shows. */
export interface ShellState {
  readonly market: Live<Market>;
  readonly connection: Live<ConnectionState>;
  /** Now by the server's clock. */
  now(): number;
  retry(): void;
}

export class Shell {
  readonly main: HTMLElement;
  private readonly nav = h("nav", { class: "nav", "aria-label": shellTexts.nav });
  private readonly market = h("div", { class: "market", role: "group", "aria-label": shellTexts.market });
  private readonly dot = h("span", { class: "dot" });
  private readonly words = h("span", { class: "words" });
  private readonly retry = h("button", { class: "button compact", type: "button", hidden: true }, shellTexts.retryNow);
  private readonly side = h("div", { class: "account cluster" });
  private readonly banner = h("div", { class: "banner" });
  private readonly toasts = h("div", { class: "toasts", "aria-live": "polite", "aria-relevant": "additions" });
  private readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private firstVersion: string | null = null;
  private lastWords = "";
  private shown = "";
  private wasLost = false;

  constructor(
    body: HTMLElement,
    private readonly state: ShellState,
  ) {
    const top = body.querySelector("header");
    const main = body.querySelector("main");
    const foot = body.querySelector("footer");
    if (!(top instanceof HTMLElement) || !(main instanceof HTMLElement)) throw new Error("index.html has no header or main");
    this.main = main;
    const brand = h("a", { class: "brand", href: "#/assets" }, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), h("span", null, shellTexts.name));
    replaceChildren(this.market, this.dot, this.words, this.retry);
    this.retry.addEventListener("click", () => state.retry());
    // The fragment of the address is the route: the link must not take its place.
    body.querySelector(".skip-link")?.addEventListener("click", (event) => {
      event.preventDefault();
      main.focus();
    });
    replaceChildren(top, brand, this.nav, this.market, this.side);
    main.before(this.banner);
    body.append(this.toasts, this.spoken);
    if (foot) foot.append(this.themeSwitch());
    state.market.subscribe(() => this.showMarket());
    state.connection.subscribe(() => this.showMarket());
  }

  /** Shows who is signed in, and where the page is. */
  showPlace(username: string | null, part: string): void {
    const current = (name: string) => (name === part ? { "aria-current": "page" } : {});
    const link = (name: (typeof PAGES)[number]) => h("a", { href: `#/${name}`, ...current(name) }, shellTexts[name]);
    replaceChildren(this.nav, username === null ? null : PAGES.map(link));
    this.nav.hidden = username === null;
    replaceChildren(
      this.side,
      username === null ? null : h("a", { class: "who", href: "#/account", title: shellTexts.account, ...current("account") }, username),
    );
  }
  /** Shows the state of market and connection. To be called every second. */
  showMarket(): void {
    const connection = this.state.connection.value;
    const market = this.state.market.value;
    const lost = this.connectionWords(connection);
    const looks = market?.state === "open" ? "live" : market?.state === "closed" ? "" : "waiting";
    const isSilent = connection?.kind === "open" && connection.silentSince !== null;
    this.dot.className = `dot ${lost ? (isSilent ? "waiting" : "lost") : this.overdue(market) > 0 ? "" : looks}`;
    this.dot.hidden = !lost && !market;
    this.retry.hidden = connection?.kind !== "waiting";
    const words = lost ?? (market ? this.marketWords(market) : []);
    if (words.map((word) => word.textContent).join("\n") !== this.shown) {
      this.shown = words.map((word) => word.textContent).join("\n");
      replaceChildren(this.words, ...words);
    }
    this.showBanner(market);
    this.speak(connection, market);
  }
  title(text: string): void {
    document.title = `${text} · ${shellTexts.name}`;
  }
  toast(text: string, kind: "info" | "success" | "warning" | "error" = "info"): void {
    const looks = { info: "", success: " success", warning: " warning", error: " failure" }[kind];
    const close = h("button", { class: "button quiet compact", type: "button" }, shellTexts.close);
    const toast = h("div", { class: `toast between cluster${looks}`, role: kind === "error" ? "alert" : null }, h("span", null, text), close);
    const remove = () => toast.remove();
    close.addEventListener("click", remove);
    for (const shown of [...this.toasts.children]) if (shown.firstElementChild?.textContent === text) shown.remove();
    this.toasts.append(toast);
    while (this.toasts.children.length > TOASTS_MAX) this.toasts.firstElementChild?.remove();
    if (kind === "error") return;
    // Whoever reads it, or has the focus in it, keeps it.
    const leave = () => {
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, TOAST_TIME);
      else remove();
    };
    setTimeout(leave, TOAST_TIME);
  }
  /** Asks in a dialog; Escape is no. */
  ask(question: Question): Promise<boolean> {
    return this.dialog((close) => {
      const paragraphs = question.body.map((part) => (typeof part === "string" ? h("p", null, part) : part));
      const cancel = h("button", { class: "button", type: "button", onclick: () => close(false) }, question.refuse ?? shellTexts.cancel);
      const looks = question.isDangerous ? "danger" : "primary";
      const confirm = h("button", { class: `button ${looks}`, type: "button", onclick: () => close(true) }, question.confirm);
      (question.isDangerous ? cancel : confirm).autofocus = true;
      return [h("h2", null, question.title), ...paragraphs, h("div", { class: "dialog-actions" }, cancel, confirm)];
    }, false);
  }
  /** A modal dialog with this content; resolves with what `close` is given, or `escaped` after Escape. */
  dialog<Value>(fill: (close: (value: Value) => void) => readonly Node[], escaped: Value): Promise<Value> {
    return new Promise((resolve) => {
      const dialog = h("dialog");
      const close = (value: Value) => {
        resolve(value);
        dialog.close();
      };
      const content = h("div", { class: "stack" }, ...fill(close));
      dialog.append(content);
      const heading = content.querySelector("h2");
      if (heading) {
        heading.id = "dialog-title";
        dialog.setAttribute("aria-labelledby", heading.id);
      }
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(escaped);
      });
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  private connectionWords(connection: ConnectionState | null): Node[] | null {
    switch (connection?.kind) {
      case "open": {
        if (connection.silentSince === null) return null;
        const seconds = Math.round((performance.now() - connection.silentSince) / 1_000);
        return [h("strong", null, shellTexts.silent), h("span", null, shellTexts.silentFor(seconds))];
      }
      case "waiting": {
        const seconds = Math.max(0, Math.ceil((connection.retryAt - performance.now()) / 1_000));
        if (seconds < 1) return [h("strong", null, shellTexts.lost)];
        return [h("strong", null, shellTexts.lost), h("span", null, shellTexts.retryIn(seconds))];
      }
      case "connecting":
      case undefined:
        return [h("strong", null, this.wasLost ? shellTexts.lost : shellTexts.connecting)];
    }
  }
  private marketWords(market: Market): Node[] {
    const kind = shellTexts.markets[market.market] ?? market.market;
    const state = shellTexts.states[market.state] ?? market.state;
    const words: Node[] = [h("strong", null, `${kind} ${state}`)];
    const day = market.marketTime === null ? null : DAY.format(market.marketTime);
    if (market.market === "replay" && day) words.push(h("span", { class: "nowrap" }, shellTexts.replayDay(day)));
    if (market.market === "replay" && market.stepsLeft !== null && market.state !== "ended") {
      words.push(h("span", { class: "nowrap" }, shellTexts.stepsLeft(market.stepsLeft.toLocaleString("en"), market.stepsLeft)));
    }
    if (market.nextUpdate !== null && market.state !== "paused" && market.state !== "ended") {
      const seconds = Math.ceil((market.nextUpdate - this.state.now()) / 1_000);
      const late = this.overdue(market);
      const due = late > 0 ? shellTexts.noPricesFor(duration(late)) : shellTexts.nextDue;
      words.push(h("span", { class: "nowrap" }, seconds > 0 ? shellTexts.nextIn(duration(seconds)) : due));
    }
    return words;
  }
  /** Seconds for which prices have not come; 0 while they are not late by more than two intervals. */
  private overdue(market: Market | null): number {
    if (!market || market.nextUpdate === null || market.updateInterval === null) return 0;
    if (market.state === "paused" || market.state === "ended") return 0;
    const late = this.state.now() - market.nextUpdate;
    return late > Math.max(2 * market.updateInterval, OVERDUE_MIN) ? Math.round((late + market.updateInterval) / 1_000) : 0;
  }
  /** What must not be missed stands above the view. */
  private showBanner(market: Market | null): void {
    const parts: Node[] = [];
    if (market) this.firstVersion ??= market.version;
    if (market && market.version !== this.firstVersion) {
      const reload = h("button", { class: "button compact", type: "button", onclick: () => location.reload() }, shellTexts.reload);
      parts.push(h("div", { class: "message warning cluster" }, h("span", null, shellTexts.newVersion), reload));
    }
    if (market && market.edition < 2) parts.push(h("div", { class: "message failure" }, shellTexts.oldServer));
    if (market?.state === "paused") parts.push(h("div", { class: "message warning" }, shellTexts.paused));
    if (market?.state === "ended") parts.push(h("div", { class: "message warning" }, shellTexts.ended));
    const words = parts.map((part) => part.textContent).join("\n");
    if (words === this.banner.dataset["words"]) return;
    this.banner.dataset["words"] = words;
    replaceChildren(this.banner, ...parts);
  }
  /** Changes are read aloud; countdowns are not. */
  private speak(connection: ConnectionState | null, market: Market | null): void {
    const isOpen = connection?.kind === "open" && connection.silentSince === null;
    if (connection?.kind === "open" && !isOpen) this.wasLost = true;
    if (connection?.kind === "waiting") this.wasLost = true;
    const kind = market ? (shellTexts.markets[market.market] ?? market.market) : "";
    const state = market ? (shellTexts.states[market.state] ?? market.state) : "";
    const words = !isOpen && this.wasLost ? shellTexts.lost : `${this.wasLost ? `${shellTexts.back} ` : ""}${kind} ${state}`;
    if (isOpen) this.wasLost = false;
    if (words === this.lastWords || (this.lastWords === "" && !market)) return;
    if (this.lastWords !== "") this.spoken.textContent = words;
    this.lastWords = words;
  }
  private themeSwitch(): HTMLElement {
    const select = h("select", { class: "input compact" });
    for (const theme of ["system", "light", "dark"] as const) {
      select.append(h("option", { value: theme, selected: theme === chosenTheme() }, shellTexts.theme[theme]));
    }
    select.addEventListener("change", () => {
      const theme = select.value as Theme;
      keepTheme(theme);
      applyTheme(theme);
    });
    return h("label", { class: "theme" }, shellTexts.theme.label, select);
  }
}

/** Sets the colours of the page. */
export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** `0:07`, `1:05:00`, `2 d 3 h`: a time for people. */
export function duration(seconds: number): string {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

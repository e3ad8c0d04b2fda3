// spec/page.md · The page
import { broughtBack } from "./address.ts";
import { RefusalError, type App, type Cleanup, type Route, type View } from "./api.ts";
import { accountView } from "./account.ts";
import { explain, Page } from "./app.ts";
import { TICK_INTERVAL } from "./client.ts";
import { SUBPROTOCOL } from "./connection.ts";
import { h, replaceChildren } from "./dom.ts";
import { field, form } from "./form.ts";
import { comeBack, gateView, type Gate } from "./gate.ts";
import { endText } from "./order_name.ts";
import { readRoute } from "./router.ts";
import { applyTheme, Shell } from "./shell.ts";
import { chosenTheme, SESSION_KEY, takePendingSignIn } from "./store.ts";
import { accountTexts, shellTexts } from "./texts.ts";
import { assetsView, assetView, endedText, historyView, ordersView, portfolioView } from "./views/index.ts";

applyTheme(chosenTheme());

/** 16 random bytes as the text of a UUID. crypto.randomUUID is for secure pages alone. */
function uuid(): string {
  const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const page = new Page(
  `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
  { open: (url) => new WebSocket(url, SUBPROTOCOL), now: () => performance.now(), random: Math.random },
  { now: () => performance.now(), wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)), uuid },
);
const shell = new Shell(document.body, {
  market: page.client.market,
  connection: page.client.state,
  now: () => page.clock.now(),
  retry: () => page.wake(),
});

let unknown: Gate["unknown"] = null;
let endView: Cleanup = () => undefined;
let endNotices: Cleanup = () => undefined;
/** The route that is shown, without its query: the focus moves only when it changes. */
let place = "";

function navigate(hash: string): void {
  if (location.hash === hash) show();
  else location.hash = hash;
}
function privateView(route: Route): { readonly view: View | null; readonly part: string } {
  const [part = "assets", name] = route.parts;
  switch (part) {
    case "assets":
      return { view: name === undefined ? assetsView : assetView, part };
    case "orders":
      return { view: ordersView, part };
    case "portfolio":
      return { view: portfolioView, part };
    case "history":
      return { view: historyView, part };
    default:
      return { view: part === "account" ? null : assetsView, part: part === "account" ? part : "assets" };
  }
}

/** Shows what the address and the session ask for. */
function show(): void {
  endView();
  endView = () => undefined;
  const route = readRoute(location.hash);
  const { session } = page;
  const now = `${session?.username ?? ""}#${route.parts.join("/")}`;
  const isElsewhere = place !== "" && now !== place;
  place = now;
  const { view, part } = privateView(route);
  shell.showPlace(session?.username ?? null, part);
  replaceChildren(shell.main);
  try {
    if (!session) {
      endView = gateView(shell.main, { page, shell, route, navigate, unknown, forgetUnknown: () => (unknown = null) });
    } else {
      const app: App = {
        route,
        session,
        market: page.client.market,
        connection: page.client.state,
        now: () => page.clock.now(),
        title: (text) => shell.title(text),
        navigate,
        toast: (text, kind) => shell.toast(text, kind),
        ask: (question) => shell.ask(question),
      };
      endView = view ? view(shell.main, app) : accountView(shell.main, { app, page, shell });
    }
  } catch (error) {
    replaceChildren(shell.main, h("p", { class: "message failure", role: "alert" }, shellTexts.pageFailed));
    reportError(error);
  }
  if (isElsewhere) enter();
}
/** After a change of the route reading begins at the heading. */
function enter(): void {
  scrollTo(0, 0);
  if (shell.main.contains(document.activeElement) && document.activeElement !== shell.main) return;
  const heading = shell.main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  (heading ?? shell.main).focus({ preventScroll: true });
}

page.changed.add(() => {
  endNotices();
  endNotices = () => undefined;
  const { session } = page;
  if (session) {
    endNotices = session.onOrder((notice) => {
      if (!notice) return;
      const looks = notice.status === "settled" ? "success" : notice.status === "rejected" ? "warning" : "info";
      shell.toast(endText(notice, session.orderOf(notice.transactionID)) ?? endedText(notice), looks);
    });
    if (["sign-in", "register", "forgotten", "reset"].includes(readRoute(location.hash).parts[0] ?? "")) {
      history.replaceState(null, "", "#/assets");
    }
  }
  show();
});
addEventListener("hashchange", () => {
  // A question belongs to the view that asked it.
  for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog[open]")) dialog.close();
  show();
});
addEventListener("pagehide", (event) => {
  if (!event.persisted) page.leave();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) page.wake();
});
addEventListener("online", () => page.wake());
addEventListener("storage", (event) => {
  if (event.key === SESSION_KEY || event.key === null) page.keptChanged();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") page.wake();
});
setInterval(() => {
  page.tick();
  shell.showMarket();
}, TICK_INTERVAL);

/** Asks whose session it is, and believes what the server bears out. */
async function askName(): Promise<string> {
  const name = await shell.dialog<string | null>((close) => {
    const entry = field(accountTexts.username, { name: "username", autocomplete: "username", required: true });
    const submit = async () => {
      const info = await page.accounts.userInfo(entry.input.value.trim());
      if (info.private) close(info.username);
      else entry.fault(accountTexts.notYours);
    };
    return [
      h("h2", null, accountTexts.whoAreYou),
      h("p", null, accountTexts.whoAreYouText),
      form(accountTexts.confirm, [entry.element], submit),
    ];
  }, null);
  if (name === null) throw new RefusalError("session-expired", accountTexts.staleSignIn);
  return name;
}

/** Ends a sign-in with a provider that has sent the person back. */
async function finishSignIn(brought: NonNullable<typeof broughtBack>): Promise<void> {
  const pending = takePendingSignIn();
  const outcome = await comeBack(page, brought, pending);
  if (outcome.kind === "refused") {
    page.notice = outcome.text;
    shell.toast(outcome.text, "error");
  } else if (outcome.kind === "unknown") {
    unknown = {
      handle: outcome.handle,
      suggestion: outcome.suggestion,
      keep: pending?.keep ?? false,
      linkTo: pending?.purpose === "link" ? pending.username : null,
    };
    // Linking wants a fresh login: the form asks for the password.
    if (page.session) await page.signOut();
    page.notice = "";
  } else {
    await page.enter(outcome.sessionID, pending?.keep ?? false, askName).catch((error: unknown) => {
      page.notice = explain(error);
    });
    if (pending?.purpose === "link") shell.toast(accountTexts.linkedAlready, "error");
  }
  show();
}

page.start();
show();
if (broughtBack) void finishSignIn(broughtBack);

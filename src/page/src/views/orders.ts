// spec/page/views.md · Orders
//
// Orders that have no outcome yet: what they say, and how to cancel them.
//
// Tests: src/page/test/views.test.ts, and in Chromium tests/browser

import { RefusalError } from "../api.ts";
import type { App, View } from "../api.ts";
import { h } from "../dom.ts";
import { formatDecimal, formatQuantity, ONE, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { SIDES } from "../wire.ts";
import type { OpenOrder } from "../wire.ts";
import { changeDialog, openOrderText } from "./change_order.ts";
import {
  amountText,
  assetLink,
  empty,
  errorText,
  failure,
  formatMinute,
  formatTime,
  isBusy,
  loading,
  reasonText,
  setBusy,
  setMoney,
  setNone,
  setText,
  showIn,
  sideWord,
  statusBadge,
  statusName,
  statusWord,
  termsText,
  timeInForceText,
} from "./parts.ts";
import { rowsInSight } from "./rows_in_sight.ts";
import type { TableRow } from "./rows_in_sight.ts";

const words = viewTexts.orders;

/** After rows moved, a click on one of their buttons is not taken: it was meant for another row. */
const MOVED_TIME = 600;

/** Tells whether rows moved a moment ago. */
interface MovedRows {
  show(orders: readonly OpenOrder[]): void;
  isClickMeant(event: MouseEvent): boolean;
}

function movedRows(): MovedRows {
  let shown = "";
  let at = -Infinity;
  return {
    show(orders) {
      const now = orders.map((order) => order.id).join(" ");
      if (shown !== "" && now !== shown) at = performance.now();
      shown = now;
    },
    // A key presses what has the focus, wherever that has moved to: its click has no count.
    isClickMeant: (event) => event.detail === 0 || performance.now() - at > MOVED_TIME,
  };
}

/** The open orders. */
export const ordersView: View = (root, app) => {
  app.title(words.title);
  const { openOrders } = app.session;
  const all = h(
    "button",
    { class: "button danger push", type: "button", hidden: true },
    words.cancelAll,
  );
  all.addEventListener("click", () => void cancelAll(app, all));
  const heads = [
    [words.asset, "column-symbol column-two-lines"],
    [words.side, "medium column-short"],
    [words.amount, "number medium column-units"],
    [words.terms, "medium"],
    [words.inForce, "wide column-kind"],
    [words.until, "wider column-time"],
    [words.heldBack, "number wide column-held"],
    [words.since, "wider column-time"],
    ["", "actions column-actions"],
  ] as const;
  const table = h(
    "table",
    { class: "table rows two-lines", "aria-label": words.title },
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        ...heads.map(([name, className]) =>
          h(
            name === "" ? "td" : "th",
            { scope: name === "" ? null : "col", class: className || null },
            name,
          ),
        ),
      ),
    ),
  );
  const moved = movedRows();
  const rows = rowsInSight<OpenOrder>(
    table,
    (order) => order.id,
    (order) => orderRow(app, order, moved),
  );
  const instead = h("div");
  const heading = h("h1", { tabindex: "-1" }, words.title);
  root.append(
    h("div", { class: "cluster" }, heading, all),
    h("div", { class: "panel" }, table, instead),
  );
  const show = (): void => {
    const orders = openOrders.value;
    moved.show(orders ?? []);
    // The last order takes its button along, and the keyboard's focus with it.
    if (orders?.length === 0 && table.contains(document.activeElement)) heading.focus();
    table.hidden = orders === null || orders.length === 0;
    all.hidden = orders === null || orders.length < 2;
    if (orders === null) {
      showIn(
        instead,
        openOrders.error === null
          ? loading()
          : failure(openOrders.error, () => void openOrders.refresh().catch(() => undefined)),
      );
    } else if (orders.length === 0) {
      showIn(
        instead,
        empty(
          words.none,
          words.noneHint,
          h("a", { class: "button", href: "#/assets" }, words.find),
        ),
      );
    } else {
      showIn(instead);
      rows.show(orders);
    }
  };
  show();
  const end = openOrders.subscribe(show);
  return () => {
    end();
    rows.close();
  };
};

function orderRow(app: App, first: OpenOrder, moved: MovedRows): TableRow<OpenOrder> {
  let order = first;
  const what = openOrderText(first);
  const side = SIDES.get(first.side) ?? "";
  const cancel = h(
    "button",
    { class: "button compact danger", type: "button", "aria-label": words.cancelOf(what) },
    words.cancel,
  );
  const change = h(
    "button",
    { class: "button compact", type: "button", "aria-label": words.changeOf(what) },
    words.change,
  );
  cancel.addEventListener("click", (event) => {
    if (moved.isClickMeant(event)) void cancelOne(app, order, cancel);
  });
  change.addEventListener("click", (event) => {
    if (moved.isClickMeant(event)) changeDialog(app, order);
  });
  const cell = (className: string, ...children: (string | Node)[]): HTMLElement =>
    h("td", { class: className === "" ? null : className }, ...children);
  const below = h("span", { class: "below narrow-only" });
  const amount = cell("number medium");
  const terms = cell("medium");
  const reserve = cell("number wide");
  const inForce = cell("wide");
  const until = cell("wider");
  const element = h(
    "tr",
    null,
    h("th", { scope: "row" }, assetLink(first.symbol), below),
    cell("medium", sideWord(first.side)),
    amount,
    terms,
    inForce,
    until,
    reserve,
    h("td", { class: "wider", title: formatTime(first.accepted) }, formatMinute(first.accepted)),
    cell("actions", change, " ", cancel),
  );
  return {
    element,
    show(value) {
      order = value;
      setText(amount, amountText(value.quantity, value.order.cash));
      const status = statusName(value.status);
      setText(terms, termsText(side, value.order, value.triggered));
      terms.title = terms.textContent;
      setText(below, `${what} ${terms.textContent}`);
      if (status === "queued") terms.append(" ", statusBadge(status));
      if (value.reserve > 0n) setMoney(reserve, value.reserve);
      else setNone(reserve);
      setText(inForce, timeInForceText(value.order.timeInForce));
      const end = value.until > 0 ? formatMinute(value.until) : viewTexts.all.none;
      setText(until, end);
      // Where the column has no room.
      inForce.title = `${words.until}: ${end}`;
      change.hidden = value.order.kind === "market";
    },
  };
}

async function cancelOne(app: App, order: OpenOrder, button: HTMLButtonElement): Promise<void> {
  if (isBusy(button)) return;
  setBusy(button, true);
  try {
    await app.session.cancelOrder(order.id);
  } catch (error) {
    app.toast(errorText(error), "error");
  } finally {
    setBusy(button, false);
    await app.session.openOrders.refresh().catch(() => undefined);
  }
}

async function cancelAll(app: App, button: HTMLButtonElement): Promise<void> {
  const orders = app.session.openOrders.value ?? [];
  const count = formatDecimal(BigInt(orders.length) * ONE);
  const isMeant = await app.ask({
    title: words.cancelAll,
    body: [words.cancelAllAsk(count)],
    confirm: words.cancelAllConfirm(count),
    refuse: words.cancelAllRefuse,
    isDangerous: true,
  });
  if (!isMeant || isBusy(button)) return;
  setBusy(button, true);
  let done = 0;
  let failed: unknown;
  for (const order of orders) {
    try {
      await app.session.cancelOrder(order.id);
      done += 1;
    } catch (error) {
      // It ended meanwhile, as was wanted.
      if (error instanceof RefusalError && error.reason === "not-open") continue;
      failed = error;
      break;
    }
  }
  setBusy(button, false);
  if (failed === undefined) {
    app.toast(words.cancelledAll(formatDecimal(BigInt(done) * ONE)), "success");
  } else {
    app.toast(
      `${words.someLeft(formatDecimal(BigInt(done) * ONE), count)} ${errorText(failed)}`,
      "error",
    );
  }
}

/** An end of an order in a sentence, for a short message. It is the only one: views do not tell what a notice tells. */
export function endedText(notice: {
  status: string;
  asset: string;
  quantity: bigint;
  price: bigint | null;
  reason: string | null;
}): string {
  const price = notice.price === null ? viewTexts.all.none : roundPrice(notice.price);
  if (notice.status === "settled")
    return words.filled(formatQuantity(notice.quantity), notice.asset, price);
  if (notice.reason === "cancelled") return words.wasCancelled(notice.asset);
  if (notice.reason === "replaced") return words.wasChanged(notice.asset);
  return words.ended(
    notice.asset,
    notice.reason === null ? statusWord(notice.status) : reasonText(notice.reason),
  );
}

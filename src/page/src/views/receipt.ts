// spec/page/views.md · Receipts
//
// Why a transaction has the price that it has, in a dialog.
//
// Tests: src/page/test/views.test.ts, and in Chromium tests/browser

import type { OwnTransaction, Session } from "../api.ts";
import { h } from "../dom.ts";
import { formatMoney, formatQuantity, parseDecimal } from "../money.ts";
import { viewTexts } from "../texts.ts";
import type { ReceiptLine } from "../wire.ts";
import { failure, formatTime, loading, reasonText, sentence, showIn, sideWord } from "./parts.ts";

const words = viewTexts.history;
/** The line of a receipt that says why at this price. */
const RULE = "rule";

/** What a transaction is, in a few words: `Buy 10 AAPL`. */
export function transactionText(row: OwnTransaction): string {
  const units = row.quantity === 0n ? "" : `${formatQuantity(row.quantity)} `;
  return `${sideWord(row.side)} ${units}${row.symbol === "-" ? "" : row.symbol}`.trim();
}

/** What a person asks of a receipt, in the page's words and order; the figures are exact. */
export function mainLines(lines: readonly ReceiptLine[]): ReceiptLine[] {
  const shown: readonly (readonly [string, string, (value: string) => string])[] = [
    ["price", words.price, moneyText],
    ["quantity", words.units, unitsText],
    ["total", words.total, moneyText],
    ["fee", words.fee, moneyText],
    ["quote time", words.marketDay, timeText],
    ["reason", words.reason, (value) => sentence(reasonText(value))],
  ];
  return shown.flatMap(([from, name, text]) =>
    lines.filter((line) => line.name === from).map((line) => ({ name, value: text(line.value) })),
  );
}

/** `195.5 USD` as `195.50 USD`; what is no money as it is. */
function moneyText(value: string): string {
  const [figure = "", ...others] = value.split(" ");
  const amount = parseDecimal(figure);
  return amount === null ? value : [formatMoney(amount), ...others].join(" ");
}

function unitsText(value: string): string {
  const units = parseDecimal(value);
  return units === null ? value : formatQuantity(units);
}

function timeText(value: string): string {
  const time = Date.parse(value);
  return Number.isNaN(time) ? value : formatTime(time);
}

function linesOf(lines: readonly ReceiptLine[]): HTMLElement {
  const list = h("dl", { class: "lines" });
  for (const line of lines) list.append(h("dt", null, line.name), h("dd", null, line.value));
  return list;
}

/** Opens the receipt of a transaction. It closes by its button, by Escape and by a click beside it. */
export function showReceipt(session: Session, transactionID: string, what: string): void {
  const opener = document.activeElement;
  const box = h("div", { class: "stack" }, loading());
  const heading = h("h2", { id: "receipt-title", tabindex: "-1" }, words.receiptOf(what));
  const close = h("button", { class: "button", type: "button" }, words.close);
  const dialog = h(
    "dialog",
    { class: "large", "aria-labelledby": "receipt-title" },
    h("div", { class: "stack" }, heading, box),
    h("div", { class: "dialog-actions" }, close),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  const read = async (): Promise<void> => {
    showIn(box, loading());
    try {
      const lines = await session.receipt(transactionID);
      // Why at this price is what is asked; the rest is the evidence.
      const rules = lines.filter((line) => line.name === RULE);
      const others = lines.filter((line) => line.name !== RULE);
      const details = h(
        "details",
        null,
        h("summary", null, words.technical),
        h("p", { class: "muted small" }, words.receiptHint),
        linesOf(others),
      );
      const sentences = rules.map((line) => h("p", { class: "message" }, sentence(line.value)));
      showIn(box, ...sentences, linesOf(mainLines(others)), details);
    } catch (error) {
      showIn(
        box,
        failure(error, () => void read()),
      );
    }
  };
  void read();
}

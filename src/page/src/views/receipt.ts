// spec/page/views.md · Receipts
//
// Why a transaction has the price that it has, in a dialog.

import type { OwnTransaction, Session } from "../api.ts";
import { h } from "../dom.ts";
import { formatQuantity } from "../money.ts";
import { viewTexts } from "../texts.ts";
import { failure, loading, sentence, showIn, sideWord } from "./parts.ts";

const words = viewTexts.history;
/** The line of a receipt that says why at this price. */
const RULE = "rule";

/** What a transaction is, in a few words: `Buy 10 AAPL`. */
export function transactionText(row: OwnTransaction): string {
  const units = row.quantity === 0n ? "" : `${formatQuantity(row.quantity)} `;
  return `${sideWord(row.side)} ${units}${row.symbol === "-" ? "" : row.symbol}`.trim();
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
    h("div", { class: "stack" }, heading, h("p", { class: "muted small" }, words.receiptHint), box),
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
      const list = h("dl", { class: "lines" });
      for (const line of lines) {
        if (line.name !== RULE) list.append(h("dt", null, line.name), h("dd", null, line.value));
      }
      showIn(box, ...rules.map((line) => h("p", { class: "message" }, sentence(line.value))), list);
    } catch (error) {
      showIn(
        box,
        failure(error, () => void read()),
      );
    }
  };
  void read();
}

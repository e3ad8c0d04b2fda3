// spec/page/views.md · The order ticket
//
// What a ticket shows of what its order takes or brings, and what is worth knowing before it is sent.
//
// Tests: in Chromium tests/browser

import type { App } from "../api.ts";
import { h } from "../dom.ts";
import { formatDecimal, formatMoney, formatQuantity, ONE, roundMoney, roundPrice } from "../money.ts";
import { viewTexts } from "../texts.ts";
import type { ReadTicket, TicketFacts, TicketInput } from "./order_form.ts";

const words = viewTexts.ticket;
const CENT = ONE / 100n;

/** How much an order may be for; empty: nobody knows. */
export function amountHint(input: TicketInput, facts: TicketFacts): string {
  if (!facts.isKnown) return "";
  if (input.side === "buy") {
    const free = facts.cash - facts.reserved;
    const money = input.kind === "market" ? facts.buyingPower : free < 0n ? 0n : free;
    // Rounded down: what it says can be spent.
    return words.canSpend(formatMoney(money - (money % CENT)));
  }
  if (input.amountKind === "all") return words.allUnits(formatQuantity(facts.freeUnits));
  return words.canSell(formatQuantity(facts.freeUnits));
}

/** The estimate and what is worth knowing, one below the other. */
export function estimateLines(
  read: ReadTicket,
  input: TicketInput,
  facts: TicketFacts,
  app: App,
): HTMLElement[] {
  const lines: HTMLElement[] = [];
  const estimate = read.estimate;
  if (estimate === undefined) {
    const isPriceMissing = input.amount.trim() !== "" || input.amountKind === "all";
    const isPriced = input.kind === "market" || !isPriceMissing;
    if (read.problems.length === 0)
      lines.push(h("p", { class: "muted small" }, isPriced ? words.fillIn : words.fillInPrices));
  } else {
    lines.push(estimateList(estimate, input, facts));
  }
  const state = app.market.value?.state;
  const remarks = [...read.remarks];
  if (state === "paused") remarks.push(words.paused);
  if (state === "ended") remarks.push(words.ended);
  for (const remark of remarks) lines.push(h("p", { class: "small" }, remark));
  return lines;
}

function estimateList(
  estimate: NonNullable<ReadTicket["estimate"]>,
  input: TicketInput,
  facts: TicketFacts,
): HTMLElement {
  const list = h("dl", { class: "lines sums" });
  const put = (name: string, value: string): void =>
    void list.append(h("dt", null, name), h("dd", null, value));
  const isSale = input.side === "sell";
  const price = estimate.isBound ? formatMoney(estimate.price) : roundPrice(estimate.price);
  put(
    words.estimatePrice,
    estimate.isBound ? (isSale ? words.orMore(price) : words.orLess(price)) : words.about(price),
  );
  const isMoney = !isSale && input.amountKind === "money";
  if (isMoney) put(words.estimateUnits, formatDecimal(estimate.units, { most: 6 }));
  const total = isMoney ? formatMoney(estimate.total) : roundMoney(estimate.total);
  const told = isMoney
    ? total
    : estimate.isBound
      ? isSale
        ? words.orMore(total)
        : words.orLess(total)
      : words.about(total);
  const fees = !facts.hasFees ? "" : isMoney ? ` (${words.feesIn})` : ` (${words.beforeFees})`;
  put(isSale ? words.brings : words.takes, told + fees);
  put(words.cashAfter, roundMoney(estimate.cashAfter));
  if (facts.reserved > 0n) {
    return h(
      "div",
      { class: "stack" },
      list,
      h("p", { class: "muted small" }, words.heldBack(roundMoney(facts.reserved))),
    );
  }
  return list;
}

// spec/page.md · The shell
import type { KnownOrder, OrderNotice } from "./api.ts";
import { formatMoney, formatPercent, formatQuantity, roundPrice } from "./money.ts";
import { shellTexts } from "./texts.ts";

const texts = shellTexts.order;

/** An order in words that tell it from others: `Buy 6 IBM, limit 160.00`. */
export function orderName(order: KnownOrder): string {
  const amount = "cash" in order.quantity ? texts.money(formatMoney(order.quantity.cash)) : formatQuantity(order.quantity.units);
  const words = [`${texts.sides[order.side] ?? order.side} ${amount} ${order.asset}`];
  if (order.stop !== null) {
    const stop = typeof order.stop === "bigint" ? formatMoney(order.stop) : percent(order.stop.percent);
    words.push(order.kind === "trailing" ? texts.trailing(stop) : texts.stop(stop));
  }
  if (order.limit !== null) words.push(texts.limit(formatMoney(order.limit)));
  return words.join(", ");
}
function percent(tenThousandths: number): string {
  return formatPercent(BigInt(tenThousandths), 100n * 10_000n, false).replace(".00", "");
}

/** What a message says of an order's end; null: the order is not known, and cannot be named. */
export function endText(notice: OrderNotice, order: KnownOrder | null): string | null {
  if (!order) return null;
  const status = texts.statuses[notice.status] ?? notice.status;
  if (notice.status !== "settled") return `${status}: ${orderName(order)}`;
  const filled = { ...order, quantity: { units: notice.quantity }, limit: null, stop: null };
  const price = notice.price === null ? "" : ` ${texts.at(roundPrice(notice.price))}`;
  return `${status}: ${orderName(filled)}${price}`;
}

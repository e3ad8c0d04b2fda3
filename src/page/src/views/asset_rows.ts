// spec/page/views.md · Assets
//
// Which assets a search finds, and in which order a table has them.
//
// Tests: src/page/test/views.test.ts

import type { AssetQuote } from "../api.ts";
import { compareFigure } from "./parts.ts";
import type { SortOrder } from "./parts.ts";

/** A column by which assets are sorted. */
export type AssetColumn = "symbol" | "price" | "change" | "low" | "high" | "volume" | "held";

const haystacks = new WeakMap<AssetQuote, string>();

function haystack(quote: AssetQuote): string {
  let text = haystacks.get(quote);
  if (text === undefined) {
    text = `${quote.symbol} ${quote.name}`.toLowerCase();
    haystacks.set(quote, text);
  }
  return text;
}

/** Assets that have all words of a search in symbol or name. Symbols that begin with it come first. */
export function fittingAssets(all: readonly AssetQuote[], search: string): readonly AssetQuote[] {
  const parts = search
    .toLowerCase()
    .split(/\s+/)
    .filter((part) => part !== "");
  if (parts.length === 0) return all;
  return all.filter((quote) => {
    const text = haystack(quote);
    return parts.every((part) => text.includes(part));
  });
}

/** A day's change as a share of the close before it; only for comparing. */
function changeShare(quote: AssetQuote): number {
  if (quote.previousClose === 0n || quote.value === 0n) return Number.NEGATIVE_INFINITY;
  return Number(quote.value - quote.previousClose) / Number(quote.previousClose);
}

/** Assets in the order of a column; equals stay in the order of the list, which stays as it is. */
export function sortAssets(
  quotes: readonly AssetQuote[],
  order: SortOrder<AssetColumn>,
  held: ReadonlyMap<string, bigint>,
): readonly AssetQuote[] {
  const turn = order.isDescending ? -1 : 1;
  const figure = figureOf(order.by, held);
  if (figure === undefined) {
    // The server's list is sorted by symbol already.
    return order.isDescending ? [...quotes].reverse() : quotes;
  }
  const keyed = quotes.map((quote) => ({ quote, key: figure(quote) }));
  keyed.sort((one, other) => {
    const compared =
      typeof one.key === "number" && typeof other.key === "number"
        ? one.key - other.key || 0
        : compareFigure(BigInt(one.key), BigInt(other.key));
    return compared * turn;
  });
  return keyed.map((it) => it.quote);
}

function figureOf(
  by: AssetColumn,
  held: ReadonlyMap<string, bigint>,
): ((quote: AssetQuote) => bigint | number) | undefined {
  switch (by) {
    case "symbol":
      return undefined;
    case "price":
      return (quote) => quote.value;
    case "change":
      return changeShare;
    case "low":
      return (quote) => quote.low;
    case "high":
      return (quote) => quote.high;
    case "volume":
      return (quote) => quote.volume;
    case "held":
      return (quote) => held.get(quote.symbol) ?? 0n;
  }
}

// spec/page.md · The market's state
import type { Market } from "./api.ts";

/** Reads the facts of getServerInfo. Of two with one name the last counts; unknown ones are passed over. */
export function readMarket(facts: readonly string[]): Market {
  const known = new Map(facts.map((fact) => [fact.slice(0, fact.indexOf("=")), fact.slice(fact.indexOf("=") + 1)]));
  const time = (name: string) => {
    const value = Date.parse(known.get(name) ?? "");
    return Number.isNaN(value) ? null : value;
  };
  const number = (name: string) => {
    const value = known.get(name) ?? "";
    return /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
  };
  return {
    version: known.get("version") ?? "",
    edition: number("edition") ?? 1,
    currency: known.get("currency") ?? "",
    market: known.get("market") ?? "",
    state: known.get("state") ?? "",
    marketTime: time("market-time"),
    updateInterval: number("update-interval"),
    nextUpdate: time("next-update"),
    stepsLeft: number("steps-left"),
    login: (known.get("login") ?? "password").split(",").filter((way) => way !== ""),
    reset: known.get("reset") ?? null,
    fees: known.get("fees") === "yes",
  };
}

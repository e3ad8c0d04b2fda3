// spec/page/views.md · The order ticket
//
// The fields of a ticket: what a person types and chooses, and which of them an order of a kind has.
//
// Tests: in Chromium tests/browser

import { h } from "../dom.ts";
import { viewTexts } from "../texts.ts";
import type {
  AmountKind,
  OrderKind,
  OrderSide,
  ReadTicket,
  TicketFacts,
  TicketField,
  TicketInput,
  TimeInForceKind,
} from "./order_form.ts";
import { choice, isoDay, setText } from "./parts.ts";
import type { Choice } from "./parts.ts";
import { amountHint } from "./ticket_estimate.ts";

const words = viewTexts.ticket;

/** A field with its label, a hint and what is wrong with it. */
interface TicketRow {
  element: HTMLElement;
  label: HTMLElement;
  input: HTMLInputElement;
  hint: HTMLElement;
  problem: HTMLElement;
}

/** A list with its label and a hint. */
interface TicketList {
  element: HTMLElement;
  hint: HTMLElement;
}

/** All fields of a ticket. */
export interface TicketFields {
  side: Choice<OrderSide>;
  amountKinds: Record<OrderSide, Choice<AmountKind>>;
  rows: Record<TicketField, TicketRow>;
  kind: TicketList;
  timeInForce: TicketList;
}

/** The names of the fields that are typed into. */
export const TICKET_FIELDS = ["amount", "limit", "stop", "distance", "date"] as const;

/**
 * Fields that write what a person does into `input`, and call `update` then. `left` has the fields that were left
 * once: what is missing in them is told.
 */
export function ticketFields(
  input: TicketInput,
  left: Set<TicketField>,
  turn: (side: OrderSide) => void,
  update: () => void,
): TicketFields {
  const rows: Record<TicketField, TicketRow> = {
    amount: ticketRow("ticket-amount", words.amount),
    limit: ticketRow("ticket-limit", words.limit),
    stop: ticketRow("ticket-stop", words.stop),
    distance: ticketRow("ticket-distance", words.distance, words.distanceHint),
    date: ticketRow("ticket-date", words.dateLabel, "", "date"),
  };
  for (const field of TICKET_FIELDS) {
    const row = rows[field];
    row.input.addEventListener("input", () => {
      input[field] = row.input.value;
      update();
    });
    row.input.addEventListener("change", () => {
      left.add(field);
      update();
    });
  }
  const sides: readonly [OrderSide, string][] = [
    ["buy", words.buy],
    ["sell", words.sell],
  ];
  const amountKind = (other: AmountKind, name: string): Choice<AmountKind> => {
    const kinds: readonly [AmountKind, string][] = [
      ["units", words.units],
      [other, name],
    ];
    return choice<AmountKind>(words.amountKind, kinds, "units", (value) => {
      input.amountKind = value;
      update();
      rows.amount.input.focus();
    });
  };
  const kinds = Object.entries(words.kinds) as [OrderKind, string][];
  const times: readonly [TimeInForceKind, string][] = [
    ["gtc", words.gtc],
    ["day", words.day],
    ["date", words.date],
  ];
  return {
    side: choice<OrderSide>(words.side, sides, "buy", turn),
    amountKinds: { buy: amountKind("money", words.money), sell: amountKind("all", words.all) },
    rows,
    kind: select<OrderKind>("ticket-kind", words.kind, kinds, (value) => {
      input.kind = value;
      update();
    }),
    timeInForce: select<TimeInForceKind>("ticket-time", words.timeInForce, times, (value) => {
      input.timeInForce = value;
      update();
    }),
  };
}

/** Shows the fields that this order has, with hints and what is wrong with them. */
export function showFields(
  fields: TicketFields,
  input: TicketInput,
  facts: TicketFacts,
  read: ReadTicket,
  left: ReadonlySet<TicketField>,
  currency: string,
): void {
  const { rows, amountKinds } = fields;
  const has = (...kinds: OrderKind[]): boolean => kinds.includes(input.kind);
  amountKinds.buy.element.hidden = input.side !== "buy";
  amountKinds.sell.element.hidden = input.side !== "sell";
  rows.amount.input.hidden = input.amountKind === "all";
  rows.limit.element.hidden = !has("limit", "stop-limit");
  rows.stop.element.hidden = !has("stop", "stop-limit");
  rows.distance.element.hidden = !has("trailing");
  rows.date.element.hidden = input.timeInForce !== "date";
  setText(fields.kind.hint, words.kindHelp[input.side][input.kind]);
  const isMoney = input.amountKind === "money";
  setText(rows.amount.label, isMoney ? words.amountMoney(currency) : words.amount);
  setText(rows.amount.hint, amountHint(input, facts));
  const day = facts.marketTime === undefined ? "" : words.inMarketTime(isoDay(facts.marketTime));
  setText(rows.date.hint, day);
  for (const field of TICKET_FIELDS) {
    const row = rows[field];
    const problem = read.problems.find((it) => it.field === field);
    const isShown = !row.element.hidden && !row.input.hidden;
    const isMissing = left.has(field) && isShown && input[field].trim() === "";
    showProblem(row, problem?.text ?? (isMissing ? words.missing : ""));
  }
}

function ticketRow(id: string, text: string, hintText = "", type = "text"): TicketRow {
  const label = h("label", { for: id }, text);
  const hint = h("p", { class: "hint", id: `${id}-hint` }, hintText);
  const problem = h("p", { class: "error", id: `${id}-problem`, hidden: true });
  const input = h("input", {
    class: type === "text" ? "input number" : "input",
    id,
    type,
    inputmode: type === "text" ? "decimal" : null,
    autocomplete: "off",
    "aria-describedby": `${id}-hint ${id}-problem`,
  });
  const element = h("div", { class: "field" }, label, input, hint, problem);
  return { element, label, input, hint, problem };
}

function showProblem(row: TicketRow, text: string): void {
  setText(row.problem, text);
  row.problem.hidden = text === "";
  if (text === "") row.input.removeAttribute("aria-invalid");
  else row.input.setAttribute("aria-invalid", "true");
}

/** A list to choose from, with its label and a hint. */
function select<Name extends string>(
  id: string,
  text: string,
  options: readonly (readonly [Name, string])[],
  onChange: (value: Name) => void,
): { element: HTMLElement; hint: HTMLElement } {
  const hint = h("p", { class: "hint", id: `${id}-hint` });
  const list = h("select", { class: "input", id, "aria-describedby": `${id}-hint` });
  for (const [value, name] of options) list.append(h("option", { value }, name));
  list.addEventListener("change", () => {
    const chosen = options.find(([value]) => value === list.value);
    if (chosen !== undefined) onChange(chosen[0]);
  });
  return { element: h("div", { class: "field" }, h("label", { for: id }, text), list, hint), hint };
}

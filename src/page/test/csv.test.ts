// spec/page/views.md · Histories
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OwnTransaction } from "../src/api.ts";
import { csvCell, csvOf } from "../src/views/csv.ts";
import { csvRows, filterRows } from "../src/views/history.ts";
import { viewTexts } from "../src/texts.ts";

const row = (part: Partial<OwnTransaction> = {}): OwnTransaction => ({
  id: "01997a3e-8a4e-7000-8000-00000000001a",
  side: 1,
  status: 1,
  symbol: "AAPL",
  accepted: Date.UTC(2026, 10, 26),
  settled: Date.UTC(2026, 10, 26, 0, 0, 2),
  quantity: 10_000_000n,
  price: 98_760_000n,
  total: 987_600_000n,
  priced: Date.UTC(2013, 5, 28),
  clientOrderID: "c",
  reason: "",
  order: { kind: "market", limit: 0n, stop: 0n, stopPercent: 0n, timeInForce: "gtc", cash: 0n },
  fee: 1_500_000n,
  cause: "",
  note: "",
  ...part,
});

test("no cell is a formula, and numbers stay numbers", () => {
  for (const formula of [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-x",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\u0000=1",
    "-1+1",
  ]) {
    assert.match(csvCell(formula), /^"?'/, formula);
  }
  for (const plain of ["-12.5", "10", "AAPL", "a=b", "2026-11-26T00:00:00.000Z", ""])
    assert.equal(csvCell(plain), plain);
});

test("commas, quotes and line ends stay within their cell", () => {
  assert.equal(csvCell('say "a, b"'), '"say ""a, b"""');
  assert.equal(csvCell("a\r\nb"), "a b");
  assert.equal(
    csvOf([
      ["a", "b,c"],
      ["1", ""],
    ]),
    'a,"b,c"\r\n1,\r\n',
  );
});

test("a history's file has a cell for each column, exact figures and times of the protocol", () => {
  const [heads, line] = csvRows([row({ note: "=HYPERLINK(1)" })]);
  assert.deepEqual(heads, Object.values(viewTexts.history.columns));
  assert.equal(line?.length, heads?.length);
  assert.deepEqual(line?.slice(1, 11), [
    "2026-11-26T00:00:00.000Z",
    "2026-11-26T00:00:02.000Z",
    "2013-06-28T00:00:00.000Z",
    "buy",
    "AAPL",
    "10",
    "98.76",
    "987.6",
    "1.5",
    "settled",
  ]);
  assert.ok(csvOf([line ?? []]).includes("'=HYPERLINK(1)"));
  const later = csvRows([row({ side: 9, status: 9, symbol: "-", price: 0n })])[1];
  assert.deepEqual([later?.[4], later?.[5], later?.[7], later?.[10]], ["9", "", "", "9"]);
});

test("filters let through what fits all of them", () => {
  const rows = [row(), row({ id: "2", side: 2, symbol: "IBM" }), row({ id: "3", status: 2 })];
  const ids = (asset: string, side: string, status: string) =>
    filterRows(rows, { asset, side, status }).map((it) => it.id.slice(0, 1));
  assert.equal(filterRows(rows, { asset: "", side: "", status: "" }), rows);
  assert.deepEqual(ids("aap", "", ""), ["0", "3"]);
  assert.deepEqual(ids("", "sell", ""), ["2"]);
  assert.deepEqual(ids("AAPL", "buy", "rejected"), ["3"]);
  assert.deepEqual(ids("X", "", ""), []);
});

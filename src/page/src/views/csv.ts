// spec/page/views.md · Histories
//
// Tables as CSV, for spreadsheets.
//
// Tests: src/page/test/csv.test.ts

/** What a spreadsheet takes for a formula begins with one of these. */
const FORMULA = /^[=+\-@\t\r]/;
/** A number is none, though it may begin with a sign. */
const NUMBER = /^-?\d+(\.\d+)?$/;

/** A cell of CSV [RFC 4180] that no spreadsheet takes for a formula: an apostrophe stands before what looks like one. */
export function csvCell(text: string): string {
  // Control characters are nobody's to open in another program.
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  const safe = FORMULA.test(plain.trimStart()) && !NUMBER.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as CSV, the first line has the names of the columns. */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

/** Offers a text as a file to the person, without asking any server. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken it once the click has been dealt with.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// spec/page/views.md · Tables of many rows
//
// A table of any number of rows of which only those in sight, and some around them, are in the page.
// All rows have one height; the page itself scrolls.
//
// Tests: src/page/test/rows_in_sight.test.ts, and in Chromium tests/browser

/** Which rows are there. `end` is the first that is not. */
export interface RowRange {
  begin: number;
  end: number;
}

/** Rows beyond either edge of what is in sight. */
const SPARE_ROWS = 12;

/** The rows of a table that a window shows: the table's top is `top` below the window's, which may be below 0. */
export function rangeInSight(
  count: number,
  top: number,
  height: number,
  rowHeight: number,
): RowRange {
  if (count === 0 || rowHeight <= 0) return { begin: 0, end: 0 };
  const first = Math.floor(-top / rowHeight) - SPARE_ROWS;
  const last = Math.ceil((height - top) / rowHeight) + SPARE_ROWS;
  const begin = Math.max(0, Math.min(count - 1, first));
  return { begin, end: Math.max(begin, Math.min(count, last)) };
}

/** A row of a table: its element, and how it takes over another value. */
export interface TableRow<Value> {
  element: HTMLTableRowElement;
  /** Shows the value, which has the same key as before. Changes only what differs. */
  show(value: Value): void;
  /** The row leaves the page. */
  close?(): void;
}

/** Rows of which those in sight are in the page. */
export interface RowsInSight<Value> {
  /** Takes these rows, in this order. */
  show(values: readonly Value[]): void;
  /** Shows the rows in sight again, because their values have changed. */
  refresh(): void;
  /** Moves the keyboard's focus to the row of an index, and scrolls there. */
  focus(index: number): void;
  /** The index of the row that has the keyboard's focus; -1: none has. */
  focused(): number;
  close(): void;
}

/** Where the arrow keys lead in a list from an index; undefined: the key is not the list's. */
export function movedTo(key: string, at: number, count: number, page: number): number | undefined {
  const last = count - 1;
  const targets: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: last,
  };
  const target = targets[key];
  return target === undefined || count === 0 ? undefined : Math.max(0, Math.min(last, target));
}

/** Fills the table's body. `make` makes the row of a value, `key` tells which rows are the same. */
export function rowsInSight<Value>(
  table: HTMLTableElement,
  key: (value: Value) => string,
  make: (value: Value) => TableRow<Value>,
): RowsInSight<Value> {
  const body = table.createTBody();
  const above = spacer();
  const below = spacer();
  body.append(above.element, below.element);
  const made = new Map<string, TableRow<Value>>();
  let values: readonly Value[] = [];
  let rowHeight = 36;
  let range: RowRange = { begin: 0, end: 0 };
  let asked = 0;

  const draw = (isNew: boolean): void => {
    asked = 0;
    const top = body.getBoundingClientRect().top;
    const next = rangeInSight(values.length, top, window.innerHeight, rowHeight);
    if (!isNew && next.begin === range.begin && next.end === range.end) return;
    range = next;
    const focus = { index: indexOfFocus(), place: placeOfFocus() };
    let lost: typeof focus | undefined;
    const kept = new Set<string>();
    const order: HTMLTableRowElement[] = [];
    values.slice(range.begin, range.end).forEach((value, at) => {
      const name = key(value);
      kept.add(name);
      let row = made.get(name);
      if (row === undefined) {
        row = make(value);
        made.set(name, row);
      }
      row.show(value);
      // The first row is that of the names of the columns.
      row.element.ariaRowIndex = String(range.begin + at + 2);
      order.push(row.element);
    });
    for (const [name, row] of made) {
      if (kept.has(name)) continue;
      // Whoever cancels an order by the keyboard goes on with the next one.
      if (row.element.contains(document.activeElement)) lost = focus;
      row.close?.();
      row.element.remove();
      made.delete(name);
    }
    put(body, above.element, order);
    if (lost !== undefined) focusRow(Math.min(lost.index, values.length - 1), lost.place);
    above.height(range.begin * rowHeight);
    below.height((values.length - range.end) * rowHeight);
    table.ariaRowCount = String(values.length + 1);
    measure();
  };

  const measure = (): void => {
    const row = above.element.nextElementSibling;
    const height = row === null || row === below.element ? 0 : row.getBoundingClientRect().height;
    // At another zoom or font a row is higher than it was.
    if (height > 0 && Math.abs(height - rowHeight) > 0.1) {
      rowHeight = height;
      ask(true);
    }
  };

  const ask = (isNew: boolean): void => {
    if (asked === 0) asked = requestAnimationFrame(() => draw(isNew));
  };
  const onScroll = (): void => ask(false);
  const onResize = (): void => ask(true);
  window.addEventListener("scroll", onScroll, { passive: true });
  window.addEventListener("resize", onResize);

  const indexOfFocus = (): number => {
    const row = document.activeElement?.closest("tr");
    if (row === null || row === undefined || row.parentElement !== body) return -1;
    return Number(row.ariaRowIndex ?? "1") - 2;
  };
  /** Focuses what a row has in the place that has the focus in another, or else its first. */
  const focusRow = (index: number, place: FocusPlace | undefined): void => {
    const value = values[index];
    const row = value === undefined ? undefined : made.get(key(value))?.element;
    const cell = place === undefined ? undefined : focusables(row?.cells[place.column]);
    const target = cell?.[Math.min(place?.at ?? 0, cell.length - 1)] ?? focusables(row)[0];
    target?.focus({ preventScroll: true });
  };
  const focus = (index: number): void => {
    if (index < 0 || index >= values.length) return;
    const top = body.getBoundingClientRect().top + index * rowHeight;
    const room = window.innerHeight;
    if (top < 3 * rowHeight || top > room - 2 * rowHeight) window.scrollBy(0, top - room / 2);
    const place = placeOfFocus();
    draw(true);
    focusRow(index, place);
  };
  table.addEventListener("keydown", (event) => {
    const at = indexOfFocus();
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = movedTo(
      event.key,
      at,
      values.length,
      Math.max(1, Math.floor(window.innerHeight / rowHeight) - 4),
    );
    if (target === undefined || target === at) return;
    event.preventDefault();
    focus(target);
  });
  return {
    show(shown) {
      values = shown;
      draw(true);
    },
    refresh: () => draw(true),
    focus,
    focused: indexOfFocus,
    close() {
      window.removeEventListener("scroll", onScroll);
      window.removeEventListener("resize", onResize);
      if (asked !== 0) cancelAnimationFrame(asked);
      for (const row of made.values()) row.close?.();
      made.clear();
    },
  };
}

/** A place in a row: a column, and what of the cell's buttons and links. */
interface FocusPlace {
  column: number;
  at: number;
}

function placeOfFocus(): FocusPlace | undefined {
  const focus = document.activeElement;
  const cell = focus?.closest<HTMLTableCellElement>("td, th");
  if (!(focus instanceof HTMLElement) || cell === null || cell === undefined) return undefined;
  return { column: cell.cellIndex, at: focusables(cell).indexOf(focus) };
}

function focusables(element: Element | undefined): HTMLElement[] {
  return [...(element?.querySelectorAll<HTMLElement>("a, button:not([hidden])") ?? [])];
}

/** Puts rows behind an element in this order, and moves only those that stand elsewhere. */
function put(
  body: HTMLTableSectionElement,
  after: Element,
  rows: readonly HTMLTableRowElement[],
): void {
  let at = after;
  for (const row of rows) {
    if (at.nextElementSibling !== row) body.insertBefore(row, at.nextElementSibling);
    at = row;
  }
}

function spacer(): { element: HTMLTableRowElement; height(pixels: number): void } {
  const element = document.createElement("tr");
  element.className = "spacer";
  element.ariaHidden = "true";
  // One cell is enough: one that spans others would make room for those that a narrow screen hides.
  const cell = element.insertCell();
  return {
    element,
    height(pixels) {
      element.hidden = pixels <= 0;
      cell.style.height = `${Math.max(0, pixels)}px`;
    },
  };
}

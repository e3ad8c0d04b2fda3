// spec/page/views.md · Histories
//
// An account's transactions as far as they were read, newest first. Views share them, so that the way from
// one to the other reads nothing twice.
//
// Tests: src/page/test/views.test.ts

import type { Cleanup, OwnTransaction, Session } from "../api.ts";
import { STATUSES } from "../wire.ts";

/** Rows of a page. */
const PAGE_ROWS = 500;
/** Rows of the newest page when something has ended. */
const NEWEST_ROWS = 100;

/** The history of a session's account. */
export interface OwnHistory {
  readonly rows: readonly OwnTransaction[];
  /** Whether there are no older rows. */
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  /** Why the last try failed; null after a success. */
  readonly error: unknown;
  /** Reads older rows, until there are at least so many or all. */
  loadTo(count: number): Promise<void>;
  /** Reads what is new. */
  refresh(): Promise<void>;
  subscribe(listener: () => void): Cleanup;
}

const histories = new WeakMap<Session, OwnHistory>();

/** The history of a session, which is the same for all who ask. */
export function ownHistory(session: Session): OwnHistory {
  let history = histories.get(session);
  if (history === undefined) {
    history = makeHistory(session);
    histories.set(session, history);
  }
  return history;
}

/** Newer rows in front of older ones. A row that both have is the newer's. */
export function merged(
  newer: readonly OwnTransaction[],
  older: readonly OwnTransaction[],
): OwnTransaction[] {
  const known = new Set(newer.map((row) => row.id));
  return [...newer, ...older.filter((row) => !known.has(row.id))];
}

/** Whether a row may still change. */
export function isOpen(row: OwnTransaction): boolean {
  const status = STATUSES.get(row.status);
  return status === "queued" || status === "open";
}

function makeHistory(session: Session): OwnHistory {
  let rows: OwnTransaction[] = [];
  let isComplete = false;
  let isLoading = false;
  let error: unknown = null;
  let isStale = false;
  let underWay: Promise<void> | undefined;
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };

  /** One read at a time; what is asked for meanwhile waits for it. */
  const inTurn = async (read: () => Promise<void>): Promise<void> => {
    while (underWay !== undefined) await underWay;
    const run = async (): Promise<void> => {
      isLoading = true;
      tell();
      try {
        await read();
        error = null;
      } catch (problem) {
        error = problem;
      } finally {
        isLoading = false;
        underWay = undefined;
        tell();
      }
    };
    underWay = run();
    await underWay;
  };

  const readOlder = async (count: number): Promise<void> => {
    while (!isComplete && rows.length < count) {
      const last = rows[rows.length - 1];
      const page = await session.history(last?.id ?? null, PAGE_ROWS);
      rows = merged(rows, page);
      isComplete = page.length < PAGE_ROWS;
      tell();
    }
  };

  /** The newest page, and each row further back that had no outcome. */
  const readNewer = async (): Promise<void> => {
    if (rows.length === 0) {
      // A history that was empty may not be any more.
      isComplete = false;
      await readOlder(1);
      return;
    }
    let newest = await session.history(null, NEWEST_ROWS);
    const begin = rows[0]?.id;
    while (begin !== undefined && newest.length > 0 && !newest.some((row) => row.id === begin)) {
      const older = await session.history(newest[newest.length - 1]?.id ?? null, PAGE_ROWS);
      if (older.length === 0) break;
      newest = [...newest, ...older];
    }
    rows = merged(newest, rows);
    const known = new Set(newest.map((row) => row.id));
    for (const [at, row] of rows.entries()) {
      const before = rows[at - 1];
      if (known.has(row.id) || !isOpen(row) || before === undefined) continue;
      const again = (await session.history(before.id, 1))[0];
      if (again?.id === row.id) rows[at] = again;
    }
  };

  session.onOrder(() => {
    isStale = true;
    if (listeners.size > 0) void history.refresh();
  });
  const history: OwnHistory = {
    get rows() {
      return rows;
    },
    get isComplete() {
      return isComplete;
    },
    get isLoading() {
      return isLoading;
    },
    get error() {
      return error;
    },
    loadTo: (count) => inTurn(() => readOlder(count)),
    refresh() {
      isStale = false;
      return inTurn(readNewer);
    },
    subscribe(listener) {
      listeners.add(listener);
      if (isStale || rows.length > 0) void history.refresh();
      return () => {
        listeners.delete(listener);
      };
    },
  };
  return history;
}

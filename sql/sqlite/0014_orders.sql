-- Orders that wait for a price (3.1.7), and rows that administrators make. Written by transactions.
-- The table is made anew, because an order may be open, cancelled or expired.
CREATE TEMP TABLE kept AS SELECT * FROM transactions;
DROP TABLE transactions;
CREATE TABLE transactions (
    -- Number of the order; orders are numbered in the order of their acceptance.
    number          INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL,
    account         INTEGER NOT NULL REFERENCES accounts (account),
    side            INTEGER NOT NULL CHECK (side BETWEEN 1 AND 4),
    -- 0 queued, 1 settled, 2 rejected, 3 open, 4 cancelled, 5 expired.
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 5),
    symbol          TEXT    NOT NULL,
    quantity        INTEGER NOT NULL,
    -- Quantity that the client asked for. A split of a queued order changes quantity, never this.
    asked           INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    settled         INTEGER,
    -- Price of the fill, after slippage.
    price           INTEGER,
    total           INTEGER,
    priced          INTEGER,
    client_order_id TEXT,
    reason          TEXT,
    -- Link message that brought the order, the worker's timestamp, and the timestamp after
    -- clamping.
    origin          INTEGER REFERENCES origins (origin),
    sequence        INTEGER,
    stamped         INTEGER NOT NULL,
    ordered         INTEGER NOT NULL,
    update_number   INTEGER,
    -- As of 0008.
    written_off     INTEGER,
    -- What made a row that no client ordered: 1 rename, 2 delisting, 3 merger, 4 spin-off, 5 cash in
    -- lieu of a fraction, 6 grant, 7 restart; NULL where the side says it, and in corrections.
    cause           INTEGER,
    -- As of 0009.
    source          TEXT,
    moved_cost      INTEGER,
    -- As of 0010.
    waits_since     INTEGER,
    -- What is held back for a purchase until it ends, in millionths of the account currency; NULL in
    -- rows that are older than 0014, and for sales.
    reserve         INTEGER CHECK (reserve >= 0),
    -- The first update that it takes part in: the one whose retrieval began after its acceptance.
    -- NULL in rows that are older than 0014, and in those that no client ordered.
    first_update    INTEGER,
    -- Price of the fill before slippage; NULL where it is the same.
    quoted          INTEGER,
    -- Part of the total, or taken from it, in millionths of the account currency; NULL for none.
    fee             INTEGER CHECK (fee > 0),
    -- What the person reads of a row that an administrator made.
    note            TEXT
) STRICT;
INSERT INTO transactions
    SELECT number, id, account, side, status, symbol, quantity, asked, accepted, settled, price, total,
           priced, client_order_id, reason, origin, sequence, stamped, ordered, update_number,
           written_off, cause, source, moved_cost, waits_since, NULL, NULL, NULL, NULL, NULL
    FROM kept;
DROP TABLE kept;
-- IDs are in order of acceptance, so this index serves an account's history too.
CREATE UNIQUE INDEX transactions_history ON transactions (account, id);
CREATE UNIQUE INDEX transactions_client ON transactions (account, client_order_id) WHERE client_order_id IS NOT NULL;
CREATE UNIQUE INDEX transactions_message ON transactions (origin, sequence) WHERE origin IS NOT NULL;
CREATE INDEX transactions_queue ON transactions (number) WHERE status = 0;
CREATE INDEX transactions_written_off ON transactions (number) WHERE written_off > 0;
CREATE INDEX transactions_open ON transactions (number) WHERE status = 3;

-- What placeOrder and replaceOrder say beyond the ledger's row. Prices are in millionths of the
-- account currency for one unit, in the units of now: splits change them while the order is open.
CREATE TABLE order_terms (
    number        INTEGER PRIMARY KEY REFERENCES transactions (number),
    -- 0 market, 1 limit, 2 stop, 3 stop-limit, 4 trailing.
    kind          INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    limit_price   INTEGER CHECK ((limit_price IS NOT NULL) = (kind IN (1, 3))),
    stop_price    INTEGER CHECK ((stop_price IS NOT NULL) = (kind IN (2, 3))),
    -- Trailing: the distance in money, or in ten-thousandths of a percent.
    trail         INTEGER CHECK (trail > 0),
    trail_percent INTEGER CHECK (trail_percent BETWEEN 1 AND 999999),
    -- The money of a `cash:` order; its row's quantity is 0 until it is filled.
    cash          INTEGER CHECK (cash > 0),
    -- 0 gtc, 1 day, 2 until a time.
    time_in_force INTEGER NOT NULL CHECK (time_in_force BETWEEN 0 AND 2),
    -- Market time from which on it is not tested any more; NULL for a day that has not begun.
    until         INTEGER,
    -- Trailing: the best close when it was accepted, in the units of now.
    best          INTEGER,
    -- Update at which a stop-limit became a limit order.
    triggered     INTEGER,
    -- The instruction and all its arguments by value, to tell a repeat from another order; NULL
    -- without a clientOrderID.
    asked         TEXT,
    -- Number of the order in whose place it is.
    replaces      INTEGER,
    -- The bar that filled it, in the units of that time.
    bar_open      INTEGER,
    bar_high      INTEGER,
    bar_low       INTEGER,
    CHECK ((trail IS NOT NULL) + (trail_percent IS NOT NULL) = (kind = 4)),
    CHECK ((best IS NOT NULL) = (kind = 4))
) STRICT;

-- The closes that trailing orders follow: a row for each update that tested one of the asset. Of an
-- order it tells the best close since its first update. Each is rounded at splits as the orders
-- are: for sales up, for purchases down.
CREATE TABLE trail_closes (
    symbol        TEXT    NOT NULL,
    update_number INTEGER NOT NULL,
    for_sales     INTEGER NOT NULL,
    for_purchases INTEGER NOT NULL,
    PRIMARY KEY (symbol, update_number)
) STRICT, WITHOUT ROWID;

-- Written by storage for the assets module, with each update: what orders are tested with. Rows go
-- once the ledger has the update's outcomes, so that an update that a kill or a full disk left
-- unsettled is settled as it was published.
CREATE TABLE unsettled_updates (
    number      INTEGER PRIMARY KEY,
    -- Market time after it; NULL before the first price.
    market_time INTEGER,
    -- 1: no update followed.
    exhausted   INTEGER NOT NULL CHECK (exhausted IN (0, 1))
) STRICT;
CREATE TABLE update_bars (
    number    INTEGER NOT NULL REFERENCES unsettled_updates (number),
    asset     INTEGER NOT NULL REFERENCES assets (id),
    time      INTEGER NOT NULL,
    open      INTEGER NOT NULL,
    high      INTEGER NOT NULL,
    low       INTEGER NOT NULL,
    close     INTEGER NOT NULL,
    -- 1: its time is real time. Then it is a point: open, high and low are its close.
    real_time INTEGER NOT NULL CHECK (real_time IN (0, 1)),
    -- 1: it was too old to fill orders when it was published.
    stale     INTEGER NOT NULL CHECK (stale IN (0, 1)),
    PRIMARY KEY (number, asset)
) STRICT, WITHOUT ROWID;

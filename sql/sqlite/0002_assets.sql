-- Assets and their past values (spec/master/storage/bars.md). Written by storage for the assets
-- module. Times are milliseconds since 1970 in market time. Prices are millionths of the account
-- currency.

CREATE TABLE assets (
    id          INTEGER PRIMARY KEY,
    symbol      TEXT    NOT NULL UNIQUE,
    -- Back-fill: the past is stored up to and including this time; NULL before its first page.
    filled_to   INTEGER,
    -- Back-fill: 1 once the whole past is stored.
    filled      INTEGER NOT NULL DEFAULT 0 CHECK (filled IN (0, 1)),
    -- 1: the days up to and including filled_to are the provider's own; other bars of those days
    -- are not rolled up.
    own_days    INTEGER NOT NULL DEFAULT 0 CHECK (own_days IN (0, 1))
) STRICT;

-- Bars of the latest updates. Rows of one update are adjacent, so that storing them is cheap.
CREATE TABLE bars_hot (
    number      INTEGER NOT NULL,
    asset       INTEGER NOT NULL REFERENCES assets (id),
    time        INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    close       INTEGER NOT NULL,
    volume      INTEGER NOT NULL,
    PRIMARY KEY (number, asset)
) STRICT, WITHOUT ROWID;

-- Older bars, moved here in the background. Rows of one asset are adjacent, so that reading them is
-- cheap.
CREATE TABLE bars (
    asset       INTEGER NOT NULL REFERENCES assets (id),
    time        INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    close       INTEGER NOT NULL,
    volume      INTEGER NOT NULL,
    PRIMARY KEY (asset, time)
) STRICT, WITHOUT ROWID;

-- Bars by day and by month. They cover bars that have left bars_hot, and back-filled days.
CREATE TABLE bars_daily (
    asset       INTEGER NOT NULL REFERENCES assets (id),
    time        INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    close       INTEGER NOT NULL,
    volume      INTEGER NOT NULL,
    PRIMARY KEY (asset, time)
) STRICT, WITHOUT ROWID;

CREATE TABLE bars_monthly (
    asset       INTEGER NOT NULL REFERENCES assets (id),
    time        INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    close       INTEGER NOT NULL,
    volume      INTEGER NOT NULL,
    PRIMARY KEY (asset, time)
) STRICT, WITHOUT ROWID;

-- Splits and dividends that have come into force, each with its update.
CREATE TABLE actions (
    symbol      TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    -- 3 split, 4 dividend, as a transaction's side.
    kind        INTEGER NOT NULL CHECK (kind IN (3, 4)),
    value       INTEGER NOT NULL CHECK (value > 0),
    number      INTEGER NOT NULL,
    PRIMARY KEY (symbol, time, kind, value)
) STRICT, WITHOUT ROWID;

-- One row: the assets module's position in the sequence of updates.
CREATE TABLE assets_position (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    -- Number of the last update, 0 before the first.
    number      INTEGER NOT NULL,
    -- Market time of the last update; NULL before the first.
    time        INTEGER,
    -- 1 after the last step of a replay.
    exhausted   INTEGER NOT NULL CHECK (exhausted IN (0, 1))
) STRICT;

INSERT INTO assets_position (one, number, time, exhausted) VALUES (1, 0, NULL, 0);

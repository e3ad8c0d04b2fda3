-- Orders that wait, and updates that the ledger has not settled (3.1.7). Nothing wrote these tables of 0014 before.
DROP TABLE update_bars;
DROP TABLE unsettled_updates;
-- Written by storage for the assets module, with each update: so that one which a kill or a full disk
-- left unsettled is settled as it was published. Its bars are in bars_hot until then. A row goes with
-- a later update, once the ledger has the outcomes.
CREATE TABLE unsettled_updates (
    number      INTEGER PRIMARY KEY,
    -- Wall time at which its retrieval began, and of its publication.
    began       INTEGER NOT NULL,
    published   INTEGER NOT NULL,
    -- Market time after it; NULL before the first price.
    market_time INTEGER,
    -- 1: no update followed.
    exhausted   INTEGER NOT NULL CHECK (exhausted IN (0, 1)),
    -- 1: the times of its bars are real time. Then orders are tested with their close alone.
    real_time   INTEGER NOT NULL CHECK (real_time IN (0, 1))
) STRICT;
-- 1: the bar was too old to fill orders when it was published.
ALTER TABLE bars_hot ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));

-- An account's open orders are read by it, and at a start all of them.
DROP INDEX transactions_open;
CREATE INDEX transactions_open ON transactions (account, number) WHERE status = 3;

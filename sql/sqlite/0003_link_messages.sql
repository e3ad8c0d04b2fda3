-- What identifies a link message is its worker, the worker's process (boot) and its number (4.1);
-- before, the process stood for both.

-- Written by auth, with the row: the worker whose link message registered the account; NULL in rows
-- that are older than this column.
ALTER TABLE accounts ADD COLUMN worker BLOB;

-- Written by transactions. One row for each worker process that sent an order. The table is made
-- anew because boot alone was unique; the keys stay, so transactions refer to the same rows.
CREATE TEMP TABLE kept AS SELECT origin, worker, boot FROM origins;
DROP TABLE origins;
CREATE TABLE origins (
    origin INTEGER PRIMARY KEY,
    worker BLOB NOT NULL CHECK (length(worker) = 16),
    boot   BLOB NOT NULL CHECK (length(boot) = 16),
    UNIQUE (worker, boot)
) STRICT;
INSERT INTO origins (origin, worker, boot) SELECT origin, worker, boot FROM kept;
DROP TABLE kept;

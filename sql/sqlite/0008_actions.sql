-- Written by storage for the assets module: splits and dividends that have come into force, each
-- with its update. A correction is a row of its own, with the same name and a later update. The
-- table is made anew: a ratio was one number in millionths, which no third is, and an action had no
-- name.
CREATE TEMP TABLE kept AS SELECT symbol, time, kind, value, number FROM actions;
DROP TABLE actions;
CREATE TABLE actions (
    symbol      TEXT    NOT NULL,
    -- The feed's name of it; without one, kind, time and the how manieth of these it is.
    id          TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    -- 3 split, 4 dividend, as a transaction's side; 0: it is cancelled.
    kind        INTEGER NOT NULL CHECK (kind IN (0, 3, 4)),
    -- Split: units after for so many (denominator) before. Dividend: millionths of the account
    -- currency for one unit (denominator 1). Cancelled: 1 and 1.
    numerator   INTEGER NOT NULL CHECK (numerator > 0),
    denominator INTEGER NOT NULL CHECK (denominator > 0),
    -- 1: the asset had a price of its time or later when it came, or a later action.
    late        INTEGER NOT NULL CHECK (late IN (0, 1)),
    PRIMARY KEY (symbol, id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO actions (symbol, id, number, time, kind, numerator, denominator, late)
    SELECT symbol, CASE kind WHEN 3 THEN 'split ' ELSE 'dividend ' END || time || ' '
            || row_number() OVER (PARTITION BY symbol, time, kind ORDER BY value),
        number, time, kind, value, CASE kind WHEN 3 THEN 1000000 ELSE 1 END, 0 FROM kept;
DROP TABLE kept;

-- Written by transactions. Rows of late and corrected splits and dividends: what should have been
-- taken and was not there, in millionths of units or of the account currency; NULL in other rows.
ALTER TABLE transactions ADD COLUMN written_off INTEGER;
CREATE INDEX transactions_written_off ON transactions (number) WHERE written_off > 0;

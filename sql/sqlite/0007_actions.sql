-- Written by storage for the assets module: splits and dividends that have come into force, each
-- with its update. The table is made anew: a ratio was one number in millionths, which no third is.
CREATE TEMP TABLE kept AS SELECT symbol, time, kind, value, number FROM actions;
DROP TABLE actions;
CREATE TABLE actions (
    symbol      TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    -- 3 split, 4 dividend, as a transaction's side.
    kind        INTEGER NOT NULL CHECK (kind IN (3, 4)),
    -- Split: units after for so many (denominator) before. Dividend: millionths of the account
    -- currency for one unit (denominator 1).
    numerator   INTEGER NOT NULL CHECK (numerator > 0),
    denominator INTEGER NOT NULL CHECK (denominator > 0),
    number      INTEGER NOT NULL,
    PRIMARY KEY (symbol, time, kind, numerator, denominator)
) STRICT, WITHOUT ROWID;
INSERT INTO actions (symbol, time, kind, numerator, denominator, number)
    SELECT symbol, time, kind, value, CASE kind WHEN 3 THEN 1000000 ELSE 1 END, number FROM kept;
DROP TABLE kept;

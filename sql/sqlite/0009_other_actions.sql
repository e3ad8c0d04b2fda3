-- Written by storage for the assets module: actions that have come into force, each with its update.
-- A correction is a row of its own, with the same name and a later update. The table is made anew:
-- renames, mergers, delistings and spin-offs are new, and so is the price of fractions.
CREATE TEMP TABLE kept AS SELECT * FROM actions;
DROP TABLE actions;
CREATE TABLE actions (
    symbol         TEXT    NOT NULL,
    -- The feed's name of it; without one, kind, time and the how manieth of these it is.
    id             TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    -- 3 split, 4 dividend, 5 spin-off, 6 rename, 7 merger, 8 delisting; 0: it is cancelled.
    kind           INTEGER NOT NULL CHECK (kind IN (0, 3, 4, 5, 6, 7, 8)),
    -- Split, spin-off, merger: units that come for so many (denominator) before. Dividend:
    -- millionths of the account currency for one unit (denominator 1). Others: 1 and 1.
    numerator      INTEGER NOT NULL CHECK (numerator > 0),
    denominator    INTEGER NOT NULL CHECK (denominator > 0),
    -- Spin-off, rename, merger: the asset whose units come.
    target         TEXT    CHECK ((target IS NOT NULL) = (kind IN (5, 6, 7))),
    -- Merger, delisting: millionths of the account currency for one unit.
    cash           INTEGER NOT NULL CHECK (cash >= 0),
    -- 1: the asset had a price of its time or later when it came, or a later action.
    late           INTEGER NOT NULL CHECK (late IN (0, 1)),
    -- The price at which fractions of a millionth are paid, of a unit that comes, and the update
    -- that brought it; NULL until then, and where no fraction can be.
    in_lieu        INTEGER CHECK (in_lieu >= 0),
    in_lieu_update INTEGER CHECK ((in_lieu IS NULL) = (in_lieu_update IS NULL)),
    PRIMARY KEY (symbol, id, number)
) STRICT, WITHOUT ROWID;
-- Fractions of splits before this version were lost: they are paid nothing.
INSERT INTO actions
    SELECT symbol, id, number, time, kind, numerator, denominator, NULL, 0, late,
        iif(kind = 3 AND denominator > 1, 0, NULL), iif(kind = 3 AND denominator > 1, number, NULL)
    FROM kept;
DROP TABLE kept;
CREATE INDEX actions_target ON actions (symbol, target) WHERE target IS NOT NULL;
CREATE INDEX actions_in_lieu ON actions (in_lieu_update) WHERE in_lieu_update > number;

-- Written by transactions. Rows that no client ordered: 1 rename, 2 delisting, 3 merger, 4 spin-off,
-- 5 cash in lieu of a fraction; NULL where the side says it (split, dividend), and in corrections.
ALTER TABLE transactions ADD COLUMN cause INTEGER;
-- The action's asset, where it is another one than the row's.
ALTER TABLE transactions ADD COLUMN source TEXT;
-- What the cost of the row's position grows by, in millionths of the account currency; NULL for 0.
ALTER TABLE transactions ADD COLUMN moved_cost INTEGER;

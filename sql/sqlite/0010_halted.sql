-- Written by storage for the assets module: the assets whose latest price is so far from the one
-- before that it is held. A row goes when a price is believed, or back where it was.
CREATE TABLE held_prices (
    asset       INTEGER PRIMARY KEY REFERENCES assets (id),
    -- The latest bar that is held. Prices as in bars.
    time        INTEGER NOT NULL,
    open        INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    low         INTEGER NOT NULL,
    close       INTEGER NOT NULL,
    volume      INTEGER NOT NULL,
    -- The price that further ones are compared with, and its time.
    level       INTEGER NOT NULL,
    level_time  INTEGER NOT NULL,
    -- Time of the first price that was held.
    since       INTEGER NOT NULL,
    -- Prices that were held since then, and those of them that agreed with the level.
    seen        INTEGER NOT NULL,
    agreeing    INTEGER NOT NULL,
    -- 0: nobody has said anything; 1: an administrator accepts it; 2: an administrator refuses it.
    review      INTEGER NOT NULL CHECK (review BETWEEN 0 AND 2)
) STRICT;

-- Written by transactions. Market time from which on an order waits for a price of an asset whose
-- price is held; NULL in other rows.
ALTER TABLE transactions ADD COLUMN waits_since INTEGER;

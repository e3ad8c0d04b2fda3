-- Written by storage for the assets module, when an administrator pauses the market: a row while it is
-- paused.
CREATE TABLE market_pause (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    -- Wall time of the pause.
    since      INTEGER NOT NULL,
    -- What the last update said of the market, which the next one will say anew: steps of a replay that
    -- follow, and the word for where prices come from; NULL if it did not say.
    steps_left INTEGER,
    market     TEXT
) STRICT;

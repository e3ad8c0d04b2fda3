-- Written by transactions, with the outcome of an open order: the bar that filled it, in millionths of
-- the account currency for one unit, in the units of that time (3.1.7). A table of its own, so that a
-- fill changes one page for an order that waited, and not two: rows of it lie side by side.
CREATE TABLE fill_bars (
    number INTEGER PRIMARY KEY REFERENCES transactions (number),
    open   INTEGER NOT NULL,
    high   INTEGER NOT NULL,
    low    INTEGER NOT NULL
) STRICT;
INSERT INTO fill_bars (number, open, high, low)
    SELECT number, bar_open, bar_high, bar_low FROM order_terms
    WHERE bar_open IS NOT NULL AND bar_high IS NOT NULL AND bar_low IS NOT NULL;
ALTER TABLE order_terms DROP COLUMN bar_open;
ALTER TABLE order_terms DROP COLUMN bar_high;
ALTER TABLE order_terms DROP COLUMN bar_low;

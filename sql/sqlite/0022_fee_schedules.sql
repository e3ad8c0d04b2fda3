-- Written by transactions, at a start: what trades cost by the [fees] of the configuration, once for all
-- starts with the same values (3.1.7). Amounts are in millionths of the account currency, percentages in
-- millionths of a percent. A configuration without fees and slippage has no row.
CREATE TABLE fee_schedules (
    id        INTEGER PRIMARY KEY,
    per_order INTEGER NOT NULL CHECK (per_order >= 0),
    per_unit  INTEGER NOT NULL CHECK (per_unit >= 0),
    percent   INTEGER NOT NULL CHECK (percent >= 0),
    minimum   INTEGER NOT NULL CHECK (minimum >= 0),
    slippage  INTEGER NOT NULL CHECK (slippage >= 0),
    UNIQUE (per_order, per_unit, percent, minimum, slippage)
) STRICT;
-- Written by transactions, with a fill: the schedule of its fee and slippage. NULL where there are none,
-- and in rows that are older than 0022.
ALTER TABLE transactions ADD COLUMN fee_schedule INTEGER REFERENCES fee_schedules (id);

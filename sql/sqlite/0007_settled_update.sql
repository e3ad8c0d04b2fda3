-- Written by transactions, in each commit that stores outcomes, splits or dividends: the number of
-- the last update whose outcomes the ledger has. A history that is read in several pieces takes it as a
-- bound: an order of a later update was queued when the answer began.
ALTER TABLE ledger_position ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
UPDATE ledger_position SET settled = (SELECT coalesce(max(update_number), 0) FROM transactions);

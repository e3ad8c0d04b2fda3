-- Written by transactions, in each commit that ends orders: settles, rejects or cancels them. The number
-- of the last one, and in each order the number of the commit that ended it. A history that is read in
-- several pieces takes the first as a bound: an order with a later number had not ended when the answer
-- began. NULL in orders that have not ended or did so before 0017, and in rows that no client ordered.
ALTER TABLE ledger_position ADD COLUMN endings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transactions ADD COLUMN ending INTEGER CHECK (ending > 0);

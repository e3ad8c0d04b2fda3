-- Two e-mail addresses are one by Unicode's and IDNA's rules, no longer by lower case alone. Which,
-- only the program knows: it computes accounts.email_key anew with this migration.

-- Written with this migration alone: the older account that has the same address, and owns it. This
-- account's email_key is # and its number then. NULL in all others.
ALTER TABLE accounts ADD COLUMN email_owner INTEGER REFERENCES accounts (account);

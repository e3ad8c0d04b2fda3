-- Accounts are deleted by their owners and by administrators (2.4.1): see 0011 for what stays.

-- Written by auth. Of a deleted account: the SHA-256 of the ID of the session that asked for it, so
-- that its request can be sent again. NULL in all others, and where an administrator asked.
ALTER TABLE accounts ADD COLUMN deleted_by BLOB CHECK (length(deleted_by) = 32);
CREATE UNIQUE INDEX accounts_deleted_by ON accounts (deleted_by) WHERE deleted_by IS NOT NULL;
-- Counts them.
CREATE INDEX accounts_deleted ON accounts (state) WHERE state = 2;
CREATE INDEX sessions_account ON sessions (account);

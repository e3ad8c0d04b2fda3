-- Mails to the owners of accounts, and codes for new passwords. Times are milliseconds since 1970 in
-- UTC.

-- Written by mail, at each start: whether mails are sent. If not, none is queued.
CREATE TABLE outbox_state (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    -- Mails since the start that found no room.
    dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped >= 0)
) STRICT;
INSERT INTO outbox_state (one, is_open) VALUES (1, 0);

-- Auth inserts what its commits cause, mail what somebody asked for; mail changes and deletes. A row
-- stays for 30 days after its end.
CREATE TABLE outbox (
    number      INTEGER PRIMARY KEY,
    -- NULL: the mail tells that the account was deleted.
    account     INTEGER REFERENCES accounts (account),
    -- A word of OwnerNotice.
    kind        TEXT    NOT NULL,
    -- Name and address as they were when the mail was caused.
    username    TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL,
    -- What the text names beside the account, such as a token; empty if nothing.
    detail      TEXT    NOT NULL CHECK (length(detail) <= 400),
    -- How many earlier events of this kind it tells of beside the one it names.
    folded      INTEGER NOT NULL DEFAULT 0 CHECK (folded >= 0),
    created     INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- When the next attempt is due.
    due         INTEGER NOT NULL,
    -- NULL while it waits.
    ended       INTEGER,
    sent        INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1))
) STRICT;
CREATE INDEX outbox_due ON outbox (due) WHERE ended IS NULL;
CREATE INDEX outbox_account ON outbox (account, created);
CREATE INDEX outbox_address ON outbox (address_key, created);
CREATE INDEX outbox_ended ON outbox (ended) WHERE ended IS NOT NULL;

-- Mail inserts codes that it sends, auth those that an administrator prints; auth deletes a code
-- with its use. Only the SHA-256 of a code is stored.
CREATE TABLE reset_codes (
    hash        BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    account     INTEGER NOT NULL REFERENCES accounts (account),
    -- The address to which it was sent; NULL: an administrator printed it.
    address_key TEXT,
    created     INTEGER NOT NULL,
    expiry      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reset_codes_account ON reset_codes (account, created);

-- Written by auth: the code that an account used last, so that its request can be sent again.
CREATE TABLE used_codes (
    account INTEGER PRIMARY KEY REFERENCES accounts (account),
    hash    BLOB    NOT NULL CHECK (length(hash) = 32),
    used    INTEGER NOT NULL
) STRICT;

-- Written by auth: the address of an account to which a code was sent that was used. It proves
-- nothing of another address that the account has later.
CREATE TABLE proven_emails (
    account     INTEGER PRIMARY KEY REFERENCES accounts (account),
    address_key TEXT    NOT NULL,
    proven      INTEGER NOT NULL
) STRICT;

-- Accounts, sessions and workers (2.4.1, 2.4.2, 2.4.5), and the ledger (3.1.7). Times are
-- milliseconds since 1970 in UTC. Money and quantities are whole millionths.

-- Written by auth. Rows are never deleted. Logins through a third party would get a table of their
-- own, keyed by account; an account with only such logins has is_password 0 and no pass_hash.
CREATE TABLE accounts (
    account       INTEGER PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL UNIQUE,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE,
    is_password   INTEGER NOT NULL CHECK (is_password IN (0, 1)),
    pass_hash     TEXT    CHECK (is_password = 0 OR pass_hash IS NOT NULL),
    created       INTEGER NOT NULL,
    -- First cash of the account, with which its ledger begins.
    starting_cash INTEGER NOT NULL CHECK (starting_cash >= 0),
    -- Link message that registered the account: a repetition of the message finds its own account.
    boot          BLOB    NOT NULL,
    sequence      INTEGER NOT NULL
) STRICT;

-- Written by auth. Only the SHA-256 of a session ID is stored.
CREATE TABLE sessions (
    hash      BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    account   INTEGER NOT NULL REFERENCES accounts (account),
    since     INTEGER NOT NULL,
    expiry    INTEGER NOT NULL,
    client    TEXT    NOT NULL,
    worker    BLOB    NOT NULL,
    boot      BLOB    NOT NULL,
    expirable INTEGER NOT NULL CHECK (expirable IN (0, 1)),
    last_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written by workers. A row outlives its registration, so that its UUID is never used again.
CREATE TABLE workers (
    uuid         BLOB    PRIMARY KEY CHECK (length(uuid) = 16),
    name         TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL CHECK (length(fingerprint) = 40),
    ip           TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    registered   INTEGER NOT NULL,
    booted       INTEGER NOT NULL DEFAULT 0 CHECK (booted IN (0, 1)),
    unregistered INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workers_name ON workers (name) WHERE unregistered IS NULL;
CREATE UNIQUE INDEX workers_key ON workers (fingerprint) WHERE unregistered IS NULL;

-- Written by transactions, as all tables below. One row for each worker process that sent an order.
CREATE TABLE origins (
    origin INTEGER PRIMARY KEY,
    worker BLOB NOT NULL,
    boot   BLOB NOT NULL UNIQUE
) STRICT;

-- The ledger: a row is final once it is settled or rejected, and is never deleted.
CREATE TABLE transactions (
    -- Number of the order; orders are numbered in the order of their acceptance.
    number          INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL,
    account         INTEGER NOT NULL REFERENCES accounts (account),
    side            INTEGER NOT NULL CHECK (side BETWEEN 1 AND 4),
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    symbol          TEXT    NOT NULL,
    quantity        INTEGER NOT NULL,
    -- Quantity that the client asked for. A split of a queued order changes quantity, never this.
    asked           INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    settled         INTEGER,
    price           INTEGER,
    total           INTEGER,
    priced          INTEGER,
    client_order_id TEXT,
    reason          TEXT,
    -- Link message that brought the order, the worker's timestamp, and the timestamp after
    -- clamping.
    origin          INTEGER REFERENCES origins (origin),
    sequence        INTEGER,
    stamped         INTEGER NOT NULL,
    ordered         INTEGER NOT NULL,
    update_number   INTEGER
) STRICT;
-- IDs are in order of acceptance, so this index serves an account's history too.
CREATE UNIQUE INDEX transactions_history ON transactions (account, id);
CREATE UNIQUE INDEX transactions_client ON transactions (account, client_order_id) WHERE client_order_id IS NOT NULL;
CREATE UNIQUE INDEX transactions_message ON transactions (origin, sequence) WHERE origin IS NOT NULL;
CREATE INDEX transactions_queue ON transactions (number) WHERE status = 0;

-- Sums of an account's transactions. Without a row the account has never traded.
CREATE TABLE balances (
    account INTEGER PRIMARY KEY REFERENCES accounts (account),
    cash    INTEGER NOT NULL CHECK (cash >= 0)
) STRICT;

CREATE TABLE positions (
    account  INTEGER NOT NULL REFERENCES accounts (account),
    symbol   TEXT    NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    cost     INTEGER NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;

-- One row: the last update whose splits and dividends (0002) are in the ledger.
CREATE TABLE ledger_position (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    acted INTEGER NOT NULL
) STRICT;

INSERT INTO ledger_position (one, acted) VALUES (1, 0);

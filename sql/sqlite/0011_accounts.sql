-- Accounts that people can keep (2.4.1, 2.4.2): an account may have no e-mail address and no
-- password, may be locked, and is deleted by its owner or an administrator; a session remembers
-- how it was made and where it was last used, and a token is a session that a program uses.

-- Written by auth. The table is made anew because email and email_key had to be there. Rows are
-- never deleted: of a deleted account the name is ~ and its number, which no username is.
CREATE TEMP TABLE kept AS
    SELECT account, username, username_key, email, email_key, is_password, pass_hash, created,
           starting_cash, boot, sequence, worker, email_owner
    FROM accounts;
DROP TABLE accounts;
CREATE TABLE accounts (
    account       INTEGER PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL UNIQUE,
    -- NULL: none.
    email         TEXT,
    -- As of 0006. NULL with email.
    email_key     TEXT    UNIQUE CHECK ((email IS NULL) = (email_key IS NULL)),
    is_password   INTEGER NOT NULL CHECK (is_password IN (0, 1)),
    -- bcrypt hash. NULL: no login by password.
    pass_hash     TEXT    CHECK (is_password = (pass_hash IS NOT NULL)),
    created       INTEGER NOT NULL,
    -- First cash of the account, with which its ledger begins.
    starting_cash INTEGER NOT NULL CHECK (starting_cash >= 0),
    -- Link message that registered the account: a repetition of the message finds its own account.
    boot          BLOB    NOT NULL,
    sequence      INTEGER NOT NULL,
    -- NULL in rows that are older than 0003.
    worker        BLOB,
    -- As of 0006.
    email_owner   INTEGER REFERENCES accounts (account),
    -- 0 active, 1 locked by an administrator, 2 deleted.
    state         INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2)
) STRICT;
INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash,
                      created, starting_cash, boot, sequence, worker, email_owner)
    SELECT account, username, username_key, email, email_key, pass_hash IS NOT NULL, pass_hash,
           created, starting_cash, boot, sequence, worker, email_owner
    FROM kept;
DROP TABLE kept;
-- The costs of the hashes, $2b$12$…: the start asks for the highest.
CREATE INDEX accounts_cost ON accounts (substr(pass_hash, 5, 2));

-- Written by auth. How the login was made: password, or a provider's name.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
-- The name of a token; NULL: the session was made by a login.
ALTER TABLE sessions ADD COLUMN token TEXT;
-- What a token allows: 1 reading, 2 orders too. 2 for the session of a login.
ALTER TABLE sessions ADD COLUMN scope INTEGER NOT NULL DEFAULT 2 CHECK (scope IN (1, 2));
-- Whether a token was used from another neighbourhood than the one that made it.
ALTER TABLE sessions ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0 CHECK (elsewhere IN (0, 1));
-- Where it was last used, at last_used. NULL: where it was made.
ALTER TABLE sessions ADD COLUMN last_client TEXT;
ALTER TABLE sessions ADD COLUMN last_worker BLOB CHECK (length(last_worker) = 16);
CREATE UNIQUE INDEX sessions_token ON sessions (account, token) WHERE token IS NOT NULL;

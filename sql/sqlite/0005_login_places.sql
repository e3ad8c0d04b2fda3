-- Written by auth, with each session: from where an account has logged in, so that strangers who
-- guess its password do not keep its owner out there. At most 16 for an account, for 30 days.
CREATE TABLE login_places (
    -- SHA-256 of the name's key, the worker and the client's neighbourhood.
    place   BLOB    PRIMARY KEY CHECK (length(place) = 32),
    account INTEGER NOT NULL REFERENCES accounts (account),
    -- Time of the last login from there.
    last    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_places_account ON login_places (account, last);
CREATE INDEX login_places_last ON login_places (last);

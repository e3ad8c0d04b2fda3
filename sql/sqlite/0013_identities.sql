-- With whom people sign in beside their passwords (3.1.3). Written by auth.
CREATE TABLE identities (
    -- The provider's issuer identifier and the person's subject there, byte by byte: together they
    -- are one account's at most. A subject is never given to another person.
    issuer  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (account),
    -- When it was linked, or registered (wall time, in milliseconds).
    linked  INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;
CREATE INDEX identities_account ON identities (account);

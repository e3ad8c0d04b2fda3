-- What administrators did with an account, each in the commit that did it, for its owner and other
-- administrators to read (3.1.3). Written by auth and by transactions. An account keeps its latest
-- 100, and none once it is deleted. What was done before 0018 is not there.
CREATE TABLE acts (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (account),
    at INTEGER NOT NULL,                  -- ms since 1970
    act TEXT NOT NULL,                    -- a word
    caller TEXT NOT NULL,                 -- the user of the machine who asked
    detail TEXT NOT NULL                  -- what came of it
) STRICT;
CREATE INDEX acts_account ON acts (account, number);

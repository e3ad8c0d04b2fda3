-- Written by storage at each start of the master: what the rows of the other tables depend on. Names are
-- `currency`, `providers` (words, joined by commas) and `replay-start` (a time, of a replay alone). An
-- older database has none until its next start.
CREATE TABLE deployment_facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Written by auth. The workers beside the one that made it which have used a session or have asked
-- about it, so that it can be ended when one of them is no longer trusted. 16 zero bytes stand for
-- any worker, where there were too many to name.
CREATE TABLE session_workers (
    hash   BLOB NOT NULL REFERENCES sessions (hash) ON DELETE CASCADE,
    worker BLOB NOT NULL CHECK (length(worker) = 16),
    PRIMARY KEY (hash, worker)
) STRICT, WITHOUT ROWID;

-- The running processes on this database, as each says of itself every few seconds. Instants are of the
-- database's clock. A node that stops takes its row along; that of one that was killed stays for some days.
CREATE TABLE nodes (
    node                 TEXT PRIMARY KEY,
    version              TEXT NOT NULL,
    address              TEXT NOT NULL,
    started_at           BIGINT NOT NULL,
    seen_at              BIGINT NOT NULL,
    control_position     BIGINT NOT NULL,
    -- How long the last entry of the control log, and the slowest since the start, took to be in force.
    propagation_us       BIGINT,
    propagation_worst_us BIGINT,
    journal_segments     BIGINT NOT NULL,
    journal_events       BIGINT NOT NULL,
    redis                TEXT NOT NULL
);

-- When the entry was written, by the database's clock, which all nodes share: the time until an entry is
-- in force is measured from here. NULL in entries of earlier versions.
ALTER TABLE control_log ADD COLUMN written_at BIGINT;

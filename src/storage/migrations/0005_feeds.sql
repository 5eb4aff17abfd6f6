-- How an import went: full or incremental; running, done, sweeping, held, approved or rejected.
ALTER TABLE imports ADD COLUMN mode TEXT NOT NULL DEFAULT 'incremental';
ALTER TABLE imports ADD COLUMN format TEXT NOT NULL DEFAULT 'ndjson';
ALTER TABLE imports ADD COLUMN status TEXT NOT NULL DEFAULT 'done';
ALTER TABLE imports ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN held BIGINT NOT NULL DEFAULT 0;

-- The first refused rows of an import.
CREATE TABLE import_faults (
    import_id TEXT NOT NULL,
    number    BIGINT NOT NULL,
    line      BIGINT NOT NULL,
    field     TEXT NOT NULL,
    value     TEXT NOT NULL,
    code      TEXT NOT NULL,
    message   TEXT NOT NULL,
    PRIMARY KEY (import_id, number)
);

-- What a full import under way has named, and the stores that it speaks of (offers, stock).
CREATE TABLE feed_marks (
    import_id TEXT NOT NULL,
    key       TEXT NOT NULL,
    PRIMARY KEY (import_id, key)
);
CREATE TABLE feed_scopes (
    import_id TEXT NOT NULL,
    scope     TEXT NOT NULL,
    PRIMARY KEY (import_id, scope)
);

-- What a full import did not name and what is therefore to be deleted, at once or after approval.
CREATE TABLE import_deletions (
    import_id TEXT NOT NULL,
    key       TEXT NOT NULL,
    PRIMARY KEY (import_id, key)
);
CREATE INDEX import_deletions_key ON import_deletions (key);

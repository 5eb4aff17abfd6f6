-- Up to where the change log was pruned: who stands below it must start from a snapshot.
INSERT INTO log_heads (log, position) VALUES ('change_floor', 0);

-- Snapshots for everybody and exports for one app. `day` is the local date of a daily snapshot: of
-- several nodes the one that inserts the row writes the files. `request` and `manifest` are JSON.
CREATE TABLE exports (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    day         TEXT UNIQUE,
    app_id      TEXT,
    status      TEXT NOT NULL,
    node        TEXT NOT NULL,
    request     TEXT NOT NULL,
    position    BIGINT,
    manifest    TEXT,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX exports_kind ON exports (kind, status, created_at);
-- One export of an app at a time.
CREATE UNIQUE INDEX exports_one_for_each_app ON exports (app_id) WHERE status IN ('queued', 'running');

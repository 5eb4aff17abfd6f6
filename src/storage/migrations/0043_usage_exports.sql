-- Exports of billing periods: which one takes the place of which, and the names that stand in those of closed periods.

-- Exports that were written, each of one layout and period, for one partner or app or for all (an empty text). An export
-- whose root is another than that of the one before supersedes it.
CREATE TABLE usage_exports (
    number      BIGINT PRIMARY KEY,
    export_id   TEXT NOT NULL UNIQUE,
    layout      TEXT NOT NULL,
    period_id   TEXT NOT NULL,
    partner_id  TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    merkle_root TEXT NOT NULL,
    made_at     BIGINT NOT NULL
);
CREATE INDEX usage_exports_of ON usage_exports (period_id, layout, partner_id, app_id, number);

-- What partners, apps and the retailer were called when a closed period was exported first: it is exported under these names
-- for ever, so that its rows stay the same.
CREATE TABLE billing_names (
    period_id  TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (period_id, subject_id)
);

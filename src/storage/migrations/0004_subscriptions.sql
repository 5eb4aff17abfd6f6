-- What partners want to be told, and where. `events` are words with spaces between, `filter` is JSON,
-- `position` is how far the change log was read for it. Secrets are not stored: they follow from the
-- pepper, the id and `generation`.
CREATE TABLE subscriptions (
    id             TEXT PRIMARY KEY,
    app_id         TEXT NOT NULL,
    url            TEXT NOT NULL,
    description    TEXT,
    events         TEXT NOT NULL,
    filter         TEXT NOT NULL,
    status         TEXT NOT NULL,
    status_reason  TEXT,
    position       BIGINT NOT NULL,
    generation     BIGINT NOT NULL,
    previous_until BIGINT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX subscriptions_app ON subscriptions (app_id, id);

-- One message each: an entry of the change log for a subscription.
CREATE TABLE deliveries (
    id               TEXT PRIMARY KEY,
    subscription_id  TEXT NOT NULL,
    position         BIGINT NOT NULL,
    event            TEXT NOT NULL,
    payload          TEXT NOT NULL,
    status           TEXT NOT NULL,
    attempts         BIGINT NOT NULL,
    next_attempt_at  BIGINT NOT NULL,
    response_status  BIGINT,
    error            TEXT,
    duration_ms      BIGINT,
    created_at       BIGINT NOT NULL,
    finished_at      BIGINT
);
CREATE UNIQUE INDEX deliveries_of ON deliveries (subscription_id, position);
CREATE INDEX deliveries_due ON deliveries (status, next_attempt_at);
CREATE INDEX deliveries_finished ON deliveries (finished_at);

-- What one node of several does at a time, and until when it may.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    node       TEXT NOT NULL,
    held_until BIGINT NOT NULL
);

-- Billing: what periods were closed, and the statements that were frozen with them.

-- Each close, a chain: `hash` covers the close, its statements and the hash before it. `position` is the last of the
-- ledger that counts in it. `exceptions` is a JSON list: what was missing when two people closed it all the same.
CREATE TABLE billing_closes (
    number     BIGINT PRIMARY KEY,
    period_id  TEXT NOT NULL UNIQUE,
    starts_at  BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    time_zone  TEXT NOT NULL,
    position   BIGINT NOT NULL,
    closed_at  BIGINT NOT NULL,
    closed_by  TEXT NOT NULL,
    exceptions TEXT NOT NULL,
    statements BIGINT NOT NULL,
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL,
    CHECK (starts_at < ends_at)
);

-- What an app owes for a closed period in one currency. `document` is the whole of it, as JSON in one form; `digest`
-- is its SHA-256.
CREATE TABLE statements (
    id         TEXT PRIMARY KEY,
    period_id  TEXT NOT NULL,
    partner_id TEXT NOT NULL,
    app_id     TEXT NOT NULL,
    currency   TEXT NOT NULL,
    starts_at  BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    total      TEXT NOT NULL,
    document   TEXT NOT NULL,
    digest     TEXT NOT NULL,
    UNIQUE (period_id, partner_id, app_id, currency)
);
CREATE INDEX statements_of_app ON statements (app_id, ends_at);
CREATE INDEX statements_of_partner ON statements (partner_id, ends_at);

-- Whose an app was until it was given to the next. The present owner stands in `apps`.
CREATE TABLE app_past_owners (
    app_id     TEXT NOT NULL REFERENCES apps (id),
    until_at   BIGINT NOT NULL,
    partner_id TEXT NOT NULL,
    PRIMARY KEY (app_id, until_at)
);

-- From when on the prices of a version hold for who is on the plan: `next_period`, or `now`.
ALTER TABLE plan_versions ADD COLUMN prices_from TEXT NOT NULL DEFAULT 'next_period';

-- Subscriptions of an app to a plan, with their history. A row has `starts_at` once it is approved, until
-- then `wanted_at` says when it should start. Those with `starts_at` are one chain without gap or overlap, and
-- the schema holds it so: each ends where exactly one other starts, and one has no end.
CREATE TABLE app_subscriptions (
    id           TEXT PRIMARY KEY,
    app_id       TEXT NOT NULL REFERENCES apps (id),
    number       BIGINT NOT NULL,
    plan_id      TEXT NOT NULL REFERENCES plans (id),
    state        TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    wanted_at    BIGINT,
    decided_by   TEXT,
    decided_at   BIGINT,
    reason       TEXT,
    starts_at    BIGINT,
    ends_at      BIGINT,
    UNIQUE (app_id, number),
    UNIQUE (app_id, starts_at),
    UNIQUE (app_id, ends_at),
    CHECK (ends_at IS NULL OR (starts_at IS NOT NULL AND starts_at < ends_at)),
    CHECK ((starts_at IS NULL) = (state IN ('requested', 'rejected', 'cancelled'))),
    FOREIGN KEY (app_id, ends_at) REFERENCES app_subscriptions (app_id, starts_at)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX app_subscriptions_open ON app_subscriptions (app_id)
    WHERE starts_at IS NOT NULL AND ends_at IS NULL;
CREATE INDEX app_subscriptions_by_state ON app_subscriptions (state, id);

-- What an app was on so far is its first subscription. The column stays as what it was made with: the plan
-- in force is that of the subscription in force.
INSERT INTO app_subscriptions
    (id, app_id, number, plan_id, state, requested_by, requested_at, decided_by, decided_at, starts_at)
SELECT 'aps_' || SUBSTR(id, 5), id, 1, plan_id, 'active', 'migration', created_at, 'migration', created_at,
    created_at
FROM apps;
ALTER TABLE apps RENAME COLUMN plan_id TO first_plan_id;

-- How a plan is offered to those who ask for it: `auto`, `manual` or `closed`, and whether it is listed.
-- A plan without a row is `manual` and not listed.
CREATE TABLE plan_offers (
    plan_id     TEXT PRIMARY KEY REFERENCES plans (id),
    approval    TEXT NOT NULL,
    listed      BOOLEAN NOT NULL,
    description TEXT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- What is frozen, by the id of the partner, app or key. Its own status stays as it is.
CREATE TABLE freezes (
    id          TEXT PRIMARY KEY,
    reason      TEXT NOT NULL,
    tell_caller BOOLEAN NOT NULL,
    frozen_by   TEXT NOT NULL,
    frozen_at   BIGINT NOT NULL
);

-- What is agreed with a partner. `contacts` and `contract` are JSON; the instants between which the
-- contract holds follow from its dates and its time zone.
ALTER TABLE partners ADD COLUMN external_ref TEXT;
ALTER TABLE partners ADD COLUMN contacts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE partners ADD COLUMN contract TEXT;
ALTER TABLE partners ADD COLUMN contract_from BIGINT;
ALTER TABLE partners ADD COLUMN contract_until BIGINT;
CREATE UNIQUE INDEX partners_external_ref ON partners (external_ref);

-- Notes of the retailer's people about a partner, never changed.
CREATE TABLE partner_notes (
    partner_id TEXT NOT NULL REFERENCES partners (id),
    number     BIGINT NOT NULL,
    author     TEXT NOT NULL,
    body       TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (partner_id, number)
);

-- Applications of who wants to become a partner. The links in their mails are signed and stored nowhere.
CREATE TABLE applications (
    id           TEXT PRIMARY KEY,
    state        TEXT NOT NULL,
    organisation TEXT NOT NULL,
    contact_name TEXT NOT NULL,
    email        TEXT NOT NULL,
    language     TEXT,
    app_name     TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    plan_id      TEXT NOT NULL REFERENCES plans (id),
    reason       TEXT,
    partner_id   TEXT REFERENCES partners (id),
    app_id       TEXT REFERENCES apps (id),
    key_id       TEXT REFERENCES keys (id),
    decided_by   TEXT,
    decided_at   BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX applications_by_state ON applications (state, id);
CREATE INDEX applications_by_email ON applications (email, created_at);

-- Mails that wait to be sent. What they say is put together when they are sent.
CREATE TABLE outbox (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at    BIGINT
);
CREATE INDEX outbox_waiting ON outbox (sent_at, created_at);

-- What partners are told of consents, as security event tokens (RFC 8417): where each app takes them, what was told, and
-- what partners have to delete. Nothing of it names a customer.
-- Up to which place of the ledger of consents partners were told.
INSERT INTO log_heads (log, position) VALUES ('consent_told', 0);

-- Where an app takes what it is told; one without a row asks for it.
CREATE TABLE partner_event_endpoints (
    app_id TEXT PRIMARY KEY,
    url    TEXT NOT NULL,
    set_at BIGINT NOT NULL
);

-- What an app is told. `source` is what it tells of, so that nothing is told twice. What is `pending` is posted, and what
-- waits in vain for too long, or has nowhere to go, is `queued` until the app asks; `taken` and `refused` have ended.
CREATE TABLE partner_events (
    jti        TEXT PRIMARY KEY,
    source     TEXT NOT NULL UNIQUE,
    app_id     TEXT NOT NULL,
    grant_id   TEXT NOT NULL REFERENCES consents (id),
    kind       TEXT NOT NULL,
    claims     TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    status     TEXT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    next_at    BIGINT NOT NULL,
    push_until BIGINT NOT NULL,
    answer     BIGINT,
    error      TEXT,
    ended_at   BIGINT
);
CREATE INDEX partner_events_due ON partner_events (next_at) WHERE status = 'pending';
CREATE INDEX partner_events_open ON partner_events (app_id, made_at, jti) WHERE status IN ('pending', 'queued');
CREATE INDEX partner_events_of_consent ON partner_events (grant_id, made_at);

-- What a partner has to delete, and what it says that it has.
CREATE TABLE consent_deletions (
    grant_id     TEXT PRIMARY KEY REFERENCES consents (id),
    app_id       TEXT NOT NULL,
    asked_at     BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    reminded_at  BIGINT,
    confirmed_at BIGINT,
    deleted_at   BIGINT,
    records      BIGINT
);
CREATE INDEX consent_deletions_open ON consent_deletions (due_at) WHERE confirmed_at IS NULL;

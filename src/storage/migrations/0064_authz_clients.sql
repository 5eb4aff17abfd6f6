-- What is registered of an app that asks customers for their data. The secrets and public keys that it proves itself with
-- are those of its OAuth clients, in `key_secrets`.
CREATE TABLE authz_clients (
    app_id         TEXT PRIMARY KEY REFERENCES apps (id),
    -- Whose it was when it was registered: what customers agreed to is between them and this partner.
    partner_id     TEXT NOT NULL REFERENCES partners (id),
    auth           TEXT NOT NULL,
    profile        TEXT NOT NULL,
    -- Whether it runs on the customer's device, and may have addresses there.
    native         BOOLEAN NOT NULL,
    legal_name     TEXT NOT NULL,
    contact        TEXT NOT NULL,
    privacy_url    TEXT NOT NULL,
    suspended_by   TEXT,
    suspended_at   BIGINT,
    suspended_for  TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- What it asks for, a row for each scope and each address to send customers back to, and what was decided about it. Only
-- what is approved counts.
CREATE TABLE authz_client_asks (
    app_id     TEXT NOT NULL REFERENCES authz_clients (app_id),
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    state      TEXT NOT NULL,
    asked_by   TEXT NOT NULL,
    asked_at   BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    reason     TEXT,
    PRIMARY KEY (app_id, kind, value)
);
CREATE INDEX authz_client_asks_open ON authz_client_asks (app_id) WHERE state = 'asked';

-- Up to which version purposes and notices are withdrawn: nobody is shown those any more. The documents stay, for the
-- consents that were given to them. `client_id` is empty of notices.
CREATE TABLE consent_words_withdrawn (
    kind         TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    id           TEXT NOT NULL,
    version      BIGINT NOT NULL,
    withdrawn_by TEXT NOT NULL,
    withdrawn_at BIGINT NOT NULL,
    reason       TEXT NOT NULL,
    PRIMARY KEY (kind, client_id, id, version)
);

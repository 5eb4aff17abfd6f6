-- What customers let partners read: who they are to the ledger, their consents, the words of these, and the ledger that
-- proves them. Hashes are 64 hexadecimal digits, ids of consents UUIDs, sets of words have spaces between.
INSERT INTO log_heads (log, position) VALUES ('consent', 0);

-- Customers of whom something was asked: the key that makes the reference of them, and proves that it is theirs. Whoever
-- deletes the row has forgotten the customer: what the ledger says of the reference stays, and leads to nobody.
CREATE TABLE consent_subjects (
    customer    TEXT PRIMARY KEY,
    subject_ref TEXT NOT NULL UNIQUE,
    subject_key TEXT NOT NULL,
    made_at     BIGINT NOT NULL
);

-- The `sub` that the partners of a sector know a customer by.
CREATE TABLE consent_subs (
    sector      TEXT NOT NULL,
    subject_ref TEXT NOT NULL REFERENCES consent_subjects (subject_ref) ON DELETE CASCADE,
    sub         TEXT NOT NULL UNIQUE,
    made_at     BIGINT NOT NULL,
    PRIMARY KEY (sector, subject_ref)
);
CREATE INDEX consent_subs_of_subject ON consent_subs (subject_ref);

-- The words that customers agree to, a row for each version. A row never changes: `hash` is its document's address.
CREATE TABLE consent_purposes (
    client_id  TEXT NOT NULL,
    purpose_id TEXT NOT NULL,
    version    BIGINT NOT NULL,
    hash       TEXT NOT NULL,
    document   TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (client_id, purpose_id, version)
);
CREATE INDEX consent_purposes_by_hash ON consent_purposes (hash);
CREATE TABLE consent_notices (
    notice_id TEXT NOT NULL,
    version   BIGINT NOT NULL,
    hash      TEXT NOT NULL,
    document  TEXT NOT NULL,
    made_at   BIGINT NOT NULL,
    PRIMARY KEY (notice_id, version)
);
CREATE INDEX consent_notices_by_hash ON consent_notices (hash);

-- Each consent as its current version stands: all that nodes keep in memory to decide by, and what a move is made from.
-- `seq` is the place in the ledger of what was written of it last, by which nodes follow. `sub` is NULL once the customer
-- is forgotten.
CREATE TABLE consents (
    id            TEXT PRIMARY KEY,
    client_id     TEXT NOT NULL,
    partner_id    TEXT NOT NULL,
    subject_ref   TEXT NOT NULL,
    sub           TEXT,
    seq           BIGINT NOT NULL UNIQUE,
    version       BIGINT NOT NULL,
    status        TEXT NOT NULL,
    suspended_for TEXT NOT NULL,
    tokens_since  BIGINT,
    scopes        TEXT NOT NULL,
    excluded      TEXT NOT NULL,
    let_in        TEXT NOT NULL,
    access        TEXT NOT NULL,
    history_from  BIGINT,
    starts_at     BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    erased_at     BIGINT
);
CREATE INDEX consents_of_subject ON consents (subject_ref, id);
CREATE INDEX consents_of_client ON consents (client_id, id);
CREATE INDEX consents_ending ON consents (expires_at) WHERE status IN ('pending', 'active', 'suspended');

-- All versions of each consent. `record` is the whole of one as JSON, but its receipt, which is signed later.
CREATE TABLE consent_versions (
    grant_id    TEXT NOT NULL REFERENCES consents (id),
    version     BIGINT NOT NULL,
    record      TEXT NOT NULL,
    receipt_jws TEXT,
    PRIMARY KEY (grant_id, version)
);

-- The ledger, never changed: a chain, in which `entry_hash` covers place, time, payload and the hash before.
CREATE TABLE consent_events (
    seq          BIGINT PRIMARY KEY,
    grant_id     TEXT NOT NULL REFERENCES consents (id),
    version      BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    actor        TEXT NOT NULL,
    at_ms        BIGINT NOT NULL,
    payload      TEXT NOT NULL,
    payload_hash TEXT NOT NULL,
    prev_hash    TEXT NOT NULL,
    entry_hash   TEXT NOT NULL
);
CREATE INDEX consent_events_of_consent ON consent_events (grant_id, seq);

-- Places of the ledger with their hashes, as they were signed and published.
CREATE TABLE consent_checkpoints (
    seq        BIGINT PRIMARY KEY,
    entry_hash TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    signed_at  BIGINT NOT NULL,
    jws        TEXT NOT NULL
);

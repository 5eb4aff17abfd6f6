-- The audit log is a chain: `hash` is over an entry and the hash of the one before. Null until the entry
-- is chained: those of before this migration are at the first start, later ones when they are written.
-- What an engine can do against changes is in storage/dialect.rs.
ALTER TABLE audit_log ADD COLUMN hash TEXT;
CREATE INDEX audit_log_unchained ON audit_log (position) WHERE hash IS NULL;
-- The log has positions of its own from here on: it also holds what nodes need not follow.
INSERT INTO log_heads (log, position) SELECT 'audit', COALESCE(MAX(position), 0) FROM audit_log;

-- Roles are words joined by commas. Tokens of before could do everything. `person` is the account behind a
-- token: that of whoever made it, or that of the token with which it was made; empty where there is none.
ALTER TABLE admin_tokens ADD COLUMN roles TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE admin_tokens ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE admin_tokens ADD COLUMN expires_at BIGINT;
ALTER TABLE admin_tokens ADD COLUMN last_used_at BIGINT;

-- People of the admin API. Either `login` and `password` (Argon2id, PHC string), or the subject at an OpenID
-- provider. The secret of the one-time codes follows from the pepper and `totp` (0: none);
-- `totp_pending` is one that is yet to be confirmed, `totp_step` the last time step that was used.
CREATE TABLE accounts (
    id              TEXT PRIMARY KEY,
    login           TEXT UNIQUE,
    issuer          TEXT,
    subject         TEXT,
    name            TEXT NOT NULL,
    roles           TEXT NOT NULL,
    status          TEXT NOT NULL,
    password        TEXT,
    must_change     BOOLEAN NOT NULL,
    totp            BIGINT NOT NULL,
    totp_pending    BIGINT NOT NULL,
    totp_step       BIGINT NOT NULL,
    last_login_at   BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
-- Codes that take the place of a one-time code, each once. Keyed BLAKE3 in hex.
CREATE TABLE account_recovery_codes (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    hash       TEXT NOT NULL,
    PRIMARY KEY (account_id, hash)
);
-- Addresses from which somebody has come in to an account: guessing from elsewhere does not lock them out.
CREATE TABLE account_addresses (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    address    TEXT NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);
-- Logins begun and not yet succeeded, in a row, by what they are counted for.
CREATE TABLE login_attempts (
    counted  TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX login_attempts_last ON login_attempts (last_at);
-- Sessions of accounts. `hash` is that of the cookie, keyed BLAKE3 in hex.
CREATE TABLE admin_sessions (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    hash       TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX admin_sessions_account ON admin_sessions (account_id);

-- Actions that wait for a second person. `payload` is what will be done, to the byte.
CREATE TABLE approvals (
    id           TEXT PRIMARY KEY,
    action       TEXT NOT NULL,
    payload      TEXT NOT NULL,
    preview      TEXT NOT NULL,
    status       TEXT NOT NULL,
    asked_by     TEXT NOT NULL,
    asked_person TEXT NOT NULL,
    asked_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    decided_by   TEXT,
    decided_at   BIGINT,
    reason       TEXT
);

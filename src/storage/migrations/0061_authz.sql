-- What the authorization server keeps. Codes, references and refresh tokens are known by their SHA-256 in base64url; of
-- private keys there is nothing here. Rows that lead to a customer go with the name that the partner knows them by.

-- Pushed authorization requests (RFC 9126). The request is sealed: it may say who the customer is (`login_hint`).
CREATE TABLE authz_requests (
    hash       TEXT PRIMARY KEY,
    request    BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When the customer has decided about it: once.
    decided_at BIGINT
);
CREATE INDEX authz_requests_by_expiry ON authz_requests (expires_at);

-- Authorization codes. One that was used stays for a while, so that a second use is seen.
CREATE TABLE authz_codes (
    hash         TEXT PRIMARY KEY,
    client_id    TEXT NOT NULL,
    profile      TEXT NOT NULL,
    -- Thumbprint of the key that it is bound to.
    key_jkt      TEXT,
    -- The consent, its version then, the partner's app and the customer.
    grant_id     TEXT NOT NULL,
    version      BIGINT NOT NULL,
    app_id       TEXT NOT NULL,
    sub          TEXT NOT NULL REFERENCES consent_subs (sub) ON DELETE CASCADE,
    issued_at    BIGINT NOT NULL,
    -- How the customer had logged in; `auth_time` in seconds.
    auth_time    BIGINT NOT NULL,
    acr          TEXT,
    redirect_uri TEXT NOT NULL,
    challenge    TEXT NOT NULL,
    nonce        TEXT,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX authz_codes_by_expiry ON authz_codes (expires_at);
CREATE INDEX authz_codes_of_consent ON authz_codes (grant_id);
CREATE INDEX authz_codes_of_client ON authz_codes (client_id);
CREATE INDEX authz_codes_of_sub ON authz_codes (sub);

-- Refresh tokens that work. One that is revoked is not here any more. A code gives one at most.
CREATE TABLE authz_refresh_tokens (
    hash      TEXT PRIMARY KEY,
    code_hash TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    profile   TEXT NOT NULL,
    key_jkt   TEXT,
    grant_id  TEXT NOT NULL,
    version   BIGINT NOT NULL,
    app_id    TEXT NOT NULL,
    sub       TEXT NOT NULL REFERENCES consent_subs (sub) ON DELETE CASCADE,
    issued_at BIGINT NOT NULL,
    auth_time BIGINT NOT NULL,
    acr       TEXT,
    used_at   BIGINT NOT NULL
);
CREATE INDEX authz_refresh_tokens_idle ON authz_refresh_tokens (used_at);
CREATE INDEX authz_refresh_tokens_of_consent ON authz_refresh_tokens (grant_id);
CREATE INDEX authz_refresh_tokens_of_client ON authz_refresh_tokens (client_id);
CREATE INDEX authz_refresh_tokens_of_sub ON authz_refresh_tokens (sub);

-- Proofs of keys (DPoP) that were used, until they end by themselves: none is taken twice, on no node. Assertions of
-- clients are in `oauth_assertions`.
CREATE TABLE authz_proofs (
    hash       TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX authz_proofs_end ON authz_proofs (expires_at);

-- The public halves of the keys that tokens and evidence are signed with, and their instants. The private ones are derived
-- from the pepper and the generation, and stored nowhere.
CREATE TABLE authz_keys (
    signs        TEXT NOT NULL,
    generation   BIGINT NOT NULL,
    kid          TEXT NOT NULL UNIQUE,
    public       TEXT NOT NULL,
    active_from  BIGINT NOT NULL,
    withdrawn_at BIGINT,
    made_at      BIGINT NOT NULL,
    PRIMARY KEY (signs, generation)
);

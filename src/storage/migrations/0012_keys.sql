-- `kind`: `key`, or `client` for an OAuth client, whose access tokens are answered as keys are.
-- `version` counts the changes of a key. Access tokens that were issued before `tokens_from` work no more.
ALTER TABLE keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'key';
ALTER TABLE keys ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE keys ADD COLUMN tokens_from BIGINT NOT NULL DEFAULT 0;

-- `form`: `text` (one of our texts, keyed BLAKE3 of it), `sha256` (a text of another gateway, keyed BLAKE3
-- of its SHA-256) or `jwk` (a client's public key, in `jwk`). `starts_at`: when a scheduled secret begins.
ALTER TABLE key_secrets ADD COLUMN form TEXT NOT NULL DEFAULT 'text';
ALTER TABLE key_secrets ADD COLUMN starts_at BIGINT;
ALTER TABLE key_secrets ADD COLUMN jwk TEXT;

CREATE INDEX keys_app ON keys (app_id);

-- Where secrets were found that should not be seen. `id` is a digest of key, secret and place, so that a
-- report that comes twice is one; no part of the secret but its hint is kept.
CREATE TABLE key_leaks (
    id       TEXT PRIMARY KEY,
    key_id   TEXT NOT NULL REFERENCES keys (id),
    hint     TEXT NOT NULL,
    type     TEXT NOT NULL,
    url      TEXT NOT NULL,
    source   TEXT NOT NULL,
    action   TEXT NOT NULL,
    found_at BIGINT NOT NULL
);
CREATE INDEX key_leaks_key ON key_leaks (key_id, found_at);

-- Client assertions that were used, until they end by themselves: none is taken twice, on no node.
CREATE TABLE oauth_assertions (
    hash       TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_assertions_end ON oauth_assertions (expires_at);

-- Where admin tokens were found that should not be seen, as `key_leaks` has it of keys. A token that was found is
-- `suspended`, until somebody resumes or revokes it.
CREATE TABLE admin_token_leaks (
    id       TEXT PRIMARY KEY,
    token_id TEXT NOT NULL REFERENCES admin_tokens (id),
    hint     TEXT NOT NULL,
    type     TEXT NOT NULL,
    url      TEXT NOT NULL,
    source   TEXT NOT NULL,
    action   TEXT NOT NULL,
    found_at BIGINT NOT NULL
);
CREATE INDEX admin_token_leaks_token ON admin_token_leaks (token_id, found_at);
CREATE INDEX admin_tokens_person ON admin_tokens (person);

-- The public halves of the keys that manifests of usage are signed with. The private ones are derived from the pepper and
-- stored nowhere. All stay published, so that old files can be checked; the newest signs.
CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    generation BIGINT NOT NULL UNIQUE,
    public     TEXT NOT NULL,
    made_at    BIGINT NOT NULL,
    retired_at BIGINT
);

-- When a key was last used, with any secret that it ever had: those that are over are forgotten. A table of its own,
-- so that nodes that store uses never wait for who changes keys, nor these for them.
CREATE TABLE key_uses (
    key_id       TEXT PRIMARY KEY REFERENCES keys (id),
    last_used_at BIGINT NOT NULL
);
INSERT INTO key_uses (key_id, last_used_at)
    SELECT key_id, MAX(last_used_at) FROM key_secrets WHERE last_used_at IS NOT NULL GROUP BY key_id;

-- Whether the rotation that made a secret was taken back: its holder is told to use the one before.
ALTER TABLE key_secrets ADD COLUMN taken_back BOOLEAN NOT NULL DEFAULT FALSE;

-- `told_at`: when people were told of a leak, or that they need not be; NULL while they are to be told.
ALTER TABLE key_leaks ADD COLUMN told_at BIGINT;
ALTER TABLE admin_token_leaks ADD COLUMN told_at BIGINT;
UPDATE key_leaks SET told_at = found_at;
UPDATE admin_token_leaks SET told_at = found_at;
CREATE INDEX key_leaks_untold ON key_leaks (found_at) WHERE told_at IS NULL;
CREATE INDEX admin_token_leaks_untold ON admin_token_leaks (found_at) WHERE told_at IS NULL;

-- Alerts tell of leaks too: with '' as `partner_id` where an admin token has leaked. Of an app and a kind at most one
-- runs, of those that run at all.
DROP INDEX alerts_running;
CREATE UNIQUE INDEX alerts_running ON alerts (app_id, kind)
    WHERE ended_at IS NULL AND kind NOT IN ('threshold', 'key_leaked', 'token_leaked');

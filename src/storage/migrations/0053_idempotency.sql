-- Writes that were sent with an `Idempotency-Key`: what was answered, for a day.
CREATE TABLE idempotency_keys (
    -- Keyed hash of app, environment and key: the key itself is not kept.
    key_hash     TEXT   NOT NULL PRIMARY KEY,
    -- Of method, address and body.
    request_hash TEXT   NOT NULL,
    -- When the key was first used, and when the call began that does the work, or did it.
    first_at     BIGINT NOT NULL,
    claimed_at   BIGINT NOT NULL,
    -- How often the work was begun: more than once where it was broken off.
    tries        BIGINT NOT NULL,
    -- Sealed; null while the work is being done.
    answer       BYTEA,
    -- The usage event of the call that did it.
    event_id     TEXT,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Calls that were answered with what an earlier one was answered with, by run and number of their usage events.
CREATE TABLE usage_replays (
    run       TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    -- The usage event of the call that did it.
    replay_of TEXT   NOT NULL,
    PRIMARY KEY (run, seq)
);

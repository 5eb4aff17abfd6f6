-- The sums by hour, counted again from the events once a day by one node: what came of it. `due_at` is when it was to begin;
-- `differences` counts what did not agree, and `first` is a JSON list of sentences about the first of them.
CREATE TABLE usage_recounts (
    due_at      BIGINT PRIMARY KEY,
    node        TEXT NOT NULL,
    begun_at    BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL,
    from_at     BIGINT NOT NULL,
    to_at       BIGINT NOT NULL,
    segments    BIGINT NOT NULL,
    events      BIGINT NOT NULL,
    hours       BIGINT NOT NULL,
    differences BIGINT NOT NULL,
    first       TEXT NOT NULL
);

-- Segments of the ledger in the order of time, for who replays them.
CREATE INDEX usage_segments_start ON usage_segments (min_at, position, max_at);

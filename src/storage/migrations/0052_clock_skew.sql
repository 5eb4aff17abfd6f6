-- How far a node's clock is ahead of the database's, in microseconds; below zero where it is behind.
ALTER TABLE nodes ADD COLUMN clock_skew_us BIGINT NOT NULL DEFAULT 0;

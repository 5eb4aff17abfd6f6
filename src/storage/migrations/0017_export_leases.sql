-- Until when a writer vouches for what it writes: what is running and not renewed was cut off.
ALTER TABLE exports ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;

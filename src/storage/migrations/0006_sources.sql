-- What each source of feeds is and how it was at the last look, as told by the node that looks.
CREATE TABLE feed_sources (
    name         TEXT PRIMARY KEY,
    -- From its settings; feeds and ids between spaces. Without feeds the settings cannot be read.
    feeds        TEXT NOT NULL,
    format       TEXT,
    mode         TEXT,
    address      TEXT,
    every_s      BIGINT,
    -- What is wrong with it now, who looked and when, and the file that is being imported.
    problem      TEXT,
    node         TEXT NOT NULL,
    looked_at    BIGINT NOT NULL,
    importing    TEXT,
    -- When somebody asked for a look that has not been done yet.
    asked_at     BIGINT,
    -- The last file: done, held or failed.
    last_file    TEXT,
    last_status  TEXT,
    last_error   TEXT,
    last_at      BIGINT,
    last_imports TEXT
);

-- With a store go its offers and its levels.
CREATE INDEX offers_store ON offers (store_id);
CREATE INDEX stock_levels_store ON stock_levels (store_id);

-- The days of UTC that the events of a closed period lie in: how many each has, and the root of the tree of hashes over
-- them. A close writes them with its evidence, whose root stands over them, so that the proof of one event reads the
-- events of its day alone. None of closes that were made before this was kept.
CREATE TABLE billing_close_days (
    period_id TEXT   NOT NULL,
    day       TEXT   NOT NULL,
    events    BIGINT NOT NULL,
    root      TEXT   NOT NULL,
    PRIMARY KEY (period_id, day)
);

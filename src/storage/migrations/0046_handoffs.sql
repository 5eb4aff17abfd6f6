-- Hand-off: what the systems of others are told of usage, and whether they have taken it.

-- How each of them is. `position` is the last close whose totals were noted; of a receiver of events, the number of the
-- last one that it has taken. `failures` is how often it failed since it last took something; it rests until `next_at`.
CREATE TABLE handoff_sinks (
    name        TEXT PRIMARY KEY,
    position    BIGINT NOT NULL,
    totalled_at BIGINT,
    failures    BIGINT NOT NULL DEFAULT 0,
    next_at     BIGINT NOT NULL DEFAULT 0,
    taken_at    BIGINT,
    answer      BIGINT,
    error       TEXT
);

-- Who an app, as long as it is a partner's, is there. One name for two of them would have totals replace each other.
CREATE TABLE handoff_customers (
    sink       TEXT NOT NULL,
    app_id     TEXT NOT NULL REFERENCES apps (id),
    partner_id TEXT NOT NULL REFERENCES partners (id),
    customer   TEXT NOT NULL,
    named_at   BIGINT NOT NULL,
    PRIMARY KEY (sink, app_id, partner_id),
    UNIQUE (sink, customer)
);

-- The newest total of a charge in a period. `stamp`, in seconds since 1970, is the time that it is told with; it rises
-- with each new total. It is stored before it is sent, so what is sent again is the same.
CREATE TABLE handoffs (
    id          TEXT PRIMARY KEY,
    sink        TEXT NOT NULL,
    period_id   TEXT NOT NULL,
    partner_id  TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    charge      TEXT NOT NULL,
    starts_at   BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    customer    TEXT NOT NULL,
    name        TEXT NOT NULL,
    total       TEXT NOT NULL,
    stamp       BIGINT NOT NULL,
    is_final    BOOLEAN NOT NULL,
    status      TEXT NOT NULL,
    decided_at  BIGINT NOT NULL,
    tries       BIGINT NOT NULL,
    answer      BIGINT,
    error       TEXT,
    taken_total TEXT,
    taken_at    BIGINT
);
CREATE INDEX handoffs_pending ON handoffs (sink, tries, stamp, id) WHERE status = 'pending';
CREATE INDEX handoffs_of_period ON handoffs (sink, period_id);

-- Adjustments: what two people have agreed to correct in what apps owe.

-- Never changed. `document` is the whole of it as JSON, and `digest` its SHA-256. `closed_until` is up to when the app's
-- periods were closed when it was made: what lies before is booked in the first open one, as a line (`books`); what lies
-- behind, up to `last_at`, changes what is counted there.
CREATE TABLE adjustments (
    id            TEXT PRIMARY KEY,
    operation_key TEXT NOT NULL UNIQUE,
    app_id        TEXT NOT NULL,
    partner_id    TEXT NOT NULL,
    closed_until  BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    books         BOOLEAN NOT NULL,
    reverses      TEXT UNIQUE REFERENCES adjustments (id),
    made_at       BIGINT NOT NULL,
    document      TEXT NOT NULL,
    digest        TEXT NOT NULL
);
CREATE INDEX adjustments_of_app ON adjustments (app_id, made_at);

-- The statements in which they were booked, written when these were frozen.
CREATE TABLE adjustment_bookings (
    adjustment_id TEXT NOT NULL REFERENCES adjustments (id),
    statement_id  TEXT NOT NULL REFERENCES statements (id),
    PRIMARY KEY (adjustment_id, statement_id)
);

-- The calls that an adjustment has taken out of the bill, each once unless that was reversed.
CREATE TABLE voided_events (
    event_id      TEXT NOT NULL,
    adjustment_id TEXT NOT NULL REFERENCES adjustments (id),
    PRIMARY KEY (event_id, adjustment_id)
);
CREATE INDEX voided_events_of ON voided_events (adjustment_id);

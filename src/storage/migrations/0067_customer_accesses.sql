-- What partners were told of customers, for the customers to read: a row for each answer with data, written before the
-- answer leaves, under the id of the event that bills it. It goes with the key of the customer.
CREATE TABLE customer_accesses (
    id          TEXT PRIMARY KEY,
    subject_ref TEXT NOT NULL REFERENCES consent_subjects (subject_ref) ON DELETE CASCADE,
    -- The consent, and its version then.
    grant_id    TEXT NOT NULL,
    version     BIGINT NOT NULL,
    partner_id  TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    operation   TEXT NOT NULL,
    -- Scopes by which fields were told, and the fields, with spaces between.
    scopes      TEXT NOT NULL,
    fields      TEXT NOT NULL,
    records     BIGINT NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX customer_accesses_of_subject ON customer_accesses (subject_ref, at, id);
CREATE INDEX customer_accesses_of_grant ON customer_accesses (grant_id, at, id);
CREATE INDEX customer_accesses_by_time ON customer_accesses (at);

-- Credits: what partners were given or have paid in advance, and what statements have drawn of it.

-- Never changed. `document` is the whole of it as JSON, and `digest` its SHA-256. `reference` is of who has asked: one
-- grant of a partner for each. `closes` is the number of the last close before it, 0 where there was none: with it, what a
-- close has drawn can be made again.
CREATE TABLE credit_grants (
    id         TEXT PRIMARY KEY,
    partner_id TEXT NOT NULL,
    app_id     TEXT,
    reference  TEXT,
    made_at    BIGINT NOT NULL,
    closes     BIGINT NOT NULL,
    document   TEXT NOT NULL,
    digest     TEXT NOT NULL,
    UNIQUE (partner_id, reference)
);
CREATE INDEX credit_grants_of_partner ON credit_grants (partner_id, made_at);

-- Grants of which nothing is drawn any more, and what was left of them. `closes` is as above.
CREATE TABLE credit_ends (
    grant_id TEXT PRIMARY KEY REFERENCES credit_grants (id),
    ended_at BIGINT NOT NULL,
    closes   BIGINT NOT NULL,
    ended_by TEXT NOT NULL,
    reason   TEXT NOT NULL,
    voided   TEXT NOT NULL
);

-- What frozen statements have drawn, written with them: a statement draws on a grant once.
CREATE TABLE credit_draws (
    grant_id     TEXT NOT NULL REFERENCES credit_grants (id),
    statement_id TEXT NOT NULL REFERENCES statements (id),
    amount       TEXT NOT NULL,
    PRIMARY KEY (grant_id, statement_id)
);
CREATE INDEX credit_draws_of_statement ON credit_draws (statement_id);

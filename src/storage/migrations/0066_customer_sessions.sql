-- Customers who have logged in at a provider of the retailer, on their way to a partner or to their own page. The text in
-- the browser is known by its SHA-256, and the provider's names for customer and session by theirs. Who forgets a customer
-- ends their sessions with them.
CREATE TABLE customer_sessions (
    hash         TEXT PRIMARY KEY,
    subject_ref  TEXT NOT NULL REFERENCES consent_subjects (subject_ref) ON DELETE CASCADE,
    provider     TEXT NOT NULL,
    provider_sub TEXT NOT NULL,
    provider_sid TEXT,
    -- In seconds, and in the provider's words.
    auth_time    BIGINT NOT NULL,
    acr          TEXT,
    -- Why the account cannot agree to anything; NULL where it can.
    barred       TEXT,
    -- The pushed request for which they have logged in, by its hash; NULL where it was for their own page.
    asked_by     TEXT,
    used_at      BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL
);
CREATE INDEX customer_sessions_of_subject ON customer_sessions (subject_ref);
CREATE INDEX customer_sessions_of_provider_sub ON customer_sessions (provider, provider_sub);
CREATE INDEX customer_sessions_of_provider_sid ON customer_sessions (provider, provider_sid);
CREATE INDEX customer_sessions_end ON customer_sessions (ends_at);

-- Up to which place of the ledger of consents a node knows all: a customer who stops a consent is told when all do.
ALTER TABLE nodes ADD COLUMN consent_position BIGINT NOT NULL DEFAULT -1;

-- Access tokens name the generation that they were issued in, and work for as long as it is the client's: nodes'
-- clocks need not agree on when the tokens of a secret ended.
ALTER TABLE keys ADD COLUMN token_generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keys DROP COLUMN tokens_from;

-- Applicants' addresses are the same in capitals.
DROP INDEX applications_by_email;
CREATE INDEX applications_by_email ON applications (LOWER(email), created_at);

-- What is withdrawn turns no more: it stood in this index for ever, and was read at each look for what is due.
DROP INDEX offers_turning;
CREATE INDEX offers_turning ON offers (turns_at) WHERE turns_at IS NOT NULL AND deleted_at IS NULL;

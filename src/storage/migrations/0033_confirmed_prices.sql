-- The newest instant of which an offer was told again as it is, or gone again: what is older changes nothing. NULL
-- where nothing was told since `as_of`.
ALTER TABLE offers ADD COLUMN confirmed_at BIGINT;

-- When a price was asked no longer although nothing followed it: its offer had ended or was withdrawn. NULL where the
-- next price of the offer ends it, or nothing has.
ALTER TABLE price_history ADD COLUMN ends_at BIGINT;

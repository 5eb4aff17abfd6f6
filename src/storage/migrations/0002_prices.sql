-- What else an offer says, and the reduction that it is in: since when, and the lowest price of the
-- 30 days before (Directive 98/6/EC, Art. 6a). Both are known from the next change of a price on.
ALTER TABLE offers ADD COLUMN eco_contribution BIGINT;
ALTER TABLE offers ADD COLUMN seller TEXT;
ALTER TABLE offers ADD COLUMN reduced_since BIGINT;
ALTER TABLE offers ADD COLUMN lowest_price_30d BIGINT;

-- Where a promotion stands, as the change log has told: upcoming, current or ended; NULL before.
ALTER TABLE promotions ADD COLUMN phase TEXT;

-- What the file of an import says that its format has no use for: names with a line for each.
ALTER TABLE imports ADD COLUMN unread TEXT NOT NULL DEFAULT '';

-- Offers that tell promotions, or name some that are not told: they are told anew when a promotion comes or goes.
CREATE INDEX offers_promoted ON offers (product_id)
    WHERE promotion_ids <> '' OR named_promotions IS NOT NULL;

-- Offers tell no promotion that is deleted; what their feed names stays in `named_promotions`. Ids have 15 characters and
-- a space between.
WITH RECURSIVE most (chars) AS (SELECT COALESCE(MAX(length(promotion_ids)), 0) FROM offers),
    place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place, most WHERE 16 * (n + 1) < most.chars)
INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at)
    SELECT h.position + ROW_NUMBER() OVER (ORDER BY o.product_id, o.store_id, o.channel), 'offer',
        o.product_id || '/' || o.store_id || '/' || o.channel, 'upsert', 'updated', o.version + 1,
        (SELECT COALESCE(MAX(occurred_at), 0) FROM change_log)
    FROM offers o, log_heads h
    WHERE h.log = 'change' AND o.deleted_at IS NULL AND o.price_type <> 'personal'
        AND EXISTS (SELECT 1 FROM place WHERE 16 * n < length(o.promotion_ids)
            AND substr(o.promotion_ids, 16 * n + 1, 15) IN (SELECT id FROM promotions WHERE deleted_at IS NOT NULL));
UPDATE log_heads SET position = position
    + (SELECT COUNT(*) FROM change_log c WHERE c.position > log_heads.position) WHERE log = 'change';
WITH RECURSIVE most (chars) AS (SELECT COALESCE(MAX(length(promotion_ids)), 0) FROM offers),
    place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place, most WHERE 16 * (n + 1) < most.chars)
UPDATE offers SET named_promotions = COALESCE(named_promotions, promotion_ids), version = version + 1,
    promotion_ids = COALESCE(
        (SELECT string_agg(substr(offers.promotion_ids, 16 * n + 1, 15), ' ' ORDER BY n) FROM place
         WHERE 16 * n < length(offers.promotion_ids) AND substr(offers.promotion_ids, 16 * n + 1, 15)
            NOT IN (SELECT id FROM promotions WHERE deleted_at IS NOT NULL)), '')
WHERE EXISTS (SELECT 1 FROM place WHERE 16 * n < length(offers.promotion_ids)
    AND substr(offers.promotion_ids, 16 * n + 1, 15) IN (SELECT id FROM promotions WHERE deleted_at IS NOT NULL));

-- A promotion of one customer is told to no partner: for them it is not there. `gone_at` is when partners saw
-- a promotion go, because it was deleted or became one customer's own; NULL where it is there, and where it
-- never was there for them.
ALTER TABLE promotions ADD COLUMN personal BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE promotions ADD COLUMN gone_at BIGINT;
UPDATE promotions SET personal = TRUE, version = version + 1 WHERE body LIKE '%"audience":"personal"%';
UPDATE promotions SET gone_at = deleted_at WHERE NOT personal;

-- What was told of them so far: messages and files go, entries too, and whoever has a copy hears once that it
-- is gone.
DELETE FROM deliveries WHERE position IN (SELECT position FROM change_log
    WHERE kind = 'promotion' AND id IN (SELECT id FROM promotions WHERE personal));
DELETE FROM exports WHERE EXISTS (SELECT 1 FROM promotions WHERE personal);
INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at)
    SELECT h.position + ROW_NUMBER() OVER (ORDER BY p.id), 'promotion', p.id, 'delete', 'deleted', p.version,
        (SELECT COALESCE(MAX(occurred_at), 0) FROM change_log)
    FROM promotions p, log_heads h
    WHERE h.log = 'change' AND p.personal
        AND (p.deleted_at IS NULL OR p.id IN (SELECT id FROM change_log WHERE kind = 'promotion'));
DELETE FROM change_log WHERE kind = 'promotion' AND id IN (SELECT id FROM promotions WHERE personal)
    AND position <= (SELECT position FROM log_heads WHERE log = 'change');
UPDATE log_heads SET position = position
    + (SELECT COUNT(*) FROM change_log c WHERE c.position > log_heads.position) WHERE log = 'change';

-- Offers tell those of the promotions that their feed names which are known and no customer's own; what the
-- feed names stands in `named_promotions` where that is more. Ids have 15 characters and a space between.
ALTER TABLE offers ADD COLUMN named_promotions TEXT;
WITH RECURSIVE most (chars) AS (SELECT COALESCE(MAX(length(promotion_ids)), 0) FROM offers),
    place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place, most WHERE 16 * (n + 1) < most.chars)
UPDATE offers SET named_promotions = promotion_ids, version = version + 1, promotion_ids = COALESCE(
    (SELECT string_agg(substr(offers.promotion_ids, 16 * n + 1, 15), ' ' ORDER BY n) FROM place
     WHERE 16 * n < length(offers.promotion_ids)
        AND substr(offers.promotion_ids, 16 * n + 1, 15) IN (SELECT id FROM promotions WHERE NOT personal)), '')
WHERE promotion_ids <> '' AND EXISTS (SELECT 1 FROM place
    WHERE 16 * n < length(offers.promotion_ids)
        AND substr(offers.promotion_ids, 16 * n + 1, 15) NOT IN (SELECT id FROM promotions WHERE NOT personal));
INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at)
    SELECT h.position + ROW_NUMBER() OVER (ORDER BY o.product_id, o.store_id, o.channel), 'offer',
        o.product_id || '/' || o.store_id || '/' || o.channel, 'upsert', 'updated', o.version,
        (SELECT COALESCE(MAX(occurred_at), 0) FROM change_log)
    FROM offers o, log_heads h
    WHERE h.log = 'change' AND o.named_promotions IS NOT NULL AND o.deleted_at IS NULL;
UPDATE log_heads SET position = position
    + (SELECT COUNT(*) FROM change_log c WHERE c.position > log_heads.position) WHERE log = 'change';
CREATE INDEX offers_keeping_back ON offers (product_id, store_id, channel) WHERE named_promotions IS NOT NULL;

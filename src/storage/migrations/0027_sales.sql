-- A sale beside the price of an offer: five numbers with spaces between, the price meanwhile, its unit price, the
-- first and the last instant, the lowest price of the 30 days before; `-` where there is none. `turns_at` is when
-- the price turns next because the sale begins or ends, as far as that is still to be told.
ALTER TABLE offers ADD COLUMN sale TEXT;
ALTER TABLE offers ADD COLUMN turns_at BIGINT;
CREATE INDEX offers_turning ON offers (turns_at) WHERE turns_at IS NOT NULL;

-- An offer of one customer is told to no partner: for them it is not there. What was told of it so far goes,
-- messages, files and the price that it has had last, and whoever has a copy hears once that it is gone.
DELETE FROM deliveries WHERE position IN (SELECT c.position FROM change_log c
    JOIN offers o ON c.id = o.product_id || '/' || o.store_id || '/' || o.channel
    WHERE c.kind = 'offer' AND o.price_type = 'personal');
DELETE FROM exports WHERE EXISTS (SELECT 1 FROM offers WHERE price_type = 'personal');
DELETE FROM price_history WHERE EXISTS (SELECT 1 FROM offers o
    WHERE o.product_id = price_history.product_id AND o.store_id = price_history.store_id
        AND o.channel = price_history.channel AND o.price_type = 'personal'
        AND o.price = price_history.price AND o.currency = price_history.currency)
    AND since = (SELECT MAX(l.since) FROM price_history l
        WHERE l.product_id = price_history.product_id AND l.store_id = price_history.store_id
            AND l.channel = price_history.channel);
UPDATE offers SET version = version + 1 WHERE price_type = 'personal' AND deleted_at IS NULL;
INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at)
    SELECT h.position + ROW_NUMBER() OVER (ORDER BY o.product_id, o.store_id, o.channel), 'offer',
        o.product_id || '/' || o.store_id || '/' || o.channel, 'delete', 'deleted', o.version,
        (SELECT COALESCE(MAX(occurred_at), 0) FROM change_log)
    FROM offers o, log_heads h
    WHERE h.log = 'change' AND o.price_type = 'personal' AND o.deleted_at IS NULL;
UPDATE log_heads SET position = position
    + (SELECT COUNT(*) FROM change_log c WHERE c.position > log_heads.position) WHERE log = 'change';

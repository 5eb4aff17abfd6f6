-- What the file of an import says that its format has no use for: names with a line for each.
ALTER TABLE imports ADD COLUMN unread TEXT NOT NULL DEFAULT '';
-- Offers that tell promotions, or name some that are not told: they are told anew when a promotion comes or goes.
CREATE INDEX offers_promoted ON offers (product_id)
    WHERE promotion_ids <> '' OR named_promotions IS NOT NULL;
DROP INDEX offers_keeping_back;

-- The key that made a subscription: its deliveries are metered as calls of this key. Empty for one that was
-- made before.
ALTER TABLE subscriptions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';

-- Until when a message is sent again at the most, and when it was first delivered: that is metered once,
-- however often it is sent again.
ALTER TABLE deliveries ADD COLUMN retry_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN first_delivered_at BIGINT;
UPDATE deliveries SET first_delivered_at = finished_at WHERE status = 'delivered';

-- What waits for a receiver is asked for all the time, whatever the log keeps beside it.
CREATE INDEX deliveries_waiting ON deliveries (subscription_id, status, position);
DROP INDEX deliveries_due;

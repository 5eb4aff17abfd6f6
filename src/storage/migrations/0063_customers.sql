-- Customers' data as it is read: purchases the newest first, what else is a customer's by its id. A list has a version, by
-- which two who change it at once are told.
DROP INDEX purchases_customer;
CREATE INDEX purchases_of_customer ON purchases (customer_id, ordered_at, id);
CREATE INDEX loyalty_accounts_of_customer ON loyalty_accounts (customer_id, id);
ALTER TABLE customer_lists ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX customer_lists_of_customer ON customer_lists (customer_id, id);

-- Promotions that are one customer's own. Those without an end have the last instant there is.
CREATE TABLE customer_promotions (
    id            TEXT PRIMARY KEY,
    customer_id   TEXT NOT NULL REFERENCES customers (id),
    valid_from    BIGINT NOT NULL,
    valid_through BIGINT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX customer_promotions_of_customer ON customer_promotions (customer_id, id);

-- Customers who were forgotten, so that no file brings them back: a hash of each one's id, and nothing else of them.
CREATE TABLE customers_forgotten (
    mark         TEXT PRIMARY KEY,
    forgotten_at BIGINT NOT NULL
);

-- Up to which close subscriptions of apps were told of their statements: one row. Closes from before are told to nobody.
CREATE TABLE closes_told (
    id     BIGINT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO closes_told (id, number) SELECT 1, COALESCE(MAX(number), 0) FROM billing_closes;

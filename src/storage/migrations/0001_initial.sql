-- Portable between SQLite and PostgreSQL: ids and enums TEXT, instants BIGINT microseconds UTC,
-- amounts BIGINT ten-thousandths, documents TEXT (JSON), booleans BOOLEAN; no auto-increment.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE log_heads (
    log      TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
INSERT INTO log_heads (log, position) VALUES ('change', 0), ('control', 0), ('stock', 0), ('usage', 0);

-- What changed in catalog data. `id` is the resource's id; for offers `product/store/channel`.
CREATE TABLE change_log (
    position    BIGINT PRIMARY KEY,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    op          TEXT NOT NULL,
    reason      TEXT,
    version     BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL
);

-- What changed in partners, apps, keys, plans and admin tokens, and who did it.
CREATE TABLE control_log (
    position    BIGINT PRIMARY KEY,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    op          TEXT NOT NULL,
    occurred_at BIGINT NOT NULL
);
CREATE TABLE audit_log (
    position    BIGINT PRIMARY KEY,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    detail      TEXT NOT NULL,
    occurred_at BIGINT NOT NULL
);

CREATE TABLE partners (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    status     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The current definition of a plan; every version that was ever in force stays in plan_versions.
CREATE TABLE plans (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE plan_versions (
    plan_id    TEXT NOT NULL REFERENCES plans (id),
    version    BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (plan_id, version)
);
CREATE TABLE apps (
    id         TEXT PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partners (id),
    plan_id    TEXT NOT NULL REFERENCES plans (id),
    name       TEXT NOT NULL,
    status     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (partner_id, name)
);
CREATE TABLE keys (
    id          TEXT PRIMARY KEY,
    app_id      TEXT NOT NULL REFERENCES apps (id),
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    cidrs       TEXT NOT NULL,
    status      TEXT NOT NULL,
    expires_at  BIGINT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
-- Secrets of a key, one or, during a rotation, two. `hash` is keyed BLAKE3 in hex.
CREATE TABLE key_secrets (
    key_id       TEXT NOT NULL REFERENCES keys (id),
    hash         TEXT NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (key_id, hash)
);
CREATE TABLE admin_tokens (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    status     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Catalog. `body` is the document as partners receive it, `hash` the digest of what the feed said
-- (to see that nothing changed), `deleted_at` a tombstone.
CREATE TABLE products (
    id             TEXT PRIMARY KEY,
    sku            TEXT NOT NULL UNIQUE,
    gtin           BIGINT,
    brand_id       TEXT,
    category_ids   TEXT NOT NULL,
    item_group_id  TEXT,
    status         TEXT NOT NULL,
    sold_by_weight BOOLEAN NOT NULL,
    body           TEXT NOT NULL,
    hash           TEXT NOT NULL,
    version        BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);
CREATE INDEX products_gtin ON products (gtin);
CREATE TABLE categories (
    id         TEXT PRIMARY KEY,
    code       TEXT NOT NULL UNIQUE,
    parent_id  TEXT,
    body       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE TABLE stores (
    id         TEXT PRIMARY KEY,
    store_code TEXT NOT NULL UNIQUE,
    body       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE TABLE promotions (
    id         TEXT PRIMARY KEY,
    code       TEXT NOT NULL UNIQUE,
    body       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE TABLE offers (
    product_id     TEXT NOT NULL,
    store_id       TEXT NOT NULL,
    channel        TEXT NOT NULL,
    currency       TEXT NOT NULL,
    price          BIGINT NOT NULL,
    list_price     BIGINT,
    member_price   BIGINT,
    price_type     TEXT NOT NULL,
    unit_price     BIGINT,
    unit_reference TEXT,
    tax_included   BOOLEAN NOT NULL,
    valid_from     BIGINT,
    valid_through  BIGINT,
    promotion_ids  TEXT NOT NULL,
    as_of          BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT,
    PRIMARY KEY (product_id, store_id, channel)
);
-- One row for each price that an offer has had, from the instant it held.
CREATE TABLE price_history (
    product_id TEXT NOT NULL,
    store_id   TEXT NOT NULL,
    channel    TEXT NOT NULL,
    since      BIGINT NOT NULL,
    currency   TEXT NOT NULL,
    price      BIGINT NOT NULL,
    list_price BIGINT,
    PRIMARY KEY (product_id, store_id, channel, since)
);
-- State, not history: the newest level per product and store. `quantity` in thousandths of a unit.
CREATE TABLE stock_levels (
    product_id   TEXT NOT NULL,
    store_id     TEXT NOT NULL,
    availability TEXT NOT NULL,
    quantity     BIGINT,
    as_of        BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    source       TEXT NOT NULL,
    detail       TEXT NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (product_id, store_id)
);
CREATE INDEX stock_levels_seq ON stock_levels (seq);

-- Each run of an importer, with what became of its rows.
CREATE TABLE imports (
    id          TEXT PRIMARY KEY,
    feed        TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    accepted    BIGINT NOT NULL,
    unchanged   BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL
);

-- Customers of the embedded store; `body` is the document.
CREATE TABLE customers (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
CREATE TABLE purchases (
    id          TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    ordered_at  BIGINT NOT NULL,
    body        TEXT NOT NULL
);
CREATE INDEX purchases_customer ON purchases (customer_id, ordered_at);
CREATE TABLE loyalty_accounts (
    id          TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    body        TEXT NOT NULL
);
CREATE TABLE customer_lists (
    id          TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    body        TEXT NOT NULL
);

-- The ledger. A segment of a node's journal is folded in once: its events, compressed by column,
-- and the sums that they add, in one transaction. Sequence numbers are contiguous within an epoch:
-- `next_seq` is the `first_seq` of the segment after, and `next_seq - first_seq` is `events` and the
-- numbers in `unreleased` (joined by commas: given out, but no answer was ever released for them)
-- unless some are missing.
CREATE TABLE usage_segments (
    node      TEXT NOT NULL,
    epoch     BIGINT NOT NULL,
    segment   BIGINT NOT NULL,
    position  BIGINT NOT NULL UNIQUE,
    first_seq BIGINT NOT NULL,
    next_seq  BIGINT NOT NULL,
    events    BIGINT NOT NULL,
    unreleased TEXT NOT NULL,
    min_at    BIGINT NOT NULL,
    max_at    BIGINT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash      TEXT NOT NULL,
    folded_at BIGINT NOT NULL,
    block     BYTEA NOT NULL,
    PRIMARY KEY (node, epoch, segment)
);
CREATE INDEX usage_segments_time ON usage_segments (max_at);
CREATE TABLE usage_hours (
    hour         BIGINT NOT NULL,
    partner_id   TEXT NOT NULL,
    app_id       TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    environment  TEXT NOT NULL,
    operation    TEXT NOT NULL,
    status       BIGINT NOT NULL,
    outcome      TEXT NOT NULL,
    billable     BOOLEAN NOT NULL,
    rule         TEXT NOT NULL,
    plan_id      TEXT NOT NULL,
    plan_version BIGINT NOT NULL,
    requests     BIGINT NOT NULL,
    records      BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    weight_milli BIGINT NOT NULL,
    PRIMARY KEY (hour, app_id, partner_id, key_id, environment, operation, status, outcome, rule,
                 plan_id, plan_version)
);
CREATE INDEX usage_hours_app ON usage_hours (app_id, hour);

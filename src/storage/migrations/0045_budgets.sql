-- Budgets: up to how much a partner, or one of its apps, means to spend in a period, and at which amounts it is told.

-- `app_id` is '' where all apps of the partner are counted together. `thresholds` is a JSON list. The last three columns are
-- where the look after it is: when it was last looked at, when its periods were last projected, and the number of the
-- last close that it has seen.
CREATE TABLE budgets (
    id           TEXT PRIMARY KEY,
    partner_id   TEXT NOT NULL,
    app_id       TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount       TEXT NOT NULL,
    thresholds   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    looked_at    BIGINT NOT NULL,
    projected_at BIGINT NOT NULL,
    closes_seen  BIGINT NOT NULL,
    UNIQUE (partner_id, app_id, currency)
);
CREATE INDEX budgets_looked ON budgets (looked_at);

-- Alerts tell of budgets too: of these, `period_id` is the billing period, and until it is closed they are not forgotten,
-- for they must not be told twice. Of an app and a kind at most one runs, of those that run at all.
ALTER TABLE alerts ADD COLUMN period_id TEXT;
DROP INDEX alerts_running;
CREATE UNIQUE INDEX alerts_running ON alerts (app_id, kind)
    WHERE ended_at IS NULL
        AND kind NOT IN ('threshold', 'key_leaked', 'token_leaked', 'spend', 'spend_projected');

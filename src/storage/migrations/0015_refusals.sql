-- What was refused, counted by minute. Ids are empty where no key was proved; `limits` names the limits that
-- refused, joined by commas, and `last_id` explains the latest refusal of the row.
CREATE TABLE refusals (
    minute     BIGINT NOT NULL,
    partner_id TEXT NOT NULL,
    app_id     TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    operation  TEXT NOT NULL,
    code       TEXT NOT NULL,
    limits     TEXT NOT NULL,
    refused    BIGINT NOT NULL,
    last_id    TEXT NOT NULL,
    last_at    BIGINT NOT NULL,
    PRIMARY KEY (minute, app_id, key_id, operation, code, limits)
);
CREATE INDEX refusals_app ON refusals (app_id, minute);

-- An app may be given to another partner within a minute: what was refused then is of both, each their own.
ALTER TABLE refusals RENAME TO refusals_by_app;
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
    PRIMARY KEY (minute, partner_id, app_id, key_id, operation, code, limits)
);
INSERT INTO refusals
SELECT minute, partner_id, app_id, key_id, operation, code, limits, refused, last_id, last_at FROM refusals_by_app;
DROP TABLE refusals_by_app;
CREATE INDEX refusals_app ON refusals (app_id, minute);

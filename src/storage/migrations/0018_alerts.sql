-- Alerts: what partners and retailer are told of usage. An id follows from what is told, so that no node tells it
-- twice. `app_id` is NULL where all apps of the partner are counted together, `detail` is JSON. `kept_until` is
-- the end of a quota's period, before which the alert must not be forgotten. The columns of `post` say what
-- became of the message to the retailer's own receiver.
CREATE TABLE alerts (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    partner_id  TEXT NOT NULL,
    app_id      TEXT,
    key_id      TEXT,
    detail      TEXT NOT NULL,
    raised_at   BIGINT NOT NULL,
    ended_at    BIGINT,
    kept_until  BIGINT NOT NULL,
    post_status TEXT,
    post_attempts BIGINT NOT NULL DEFAULT 0,
    post_next_at BIGINT NOT NULL DEFAULT 0,
    post_answer BIGINT,
    post_error  TEXT
);
CREATE INDEX alerts_newest ON alerts (raised_at, id);
CREATE INDEX alerts_of_partner ON alerts (partner_id, raised_at);
CREATE INDEX alerts_to_post ON alerts (post_next_at) WHERE post_status = 'pending';
-- Of an app and a kind at most one runs.
CREATE UNIQUE INDEX alerts_running ON alerts (app_id, kind) WHERE ended_at IS NULL AND kind <> 'threshold';

-- Up to which hour usage was judged.
CREATE TABLE alert_progress (
    name    TEXT PRIMARY KEY,
    through BIGINT NOT NULL
);

-- Mails that say what is noted here, to an address that is noted here, beside those that are put together when
-- they are sent. Text is taken away when a mail is sent or given up.
ALTER TABLE outbox ADD COLUMN recipient TEXT;
ALTER TABLE outbox ADD COLUMN title TEXT;
ALTER TABLE outbox ADD COLUMN body TEXT;
ALTER TABLE outbox ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN next_attempt_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN last_error TEXT;
ALTER TABLE outbox ADD COLUMN failed_at BIGINT;
DROP INDEX outbox_waiting;
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_newest ON outbox (created_at, id);

-- Messages to subscriptions that tell of no entry of the change log stand behind the position that the log was
-- read to, in the order of `number`; those of entries have 0.
ALTER TABLE deliveries ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
DROP INDEX deliveries_of;
CREATE UNIQUE INDEX deliveries_of ON deliveries (subscription_id, position) WHERE number = 0;
CREATE INDEX deliveries_listed ON deliveries (subscription_id, position, number);

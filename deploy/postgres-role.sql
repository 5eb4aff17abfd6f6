-- A role of its own for the running program on PostgreSQL: it reads and writes rows and owns nothing, so that it cannot
-- take away the triggers that keep closed periods, the ledger and the audit log as they were written. The owner of the
-- schema is used for `comptoir migrate` alone, before the first start and with each new version.
--
-- Once, by who may make roles:
--   CREATE ROLE comptoir_app LOGIN PASSWORD '...';
-- As the owner, in the program's database, behind `comptoir migrate`, and again behind that of each new version:
--   psql "$OWNER_URL" -v ON_ERROR_STOP=1 -f deploy/postgres-role.sql
-- Then `database.url` of every node names this role.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO comptoir_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO comptoir_app;
-- Which versions there are is the owner's to write, and what is never changed or deleted needs no right to that.
REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM comptoir_app;
REVOKE UPDATE, DELETE ON adjustments, adjustment_bookings, app_past_owners, billing_close_days, billing_closes, billing_names,
    consent_checkpoints, consent_events, consent_notices, consent_purposes, credit_draws, credit_ends, credit_grants,
    plan_versions, statements, usage_exports, usage_segments, voided_events FROM comptoir_app;
REVOKE DELETE ON audit_log, authz_keys, consents, consent_versions, signing_keys, usage_runs FROM comptoir_app;

-- What the audit log is asked for: what was done to something, by somebody, at a time.
CREATE INDEX audit_log_subject ON audit_log (subject, position);
CREATE INDEX audit_log_actor ON audit_log (actor, position);
CREATE INDEX audit_log_time ON audit_log (occurred_at);

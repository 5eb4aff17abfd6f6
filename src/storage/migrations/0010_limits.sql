-- Quotas of a partner begin with what the ledger has of their period.
CREATE INDEX usage_hours_partner ON usage_hours (partner_id, hour);

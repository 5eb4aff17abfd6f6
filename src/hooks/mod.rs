//! Webhooks: events of the change log delivered to partners.

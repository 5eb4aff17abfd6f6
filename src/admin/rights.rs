//! What each operation of the admin API needs. The guard asks this table before a handler is reached, and
//! the document says what it says; an operation that is not in it is answered to nobody.

use super::roles::Role;
use crate::kernel::word::{Word as _, words};
use actix_web::App;
use actix_web::dev::ResourceDef;
use std::sync::LazyLock;
use utoipa_actix_web::AppExt as _;

words! {
    /// What somebody may do.
    pub enum Right {
        /// See partners, apps, keys, plans and feeds.
        Read = "read",
        /// See who did what.
        ReadAudit = "read_audit",
        /// See what was used and what it costs.
        ReadUsage = "read_usage",
        /// Close billing periods, and correct what is owed.
        ManageBilling = "manage_billing",
        /// See what partners were refused, and why.
        ReadRefusals = "read_refusals",
        /// Write notes about partners.
        WriteNotes = "write_notes",
        /// Create, change and suspend partners and apps.
        ManagePartners = "manage_partners",
        /// Create, change and revoke keys.
        ManageKeys = "manage_keys",
        /// Create and change plans.
        ManagePlans = "manage_plans",
        /// Send feeds and stock levels, and decide on deletions that wait.
        ManageFeeds = "manage_feeds",
        /// Look after customers' data.
        ManagePrivacy = "manage_privacy",
        /// Create and change accounts and admin tokens.
        ManagePeople = "manage_people",
    }
}

impl Right {
    /// The roles that have it, joined by commas.
    #[must_use]
    pub fn held_by(self) -> String {
        let roles = Role::WORDS.iter().filter(|(_, role)| role.rights().contains(&self));
        roles.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is how people come in.
    Nothing,
    /// A valid token or session, also of an account that is yet to be set up.
    SignedIn,
    /// This right.
    Right(Right),
}

use Need::SignedIn;

/// Every operation of the admin API by its id.
pub const OPERATIONS: &[(&str, Need)] = &[
    ("list_partners", Need::Right(Right::Read)),
    ("create_partner", Need::Right(Right::ManagePartners)),
    ("get_partner", Need::Right(Right::Read)),
    ("suspend_partner", Need::Right(Right::ManagePartners)),
    ("resume_partner", Need::Right(Right::ManagePartners)),
    ("list_apps", Need::Right(Right::Read)),
    ("create_app", Need::Right(Right::ManagePartners)),
    ("get_app", Need::Right(Right::Read)),
    ("update_app", Need::Right(Right::ManagePartners)),
    ("suspend_app", Need::Right(Right::ManagePartners)),
    ("resume_app", Need::Right(Right::ManagePartners)),
    ("list_plans", Need::Right(Right::Read)),
    ("create_plan", Need::Right(Right::ManagePlans)),
    ("get_plan", Need::Right(Right::Read)),
    ("update_plan", Need::Right(Right::ManagePlans)),
    ("list_keys", Need::Right(Right::Read)),
    ("create_key", Need::Right(Right::ManageKeys)),
    ("get_key", Need::Right(Right::Read)),
    ("suspend_key", Need::Right(Right::ManageKeys)),
    ("resume_key", Need::Right(Right::ManageKeys)),
    ("revoke_key", Need::Right(Right::ManageKeys)),
    ("rotate_key", Need::Right(Right::ManageKeys)),
    ("put_levels", Need::Right(Right::ManageFeeds)),
    ("upload_feed", Need::Right(Right::ManageFeeds)),
    ("upload_customers", Need::Right(Right::ManagePrivacy)),
    ("list_customer_access", Need::Right(Right::Read)),
    ("get_customer_access", Need::Right(Right::Read)),
    ("register_customer_access", Need::Right(Right::ManagePartners)),
    ("approve_customer_access", Need::Right(Right::ManagePrivacy)),
    ("refuse_customer_access", Need::Right(Right::ManagePrivacy)),
    ("suspend_customer_access", Need::Right(Right::ManagePrivacy)),
    ("resume_customer_access", Need::Right(Right::ManagePrivacy)),
    ("list_purposes", Need::Right(Right::Read)),
    ("get_purpose", Need::Right(Right::Read)),
    ("publish_purpose", Need::Right(Right::ManagePrivacy)),
    ("withdraw_purpose", Need::Right(Right::ManagePrivacy)),
    ("list_notices", Need::Right(Right::Read)),
    ("get_notice", Need::Right(Right::Read)),
    ("publish_notice", Need::Right(Right::ManagePrivacy)),
    ("withdraw_notice", Need::Right(Right::ManagePrivacy)),
    ("erase_customer", Need::Right(Right::ManagePrivacy)),
    ("get_processing_register", Need::Right(Right::ManagePrivacy)),
    ("get_consent_report", Need::Right(Right::ManagePrivacy)),
    ("get_event_endpoint", Need::Right(Right::Read)),
    ("set_event_endpoint", Need::Right(Right::ManagePartners)),
    ("remove_event_endpoint", Need::Right(Right::ManagePartners)),
    ("list_imports", Need::Right(Right::Read)),
    ("get_import", Need::Right(Right::Read)),
    ("list_refused_rows", Need::Right(Right::Read)),
    ("approve_import", Need::Right(Right::ManageFeeds)),
    ("reject_import", Need::Right(Right::ManageFeeds)),
    ("list_sources", Need::Right(Right::Read)),
    ("get_source", Need::Right(Right::Read)),
    ("look_at_source", Need::Right(Right::ManageFeeds)),
    ("update_partner", Need::Right(Right::ManagePartners)),
    ("create_partner_note", Need::Right(Right::WriteNotes)),
    ("freeze_partner", Need::Right(Right::ManagePartners)),
    ("unfreeze_partner", Need::Right(Right::ManagePartners)),
    ("freeze_app", Need::Right(Right::ManagePartners)),
    ("unfreeze_app", Need::Right(Right::ManagePartners)),
    ("transfer_app", Need::Right(Right::ManagePartners)),
    ("request_plan", Need::Right(Right::ManagePartners)),
    ("cancel_subscription", Need::Right(Right::ManagePartners)),
    ("suspend_subscription", Need::Right(Right::ManagePartners)),
    ("resume_subscription", Need::Right(Right::ManagePartners)),
    ("approve_subscription", Need::Right(Right::ManagePartners)),
    ("reject_subscription", Need::Right(Right::ManagePartners)),
    ("approve_application", Need::Right(Right::ManagePartners)),
    ("reject_application", Need::Right(Right::ManagePartners)),
    ("update_key", Need::Right(Right::ManageKeys)),
    ("quarantine_key", Need::Right(Right::ManageKeys)),
    ("finish_rotation", Need::Right(Right::ManageKeys)),
    ("roll_back_rotation", Need::Right(Right::ManageKeys)),
    ("preview_bulk_change", Need::Right(Right::ManageKeys)),
    ("apply_bulk_change", Need::Right(Right::ManageKeys)),
    ("import_keys", Need::Right(Right::ManageKeys)),
    ("create_client", Need::Right(Right::ManageKeys)),
    ("set_client_jwks", Need::Right(Right::ManageKeys)),
    ("freeze_key", Need::Right(Right::ManageKeys)),
    ("unfreeze_key", Need::Right(Right::ManageKeys)),
    ("set_plan_offer", Need::Right(Right::ManagePlans)),
    ("list_partner_notes", Need::Right(Right::Read)),
    ("list_freezes", Need::Right(Right::Read)),
    ("list_app_subscriptions", Need::Right(Right::Read)),
    ("list_requested_subscriptions", Need::Right(Right::Read)),
    ("list_applications", Need::Right(Right::Read)),
    ("get_application", Need::Right(Right::Read)),
    ("get_plan_offer", Need::Right(Right::Read)),
    ("list_plan_versions", Need::Right(Right::Read)),
    ("get_plan_version", Need::Right(Right::Read)),
    ("list_key_leaks", Need::Right(Right::Read)),
    ("list_nodes", Need::Right(Right::Read)),
    ("list_refusals", Need::Right(Right::ReadRefusals)),
    ("get_refusal", Need::Right(Right::ReadRefusals)),
    ("list_alerts", Need::Right(Right::ReadUsage)),
    ("get_usage_health", Need::Right(Right::ReadUsage)),
    ("lose_usage_run", Need::Right(Right::ManageBilling)),
    ("list_usage_events", Need::Right(Right::ReadUsage)),
    ("list_mails", Need::Right(Right::Read)),
    ("simulate_plan", Need::Right(Right::ReadUsage)),
    ("get_app_usage", Need::Right(Right::ReadUsage)),
    ("get_billability", Need::Right(Right::ReadUsage)),
    ("get_current_app_usage", Need::Right(Right::ReadUsage)),
    ("list_billing_periods", Need::Right(Right::ReadUsage)),
    ("list_billing_closes", Need::Right(Right::ReadUsage)),
    ("get_billing_period", Need::Right(Right::ReadUsage)),
    ("close_billing_period", Need::Right(Right::ManageBilling)),
    ("list_adjustments", Need::Right(Right::ReadUsage)),
    ("get_adjustment", Need::Right(Right::ReadUsage)),
    ("create_adjustment", Need::Right(Right::ManageBilling)),
    ("reverse_adjustment", Need::Right(Right::ManageBilling)),
    ("list_credit_grants", Need::Right(Right::ReadUsage)),
    ("get_credit_grant", Need::Right(Right::ReadUsage)),
    ("get_partner_credits", Need::Right(Right::ReadUsage)),
    ("create_credit_grant", Need::Right(Right::ManageBilling)),
    ("end_credit_grant", Need::Right(Right::ManageBilling)),
    ("preview_rerating", Need::Right(Right::ReadUsage)),
    ("list_statements", Need::Right(Right::ReadUsage)),
    ("list_budgets", Need::Right(Right::ReadUsage)),
    ("get_budget", Need::Right(Right::ReadUsage)),
    ("create_budget", Need::Right(Right::ManageBilling)),
    ("delete_budget", Need::Right(Right::ManageBilling)),
    ("get_statement", Need::Right(Right::ReadUsage)),
    ("list_handoff_sinks", Need::Right(Right::ReadUsage)),
    ("retry_handoffs", Need::Right(Right::ManageBilling)),
    ("list_handoffs", Need::Right(Right::ReadUsage)),
    ("list_handoff_customers", Need::Right(Right::ReadUsage)),
    ("set_handoff_customer", Need::Right(Right::ManageBilling)),
    ("list_audit", Need::Right(Right::ReadAudit)),
    ("export_audit", Need::Right(Right::ReadAudit)),
    ("get_audit_head", Need::Right(Right::ReadAudit)),
    ("list_tokens", Need::Right(Right::ManagePeople)),
    ("create_token", Need::Right(Right::ManagePeople)),
    ("revoke_token", Need::Right(Right::ManagePeople)),
    ("suspend_token", Need::Right(Right::ManagePeople)),
    ("resume_token", Need::Right(Right::ManagePeople)),
    ("list_token_leaks", Need::Right(Right::ManagePeople)),
    ("list_accounts", Need::Right(Right::ManagePeople)),
    ("create_account", Need::Right(Right::ManagePeople)),
    ("get_account", Need::Right(Right::ManagePeople)),
    ("update_account", Need::Right(Right::ManagePeople)),
    ("suspend_account", Need::Right(Right::ManagePeople)),
    ("resume_account", Need::Right(Right::ManagePeople)),
    ("reset_account", Need::Right(Right::ManagePeople)),
    ("sign_out_account", Need::Right(Right::ManagePeople)),
    // Who may decide depends on the action, too: approvals::service.
    ("list_approvals", Need::Right(Right::Read)),
    ("get_approval", Need::Right(Right::Read)),
    ("approve_action", Need::Right(Right::Read)),
    ("claim_action", Need::Right(Right::Read)),
    ("reject_action", Need::Right(Right::Read)),
    ("log_in", Need::Nothing),
    ("begin_oidc_login", Need::Nothing),
    ("end_oidc_login", Need::Nothing),
    ("log_out", SignedIn),
    ("get_me", SignedIn),
    ("change_my_password", SignedIn),
    ("enrol_my_totp", SignedIn),
    ("confirm_my_totp", SignedIn),
    ("list_my_sessions", SignedIn),
    ("end_my_session", SignedIn),
];

/// What the operation with this id needs; `None` where the table has none.
#[must_use]
pub fn of(operation_id: &str) -> Option<Need> {
    OPERATIONS.iter().find(|(id, _)| *id == operation_id).map(|(_, need)| *need)
}

/// A mounted operation.
struct Route {
    method: String,
    path: ResourceDef,
    id: String,
}

/// The mounted operations, from their own description.
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let (_, api) = App::new().into_utoipa_app().configure(super::configure).split_for_parts();
    let api = serde_json::to_value(api).unwrap_or_default();
    let paths = api["paths"].as_object().into_iter().flatten();
    let routes = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(|(method, operation)| Route {
            method: method.to_uppercase(),
            path: ResourceDef::new(path.as_str()),
            id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
        })
    });
    routes.collect()
});

/// An operation that a call may reach, and what it needs; `None` where the table does not say.
pub type Reached = (&'static str, Option<Need>);

/// The operations that a call may reach: none where the path or the method is not known, and several only
/// where a path of one reads like a parameter of another. Then each of them must be allowed.
#[must_use]
pub fn reached(method: &str, path: &str) -> Vec<Reached> {
    let fits = |route: &&Route| route.method == method && route.path.is_match(path);
    ROUTES.iter().filter(fits).map(|route| (route.id.as_str(), of(&route.id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_mounted_operation_is_in_the_table_once_and_nothing_else_is() {
        let mounted: BTreeSet<&str> = ROUTES.iter().map(|route| route.id.as_str()).collect();
        let listed: BTreeSet<&str> = OPERATIONS.iter().map(|(id, _)| *id).collect();
        assert_eq!(mounted, listed);
        assert_eq!(OPERATIONS.len(), listed.len(), "an operation stands in the table twice");
    }

    #[test]
    fn only_what_people_come_in_by_is_open() {
        let open = OPERATIONS.iter().filter(|(_, need)| *need == Need::Nothing).map(|(id, _)| *id);
        let open = open.collect::<Vec<_>>();
        assert_eq!(open, ["log_in", "begin_oidc_login", "end_oidc_login"]);
    }

    #[test]
    fn a_call_reaches_its_operation() {
        let one =
            |method, path| reached(method, path).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(one("GET", "/admin/v1/keys"), ["list_keys"]);
        assert_eq!(one("POST", "/admin/v1/keys/key_0Ab12Cd34Ef/rotate"), ["rotate_key"]);
        assert!(one("DELETE", "/admin/v1/keys").is_empty());
        assert!(one("GET", "/admin/v1/kyes").is_empty());
    }
}

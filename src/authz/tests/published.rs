//! What is published, and the settings.

use super::{API, ISSUER};
use crate::authz::client::SecurityProfile;
use crate::authz::metadata::PublishedFacts;
use crate::authz::settings::{AuthzSettings, NonceUse, TokenSettings};
use serde_json::{Value, json};

fn published(customers: SecurityProfile) -> PublishedFacts<'static> {
    PublishedFacts {
        issuer: ISSUER,
        resource: API,
        customers,
        scopes: &["catalog:read", "customer.offers:read"],
        details_types: &["retail_customer_data"],
        acr_values: &["urn:loa:2"],
    }
}

#[test]
fn the_metadata_says_what_is_done() {
    let expected = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://gw.example/oauth/authorize",
        "token_endpoint": "https://gw.example/oauth/token",
        "pushed_authorization_request_endpoint": "https://gw.example/oauth/par",
        "require_pushed_authorization_requests": true,
        "revocation_endpoint": "https://gw.example/oauth/revoke",
        "introspection_endpoint": "https://gw.example/oauth/introspect",
        "grant_management_endpoint": "https://gw.example/oauth/grants",
        "grant_management_actions_supported": ["query", "revoke", "create", "replace"],
        "jwks_uri": "https://gw.example/oauth/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_details_types_supported": ["retail_customer_data"],
        "scopes_supported": ["catalog:read", "customer.offers:read"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "acr_values_supported": ["urn:loa:2"],
    });
    assert_eq!(json!(published(SecurityProfile::Fapi2).server()), expected);
    let sandbox = json!(published(SecurityProfile::Baseline).server());
    assert_eq!(sandbox["require_pushed_authorization_requests"], false);
    let expected = json!({
        "resource": API, "authorization_servers": [ISSUER], "scopes_supported": ["catalog:read", "customer.offers:read"],
        "dpop_bound_access_tokens_required": false, "dpop_signing_alg_values_supported": ["ES256"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(json!(published(SecurityProfile::Fapi2).resource()), expected);
}

fn settings(value: Value) -> Result<AuthzSettings, serde_json::Error> {
    serde_json::from_value(value)
}

fn faults(value: Value) -> Vec<&'static str> {
    settings(value).unwrap().faults().into_iter().map(|fault| fault.key).collect()
}

#[test]
fn the_defaults_are_within_the_bounds() {
    let usual = settings(json!({})).unwrap();
    assert_eq!((usual.faults(), &usual), (vec![], &AuthzSettings::default()));
    let TokenSettings { code_ttl_s, par_ttl_s, access_ttl_s, .. } = usual.authz;
    assert_eq!((code_ttl_s, par_ttl_s, access_ttl_s), (60, 300, 300));
    assert_eq!(usual.customers(true), SecurityProfile::Fapi2);
    assert_eq!(usual.customers(false), SecurityProfile::Baseline);
    let set = settings(json!({ "authz": { "customer_profile": "fapi2" } })).unwrap();
    assert_eq!(set.customers(false), SecurityProfile::Fapi2);
    assert!(!usual.needs_nonce(true) && usual.needs_nonce(false));
    let set = settings(json!({ "authz": { "dpop_nonce": "required" } })).unwrap();
    assert_eq!((set.authz.dpop_nonce, set.needs_nonce(true)), (NonceUse::Required, true));
}

#[test]
fn what_is_out_of_bounds_or_not_known_is_told() {
    for (section, key, low, high) in [
        ("authz", "code_ttl_s", 1, 60),
        ("authz", "par_ttl_s", 30, 599),
        ("authz", "access_ttl_s", 60, 900),
        ("consent", "max_days", 90, 365),
        ("consent", "default_days", 1, 365),
        ("consent", "feed_poll_ms", 100, 2_000),
        ("consent", "max_stale_ms", 500, 5_000),
        ("login", "min_age", 13, 21),
    ] {
        let of = |value: i64| faults(json!({ section: { key: value } }));
        assert!(of(low).is_empty() && of(high).is_empty(), "{key}");
        assert!(!of(low - 1).is_empty() && !of(high + 1).is_empty(), "{key}");
    }
    let wrong = json!({
        "authz": { "code_ttl_s": 61 },
        "consent": { "sensitive_categories": ["pharmacy"], "feed_poll_ms": 2_000, "max_stale_ms": 500 },
    });
    let all = ["authz.code_ttl_s", "consent.sensitive_categories", "consent.max_stale_ms"];
    assert_eq!(faults(wrong), all);
    let more = ["pharmacy", "alcohol", "tobacco", "intimate", "baby", "weapons"];
    assert!(faults(json!({ "consent": { "sensitive_categories": more } })).is_empty());
    for unknown in [
        json!({ "authz": { "code_ttl": 60 } }),
        json!({ "other": {} }),
        json!({ "authz": { "mode": "both" } }),
        json!({ "authz": { "refresh_rotation": "always" } }),
        json!({ "login": { "idp": [{ "on_logout": "nothing" }] } }),
        json!({ "authz": { "code_ttl_s": -1 } }),
    ] {
        assert!(settings(unknown.clone()).is_err(), "{unknown}");
    }
    let provider = settings(json!({ "login": { "idp": [{ "required_acr": ["a"] }] } })).unwrap();
    assert_eq!((provider.login.idp.len(), provider.login.idp[0].max_age_s), (1, 0));
}

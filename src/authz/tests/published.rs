//! What is published, and the settings.

use super::{API, ISSUER};
use crate::authz::client::SecurityProfile;
use crate::authz::metadata::PublishedFacts;
use crate::authz::settings::{AuthzSettings, Deployment, NonceUse, TokenSettings};
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
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "RS256", "EdDSA"],
        "service_documentation": "https://gw.example/docs/",
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
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
    let all = json!(["private_key_jwt", "client_secret_basic", "none"]);
    assert_eq!(sandbox["token_endpoint_auth_methods_supported"], all);
    assert_eq!(sandbox["revocation_endpoint_auth_methods_supported"], all);
    assert_eq!(
        sandbox["introspection_endpoint_auth_methods_supported"],
        expected["introspection_endpoint_auth_methods_supported"]
    );
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

/// One node of a sandbox.
const ALONE: Deployment =
    Deployment { in_production: false, has_nodes: false, shares_replays: false };

fn faults_in(value: Value, deployment: Deployment) -> Vec<&'static str> {
    settings(value).unwrap().faults(deployment).into_iter().map(|fault| fault.key).collect()
}

fn faults(value: Value) -> Vec<&'static str> {
    faults_in(value, ALONE)
}

#[test]
fn the_defaults_are_within_the_bounds() {
    let usual = settings(json!({})).unwrap();
    assert_eq!((usual.faults(ALONE), &usual), (vec![], &AuthzSettings::default()));
    let TokenSettings { code_ttl_s, par_ttl_s, access_ttl_s, .. } = usual.authz;
    assert_eq!((code_ttl_s, par_ttl_s, access_ttl_s), (60, 300, 300));
    assert_eq!(usual.customers(true), SecurityProfile::Fapi2);
    assert_eq!(usual.customers(false), SecurityProfile::Baseline);
    let set = settings(json!({ "authz": { "customer_profile": "fapi2" } })).unwrap();
    assert_eq!(set.customers(false), SecurityProfile::Fapi2);
    let shared = Deployment { shares_replays: true, ..ALONE };
    assert!(!usual.needs_nonce(shared) && usual.needs_nonce(ALONE));
    let set = settings(json!({ "authz": { "dpop_nonce": "required" } })).unwrap();
    assert_eq!((set.authz.dpop_nonce, set.needs_nonce(shared)), (NonceUse::Required, true));
}

#[test]
fn what_will_not_do_where_the_program_runs_is_told() {
    let real = Deployment { in_production: true, has_nodes: true, shares_replays: true };
    assert!(faults_in(json!({}), real).is_empty());
    let lax = json!({ "authz": { "customer_profile": "baseline" } });
    assert_eq!(faults_in(lax.clone(), real), ["authz.customer_profile"]);
    assert!(faults(lax).is_empty());
    // A nonce is no word about what was used, so it helps no second node.
    for nonce in ["off", "required"] {
        let set = json!({ "authz": { "dpop_nonce": nonce } });
        let several = Deployment { has_nodes: true, ..ALONE };
        assert_eq!(faults_in(set.clone(), several), ["authz.dpop_nonce"]);
        assert!(faults_in(set, ALONE).is_empty());
    }
}

#[test]
fn another_issuer_is_named_where_there_is_one() {
    let real = Deployment { in_production: true, has_nodes: false, shares_replays: true };
    let of = |mode: &str, issuer: &str, jwks_uri: &str| json!({ "authz": { "mode": mode, "external": { "issuer": issuer, "jwks_uri": jwks_uri } } });
    let (issuer, keys) = ("https://id.example", "https://id.example/keys");
    assert!(faults_in(of("external", issuer, keys), real).is_empty());
    assert_eq!(faults(json!({ "authz": { "mode": "external" } })), ["authz.external"]);
    assert_eq!(faults(of("embedded", issuer, keys)), ["authz.external"]);
    for (issuer, keys, fault) in [
        ("http://id.example", keys, "authz.external.issuer"),
        ("http://127.0.0.1:9000", keys, "authz.external.issuer"),
        ("https://id.example?x=1", keys, "authz.external.issuer"),
        ("", keys, "authz.external.issuer"),
        (issuer, "file:///etc/keys", "authz.external.jwks_uri"),
        (issuer, "https://id.example/keys#x", "authz.external.jwks_uri"),
    ] {
        assert_eq!(faults_in(of("external", issuer, keys), real), [fault], "{issuer} {keys}");
    }
    let here = "http://127.0.0.1:9000";
    assert!(faults(of("external", here, &format!("{here}/keys"))).is_empty());
    assert!(settings(json!({ "authz": { "external": { "issuer": issuer } } })).is_err());
}

#[test]
fn what_is_out_of_bounds_or_not_known_is_told() {
    for (section, key, low, high) in [
        ("authz", "code_ttl_s", 1, 60),
        ("authz", "par_ttl_s", 30, 599),
        ("authz", "access_ttl_s", 60, 900),
        ("consent", "max_days", 1, 365),
        ("consent", "default_days", 1, 365),
        ("consent", "reminder_days", 1, 365),
        ("consent", "feed_poll_ms", 100, 2_000),
        ("consent", "max_stale_ms", 500, 5_000),
        ("login", "min_age", 13, 21),
        ("retention", "access_log_days", 1, 3_650),
        ("retention", "interaction_days", 1, 30),
        ("retention", "event_years", 1, 30),
        ("events", "retry_hours", 1, 720),
    ] {
        // Others may be out of bounds with it, so this one is looked for.
        let name = format!("{section}.{key}");
        let is_told = |value: i64| faults(json!({ section: { key: value } })).contains(&&*name);
        assert!(!is_told(low) && !is_told(high), "{name}");
        assert!(is_told(low - 1) && is_told(high + 1), "{name}");
    }
    let wrong = json!({
        "authz": { "code_ttl_s": 61 },
        "consent": { "sensitive_categories": ["pharmacy"], "feed_poll_ms": 2_000, "max_stale_ms": 500 },
    });
    let all = ["authz.code_ttl_s", "consent.max_stale_ms", "consent.sensitive_categories"];
    assert_eq!(faults(wrong), all);
    let more = ["pharmacy", "alcohol", "tobacco", "intimate", "baby", "dietary"];
    assert!(faults(json!({ "consent": { "sensitive_categories": more } })).is_empty());
    for unknown in [
        json!({ "authz": { "code_ttl": 60 } }),
        json!({ "other": {} }),
        json!({ "authz": { "mode": "both" } }),
        json!({ "authz": { "refresh_rotation": "none" } }),
        json!({ "login": { "idp": [{ "on_logout": "nothing" }] } }),
        json!({ "authz": { "code_ttl_s": -1 } }),
        json!({ "consent": { "sensitive_categories": ["weapons"] } }),
    ] {
        assert!(settings(unknown.clone()).is_err(), "{unknown}");
    }
    let provider = settings(json!({ "login": { "idp": [{ "required_acr": ["a"] }] } })).unwrap();
    assert_eq!((provider.login.idp.len(), provider.login.idp[0].max_age_s), (1, 0));
}

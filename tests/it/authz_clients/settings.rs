//! The settings of customers' data.

use comptoir::config::{Config, CustomersUse, LogoutReach, SecurityProfile};
use comptoir::kernel::secret::Secret;
use std::collections::BTreeMap;

fn load(pairs: &[(&str, &str)]) -> Result<Config, String> {
    let named = |(name, value): &(&str, &str)| (format!("COMPTOIR__{name}"), (*value).to_owned());
    let env: BTreeMap<String, String> = pairs.iter().map(named).collect();
    Config::load(None, &env).map_err(|problems| problems.to_string())
}

/// The least that switches customers' data on, in a sandbox.
const LEAST: [(&str, &str); 8] = [
    ("AUTHZ__CUSTOMERS", "sandbox"),
    ("CONSENT__CONTROLLER_NAME", "Bricolage du Midi SAS"),
    ("CONSENT__CONTROLLER_ADDRESS", "12 rue des Forges, 31000 Toulouse"),
    ("CONSENT__CONTROLLER_CONTACT", "dpo@shop.example"),
    ("CONSENT__JURISDICTION", "FR"),
    ("CONSENT__RIGHTS_URL", "https://shop.example/rights"),
    ("LOGIN__IDP__SHOP__ISSUER", "https://id.shop.example"),
    ("LOGIN__IDP__SHOP__CLIENT_ID", "comptoir"),
];

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    LEAST.iter().chain(more).copied().collect()
}

#[test]
fn customers_data_is_off_until_it_is_configured() {
    let usual = Config::embedded().customers;
    assert!(!usual.is_on() && usual.login.idp.is_empty());
    let on = load(&LEAST).unwrap().customers;
    assert!(on.is_on() && !on.in_production());
    assert_eq!(on.controller.address, "12 rue des Forges, 31000 Toulouse");
    assert_eq!(on.customers(on.in_production()), SecurityProfile::Baseline);
    let bare = load(&LEAST[..1]).unwrap_err();
    for key in [
        "consent.controller_name",
        "consent.controller_address",
        "consent.controller_contact",
        "consent.jurisdiction",
        "consent.rights_url",
        "login.idp",
    ] {
        assert!(bare.contains(key), "{key}: {bare}");
    }
}

#[test]
fn in_production_more_is_asked_for() {
    let real = ("AUTHZ__CUSTOMERS", "production");
    let https = ("SERVER__PUBLIC_URL", "https://api.shop.example");
    let on = load(&with(&[real, https])).unwrap().customers;
    assert_eq!(on.authz.customers, CustomersUse::Production);
    assert_eq!(on.customers(on.in_production()), SecurityProfile::Fapi2);
    let said = load(&with(&[real])).unwrap_err();
    assert!(
        said.contains("must begin with https:// where authz.customers is production"),
        "{said}"
    );
    let lax = ("AUTHZ__CUSTOMER_PROFILE", "baseline");
    let said = load(&with(&[real, https, lax])).unwrap_err();
    assert!(said.contains("must be fapi2 in production"), "{said}");
    assert!(load(&with(&[lax])).is_ok());
}

#[test]
fn several_providers_have_each_a_table() {
    let config = load(&with(&[
        ("LOGIN__IDP__CLUB__ISSUER", "https://club.example"),
        ("LOGIN__IDP__CLUB__CLIENT_ID", "gateway"),
        ("LOGIN__IDP__CLUB__CLIENT_SECRET", "hush-hush"),
        ("LOGIN__IDP__CLUB__ON_LOGOUT", "tokens"),
        ("LOGIN__IDP__CLUB__REQUIRED_ACR", "urn:loa:2,urn:loa:3"),
        ("LOGIN__IDP__DEFAULT__MAX_AGE_S", "900"),
    ]))
    .unwrap();
    let [club, shop] = config.customers.login.idp.as_slice() else { panic!("two providers") };
    assert_eq!((club.name.as_str(), shop.name.as_str()), ("club", "shop"));
    assert_eq!((club.max_age_s, shop.max_age_s), (900, 900), "what is set for all holds for each");
    assert_eq!((club.on_logout, shop.on_logout), (LogoutReach::Tokens, LogoutReach::Browser));
    assert_eq!(club.required_acr, ["urn:loa:2", "urn:loa:3"]);
    assert_eq!(club.client_secret, Some(Secret::new("hush-hush".to_owned())));
    assert!(shop.client_secret.is_none());
    let shown = config.show();
    assert!(shown.contains("idp.club.client_secret = \"[secret]\""), "{shown}");
    assert!(!format!("{shown}{config:?}").contains("hush-hush"));
    // What is shown is what a file can say.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("comptoir.toml");
    std::fs::write(&file, shown).unwrap();
    let again = Config::load(Some(&file), &BTreeMap::new()).unwrap();
    assert_eq!(again.customers.login.idp[1], *shop);
}

#[test]
fn each_wrong_setting_says_what_is_right() {
    for (key, value, why) in [
        ("AUTHZ__CUSTOMERS", "yes", "must be one of off, sandbox, production"),
        ("AUTHZ__CODE_TTL_S", "61", "must be 1 to 60"),
        ("AUTHZ__PAR_TTL_S", "5", "must be 30 to 599"),
        ("AUTHZ__ACCESS_TTL_S", "soon", "must be a whole number"),
        ("AUTHZ__MODE", "external", "must say issuer and jwks_uri"),
        (
            "AUTHZ__EXTERNAL__ISSUER",
            "https://id.example",
            "has no place where authz.mode is embedded",
        ),
        ("CONSENT__MAX_DAYS", "366", "must be 1 to 365"),
        ("CONSENT__SENSITIVE_CATEGORIES", "baby", "more may be added, none taken out"),
        ("CONSENT__JURISDICTION", "France", "two capital letters"),
        ("LOGIN__MIN_AGE", "12", "must be 13 to 21"),
        ("LOGIN__IDP__SHOP__ISSUER", "http://id.shop.example", "must be the issuer identifier"),
        (
            "LOGIN__IDP__SHOP__ISSUER",
            "https://id.shop.example",
            "must be set: what the gateway is there",
        ),
        ("LOGIN__IDP__SHOP__CLIENTID", "x", "is no setting"),
        ("LOGIN__IDP__DEFAULT__ISSUER", "https://id.shop.example", "must be empty here"),
        ("RETENTION__EVENT_YEARS", "0", "must be 1 to 30"),
        ("EVENTS__RETRY_HOURS", "721", "must be 1 to 720"),
    ] {
        let said = load(&[(key, value)]).unwrap_err();
        assert!(said.contains(why), "{key}={value}: {said}");
    }
    let twice = [
        ("LOGIN__IDP__CLUB__ISSUER", "https://id.shop.example"),
        ("LOGIN__IDP__CLUB__CLIENT_ID", "comptoir"),
    ];
    let said = load(&with(&twice)).unwrap_err();
    assert!(said.contains("is the issuer of another provider"), "{said}");
}

//! Scopes, categories, states, details, documents.

use super::*;
use crate::consent::purpose::InvalidDocument;
use crate::consent::scope::{InvalidScopes, OAuthScope, ScopeHolder};
use crate::consent::status::{ConsentStatus, IllegalMove};
use crate::kernel::word::Word as _;
use serde_json::{Value, json};
use std::collections::HashSet;

#[test]
fn scopes_have_their_names_holders_and_needs() {
    let named = |holder| {
        let held = OAuthScopes::all().that(|scope| scope.holder() == holder);
        held.to_string()
    };
    assert_eq!(
        named(ScopeHolder::Machine),
        "catalog:read prices:read stock:read stock:quantity promotions:read changes:read \
         exports:read subscriptions:write stores:read grant_management_query \
         grant_management_revoke usage:read"
    );
    assert_eq!(
        named(ScopeHolder::Customer),
        "customer.profile.basic:read customer.profile.contact:read customer.profile.address:read \
         customer.profile.age_band:read customer.loyalty.basic:read customer.loyalty.card:read \
         customer.loyalty.history:read customer.offers:read customer.offers:activate \
         customer.purchases.summary:read customer.purchases.orders:read \
         customer.purchases.items:read customer.purchases.receipts:read customer.lists:read \
         customer.lists:write customer.preferences:read"
    );
    assert_eq!(named(ScopeHolder::Login), "openid offline_access");
    assert_eq!(OAuthScopes::all().special(), scopes(PREFERENCES));
    assert_eq!(OAuthScopes::all().step_up(), scopes(PREFERENCES));
    let keys: HashSet<_> = OAuthScopes::all().iter().map(OAuthScope::description_key).collect();
    assert_eq!(keys.len(), OAuthScope::WORDS.len());
    for scope in OAuthScopes::all().iter() {
        let is_customers = scope.as_str().starts_with("customer.");
        assert_eq!(is_customers, scope.holder() == ScopeHolder::Customer, "{scope}");
        if let Some(datatype) = scope.datatype() {
            assert_eq!(OAuthScope::of_datatype(datatype), Some(scope));
        }
    }
    assert_eq!(OAuthScope::of_datatype("lists:write"), None);
}

#[test]
fn a_list_of_scopes_is_read_as_its_grammar_says() {
    let two = scopes("openid catalog:read openid");
    assert_eq!(two.to_string(), "catalog:read openid", "the order of the documents, once each");
    assert_eq!(serde_json::to_value(two).unwrap(), json!(["catalog:read", "openid"]));
    assert_eq!(
        OAuthScopes::parse("openid customer.purchases:read"),
        Err(InvalidScopes::Unknown("customer.purchases:read".into()))
    );
    for text in
        ["", " openid", "openid ", "openid  catalog:read", "openid\tcatalog:read", "\"", "é"]
    {
        assert_eq!(OAuthScopes::parse(text), Err(InvalidScopes::Malformed), "{text:?}");
    }
    let unknown = serde_json::from_value::<OAuthScopes>(json!(["openid", "root"])).unwrap_err();
    assert!(unknown.to_string().starts_with("`root` must be one of catalog:read, "), "{unknown}");
}

#[test]
fn all_sensitive_categories_are_left_out_at_first() {
    let settings = ConsentSettings::default();
    assert_eq!(settings.sensitive_categories.to_string(), "pharmacy alcohol tobacco intimate baby");
}

#[test]
fn settings_are_kept_to_their_bounds() {
    assert_eq!(ConsentSettings::default().faults(), []);
    let read = |object: Value| serde_json::from_value::<ConsentSettings>(object);
    let more = json!(["pharmacy", "alcohol", "tobacco", "intimate", "baby", "religious"]);
    let added = read(json!({ "sensitive_categories": more })).unwrap();
    assert_eq!((added.faults(), added.default_days), (vec![], 90));
    let unknown = read(json!({ "sensitive_categories": ["farmacy"] })).unwrap_err().to_string();
    assert!(
        unknown.contains("`farmacy`") && unknown.contains("did you mean pharmacy?"),
        "{unknown}"
    );
    assert!(read(json!({ "days": 1 })).is_err(), "a setting that there is not");
    for (setting, least, most) in [
        ("max_days", 1, 365),
        ("default_days", 1, 365),
        ("reminder_days", 1, 365),
        ("feed_poll_ms", 100, 2_000),
        ("max_stale_ms", 500, 5_000),
    ] {
        let faults = |value: u16| {
            let mut object = json!({ "default_days": 1, "max_stale_ms": 2_000 });
            object[setting] = value.into();
            let faults = read(object).unwrap().faults();
            faults.into_iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((faults(least), faults(most)), (vec![], vec![]), "{setting}");
        let key = format!("consent.{setting}");
        assert!(faults(least - 1).contains(&key) && faults(most + 1).contains(&key), "{setting}");
    }
    let slow = ConsentSettings { feed_poll_ms: 2_000, max_stale_ms: 1_999, ..added };
    assert_eq!(slow.faults()[0].0, "consent.max_stale_ms");
    let less = added.sensitive_categories.without(SensitiveCategory::Baby.into());
    let less = ConsentSettings { sensitive_categories: less, ..added };
    assert!(less.faults()[0].1.contains("must keep baby"), "{:?}", less.faults());
}

#[test]
fn states_follow_each_other_as_the_table_says() {
    use ConsentStatus::{Active, Denied, Expired, Pending, Revoked, Superseded, Suspended};
    let moves = [
        (Pending, Active),
        (Pending, Denied),
        (Pending, Expired),
        (Active, Suspended),
        (Active, Revoked),
        (Active, Expired),
        (Active, Superseded),
        (Suspended, Active),
        (Suspended, Revoked),
        (Suspended, Expired),
    ];
    for (_, from) in ConsentStatus::WORDS {
        for (_, to) in ConsentStatus::WORDS {
            let expected = if moves.contains(&(*from, *to)) {
                Ok(*to)
            } else {
                Err(IllegalMove { from: *from, to: *to })
            };
            assert_eq!(from.becomes(*to), expected, "{from} to {to}");
        }
        assert_eq!(from.is_terminal(), !moves.iter().any(|(left, _)| left == from));
    }
}

#[test]
fn a_document_has_one_address_and_another_when_a_word_changes() {
    let address = purpose().address().unwrap();
    assert_eq!(purpose().address(), Ok(address));
    let mut other = purpose();
    other.text.fr.push('.');
    assert_ne!(other.address(), Ok(address));
    // The address is that of the canonical text, which anyone can make.
    let text = serde_json::to_string(&serde_json::to_value(purpose()).unwrap()).unwrap();
    let again: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(Hash32::of_json(&again), Ok(address));
    let notice = NoticeDocument {
        notice_id: "sharing".into(),
        version: 1,
        title: purpose().text,
        text: NoticeText { fr: " ".into(), en: "x".into() },
    };
    assert_eq!(notice.address(), Err(InvalidDocument::Text));
    let none = NoticeDocument { version: 0, ..super::notice() };
    assert_eq!(none.address(), Err(InvalidDocument::Version));
    assert_eq!(notice.title.in_language(NoticeLanguage::En), "Keep to your budget");
}

#[test]
fn a_purpose_has_a_term_of_the_vocabulary() {
    let address = |code: &str| PurposeDocument { code: code.to_owned(), ..purpose() }.address();
    for code in ["https://w3id.org/dpv#Marketing", "https://w3id.org/dpv/sector/retail#Loyalty"] {
        assert!(address(code).is_ok(), "{code}");
    }
    for code in [
        "marketing",
        "https://w3id.org/dpv",
        "https://w3id.org/dpv#",
        "http://w3id.org/dpv#Marketing",
        "https://w3id.org/dpvx#Marketing",
        "https://w3id.org/dpv/#Marketing",
        "https://w3id.org/dpv/../x#Marketing",
        "https://w3id.org/dpv?x#Marketing",
        "https://w3id.org/dpv#Marketing#Ads",
        "https://partner.example/dpv#Marketing",
        "https://w3id.org/dpv@partner.example/#Marketing",
    ] {
        assert_eq!(address(code), Err(InvalidDocument::Code), "{code}");
    }
}

#[test]
fn a_purpose_that_cannot_be_is_refused() {
    type Change = fn(&mut PurposeDocument);
    let special = scopes(PREFERENCES);
    let changes: [(Change, InvalidDocument); 11] = [
        (|it| it.text.en = String::new(), InvalidDocument::Text),
        (|it| it.scopes = OAuthScopes::NONE, InvalidDocument::Scopes),
        (|it| it.scopes = it.scopes.or(OAuthScope::CatalogRead.into()), InvalidDocument::Scopes),
        (|it| it.required = OAuthScope::ListsRead.into(), InvalidDocument::Required),
        (|it| it.required = scopes(PREFERENCES), InvalidDocument::SpecialRequired(special)),
        (|it| it.legal_basis = LawfulBasis::Consent, InvalidDocument::Basis(special)),
        (
            |it| {
                it.scopes = scopes(SUMMARY);
                it.legal_basis = LawfulBasis::Consent;
            },
            InvalidDocument::CategoryBasis(SensitiveCategory::Pharmacy.into()),
        ),
        (|it| it.max_history_months = 121, InvalidDocument::Days),
        (|it| it.code = "marketing".into(), InvalidDocument::Code),
        (|it| it.max_duration_days = 366, InvalidDocument::Days),
        (|it| it.retention_days = 3_651, InvalidDocument::Days),
    ];
    for (change, error) in changes {
        let mut purpose = purpose();
        change(&mut purpose);
        assert_eq!(purpose.address(), Err(error));
    }
}

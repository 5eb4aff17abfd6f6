//! Scopes, categories, states, details, documents.

use super::*;
use crate::consent::category::SensitiveCategory;
use crate::consent::details::InvalidDetails;
use crate::consent::purpose::{InvalidDocument, NoticeDocument};
use crate::consent::scope::{InvalidScopes, OAuthScope, ScopeHolder};
use crate::consent::status::{ConsentStatus, IllegalMove};
use crate::kernel::word::Word as _;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::HashSet;

const API: &str = "https://gw.example/v1";

#[test]
fn scopes_have_their_names_holders_and_needs() {
    let named = |holder| {
        let held = OAuthScopes::all().that(|scope| scope.holder() == holder);
        held.to_string()
    };
    assert_eq!(
        named(ScopeHolder::Machine),
        "catalog:read prices:read stock:read stores:read grant_management_query \
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
    assert!(unknown.to_string().starts_with("`root` is none of catalog:read, "), "{unknown}");
}

#[test]
fn all_sensitive_categories_are_left_out_at_first() {
    let words = ExcludedCategories::by_default().to_string();
    assert_eq!(words, "pharmacy alcohol tobacco intimate baby");
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

fn given() -> Value {
    json!({
        "type": "retail_customer_data", "actions": ["read"],
        "datatypes": ["purchases.summary", "loyalty.basic", "purchases.summary"],
        "purpose_id": "budget-coach", "history_months": 6, "access": "recurring",
        "duration_days": 90, "retention_days": 30, "locations": [API],
    })
}

fn read(object: &Value) -> Result<CustomerDataDetails, InvalidDetails> {
    CustomerDataDetails::parse(&json!([object]).to_string(), API)
}

#[test]
fn details_are_read_into_one_form() {
    let details = read(&given()).unwrap();
    let mut canonical = given();
    canonical["datatypes"] = json!(["loyalty.basic", "purchases.summary"]);
    canonical["exclude_categories"] = json!(["pharmacy", "alcohol", "tobacco", "intimate", "baby"]);
    assert_eq!(serde_json::to_value(&details).unwrap(), canonical);
    assert_eq!(read(&canonical).unwrap(), details);
    assert_eq!(serde_json::from_value::<CustomerDataDetails>(canonical).unwrap(), details);
}

#[test]
fn scopes_alone_ask_for_the_least() {
    let of = |text: &str| {
        CustomerDataDetails::of_scopes(scopes(text), &purpose(), ConsentLimits::default())
    };
    let once = of(&format!("{SUMMARY} customer.lists:write"));
    assert_eq!(once.datatypes, scopes(SUMMARY));
    assert_eq!((once.history_months, once.access), (0, AccessMode::Once));
    assert_eq!((once.duration_days, once.retention_days), (90, 30));
    assert_eq!(once.exclude_categories, ExcludedCategories::by_default());
    assert_eq!(of(&format!("{SUMMARY} offline_access")).access, AccessMode::Recurring);
    let text = serde_json::to_string(&[&once]).unwrap();
    assert_eq!(CustomerDataDetails::parse(&text, API), Ok(once), "it can be asked for as it is");
}

#[test]
fn details_are_refused_for_each_value_that_cannot_be() {
    let values = [
        ("type", json!("payment")),
        ("actions", json!(["read", "write"])),
        ("actions", json!([])),
        ("datatypes", json!([])),
        ("datatypes", json!(["purchases"])),
        ("datatypes", json!(["offers:activate"])),
        ("purpose_id", json!("Budget Coach")),
        ("history_months", json!(121)),
        ("history_months", json!(-1)),
        ("history_months", json!(1.5)),
        ("access", json!("always")),
        ("duration_days", json!(0)),
        ("duration_days", json!(366)),
        ("duration_days", json!("90")),
        ("retention_days", json!(3651)),
        ("exclude_categories", json!(["meat"])),
        ("locations", json!(["https://other.example/v1"])),
        ("privileges", json!("admin")),
    ];
    for (member, value) in values {
        let mut object = given();
        object[member] = value.clone();
        let error = read(&object).expect_err(&format!("{member}: {value}"));
        let is_named = error.to_string().contains(member)
            || matches!(error, InvalidDetails::Shape(_) | InvalidDetails::Type);
        assert!(is_named, "{member}: {error}");
    }
    for member in given().as_object().unwrap().keys().filter(|name| *name != "locations") {
        let mut object = given();
        object.as_object_mut().unwrap().remove(member);
        assert!(matches!(read(&object), Err(InvalidDetails::Shape(_))), "without {member}");
    }
    let twice = given().to_string().replacen('{', "{\"duration_days\":1,", 1);
    let twice = CustomerDataDetails::parse(&format!("[{twice}]"), API);
    assert!(matches!(twice, Err(InvalidDetails::Shape(_))), "{twice:?}");
    for (text, n) in [("[]".to_owned(), 0), (json!([given(), given()]).to_string(), 2)] {
        assert_eq!(CustomerDataDetails::parse(&text, API), Err(InvalidDetails::Count), "{n}");
    }
}

#[test]
fn details_are_narrower_in_each_member_or_wider_in_one() {
    type Change = fn(&mut CustomerDataDetails);
    let wide = details();
    let narrower: [Change; 7] = [
        |it| it.datatypes = OAuthScopes::NONE,
        |it| it.history_months -= 1,
        |it| it.access = AccessMode::Once,
        |it| it.duration_days -= 1,
        |it| it.retention_days -= 1,
        |it| it.locations = vec![API.into()],
        |_| {},
    ];
    for (n, change) in narrower.into_iter().enumerate() {
        let mut narrow = wide.clone();
        change(&mut narrow);
        let expected = if narrow == wide { Ordering::Equal } else { Ordering::Less };
        assert_eq!(narrow.partial_cmp(&wide), Some(expected), "{n}");
        assert_eq!(wide.partial_cmp(&narrow), Some(expected.reverse()), "{n}");
    }
    let mut other = wide.clone();
    other.exclude_categories = SensitiveCategory::Pharmacy.into();
    assert_eq!(other.partial_cmp(&wide), Some(Ordering::Greater), "less is left out");
    other.duration_days -= 1;
    assert_eq!(other.partial_cmp(&wide), None);
    let mut other = wide.clone();
    other.purpose_id = "ads".parse().unwrap();
    assert_eq!(other.partial_cmp(&wide), None);
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
    assert_eq!(notice.title.in_language(NoticeLanguage::En), "Keep to your budget");
}

#[test]
fn a_purpose_that_cannot_be_is_refused() {
    type Change = fn(&mut PurposeDocument);
    let special = scopes(PREFERENCES);
    let changes: [(Change, InvalidDocument); 9] = [
        (|it| it.text.en = String::new(), InvalidDocument::Text),
        (|it| it.scopes = OAuthScopes::NONE, InvalidDocument::Scopes),
        (|it| it.scopes = it.scopes.or(OAuthScope::CatalogRead.into()), InvalidDocument::Scopes),
        (|it| it.required = OAuthScope::ListsRead.into(), InvalidDocument::Required),
        (|it| it.required = scopes(PREFERENCES), InvalidDocument::SpecialRequired(special)),
        (|it| it.legal_basis = LawfulBasis::Consent, InvalidDocument::Basis(special)),
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

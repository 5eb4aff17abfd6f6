//! Scopes, categories, states, details, documents.

use super::*;
use crate::consent::category::SensitiveCategory;
use crate::consent::details::InvalidDetails;
use crate::consent::purpose::{InvalidDocument, NoticeDocument};
use crate::consent::scope::{InvalidScopes, OAuthScope, ScopeHolder};
use crate::consent::status::{ConsentStatus, IllegalMove};
use crate::kernel::word::Word as _;
use serde_json::{Value, json};
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
    for (text, n) in [("[]".to_owned(), 0), (json!([given(), given()]).to_string(), 2)] {
        assert_eq!(CustomerDataDetails::parse(&text, API), Err(InvalidDetails::Count), "{n}");
    }
}

#[test]
fn details_are_objects_with_each_member_once() {
    let parse = |object: &str| CustomerDataDetails::parse(&format!("[{object}]"), API);
    let stored = |object: &str| serde_json::from_str::<CustomerDataDetails>(object);
    assert!(parse(&given().to_string()).is_ok());
    for (member, value) in given().as_object().unwrap() {
        let twice = given().to_string().replacen('{', &format!("{{\"{member}\":{value},"), 1);
        assert!(matches!(parse(&twice), Err(InvalidDetails::Shape(_))), "{member} twice");
        assert!(stored(&twice).is_err(), "{member} twice");
    }
    // The members' values in the order in which they are read.
    let array = json!([
        "retail_customer_data",
        ["read"],
        ["purchases.summary"],
        "budget-coach",
        6,
        "once",
        1,
        30,
        ["baby"],
        []
    ]);
    assert!(matches!(parse(&array.to_string()), Err(InvalidDetails::Shape(_))));
    assert!(stored(&array.to_string()).is_err());
    for member in ["exclude_categories", "locations"] {
        let mut object = given();
        object[member] = Value::Null;
        assert!(matches!(read(&object), Err(InvalidDetails::Shape(_))), "{member}: null");
    }
}

#[test]
fn details_are_cut_to_what_a_token_has() {
    let whole = CustomerDataDetails { datatypes: scopes(ASKED).of_customers(), ..details() };
    let cut = whole.cut_to(scopes(&format!("{ITEMS} offline_access")));
    assert_eq!(cut, Some(CustomerDataDetails { datatypes: scopes(ITEMS), ..whole.clone() }));
    assert_eq!(whole.cut_to(OAuthScope::OfflineAccess.into()), None);
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

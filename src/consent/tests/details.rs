//! The details of what is asked for.

use super::*;
use crate::consent::details::InvalidDetails;
use crate::consent::scope::OAuthScope;
use serde_json::{Value, json};

const API: &str = "https://gw.example/v1";

fn given() -> Value {
    json!({
        "type": "retail_customer_data", "actions": ["read"],
        "datatypes": ["purchases.summary", "loyalty.basic", "purchases.summary"],
        "purpose_id": "budget-coach", "history_months": 6, "access": "recurring",
        "duration_days": 90, "retention_days": 30, "locations": [API],
    })
}

fn parse(text: &str) -> Result<CustomerDataDetails, InvalidDetails> {
    CustomerDataDetails::parse(text, API, SensitiveCategories::everywhere())
}

fn read(object: &Value) -> Result<CustomerDataDetails, InvalidDetails> {
    parse(&json!([object]).to_string())
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
        CustomerDataDetails::of_scopes(scopes(text), &purpose(), ConsentSettings::default())
    };
    let once = of(&format!("{SUMMARY} customer.lists:write"));
    assert_eq!(once.datatypes, scopes(SUMMARY));
    assert_eq!((once.history_months, once.access), (0, AccessMode::Once));
    assert_eq!((once.duration_days, once.retention_days), (1, 30));
    assert_eq!(once.exclude_categories, SensitiveCategories::everywhere());
    let again = of(&format!("{SUMMARY} offline_access"));
    assert_eq!((again.access, again.duration_days), (AccessMode::Recurring, 90));
    let text = serde_json::to_string(&[&once]).unwrap();
    assert_eq!(parse(&text), Ok(once), "it can be asked for as it is");
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
        assert_eq!(parse(&text), Err(InvalidDetails::Count), "{n}");
    }
}

#[test]
fn details_are_objects_with_each_member_once() {
    let parse = |object: &str| parse(&format!("[{object}]"));
    let stored = |object: &str| serde_json::from_str::<CustomerDataDetails>(object);
    let mut whole = given();
    whole["exclude_categories"] = json!(["baby"]);
    assert!(parse(&whole.to_string()).is_ok() && stored(&whole.to_string()).is_ok());
    for (member, value) in whole.as_object().unwrap() {
        let twice = whole.to_string().replacen('{', &format!("{{\"{member}\":{value},"), 1);
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
fn what_is_left_out_is_what_is_sensitive_where_nobody_says() {
    let sensitive = SensitiveCategories::everywhere().or(SensitiveCategory::Dietary.into());
    let read = |text: &str| CustomerDataDetails::parse(text, API, sensitive).unwrap();
    assert_eq!(read(&json!([given()]).to_string()).exclude_categories, sensitive);
    let mut object = given();
    object["exclude_categories"] = json!(["baby"]);
    let said = read(&json!([object]).to_string()).exclude_categories;
    assert_eq!(said, SensitiveCategory::Baby.into());
    assert!(
        serde_json::from_value::<CustomerDataDetails>(given()).is_err(),
        "what is kept says it"
    );
}

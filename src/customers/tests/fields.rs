//! No answer holds a field that the customer has not agreed to.

use super::samples::full;
use super::*;
use crate::kernel::word::Word as _;
use proptest::prelude::*;
use serde_json::Map;
use std::collections::BTreeSet;

/// What is known and told to no partner, whatever the customer agrees to.
const NEVER: [(CustomerDocument, &str); 11] = [
    (CustomerDocument::Profile, "id"),
    (CustomerDocument::Profile, "family_name"),
    (CustomerDocument::Profile, "created_at"),
    (CustomerDocument::LoyaltyAccount, "transactions.id"),
    (CustomerDocument::LoyaltyAccount, "transactions.type"),
    (CustomerDocument::LoyaltyAccount, "transactions.points"),
    (CustomerDocument::LoyaltyAccount, "transactions.purchase_id"),
    (CustomerDocument::LoyaltyAccount, "transactions.description"),
    (CustomerDocument::LoyaltyAccount, "transactions.occurred_at"),
    (CustomerDocument::Purchase, "lines.sensitive"),
    (CustomerDocument::List, "items.sensitive"),
];

/// The paths of all that a value says.
fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(value, &below, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, into)),
        _ => {
            into.insert(path.to_owned());
        }
    }
}

fn said(value: &Value) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    paths(value, "", &mut said);
    said
}

/// The paths that a field's value has.
fn leaves(field: &FieldScope) -> Vec<String> {
    match field.form {
        FieldForm::Plain => vec![field.path.to_owned()],
        FieldForm::Money => {
            ["amount", "currency"].map(|part| format!("{}.{part}", field.path)).into()
        }
    }
}

#[test]
fn each_field_has_a_scope_or_is_never_told() {
    for document in CustomerDocument::ALL {
        let mut known: BTreeSet<String> = document.fields().iter().flat_map(leaves).collect();
        assert_eq!(
            known.len(),
            document.fields().iter().flat_map(leaves).count(),
            "one entry each"
        );
        let never = NEVER.iter().filter(|(of, _)| *of == document);
        for (_, path) in never {
            assert!(known.insert((*path).to_owned()), "{path} is told");
        }
        assert_eq!(said(&full(document)), known, "{document:?}");
    }
    let opened =
        CustomerDocument::ALL.iter().flat_map(|it| it.fields()).flat_map(|it| it.opened_by);
    let opened: OAuthScopes = opened.copied().collect();
    assert_eq!(opened, OAuthScopes::all().of_customers(), "each scope opens something");
}

#[test]
fn with_all_scopes_all_of_the_table_is_told() {
    for document in CustomerDocument::ALL {
        let told = cut(document, &full(document), OAuthScopes::all());
        let known: BTreeSet<String> = document.fields().iter().flat_map(leaves).collect();
        assert_eq!(said(&told), known, "{document:?}");
        assert_eq!(cut(document, &full(document), OAuthScopes::NONE), json!({}), "{document:?}");
    }
}

#[test]
fn ages_are_told_and_days_of_birth_are_not() {
    let told = |today: &str, granted: OAuthScope| {
        let whole = samples::profile().told_on(day(today)).unwrap();
        cut(CustomerDocument::Profile, &whole, granted.into())
    };
    let band = OAuthScope::ProfileAgeBandRead;
    assert_eq!(told("2025-02-27", band), json!({"age_band": "25_34", "over_18": true}));
    assert_eq!(told("2025-02-28", band), json!({"age_band": "35_44", "over_18": true}));
    assert_eq!(told("2008-02-27", band), json!({"age_band": "under_18", "over_18": false}));
    let basic = told("2025-02-27", OAuthScope::ProfileBasicRead);
    let expected = json!({"given_name": "Camille", "locale": "fr-FR", "home_store_code": "0001"});
    assert_eq!(basic, expected);
    let unborn = CustomerProfile { birth_date: None, ..samples::profile() };
    assert_eq!(unborn.band_on(day("2026-11-22")), Some(AgeBand::From25), "as the retailer says");
    assert_eq!(format!("{unborn:?}"), "[CustomerProfile]", "it is not written into logs");
}

/// Any JSON whose names are those of the documents, or others.
fn any_json() -> impl Strategy<Value = Value> {
    let names = CustomerDocument::ALL.iter().flat_map(|it| it.fields());
    let mut names: Vec<String> =
        names.flat_map(|it| it.path.split('.').map(str::to_owned).collect::<Vec<_>>()).collect();
    names.extend(["amount", "currency", "secret", "address.city", ""].map(str::to_owned));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let named = (prop::sample::select(names.clone()), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(named, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_scopes() -> impl Strategy<Value = OAuthScopes> {
    let all: Vec<OAuthScope> = OAuthScope::WORDS.iter().map(|(_, scope)| *scope).collect();
    let most = all.len();
    prop::sample::subsequence(all, 0..=most).prop_map(|some| some.into_iter().collect())
}

fn any_document() -> impl Strategy<Value = CustomerDocument> {
    prop::sample::select(CustomerDocument::ALL.to_vec())
}

fn walk(value: &Value, path: &str, opened: &BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let way = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(value, &way, opened);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, opened)),
        Value::Null => {
            let way = format!("{path}.");
            let leads = |it: &String| it == path || it.starts_with(&way);
            assert!(path.is_empty() || opened.iter().any(leads), "{path}: null");
        }
        scalar => assert!(opened.contains(path), "{path}: {scalar}"),
    }
}

/// Fails unless all that is told is of fields that the scopes open. Nothing, told as null, may stand on the way to one.
fn assert_opened(document: CustomerDocument, told: &Value, granted: OAuthScopes) {
    let fields = document.fields().iter();
    let opened: BTreeSet<String> = fields
        .filter(|field| field.opened_by.iter().any(|scope| granted.has(*scope)))
        .flat_map(leaves)
        .collect();
    walk(told, "", &opened);
}

/// Puts a field that no document has into an object of a value: the one behind so many others.
fn plant(value: &mut Value, left: &mut usize) -> bool {
    match value {
        Value::Object(fields) if *left == 0 => {
            fields.insert("planted".to_owned(), json!("planted"));
            true
        }
        Value::Object(fields) => {
            *left -= 1;
            fields.values_mut().any(|value| plant(value, left))
        }
        Value::Array(items) => items.iter_mut().any(|value| plant(value, left)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn nothing_is_told_outside_the_scopes(document in any_document(), whole in any_json(), granted in any_scopes()) {
        let told = cut(document, &whole, granted);
        assert_opened(document, &told, granted);
        prop_assert_eq!(cut(document, &told, granted), told, "what is cut stays as it is");
    }

    #[test]
    fn of_full_documents_what_is_opened_is_told(document in any_document(), granted in any_scopes()) {
        let told = cut(document, &full(document), granted);
        assert_opened(document, &told, granted);
        let fields = document.fields().iter();
        let opened = fields.filter(|it| it.opened_by.iter().any(|scope| granted.has(*scope)));
        prop_assert_eq!(said(&told), opened.flat_map(leaves).collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_field_without_an_entry_is_not_told(document in any_document(), left in 0usize..9) {
        let (mut left, mut whole) = (left, full(document));
        // Where there are fewer objects, in the first.
        if !plant(&mut whole, &mut left) {
            plant(&mut whole, &mut 0);
        }
        prop_assert!(whole.to_string().contains("planted"));
        let told = cut(document, &whole, OAuthScopes::all());
        prop_assert_eq!(told, cut(document, &full(document), OAuthScopes::all()));
    }
}

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Thing {
    id: String,
    name: Option<String>,
    brand: Option<Part>,
    parts: Vec<Part>,
}

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Part {
    id: String,
    name: String,
}

fn cut(fields: &str, document: &Value) -> Value {
    let fields = Fields::parse(fields, &Known::of::<Thing>()).unwrap();
    serde_json::from_slice(&fields.project(document.to_string().as_bytes())).unwrap()
}

#[test]
fn what_was_asked_for_remains() {
    let thing = json!({"id": "1", "name": null, "brand": {"id": "b", "name": "\"{,}\\"}, "parts": [{"id": "p", "name": "q"}, {"id": "r"}]});
    assert_eq!(cut("id", &thing), json!({"id": "1"}));
    assert_eq!(cut("brand.name,name", &thing), json!({"name": null, "brand": {"name": "\"{,}\\"}}));
    assert_eq!(cut("parts.name", &thing), json!({"parts": [{"name": "q"}, {}]}));
    for whole in ["brand,brand.id", "brand.id,brand"] {
        assert_eq!(cut(whole, &thing), json!({"brand": thing["brand"]}), "{whole}");
    }
    assert_eq!(cut("brand.id", &json!({"brand": null})), json!({"brand": null}));
}

#[test]
fn a_name_that_is_not_documented_is_explained() {
    let parse = |text: &str| Fields::parse(text, &Known::of::<Thing>()).unwrap_err();
    assert_eq!(parse("id,brnd").suggestion.as_deref(), Some("brand"));
    assert_eq!(parse("brand.nmae").suggestion.as_deref(), Some("brand.name"));
    assert!(parse("id.x").message.contains("no fields below"));
    assert_eq!(parse("id,,name").code, "unknown_field");
    assert_eq!(parse(&"id,".repeat(101)).code, "too_many");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("id|name|brand|parts|[a-z\"\\\\]{1,3}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same projection on values.
fn reference(fields: &Fields, value: &Value) -> Value {
    match value {
        _ if fields.0.is_empty() => value.clone(),
        Value::Object(object) => {
            let kept = object.iter().filter_map(|(name, value)| {
                Some((name.clone(), reference(fields.0.get(name)?, value)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            let each = |item: &Value| match item {
                Value::Object(_) => reference(fields, item),
                other => other.clone(),
            };
            Value::Array(items.iter().map(each).collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn bytes_are_cut_as_values_are(value in any_json(), pretty: bool) {
        let fields = Fields::parse("id,brand.name,parts.id", &Known::of::<Thing>()).unwrap();
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        // Read again first: the longest floats do not survive being written and read.
        let value: Value = serde_json::from_slice(&text).unwrap();
        let cut: Value = serde_json::from_slice(&fields.project(&text)).unwrap();
        prop_assert_eq!(cut, reference(&fields, &value));
    }

    #[test]
    fn no_bytes_and_no_names_panic(bytes: Vec<u8>, text: String) {
        let known = Known::of::<Thing>();
        let _ = Fields::parse(&text, &known);
        let _ = Fields::parse("id,brand.name", &known).unwrap().project(&bytes);
        let _ = members(&bytes);
    }
}

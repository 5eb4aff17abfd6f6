//! `comptoir customers`: what comes in, and what is said of what does not.

use super::program::Place;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn customers_data_comes_from_files_and_refused_lines_are_not_repeated() {
    let place = Place::made().await;
    let customers = format!(
        "{}\n{}\n",
        json!({"id": "C1", "given_name": "Camille", "birth_date": "1990-02-28"}),
        json!({"id": "C2", "given_name": "Manon", "birth_date": "28/02/1990"}),
    );
    place.write("customers.ndjson", &customers);
    let said = place.run(&["customers", "import", "customers", "customers.ndjson"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("customers: 1 accepted, 0 unchanged, 1 rejected"), "{said:?}");
    assert!(said.out.contains("line 2: birth_date: malformed: must be a day"), "{said:?}");
    assert!(!format!("{said:?}").contains("28/02/1990"), "{said:?}");
    let list = |customer: &str| {
        json!({
            "id": format!("L-{customer}"), "customer_id": customer, "type": "shopping",
            "items": [{"item_id": "1", "gtin": "3276550063551", "quantity": 1, "added_at": "2026-11-22T10:00:00Z"}],
        })
    };
    place.write("lists.ndjson", format!("{}\n", list("C1")));
    place.write("others.ndjson", format!("{}\n", list("C2")));
    let out = place.ok(&["customers", "import", "lists", "lists.ndjson"]);
    assert!(out.ends_with("lists: 1 accepted, 0 unchanged, 0 rejected"), "{out}");
    let said = place.run(&["customers", "import", "lists", "lists.ndjson", "others.ndjson"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("lists: 0 accepted, 1 unchanged, 0 rejected"), "{said:?}");
    assert!(said.out.contains("line 1: customer_id: unknown_customer"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_said_before_anything_is_stored() {
    let place = Place::made().await;
    place.write("customers.ndjson", format!("{}\n", json!({"id": "C1"})));
    let both = ["customers", "import", "customers", "customers.ndjson", "none.ndjson"];
    let error = place.fails(1, &both);
    assert!(error.contains("none.ndjson cannot be read"), "{error}");
    let out = place.ok(&both[..4]);
    assert!(out.contains("customers: 1 accepted, 0 unchanged, 0 rejected"), "{out}");
    let error = place.fails(2, &["customers", "import", "customer", "customers.ndjson"]);
    assert!(error.contains("did you mean customers?"), "{error}");
}

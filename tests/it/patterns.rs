//! What a document says of the texts of a parameter is what the program takes: neither refuses what the other
//! lets in.

use crate::openapi::{document, filled, is_open, operations, shop};
use crate::support::{TestApp, data};
use regex::Regex;
use serde_json::Value;

/// Texts that are tried as the value of a parameter, by its name; those of every parameter beside them.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
fn candidates(name: &str) -> Vec<String> {
    let (product, store) = (data::product_id(0), data::store_id(0));
    let own: Vec<String> = match name {
        "facets" => [
            "brand",
            "price,brand",
            "attr.power",
            "attr.Énergie (kWh)",
            "attr.a.b",
            "attr.x'\"\\",
            "attr.",
            "attr",
            "colour",
            "brand,",
            "attr.\u{7}",
            "attr.a\tb",
            "attr.\u{85}",
            "attr.\u{9f}",
            "Brand",
            &(1..=12).map(|n| format!("attr.p{n}")).collect::<Vec<_>>().join(","),
            &(1..=13).map(|n| format!("attr.p{n}")).collect::<Vec<_>>().join(","),
            &format!("attr.{}", "x".repeat(300)),
        ]
        .map(str::to_owned)
        .to_vec(),
        "sort" => {
            ["price", "-price,name", "id", "-id", "relevance", "--price", "price,", "Price", "-"]
                .map(str::to_owned)
                .to_vec()
        }
        "min_price" | "max_price" => {
            let all = [
                "0",
                "1.5",
                "12.3456",
                "12.34567",
                "12.",
                ".5",
                "-1",
                "+1",
                "1e3",
                "007",
                "99999999999",
                "100000000000",
                "1.2.3",
                "1,5",
                "12.50000",
            ];
            all.map(str::to_owned).to_vec()
        }
        "after" => ["0", "12", "007", "latest", "Latest", "+5", "-5", "1.0", "1000000000000000000"]
            .map(str::to_owned)
            .to_vec(),
        "country" => ["FR", "fr", "F", "FRA", "F1", "É"].map(str::to_owned).to_vec(),
        "items" => {
            let gtin = data::gtin13(0);
            let with = |quantity: &str| format!("{gtin}{quantity}");
            vec![
                gtin.clone(),
                product.clone(),
                with(":2"),
                with(":0.5"),
                with(":1."),
                with(":.5"),
                with(":1.2345"),
                with(":1000000"),
                with(":12345678"),
                with(":-1"),
                with(":"),
                with(":2:3"),
                format!("{gtin},{product}:3"),
                vec![gtin.as_str(); 20].join(","),
                vec![gtin.as_str(); 21].join(","),
            ]
        }
        "condition" => ["new", "new,used", "NEW", "new,", "old", "new,used,refurbished"]
            .map(str::to_owned)
            .to_vec(),
        "embed" => {
            ["offers", "offers,stock", "offers, stock ", "Offers", "offers,offers", "offers,"]
                .map(str::to_owned)
                .to_vec()
        }
        "gtin" => vec![
            data::gtin13(0),
            format!("0{}", data::gtin13(0)),
            "123".into(),
            format!("{}x", data::gtin13(0)),
        ],
        "store_id" => vec![
            store.clone(),
            format!("{store},{store}"),
            vec![store.as_str(); 50].join(","),
            vec![store.as_str(); 51].join(","),
            vec![store.as_str(); 200].join(","),
            vec![store.as_str(); 201].join(","),
        ],
        "category_id" | "root" | "parent_id" => {
            vec![data::category_id("drills"), format!("{0},{0}", data::category_id("drills"))]
        }
        "product_id" => vec![product.clone(), product.to_lowercase(), format!("{product}0")],
        "linkType" => ["all", "linkset", "gs1:pip", "gs1:defaultLink", "gs1:x", "pip"]
            .map(str::to_owned)
            .to_vec(),
        "sku" => {
            [&*data::sku(0), "a/b", "\"", "é", "a b", "a,,b", "x\u{1}"].map(str::to_owned).to_vec()
        }
        _ => Vec::new(),
    };
    let lists = ["a, b ", "a,", ",a", "a, ,b", "a\\,", "a\\\\,", "a\\", "\\", " \\ ,b", "a,\\"];
    let all = ["x", "é", "a,b", " ", "'\"", "\u{1}", "\u{fffd}", "\t", "\u{85}", "\u{80}"];
    own.into_iter().chain(lists.map(str::to_owned)).chain(all.map(str::to_owned)).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whether the program has something against the form of a parameter's text.
async fn refused(app: &TestApp, key: &str, url: &str, name: &str) -> bool {
    let request = app.http.get(app.public_url(url)).header("accept", "application/linkset+json");
    let request = if key.is_empty() { request } else { request.bearer_auth(key) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!(status < 500, "{url}: {status} {text}");
    if !matches!(status, 400 | 422) {
        return false;
    }
    let problem: Value = serde_json::from_str(&text).unwrap();
    let of_form = |fault: &Value| {
        let code = fault["code"].as_str().unwrap_or_default();
        fault["parameter"] == name
            && ["malformed", "not_allowed", "too_many", "too_long", "out_of_range"].contains(&code)
    };
    // A position behind the end of the log, and a place that is not known, have a form.
    let is_said =
        |message: &str| ["is behind the end", "is below"].iter().any(|word| message.contains(word));
    let faults = problem["errors"].as_array().cloned().unwrap_or_default();
    faults
        .iter()
        .any(|fault| of_form(fault) && !is_said(fault["message"].as_str().unwrap_or_default()))
}

#[tokio::test]
async fn what_the_document_says_of_texts_is_what_the_program_takes() {
    let app = shop().await;
    let document = document("partner");
    let known = app.key(serde_json::json!({})).await;
    let (mut tried, mut differ) = (0, Vec::new());
    for (path, method, operation) in operations(&document) {
        let own = ["{subscription_id}", "{refusal_id}", "/files/", "/v1/customer/"]
            .iter()
            .any(|part| path.contains(part));
        if method != "get" || own {
            continue;
        }
        let key = if is_open(&operation) { "" } else { &*known.text };
        let url = filled(&path, "exp_00000000000");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            let Some(pattern) = parameter["schema"]["pattern"].as_str() else { continue };
            // A cursor and what `fields` may name are known to the program alone.
            if ["cursor", "fields"].contains(&name) {
                continue;
            }
            let most = parameter["schema"]["maxLength"].as_u64().unwrap() as usize;
            let pattern = Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (place, query) = url.split_once('?').unwrap_or((&url, ""));
            // What must stand beside it stays.
            let beside =
                query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(name));
            let beside = beside.filter(|pair| name != "gtin" || !pair.starts_with("product_id"));
            let url =
                format!("{place}?{}", beside.map(|pair| format!("{pair}&")).collect::<String>());
            for text in candidates(name) {
                let fits = pattern.is_match(&text) && text.chars().count() <= most;
                let asked = format!("{url}{name}={}", encoded(&text));
                if fits == refused(&app, key, &asked, name).await {
                    let text: String = text.chars().take(60).collect();
                    differ.push(format!("{path} {name}={text:?} fits: {fits}"));
                }
                tried += 1;
            }
        }
    }
    assert!(differ.is_empty(), "{} of {tried}:\n{}", differ.len(), differ.join("\n"));
    assert!(tried > 500, "{tried}");
}

//! Records of each format, and texts that should break nothing.

use super::text::{instant, interval, measure, path, price};
use super::*;
use crate::feeds::source::Record;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

fn record(cells: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in cells {
        fields.push(name, *value);
    }
    fields
}

fn to(format: Format, feed: Feed) -> Translator<'static> {
    Translator {
        format,
        feed,
        store: Some("web"),
        now: "2026-11-22T10:00:00Z".parse().unwrap(),
        adapted: None,
    }
}

const ITEM: [(&str, &str); 12] = [
    ("id", "1"),
    ("title", "Huile d'olive"),
    ("g:gtin", "3276550063551"),
    ("image link", "https://a.example/1.jpg"),
    ("additional_image_link", "https://a.example/2.jpg,https://a.example/3.jpg"),
    ("product_type", "Épicerie > Huiles"),
    ("price", "15.00 EUR"),
    ("sale_price", "12,00 EUR"),
    ("sale_price_effective_date", "2026-11-20T13:00+0100/2026-12-01T15:30+0100"),
    ("unit_pricing_measure", "750 ml"),
    ("unit_pricing_base_measure", "1 l"),
    ("availability", "in stock"),
];

#[test]
fn an_item_of_google_is_a_product_an_offer_and_a_level() {
    let lines = |feed| to(Format::GoogleProducts, feed).lines(&record(&ITEM)).unwrap();
    let product = &lines(Feed::Products)[0];
    assert_eq!(product["net_content"], json!({"value": "750", "unit_code": "MLT"}));
    assert_eq!(product["images"].as_array().unwrap().len(), 3);
    let categories = lines(Feed::Categories);
    assert_eq!(categories.len(), 2);
    assert_eq!(categories[1]["parent_code"], categories[0]["code"]);
    assert_eq!(product["category_codes"][0], categories[1]["code"]);
    let euro = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let offer = &lines(Feed::Offers)[0];
    let sale = &offer["sale"];
    assert_eq!((&offer["price"], &sale["price"]), (&euro("15.00"), &euro("12.00")));
    assert_eq!(sale["valid_from"], "2026-11-20T12:00:00Z");
    assert_eq!(sale["valid_through"], "2026-12-01T14:30:00Z");
    assert_eq!(offer["unit_price"]["amount"], "20.00");
    assert_eq!(sale["unit_price"]["amount"], "16.00");
    assert_eq!(offer["channel"], "online");
    assert_eq!(lines(Feed::Stock)[0]["availability"], "in_stock");
}

#[test]
fn quotes_in_a_table_keep_the_commas_of_a_text() {
    let highlights = |cell: &str| {
        let table = format!("id\ttitle\tproduct_highlight\n1\tT\t{cell}\n");
        let mut found = Vec::new();
        let to = to(Format::GoogleProducts, Feed::Products);
        let unread = read::read(table.as_bytes(), &to, |_, _, record| {
            let Record::Mapped(product) = record else { panic!("refused: {cell}") };
            let told = product["additional_property"].as_array().unwrap();
            found.extend(told.iter().map(|told| told["value"].as_str().unwrap().to_owned()));
            true
        });
        assert_eq!(unread, Ok(vec![]));
        found
    };
    assert_eq!(highlights("\"Fast, and light\",\"Silent\""), ["Fast, and light", "Silent"]);
    assert_eq!(
        highlights("\"A\",\"B, C\",\"6\"\" wide, 7\"\" long\""),
        ["A", "B, C", "6\" wide, 7\" long"]
    );
    assert_eq!(highlights("Fast, and light"), ["Fast, and light"]);
    assert_eq!(highlights("With \"A\",\"B\""), ["With \"A\",\"B\""]);
    assert_eq!(highlights("Screens of 5\", 6\""), ["Screens of 5\", 6\""]);
}

#[test]
fn a_sale_that_is_over_is_left_out_and_one_without_dates_is_the_price() {
    let offer = |span| {
        let mut cells = vec![("id", "1"), ("price", "2 EUR"), ("sale_price", "1 EUR")];
        cells.extend([("sale_price_effective_date", span)]);
        to(Format::GoogleProducts, Feed::Offers).lines(&record(&cells)).unwrap().remove(0)
    };
    let over = offer("2026-11-01/2026-11-02");
    assert_eq!((&over["price"]["amount"], over.get("sale")), (&json!("2.00"), None));
    let to_come = offer("2026-12-01T00:00Z/2026-12-02T00:00Z");
    assert_eq!(to_come["price"]["amount"], "2.00");
    assert_eq!(to_come["sale"]["price"]["amount"], "1.00");
    let undated = offer("");
    assert_eq!(
        (&undated["price"]["amount"], &undated["price_type"]),
        (&json!("1.00"), &json!("sale"))
    );
    assert_eq!(undated["list_price"]["amount"], "2.00");
}

#[test]
fn a_comma_in_a_measure_is_before_decimals_unless_it_may_be_before_thousands() {
    let read = |text| measure("m", text).map(|it| it.value.to_string()).map_err(|f| f.code);
    for (text, value) in [("0,750 l", "0.750"), ("1,5 kg", "1.5"), ("1500,125 g", "1500.125")] {
        assert_eq!(read(text), Ok(value.to_owned()), "{text}");
    }
    assert_eq!(read("1.500 kg"), Ok("1.500".to_owned()));
    for either in ["1,500 kg", "12,000g", "999,999 ct"] {
        assert_eq!(read(either), Err("ambiguous"), "{either}");
    }
    assert_eq!(read("1,500.5 kg"), Err("unknown_unit"));
}

#[test]
fn prices_that_cannot_be_are_refused_by_code() {
    let code = |text| price("price", text).map(|p| p.amount.to_string()).map_err(|f| f.code);
    assert_eq!(code("15 EUR"), Ok("15.00".to_owned()));
    assert_eq!(code("EUR 15.5"), Ok("15.50".to_owned()));
    assert_eq!(code("1500 JPY"), Ok("1500".to_owned()));
    assert_eq!(code("-1 EUR"), Err("negative"));
    assert_eq!(code("10000000 EUR"), Err("absurd"));
    assert_eq!(code("1.799 EUR"), Ok("1.799".to_owned()), "fuel");
    assert_eq!(code("1.9999 EUR"), Err("too_precise"));
    assert_eq!(code("1.5 JPY"), Err("too_precise"));
    assert_eq!(code("0,799 EUR"), Ok("0.799".to_owned()));
    assert_eq!(code("1299,5 EUR"), Ok("1299.50".to_owned()));
    for either in ["1,299 EUR", "EUR 12,000", "-999,999 EUR"] {
        assert_eq!(code(either), Err("ambiguous"), "{either}");
    }
    for bad in ["", "15", "EUR", "1,234.50 EUR", "NaN EUR", "1e3 EUR", "15.00 €"] {
        assert_eq!(code(bad), Err("malformed"), "{bad}");
    }
}

#[test]
fn variants_of_the_protocol_are_products_with_prices_in_minor_units() {
    let line = json!({"id": "g", "title": "Polo", "url": "https://a.example/p", "variants": [
        {"id": "1", "price": {"amount": 1999, "currency": "eur"},
         "availability": {"status": "limited_stock"}},
        {"id": "2", "price": {"amount": 500, "currency": "JPY"}}]});
    let records: Vec<Fields> = variants(&line).unwrap();
    let say = |feed, at: usize| to(Format::Acp, feed).lines(&records[at]).unwrap();
    assert_eq!(say(Feed::Products, 0)[0]["item_group_id"], "g");
    assert_eq!(say(Feed::Products, 0)[0]["link"], "https://a.example/p");
    assert_eq!(say(Feed::Offers, 0)[0]["price"], json!({"amount": "19.99", "currency": "EUR"}));
    assert_eq!(say(Feed::Offers, 1)[0]["price"], json!({"amount": "500", "currency": "JPY"}));
    assert_eq!(say(Feed::Stock, 0)[0]["availability"], "low_stock");
}

#[test]
fn a_record_of_the_protocol_has_few_values_and_its_first_name_counts() {
    let line = |count: usize| json!({"item_id": vec!["1"; count], "offer_id": "2", "title": "T"});
    let code = |line: Value| variants(&line).map(|records| records.len()).map_err(|f| f.code);
    assert_eq!(code(line(998)), Ok(1));
    assert_eq!(code(line(999)), Err("too_many"));
    let nested = json!({"id": "g", "variants": [{"id": "1"}, {"id": [[1, [2]], vec![3; 998]]}]});
    assert_eq!(code(nested), Err("too_many"));
    let objects = json!({"id": "1", "x": {"a": vec![0; 100_000]}, "y": [{"a": 1, "b": 2}]});
    let record = &variants(&objects).unwrap()[0];
    assert_eq!(record.names().collect::<Vec<_>>(), ["id", "x.a", "y.a", "y.b"]);
    let parts: Map<String, Value> = (0..1_000).map(|n| (n.to_string(), json!(1))).collect();
    assert_eq!(code(json!({"id": "1", "x": parts})), Err("too_many"));
    let records = variants(&line(3)).unwrap();
    assert_eq!(to(Format::Acp, Feed::Products).lines(&records[0]).unwrap()[0]["sku"], "1");
    let images = json!({"id": "1", "title": "T", "image_url": "https://a.example/1",
        "additional_image_urls": ["https://a.example/2", "https://a.example/3"]});
    let product =
        &to(Format::Acp, Feed::Products).lines(&variants(&images).unwrap()[0]).unwrap()[0];
    assert_eq!(product["images"].as_array().unwrap().len(), 3);
}

fn variants(line: &Value) -> Result<Vec<Fields>, Fault> {
    acp::records(line.as_object().unwrap().clone()).and_then(Iterator::collect)
}

#[test]
fn what_a_product_says_is_said_of_its_variants_too() {
    let line = json!({"id": "g", "media": [{"type": "image", "url": "https://a.example/g"}],
        "variants": [
            {"id": "1", "title": "T", "list_price": {"amount": 300, "currency": "EUR"},
             "price": {"amount": 200, "currency": "EUR"}, "availability": {"available": true},
             "barcodes": [{"type": "internal:a", "value": "7:8"}]},
            {"id": "2", "title": "T", "price": {"amount": 200, "currency": "EUR"},
             "list_price": {"amount": 150, "currency": "EUR"}, "media": []}]});
    let records = variants(&line).unwrap();
    let say = |feed, at: usize| to(Format::Acp, feed).lines(&records[at]).unwrap().remove(0);
    assert_eq!(say(Feed::Products, 0)["images"][0]["url"], "https://a.example/g");
    assert_eq!(
        say(Feed::Products, 0)["identifiers"],
        json!([{"type": "internal a", "value": "7:8"}])
    );
    assert_eq!(say(Feed::Products, 1).get("images"), None);
    assert_eq!(say(Feed::Stock, 0)["availability"], "in_stock");
    let unknown = json!({"id": "1", "title": "T", "brand": {"name": "B", "x": 1},
        "availability": {"left": 3}, "price": {"amount": 100, "currency": "EUR"}, "unit_price": {
            "amount": 50, "currency": "EUR", "measure": {"value": "2", "unit": "pair"},
            "reference": {"value": 1, "unit": "pair"}}});
    let record = variants(&unknown).unwrap().remove(0);
    let said: BTreeSet<&str> = record.names().filter(|name| name.contains('.')).collect();
    let parts =
        ["amount", "currency", "measure", "reference"].map(|part| format!("unit_price.{part}"));
    let others = ["availability.left", "brand.x"].into_iter();
    assert_eq!(said, others.chain(parts.iter().map(String::as_str)).collect());
    let line = |feed| to(Format::Acp, feed).lines(&record).unwrap();
    assert_eq!(line(Feed::Products)[0]["brand"]["name"], "B");
    assert!(line(Feed::Stock).is_empty());
    assert_eq!(line(Feed::Offers)[0].get("unit_price"), None);
    let offer = say(Feed::Offers, 0);
    assert_eq!(
        (&offer["list_price"]["amount"], &offer["price_type"]),
        (&json!("3.00"), &json!("sale"))
    );
    // What is no more than what is paid is no reduction.
    assert_eq!(say(Feed::Offers, 1).get("list_price"), None);
    for none in [json!([]), json!("x"), json!([1])] {
        assert_eq!(variants(&json!({"id": "g", "variants": none})).unwrap_err().code, "malformed");
    }
}

#[test]
fn what_would_be_read_as_something_else_is_refused() {
    let offer = |price: Value| {
        let line = json!({"id": "g", "variants": [{"id": 1, "title": "T", "price": price}]});
        let said = to(Format::Acp, Feed::Offers).lines(&variants(&line).unwrap()[0]);
        said.map(|mut lines| lines.remove(0)["price"]["amount"].take()).map_err(|fault| fault.code)
    };
    let euros = |amount: Value| offer(json!({"amount": amount, "currency": "EUR"}));
    // Minor units, however a whole number is written; a text has its decimals with it.
    for whole in ["1990", "1990.0", "1.99e3"] {
        assert_eq!(euros(serde_json::from_str(whole).unwrap()), Ok(json!("19.90")), "{whole}");
    }
    assert_eq!(euros(json!("19.90")), Ok(json!("19.90")));
    for either in [json!(19.9), json!("1990"), json!(null), json!([1990])] {
        assert_eq!(euros(either.clone()), Err("malformed"), "{either}");
    }
    assert_eq!(offer(json!({"amount": 1990})), Err("malformed"));
    let nameless = json!({"id": "g", "variants": [{"id": "1"}, {"title": "T"}]});
    assert_eq!(variants(&nameless).unwrap_err().code, "missing");
    let number = json!({"id": 77, "variants": [
        {"id": "1", "title": "T", "barcodes": [{"type": "EAN", "value": 3_276_550_063_551_u64}]}]});
    let product = to(Format::Acp, Feed::Products).lines(&variants(&number).unwrap()[0]).unwrap();
    assert_eq!(
        (&product[0]["gtin"], &product[0]["item_group_id"]),
        (&json!("3276550063551"), &json!("77"))
    );
    let twins = json!({"item_id": "g", "url": "https://a.example/g", "variants": [
        {"item_id": "1", "title": "T", "link": "https://a.example/1"}, {"offer_id": "2", "title": "T"}]});
    let twins = variants(&twins).unwrap();
    let said: Vec<_> = twins
        .iter()
        .map(|twin| to(Format::Acp, Feed::Products).lines(twin).unwrap()[0].clone())
        .collect();
    assert_eq!(said[0]["sku"], "1");
    assert_eq!(said[0]["link"], "https://a.example/1");
    assert_eq!((&said[1]["sku"], &said[1]["item_group_id"]), (&json!("2"), &json!("g")));
    assert_eq!(
        variants(&json!({"id": "g", "variants": [{"id": 1.5e22}]})).unwrap_err().code,
        "missing"
    );
    for (told, word) in [
        (json!({"available": false, "status": "In Stock"}), "out_of_stock"),
        (json!({"available": "false", "status": "limited_availability"}), "out_of_stock"),
        (json!({"available": false, "status": "Backorder"}), "backorder"),
        (json!({"available": true}), "in_stock"),
    ] {
        let line = json!({"id": "1", "title": "T", "availability": told});
        let level = to(Format::Acp, Feed::Stock).lines(&variants(&line).unwrap()[0]).unwrap();
        assert_eq!(level[0]["availability"], word, "{told}");
    }
    let wrong = json!({"id": "1", "title": "T", "availability": {"available": [true]},
        "categories": [{"value": "1000", "taxonomy": "shopify"}], "media": [{"url": 5, "type": "image"}]});
    let record = variants(&wrong).unwrap().remove(0);
    let mut said: Vec<&str> = record.names().filter(|name| name.contains('.')).collect();
    said.sort_unstable();
    assert_eq!(said, ["availability.available", "categories.taxonomy", "categories.value"]);
}

#[test]
fn a_line_of_very_many_variants_is_refused_before_it_grows() {
    let line = |common: usize, count: usize| {
        let many: Vec<Value> = (0..count).map(|n| json!({"id": n.to_string()})).collect();
        json!({"id": "g", "title": "x".repeat(common), "variants": many})
    };
    let code = |line: Value| variants(&line).map(|records| records.len()).map_err(|f| f.code);
    assert_eq!(code(line(100, 1_000)), Ok(1_000));
    assert_eq!(code(line(100, 1_001)), Err("too_many"));
    assert_eq!(code(line(200_000, 300)), Ok(300));
    assert_eq!(code(line(200_000, 400)), Err("too_long"));
    // Refused as a row: the file goes on.
    let text = format!("{}\n{{\"id\":\"1\",\"title\":\"T\"}}\n", line(100, 1_001));
    let (mut refused, mut mapped) = (0, 0);
    let each = |_, _, record: Record<'_>| {
        match record {
            Record::Refused(fault, _) if fault.field == "variants" => refused += 1,
            _ => mapped += 1,
        }
        true
    };
    read::read(text.as_bytes(), &to(Format::Acp, Feed::Products), each).unwrap();
    assert_eq!((refused, mapped), (1, 1));
}

#[test]
fn columns_of_gs1_are_known_by_their_names() {
    let cells = [
        ("gs1:gtin", "3276550063551"),
        ("gs1:productName", "Vis"),
        ("gs1:netContent", "1.5"),
        ("gs1:netContent.unitCode", "LTR"),
        ("gs1:gpcCategoryCode", "10000201"),
        ("gs1:price", "2.50"),
        ("gs1:priceCurrency", "EUR"),
        ("gs1:image", "https://a.example/1.jpg, https://a.example/2.jpg,"),
    ];
    let lines = |feed| to(Format::Gs1Csv, feed).lines(&record(&cells)).unwrap();
    let product = &lines(Feed::Products)[0];
    assert_eq!(product["net_content"], json!({"value": "1.5", "unit_code": "LTR"}));
    assert_eq!(product["gpc_category_code"], "10000201");
    assert_eq!(product["sku"], "3276550063551");
    let images = product["images"].as_array().unwrap().iter();
    let urls: Vec<&str> = images.map(|image| image["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://a.example/1.jpg", "https://a.example/2.jpg"]);
    assert_eq!(lines(Feed::Offers)[0]["price"]["amount"], "2.50");
}

fn xml(text: &str) -> Result<Vec<(u64, Fields)>, String> {
    let mut found = Vec::new();
    xml::items(text.as_bytes(), |line, _, item| {
        found.push((line, item));
        true
    })?;
    Ok(found)
}

/// The elements of an item say what their names say, in whichever order they stand, and are whole whatever stands in them.
#[test]
fn elements_of_rss_are_told_apart_by_their_names() {
    let products = |parts: &str| {
        let items =
            xml(&format!("<rss><item><g:id>1</g:id><g:title>T</g:title>{parts}</item></rss>"));
        to(Format::GoogleProducts, Feed::Products).lines(&items.unwrap()[0].1).unwrap().remove(0)
    };
    let detail = |name: &str, value: &str| {
        products(&format!(
            "<g:product_detail><g:attribute_value>{value}</g:attribute_value>\
             <g:attribute_name>{name}</g:attribute_name></g:product_detail>"
        ))["additional_property"][0]
            .clone()
    };
    for (name, value) in [("Longueur", "12,5 cm"), ("Heure", "12:30"), ("Mot", "\"Grand\" cru")] {
        let told = detail(name, value);
        assert_eq!((&told["name"], &told["value"]), (&json!(name), &json!(value)));
    }
    let image = products(
        "<g:additional_image_link>https://a.example/w_1,h_2.jpg</g:additional_image_link>",
    );
    assert_eq!(image["images"][0]["url"], "https://a.example/w_1,h_2.jpg");
    let member = |parts: &str| {
        let item = format!(
            "<rss><item><g:id>1</g:id><g:price>15.00 EUR</g:price>\
             <g:loyalty_program>{parts}</g:loyalty_program></item></rss>"
        );
        let offers = to(Format::GoogleProducts, Feed::Offers).lines(&xml(&item).unwrap()[0].1);
        offers.unwrap()[0]["member_price"]["amount"].clone()
    };
    let (label, price) = ("<g:program_label>p</g:program_label>", "<g:price>10 EUR</g:price>");
    let back = "<g:cashback_for_future_use>5 EUR</g:cashback_for_future_use>";
    let from = |from, through| {
        format!("<g:member_price_effective_date>{from}/{through}</g:member_price_effective_date>")
    };
    assert_eq!(member(&format!("{price}{label}{back}")), "10.00");
    assert_eq!(member(&format!("{label}{back}")), json!(null));
    assert_eq!(member(&format!("{label}{price}{}", from("2026-11-01", "2026-11-30"))), "10.00");
    let later = from("2027-01-01T00:00+0100", "2027-02-01T00:00+0100");
    assert_eq!(
        member(&format!("{label}{price}{later}<g:shipping_label>s</g:shipping_label>")),
        json!(null)
    );
    let open = "<g:title>Vin\t5 EUR\nn5</g:title>";
    let open = xml(&format!("<rss><item><g:id>1</g:id>{open}</item></rss>")).unwrap();
    let refused = to(Format::GoogleProducts, Feed::Products).lines(&open[0].1).unwrap_err();
    assert_eq!(refused.code, "control_character");
}

#[test]
fn items_of_rss_and_entries_of_atom_are_records() {
    let rss = "<?xml version=\"1.0\"?>\n<rss xmlns:g=\"x\"><channel><title>Shop</title>\n<item>\
        <title>T &amp; <![CDATA[<b>]]></title><g:id>1</g:id><g:product_detail>\
        <g:section_name>S</g:section_name><g:attribute_name>A</g:attribute_name>\
        <g:attribute_value>V</g:attribute_value></g:product_detail></item></channel></rss>";
    let items = xml(rss).unwrap();
    let item = &items[0].1;
    assert_eq!((items.len(), items[0].0), (1, 3));
    assert_eq!(item.get("title"), Some("T & <b>"));
    assert_eq!(item.get("product_detail"), Some("S:A:V"));
    assert!(xml("<rss/>").unwrap().is_empty());
    let prose = "<rss><item><description>Un <b>bon</b> caf&#233;<br/>\
        <![CDATA[d'<i>ici</i>]]></description></item></rss>";
    let prose = xml(prose).unwrap().remove(0).1;
    let text = "Un <b>bon</b> café<br></br>d'<i>ici</i>";
    assert_eq!(prose.get("description"), Some(text));
    let atom = "<feed><entry><id>tag:1</id><g:id>7</g:id><link href=\"https://a.example/?a&amp;b\"/>\
        <summary>So</summary></entry></feed>";
    let entry = xml(atom).unwrap().remove(0).1;
    assert_eq!(entry.get("id"), Some("7"));
    assert_eq!(entry.get("link"), Some("https://a.example/?a&b"));
    assert_eq!(entry.get("description"), Some("So"));
}

#[test]
fn xml_that_would_do_harm_is_refused_whole() {
    let deep = "<a>".repeat(70);
    let long = format!("<rss><item><title>{}</title></item></rss>", "x".repeat(1_100_000));
    for (text, says) in [
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><rss/>", "DOCTYPE"),
        ("<!doctype HTML><html></html>", "HTML page"),
        ("<html lang=\"fr\"><body>Login</body></html>", "HTML page"),
        ("<rss><item>&b;</item></rss>", "entities"),
        ("<rss><item>", "cut off"),
        ("<rss><item></rss>", "no XML"),
        (deep.as_str(), "deeper"),
        (long.as_str(), "longer"),
    ] {
        let error = xml(text).unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn a_piece_of_xml_is_cut_off_whatever_stands_in_it() {
    let marks = format!("{}>{}<", "x".repeat(999), "x".repeat(999)).repeat(600);
    for text in [
        format!("<rss><!-- {marks} --><item><g:id>1</g:id></item></rss>"),
        format!("<rss><title><![CDATA[{marks}]]></title></rss>"),
        format!("<rss><title a=\"{}\"/></rss>", marks.replace('<', ">")),
    ] {
        let read = xml::items(std::io::BufReader::new(text.as_bytes()), |_, _, _| true);
        let error = read.unwrap_err();
        assert!(error.contains("a piece of XML is longer"), "{error}");
    }
    // Many pieces are as long as they like together.
    let many = format!("<rss>{}</rss>", "<item><g:id>1</g:id></item>\n".repeat(60_000));
    let mut count = 0;
    let read = xml::items(std::io::BufReader::new(many.as_bytes()), |_, _, _| {
        count += 1;
        true
    });
    assert_eq!((read, count), (Ok(()), 60_000));
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = (price("price", &text), measure("m", &text), interval("i", &text));
        let _ = (instant(&text, "00:00:00"), path(&text), availability::of(&text), column(&text));
        let _ = xml(&text);
        let _ = xml(&format!("<rss><item><{text}</item></rss>"));
    }

    #[test]
    fn no_record_panics(cells: Vec<(usize, String)>) {
        let names: Vec<&str> = ITEM.iter().map(|(name, _)| *name).collect();
        let cells: Vec<(&str, &str)> =
            cells.iter().map(|(at, text)| (names[at % names.len()], text.as_str())).collect();
        for format in Format::ALL {
            for feed in Feed::ALL {
                let _ = to(format, feed).lines(&record(&cells));
            }
        }
    }

    #[test]
    fn a_price_is_read_as_it_is_written(cents in 0i64..999_999_999) {
        let text = format!("{}.{:02} EUR", cents / 100, cents % 100);
        prop_assert_eq!(format!("{} EUR", price("price", &text).unwrap().amount), text);
    }

    #[test]
    fn measures_come_back(milli in 1i64..9_999_999) {
        let text = format!("{}.{:03}kg", milli / 1000, milli % 1000);
        let read = measure("m", &text).unwrap();
        prop_assert_eq!(read.unit.code, "KGM");
        prop_assert_eq!(read.value, rust_decimal::Decimal::new(milli, 3));
    }
}

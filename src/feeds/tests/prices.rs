//! Prices that are rather a mistake than a price.

use super::{Feed, Format, Options, PRODUCTS, STORE, Shop, one_line};
use crate::catalog::offers::Plausible;

fn line(price: &str, currency: &str, day: u32) -> String {
    format!(
        r#"{{"sku":"1","store_code":"a","price":{{"amount":"{price}","currency":"{currency}"}},"as_of":"2026-11-{day}T00:00:00Z"}}"#
    )
}

async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    shop
}

#[tokio::test]
async fn a_price_far_from_the_one_now_is_let_in_on_demand_only() {
    let shop = shop().await;
    assert_eq!(shop.counts(Feed::Offers, &line("12.90", "EUR", 10)).await, (1, 0, 0));
    // The same file: each row is held against the price before it.
    let rows = [line("1290.01", "EUR", 11), line("20", "EUR", 12), line("2001", "EUR", 13)];
    let report = shop.file(Feed::Offers, rows.join("\n").as_bytes()).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    assert_eq!(report.by_code["implausible_price"], 2);
    let fault = &report.first_rejected[0].fault;
    assert_eq!((fault.field.as_ref(), fault.value.as_str()), ("price.amount", "1290.01"));
    assert!(fault.message.contains("the price now, 12.90 EUR"), "{}", fault.message);
    assert_eq!(shop.number("SELECT price FROM offers").await, 200_000);
    // One that comes late changes nothing and is no fault.
    assert_eq!(shop.counts(Feed::Offers, &line("90000", "EUR", 11)).await, (0, 1, 0));
    let zero = shop.file(Feed::Offers, line("0", "EUR", 14).as_bytes()).await.unwrap();
    assert_eq!(zero.by_code["zero_price"], 1);
    let any = Options { plausible: Plausible::ANY, ..Options::default() };
    for price in ["2001", "0", "12.90"] {
        let row = line(price, "EUR", 15);
        let report = shop.with(Feed::Offers, row.as_bytes(), &any).await.unwrap();
        assert_eq!(report.accepted, 1, "{price}");
    }
}

#[tokio::test]
async fn a_zero_price_is_refused_wherever_it_stands_among_lines_about_its_offer() {
    let shop = shop().await;
    let (zero, price) = (line("0", "EUR", 10), line("11.70", "EUR", 10));
    for rows in [[&zero, &price], [&price, &zero]] {
        let text = format!("{}\n{}\n", rows[0], rows[1]);
        let report = shop.file(Feed::Offers, text.as_bytes()).await.unwrap();
        assert_eq!((report.rejected, report.by_code["zero_price"]), (1, 1), "{report}");
        assert_eq!(shop.number("SELECT price FROM offers").await, 117_000);
    }
}

#[tokio::test]
async fn prices_that_cannot_be_are_refused_in_every_format() {
    let shop = shop().await;
    let store_code = Some("a".to_owned());
    let of = |format| Options { format, store_code: store_code.clone(), ..Options::default() };
    for (price, currency, code) in [
        ("-1", "EUR", "negative"),
        ("0", "EUR", "zero_price"),
        ("1.9999", "EUR", "too_precise"),
        ("1.5", "JPY", "too_precise"),
        ("10000000", "EUR", "absurd"),
        ("10000000000", "VND", "absurd"),
        ("1", "EURO", "malformed"),
        ("1", "XQQ", "malformed"),
    ] {
        let pair = format!("{price} {currency}");
        let csv = format!("sku\tcode\tprice\tcurrency\n1\ta\t{price}\t{currency}\n");
        let mapping = super::Mapping::parse(
            "feed = \"offers\"\nformat = \"csv\"\ndelimiter = \"\\t\"\n[columns]\nsku = \"sku\"\n\
             store_code = \"code\"\n\"price.amount\" = \"price\"\n\"price.currency\" = \"currency\"",
        );
        let mapped = Options::mapped(Some(&mapping.unwrap()));
        let acp = format!("{{\"id\":\"1\",\"title\":\"a\",\"price\":\"{pair}\"}}\n");
        for (content, options) in [
            (line(price, currency, 10), Options::default()),
            (csv, mapped),
            (format!("id\tprice\n1\t{pair}\n"), of(Format::GoogleProducts)),
            (format!("id\tstore_code\tprice\n1\ta\t{pair}\n"), of(Format::GoogleLocalInventory)),
            (format!("sku,price,priceCurrency\n1,{price},{currency}\n"), of(Format::Gs1Csv)),
            (acp, of(Format::Acp)),
        ] {
            let report = shop.with(Feed::Offers, content.as_bytes(), &options).await.unwrap();
            let codes: Vec<_> = report.by_code.keys().copied().collect();
            assert_eq!((report.accepted, codes), (0, vec![code]), "{pair}: {content}");
            let fault = &report.first_rejected[0].fault;
            assert!(fault.field.starts_with("price"), "{pair}: {fault:?}");
        }
    }
    assert_eq!(shop.number("SELECT count(*) FROM offers").await, 0);
}

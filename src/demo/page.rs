//! The page behind a seeded product's link: what a shopper would see, in a few lines of HTML.

use super::images::escape;
use super::products;

/// The page of a seeded product; `None` for any other.
#[must_use]
pub fn product_page(sku: &str) -> Option<String> {
    let item = products::item(sku)?;
    let (name, brand, sku) = (escape(&item.name), escape(item.brand), escape(&item.sku));
    Some(format!(
        "<!doctype html>\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>{name}</title></head>\
         <body><h1>{name}</h1><p>{brand}</p>\
         <img src=\"/demo/images/{sku}.svg\" alt=\"{name}\" width=\"600\" height=\"600\"></body></html>\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_product_has_a_page_and_others_have_none() {
        let page = product_page("11100001").unwrap();
        assert!(page.contains("<h1>Spaghetti") && page.contains("/demo/images/11100001.svg"));
        assert_eq!(product_page("nothing"), None);
    }
}

//! The words of other formats for availability.

use crate::catalog::Fault;

/// The word here for a word of Google's feeds, of schema.org or of the Agentic Commerce Protocol.
pub(super) fn of(text: &str) -> Result<&'static str, Fault> {
    let word = text.rsplit('/').next().unwrap_or(text);
    let word: String =
        word.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    Ok(match word.as_str() {
        "instock" | "available" => "in_stock",
        "limitedavailability" | "limitedstock" | "lowstock" => "low_stock",
        "outofstock" | "soldout" => "out_of_stock",
        "ondisplaytoorder" | "instoreonly" => "on_display_to_order",
        "preorder" | "presale" => "preorder",
        "backorder" => "backorder",
        "discontinued" => "discontinued",
        "unknown" => "unknown",
        _ => {
            let message = "is in_stock, out_of_stock, limited_availability, on_display_to_order, \
                           preorder, backorder or discontinued";
            return Err(Fault::new("availability", text, "not_allowed", message));
        }
    })
}

//! The GS1 Digital Link of a product: its web address by GTIN, as the QR code on a pack holds it.

use crate::kernel::Gtin;
use std::fmt::Write as _;

/// Where the Digital Links of a retailer's products begin; nowhere, where the retailer has no address.
///
/// A link follows from a setting and not from the product, so it is no part of what is stored, and change
/// log and snapshots have none. It stands in the documents that are served, which take it in on their way
/// into memory, so that no call pays for it.
#[derive(Debug, Clone, Default)]
pub struct DigitalLinks {
    /// The member up to the digits of the GTIN.
    before: Option<Box<str>>,
}

impl DigitalLinks {
    /// Links below an address, which ends without a slash.
    #[must_use]
    pub fn below(address: &str) -> Self {
        let address = serde_json::Value::from(address).to_string();
        let before = format!(",\"digital_link\":{}/01/", address.trim_end_matches('"'));
        Self { before: Some(before.into()) }
    }

    /// The member that documents gain, up to the digits of the GTIN; empty where they gain none.
    #[must_use]
    pub fn before(&self) -> &str {
        self.before.as_deref().unwrap_or_default()
    }

    /// A product's document with its link.
    #[must_use]
    pub fn in_document(&self, mut document: String, gtin: Option<Gtin>) -> String {
        if let (Some(before), Some(gtin)) = (&self.before, gtin)
            && document.ends_with('}')
        {
            document.pop();
            // Writing to a text cannot fail.
            let _ = write!(document, "{before}{gtin}\"}}");
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_document_gains_the_link_of_its_gtin() {
        let gtin: Gtin = "3276550063551".parse().unwrap();
        let links = DigitalLinks::below("https://api.example.com/a\"b");
        let document = links.in_document(r#"{"id":"1"}"#.to_owned(), Some(gtin));
        let document: Value = serde_json::from_str(&document).unwrap();
        let link = "https://api.example.com/a\"b/01/03276550063551";
        assert_eq!(document, json!({ "id": "1", "digital_link": link }));
    }

    #[test]
    fn without_gtin_or_address_a_document_stays_as_it_is() {
        let document = || r#"{"id":"1"}"#.to_owned();
        assert_eq!(
            DigitalLinks::below("https://a.example").in_document(document(), None),
            document()
        );
        let gtin = "3276550063551".parse().ok();
        assert_eq!(DigitalLinks::default().in_document(document(), gtin), document());
    }
}

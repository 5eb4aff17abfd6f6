//! What of a product is searched, and the schema of the index.

use super::properties::{compared, shown};
use super::words::{Words, code};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};

/// The fields. Those of words hold folded words, those of stems the stems of all languages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The product's id.
    pub(super) id: Field,
    /// What is put before the others among equals.
    pub(super) grade: Field,
    pub(super) codes: Field,
    pub(super) name: Field,
    pub(super) name_stems: Field,
    pub(super) brand: Field,
    pub(super) category: Field,
    pub(super) attributes: Field,
    pub(super) description: Field,
    /// Properties with their values, as they are compared.
    pub(super) property: Field,
    /// The same as they are shown.
    pub(super) property_shown: Field,
}

/// The schema; with it, [`super::VERSION`] changes.
pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let text = |record| {
        // The words are made before, so that queries and documents cannot differ in it.
        let indexing = TextFieldIndexing::default().set_tokenizer("whitespace");
        let indexing = indexing.set_index_option(record).set_fieldnorms(false);
        TextOptions::default().set_indexing_options(indexing)
    };
    let basic = || text(IndexRecordOption::Basic);
    let fields = Fields {
        id: schema.add_u64_field("id", INDEXED | FAST),
        grade: schema.add_u64_field("grade", FAST),
        codes: schema.add_text_field("codes", STRING),
        name: schema.add_text_field("name", text(IndexRecordOption::WithFreqsAndPositions)),
        name_stems: schema.add_text_field("name_stems", basic()),
        brand: schema.add_text_field("brand", basic()),
        category: schema.add_text_field("category", basic()),
        attributes: schema.add_text_field("attributes", basic()),
        description: schema.add_text_field("description", basic()),
        property: schema.add_text_field("property", STRING),
        property_shown: schema.add_text_field("property_shown", FAST),
    };
    (schema.build(), fields)
}

#[derive(Deserialize)]
struct Product {
    sku: String,
    gtin: Option<String>,
    name: Option<String>,
    description: Option<Description>,
    brand: Option<Named>,
    mpn: Option<String>,
    manufacturer: Option<String>,
    status: Option<String>,
    #[serde(default)]
    identifiers: Vec<Valued>,
    #[serde(default)]
    variant_attributes: Vec<Valued>,
    #[serde(default)]
    additional_property: Vec<Valued>,
    #[serde(default)]
    translations: BTreeMap<String, Texts>,
}

/// The texts of a product in another language.
#[derive(Deserialize)]
struct Texts {
    name: Option<String>,
    description: Option<Description>,
}

#[derive(Deserialize)]
struct Description {
    plain: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Valued {
    property_id: Option<String>,
    name: Option<String>,
    value: Option<Value>,
}

impl Valued {
    /// Property and value: a property by its id, a variant's attribute by its name.
    fn property(&self) -> Option<(&str, &str)> {
        let property = self.property_id.as_deref().or(self.name.as_deref())?;
        Some((property, self.value.as_ref()?.as_str()?))
    }
}

fn values(parts: &[Valued]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| part.value.as_ref()?.as_str())
}

/// The stems of all words of some texts.
fn stems<'a>(words: &mut Words, texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = Vec::new();
    for text in texts {
        for word in words.of(text) {
            all.extend(words.stems(&word));
        }
    }
    all.join(" ")
}

/// The document of a product as stored, and the names of its categories and those above them; none
/// where the body is not one of ours.
pub(super) fn document(
    fields: &Fields,
    words: &mut Words,
    (id, body, categories): (u64, &[u8], &[String]),
) -> Option<TantivyDocument> {
    let product: Product = serde_json::from_slice(body).ok()?;
    let mut document = TantivyDocument::default();
    let name = product.name.as_deref().unwrap_or_default();
    let name_words = words.of(name);
    let active = product.status.as_deref() == Some("active");
    // Among equals the shortest name is the closest.
    let brevity = 255 - name_words.len().min(255) as u64;
    document.add_u64(fields.id, id);
    document.add_u64(fields.grade, u64::from(active) << 8 | brevity);
    let brand = product.brand.as_ref().and_then(|brand| brand.name.as_deref()).unwrap_or_default();
    let codes = [Some(product.sku.as_str()), product.gtin.as_deref(), product.mpn.as_deref()];
    for text in codes.into_iter().flatten().chain(values(&product.identifiers)) {
        document.add_text(fields.codes, code(text));
    }
    let others = product.translations.values().filter_map(|texts| texts.name.as_deref());
    let names: Vec<&str> = others.chain([name]).collect();
    for name in &names {
        document.add_text(fields.name, words.of(name).join(" "));
    }
    document.add_text(fields.name_stems, stems(words, names));
    document.add_text(fields.brand, words.of(brand).join(" "));
    document.add_text(fields.category, stems(words, categories.iter().map(String::as_str)));
    let properties = product.variant_attributes.iter().chain(&product.additional_property);
    for (property, value) in properties.filter_map(Valued::property) {
        document.add_text(fields.property, compared(property, value));
        document.add_text(fields.property_shown, shown(property, value));
    }
    let attributes =
        values(&product.variant_attributes).chain(values(&product.additional_property));
    let makers = product.manufacturer.as_deref().into_iter().chain(product.mpn.as_deref());
    document.add_text(fields.attributes, stems(words, attributes.chain(makers)));
    let others = product.translations.values().filter_map(|texts| texts.description.as_ref());
    let descriptions = product.description.iter().chain(others);
    let plain = descriptions.filter_map(|description| description.plain.as_deref());
    document.add_text(fields.description, stems(words, plain));
    Some(document)
}

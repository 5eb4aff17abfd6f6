//! What of a product is searched, and the schema of the index.

use super::CategoryNames;
use super::properties::{compared, shown};
use super::words::{Words, code};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};

/// The fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The product's id.
    pub(super) id: Field,
    /// What is put before the others among equals.
    pub(super) grade: Field,
    pub(super) codes: Field,
    /// The folded words of the names, in their singular and order.
    pub(super) name: Field,
    pub(super) brand: Field,
    /// The folded words of the categories, and what is said to be lacking: for who mistypes one of them, or has not typed
    /// to the end what is lacking.
    pub(super) other: Field,
    /// The stems of all words, each with its [`Place`]; the singulars of names' words likewise, behind [`EXACT`].
    pub(super) places: Field,
    /// Properties with their values, as they are compared.
    pub(super) property: Field,
    /// The same as they are shown.
    pub(super) property_shown: Field,
}

/// Where a word stands, and so how much it says of what a product is. A name begins with what it names in most
/// languages of shops, and what a category is called too, its products are: `eau` is water in what lies among the
/// waters, and what is washed with it in a vacuum cleaner. A word that stands in several places counts where it
/// weighs most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In a name, and at the head of its category's.
    Kind,
    /// In a name, and in a category or one above: chocolate spread among the `jams and spreads`.
    Topic,
    /// At the head of its category's name: what is in it may be called otherwise, as spaghetti among the pasta.
    Group,
    /// At the head of a name.
    Head,
    /// In a name.
    Name,
    /// In a category.
    Category,
    /// In a category above those.
    Above,
    /// In an attribute.
    Attribute,
    /// In a description.
    Description,
}

/// Stands before a folded word that is no stem.
pub(super) const EXACT: &str = "=";
/// Stands between a word and its place; no word has it.
const AT: char = '/';
/// The character behind [`AT`].
const BEHIND_AT: char = '0';

impl Place {
    const ALL: [Self; 9] = [
        Self::Kind,
        Self::Topic,
        Self::Group,
        Self::Head,
        Self::Name,
        Self::Category,
        Self::Above,
        Self::Attribute,
        Self::Description,
    ];

    /// Whether words stand here in their singular too, and not their stems alone: in [`Self::Name`] [`Fields::name`] has
    /// them.
    fn has_exact(self) -> bool {
        matches!(self, Self::Kind | Self::Topic | Self::Group | Self::Head)
    }

    /// A word that stands here, as a term of [`Fields::places`].
    pub(super) fn term(self, word: &str) -> String {
        format!("{word}{AT}{}", self as u8)
    }

    /// From which term to which, without that one, those of a word are, wherever it stands.
    pub(super) fn range(word: &str) -> (String, String) {
        (format!("{word}{AT}"), format!("{word}{BEHIND_AT}"))
    }

    /// The place of a term.
    pub(super) fn of(term: &[u8]) -> Option<Self> {
        let place = term.last()?.checked_sub(b'0')?;
        Self::ALL.into_iter().find(|own| *own as u8 == place)
    }
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
        brand: schema.add_text_field("brand", basic()),
        other: schema.add_text_field("other", basic()),
        places: schema.add_text_field("places", basic()),
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

/// The words of a product with their places.
struct Placed<'a> {
    words: &'a mut Words,
    terms: BTreeSet<String>,
    /// What is said to be lacking, wherever.
    lacks: BTreeSet<String>,
}

impl Placed<'_> {
    /// The words of a text.
    fn put(&mut self, place: Place, text: &str) {
        let words = self.words.of(text);
        words.iter().for_each(|word| self.put_word(place, word));
        self.put_lacks(place, text);
    }

    /// What a text says is not in it.
    fn put_lacks(&mut self, place: Place, text: &str) {
        for lack in self.words.lacks(text) {
            self.put_word(place, &lack);
            self.lacks.insert(lack);
        }
    }

    fn put_word(&mut self, place: Place, word: &str) {
        if place.has_exact() {
            let singular = self.words.singular(word);
            self.terms.insert(place.term(&format!("{EXACT}{singular}")));
        }
        self.terms.extend(self.words.stems(word).iter().map(|stem| place.term(stem)));
    }

    /// The first word of a name that says something and is not `but`.
    fn head(&mut self, name: &str, but: &[String]) -> Option<String> {
        self.words.full(name).into_iter().find(|word| !but.contains(word))
    }

    /// The words of categories. What those above are called most of what is in them is not: not all drinks are wine in
    /// the `Wine cellar and drinks`.
    fn put_categories(&mut self, CategoryNames { own, above }: &CategoryNames) {
        own.iter().for_each(|name| self.put(Place::Category, name));
        above.iter().for_each(|name| self.put(Place::Above, name));
        for head in own.iter().filter_map(|name| self.head(name, &[])).collect::<Vec<_>>() {
            self.put_word(Place::Group, &head);
        }
    }

    /// The words of a name; those of its brand are not its head. Categories are put before.
    fn put_name(&mut self, name: &str, brand: &[String]) {
        let head = self.head(name, brand);
        let words = self.words.of(name);
        for word in &words {
            let stems = self.words.stems(word);
            let stands =
                |place: Place| stems.iter().any(|stem| self.terms.contains(&place.term(stem)));
            let place = if stands(Place::Group) {
                Place::Kind
            } else if stands(Place::Category) || stands(Place::Above) {
                Place::Topic
            } else if head.as_ref() == Some(word) {
                Place::Head
            } else {
                Place::Name
            };
            self.put_word(place, word);
        }
        self.put_lacks(Place::Name, name);
    }
}

/// The document of a product as stored, and the names of its categories; none where the body is not one of ours.
pub(super) fn document(
    fields: &Fields,
    words: &mut Words,
    (id, body, categories): (u64, &[u8], &CategoryNames),
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
    // `sans souci` is asked as one word, in a brand too.
    let (lacks, brand) = (words.lacks(brand), words.of(brand));
    let with_lacks = [brand.as_slice(), &lacks].concat();
    document.add_text(fields.brand, words.joined(&with_lacks));
    for name in categories.own.iter().chain(&categories.above) {
        let own = words.of(name);
        document.add_text(fields.other, words.joined(&own));
    }
    let properties = product.variant_attributes.iter().chain(&product.additional_property);
    for (property, value) in properties.filter_map(Valued::property) {
        document.add_text(fields.property, compared(property, value));
        document.add_text(fields.property_shown, shown(property, value));
    }
    let translations = || product.translations.values();
    let names = || translations().filter_map(|texts| texts.name.as_deref()).chain([name]);
    for name in names() {
        let own = words.of(name);
        document.add_text(fields.name, words.joined(&own));
    }
    let mut placed = Placed { words, terms: BTreeSet::new(), lacks: BTreeSet::new() };
    placed.put_categories(categories);
    names().for_each(|name| placed.put_name(name, &brand));
    let makers = product.manufacturer.as_deref().into_iter().chain(product.mpn.as_deref());
    let attributes =
        values(&product.variant_attributes).chain(values(&product.additional_property));
    attributes.chain(makers).for_each(|text| placed.put(Place::Attribute, text));
    let others = translations().filter_map(|texts| texts.description.as_ref());
    let descriptions = product.description.iter().chain(others);
    let plain = descriptions.filter_map(|description| description.plain.as_deref());
    plain.for_each(|text| placed.put(Place::Description, text));
    document.add_text(fields.places, Vec::from_iter(placed.terms).join(" "));
    let lacks = Vec::from_iter(placed.lacks);
    document.add_text(fields.other, words.joined(&lacks));
    Some(document)
}

//! The shape of a product in an answer: cut down by `fields`, widened by `embed`.

use super::schema::{ProductOut, VariantOut};
use crate::access::model::StockDisclosure;
use crate::access::resource::Kind;
use crate::access::{Scope, Scopes};
use crate::catalog::api::{Included, deleted, offers};
use crate::catalog::view::{CatalogView, Lookup, ProductQuery};
use crate::http::answer::Cache;
use crate::http::fields::{Fields, Known, Refused};
use crate::http::language::TRANSLATIONS;
use crate::http::params::as_alternative;
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::kernel::id::{CategoryId, ProductId, StoreId};
use crate::kernel::word::nearest;
use crate::kernel::{Clock, Gtin};
use crate::stock::embed;
use crate::stock::view::StockView;
use actix_web::web;
use bytes::Bytes;
use serde::Deserialize;
use std::sync::LazyLock;

/// Most lines of each kind in a product. A link leads to the whole list where there are more.
pub(super) const MOST_EMBEDDED: usize = 50;
/// Most stores that `store_id` may name beside `embed`.
const MOST_STORES: usize = 50;

/// The words of `embed`, the member that each adds, the link beside it, the scope that it needs.
const EMBEDS: [(&str, &str, &str, Option<Scope>); 4] = [
    ("offers", "offers", "more_offers", Some(Scope::PricesRead)),
    ("stock", "stock", "more_stock", Some(Scope::StockRead)),
    ("category", "categories", "categories", None),
    ("variants", "variants", "more_variants", None),
];
const OFFERS: usize = 0;
const STOCK: usize = 1;
const CATEGORY: usize = 2;
const VARIANTS: usize = 3;

static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<ProductOut>);
static KNOWN_WITH_DELETED: LazyLock<Known> = LazyLock::new(deleted::known::<ProductOut>);
static VARIANT: LazyLock<Fields> = LazyLock::new(|| {
    let names = "id,sku,gtin,name,variant_attributes,translations";
    Fields::parse(names, &Known::of::<VariantOut>()).unwrap_or_default()
});

/// Where embedded parts come from.
pub(super) type Views = (web::Data<CatalogView>, web::Data<StockView>, web::Data<Clock>);

/// What a caller wants of each product.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: Option<Fields>,
    embed: [bool; 4],
    stores: Vec<StoreId>,
    /// What the caller may be told.
    included: Included,
}

/// A fault of `fields` or `embed`, by name.
pub(super) type Fault = (&'static str, Refused);

impl Shape {
    /// Reads what `fields` and `embed` say.
    pub(super) fn parse(
        fields: Option<&str>,
        embed: Option<&str>,
        stores: Vec<StoreId>,
    ) -> (Self, Vec<Fault>) {
        Self::parse_of(&KNOWN, fields, embed, stores)
    }

    fn parse_of(
        known: &Known,
        fields: Option<&str>,
        embed: Option<&str>,
        stores: Vec<StoreId>,
    ) -> (Self, Vec<Fault>) {
        let mut shape = Self { stores, ..Self::default() };
        let mut faults = Vec::new();
        for word in embed.into_iter().flat_map(|text| text.split(',')) {
            let word = word.trim_matches(' ');
            match EMBEDS.iter().position(|embed| embed.0 == word) {
                Some(at) => shape.embed[at] = true,
                None => faults.push(("embed", unknown_embed(word))),
            }
        }
        match fields.map(|text| Fields::parse(text, known)).transpose() {
            Ok(fields) => shape.fields = fields,
            Err(refused) => faults.push(("fields", refused)),
        }
        for (at, (word, member, link, _)) in EMBEDS.iter().enumerate() {
            let asked =
                shape.fields.as_ref().filter(|fields| fields.names(member) || fields.names(link));
            if asked.is_some() && !shape.embed[at] {
                let message =
                    format!("asks for `{member}`, which is there with `embed={word}` only");
                faults
                    .push(("fields", Refused { code: "not_embedded", message, suggestion: None }));
            }
        }
        (shape, faults)
    }

    /// The shape for an answer whose texts are chosen by language behind it.
    pub(super) fn in_languages(self) -> Self {
        let fields = self.fields.map(|fields| fields.with_everywhere(TRANSLATIONS));
        Self { fields, ..self }
    }

    /// Reads the parameters of a call about one product.
    pub(super) fn read(params: &mut Params) -> Self {
        let stores = params.list("store_id", MOST_STORES);
        let scoped = !stores.is_empty();
        let shape = Self::read_in_list(params, stores);
        if scoped && !shape.embed[OFFERS] && !shape.embed[STOCK] {
            let message = "chooses among embedded offers and stock; ask for them with `embed`";
            params.fault("store_id", "not_embedded", message);
        }
        shape
    }

    /// Reads the parameters of a list, whose stores were read as a filter.
    pub(super) fn read_in_list(params: &mut Params, stores: Vec<StoreId>) -> Self {
        let (fields, embed) = (params.text("fields"), params.text("embed"));
        let deleted = params.was_given("include_deleted");
        let known: &Known = if deleted { &KNOWN_WITH_DELETED } else { &KNOWN };
        let (mut shape, faults) =
            Self::parse_of(known, fields.as_deref(), embed.as_deref(), stores);
        if params.in_languages() {
            shape = shape.in_languages();
        }
        for (name, Refused { code, message, suggestion }) in faults {
            match suggestion {
                Some(suggestion) => params.fault_with_suggestion(name, code, message, suggestion),
                None => params.fault(name, code, message),
            }
        }
        shape
    }

    /// Refuses a page that is too long to embed anything in.
    pub(super) fn bound(&self, limit: usize, params: &mut Params) {
        if self.embeds() && limit > MOST_EMBEDDED {
            let message = format!("must be at most {MOST_EMBEDDED} with `embed`");
            params.fault_with_suggestion(
                "limit",
                "out_of_range",
                message,
                MOST_EMBEDDED.to_string(),
            );
        }
    }

    fn embeds(&self) -> bool {
        self.embed.contains(&true)
    }

    /// Whether products leave as they are stored.
    fn is_plain(&self) -> bool {
        self.fields.is_none() && !self.embeds() && self.included.fields(Kind::Product).is_none()
    }

    /// The fields that were asked for; all where there is none.
    pub(super) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// What the caller may be told.
    pub(super) fn included(&self) -> &Included {
        &self.included
    }

    /// How long an answer of this shape may be kept at an instant.
    pub(super) fn cache(&self, (catalog, _, clock): &Views) -> Cache {
        let cache = if self.embed[STOCK] { Cache::Brief } else { Cache::Short };
        if self.embed[OFFERS] { catalog.cache_of_prices(cache, clock.now()) } else { cache }
    }

    /// The shape for a caller; refuses to embed what the key may not read.
    pub(super) fn within(self, scopes: Scopes, included: Included) -> ApiResult<Self> {
        for ((word, _, _, scope), wanted) in EMBEDS.iter().zip(self.embed) {
            let Some(scope) = scope.filter(|scope| wanted && !scopes.has(*scope)) else { continue };
            let detail = format!("`embed={word}` needs the scope `{}`.", scope.as_str());
            let error = ApiError::new(Code::InsufficientScope, detail);
            return Err(error.required_scope(scope.as_str()));
        }
        if self.embed[VARIANTS] {
            included.need("embed=variants", Kind::Product, "item_group_id")?;
        }
        Ok(Self { included, ..self })
    }

    /// The answer about one product in this shape.
    pub(super) fn answer(
        &self,
        plain: Answer,
        told: StockDisclosure,
        views: &Views,
    ) -> ApiResult<Answer> {
        if self.is_plain() {
            return Ok(plain);
        }
        let body = self.apply(&plain.body, told, views)?;
        Ok(Answer::new(body, self.cache(views), plain.records).of(plain.kind))
    }

    /// The products of a page in this shape.
    pub(super) fn items(
        &self,
        items: Vec<Bytes>,
        told: StockDisclosure,
        views: &Views,
    ) -> ApiResult<Vec<Bytes>> {
        if self.is_plain() {
            return Ok(items);
        }
        items.iter().map(|item| self.apply(item, told, views).map(Bytes::from)).collect()
    }

    /// A product in this shape.
    pub(super) fn apply(
        &self,
        body: &[u8],
        told: StockDisclosure,
        views: &Views,
    ) -> ApiResult<Vec<u8>> {
        let mut document = self.included.cut(Kind::Product, body.to_vec());
        if self.embeds() {
            let keys: Keys = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
            if document.pop() == Some(b'}') {
                self.append(&mut document, &keys, told, views)?;
                document.push(b'}');
            }
        }
        Ok(match &self.fields {
            Some(fields) => fields.project(&document),
            None => document,
        })
    }

    fn append(
        &self,
        document: &mut Vec<u8>,
        keys: &Keys,
        told: StockDisclosure,
        (catalog, stock, clock): &Views,
    ) -> ApiResult<()> {
        let id = keys.id;
        if self.embed[OFFERS] {
            let grant = self.included.grant();
            let wanted = (&*self.stores, None, clock.now());
            let page = catalog.offers(grant, id, wanted, None, MOST_EMBEDDED);
            let more = page.next.is_some().then(|| self.whole(id, "offers"));
            let lines = offers::documents(page.items, &self.included)?;
            member(document, "offers", &lines, Some(("more_offers", more)))?;
        }
        if self.embed[STOCK] {
            let now = clock.now();
            let (product, known) = ((id, keys.gtin), (told, now));
            let (stores, included) = (&self.stores, &self.included);
            let (lines, more) =
                embed::lines(stock, product, stores, known, MOST_EMBEDDED, included);
            let more = more.then(|| self.whole(id, "stock"));
            member(document, "stock", &lines, Some(("more_stock", more)))?;
        }
        if self.embed[CATEGORY] {
            let grant = self.included.grant();
            let category = |id: &CategoryId| match catalog.category_within(grant, *id) {
                Lookup::Found { body, .. } => Some(self.included.cut(Kind::Category, body)),
                Lookup::Gone { .. } | Lookup::Missing => None,
            };
            let known = keys.category_ids.iter().filter_map(category);
            member(document, "categories", &known.collect::<Vec<_>>(), None)?;
        }
        if self.embed[VARIANTS] {
            let (lines, more) = variants(keys, catalog, &self.included);
            member(document, "variants", &lines, Some(("more_variants", more)))?;
        }
        Ok(())
    }

    /// Where all offers, or all stock, of a product are.
    fn whole(&self, id: ProductId, what: &str) -> String {
        let stores: Vec<String> = self.stores.iter().map(StoreId::to_string).collect();
        let query = if stores.is_empty() { "" } else { "?store_id=" };
        format!("/v1/products/{id}/{what}{query}{}", stores.join(","))
    }
}

/// What embedding needs to know of a product.
#[derive(Debug, Deserialize)]
struct Keys {
    id: ProductId,
    #[serde(default)]
    gtin: Option<Gtin>,
    #[serde(default)]
    item_group_id: Option<String>,
    #[serde(default)]
    category_ids: Vec<CategoryId>,
}

/// The other products of the item group, and where they all are if they are too many.
fn variants(
    keys: &Keys,
    catalog: &CatalogView,
    included: &Included,
) -> (Vec<Vec<u8>>, Option<String>) {
    let Some(group) = &keys.item_group_id else { return (Vec::new(), None) };
    let (item_groups, grant) = (vec![group.clone()], included.grant().cloned());
    let query = ProductQuery { item_groups, grant, ..ProductQuery::default() };
    // One more for the product itself.
    let page = catalog.list(&query, None, None, MOST_EMBEDDED + 1);
    let own = format!("\"{}\"", keys.id);
    let is_other = |body: &Bytes| {
        let members = crate::http::fields::members(body).unwrap_or_default();
        !members.iter().any(|(name, value)| *name == b"id" && *value == own.as_bytes())
    };
    let others = page.items.iter().filter(|body| is_other(body)).take(MOST_EMBEDDED);
    let line = |body: &Bytes| included.cut(Kind::Product, VARIANT.project(body));
    let lines = others.map(line).collect();
    let group = as_alternative(group);
    let encoded: String = url::form_urlencoded::byte_serialize(group.as_bytes()).collect();
    let more = page.next.map(|_| format!("/v1/products?item_group_id={encoded}"));
    (lines, more)
}

fn member<T: AsRef<[u8]>>(
    document: &mut Vec<u8>,
    name: &str,
    items: &[T],
    link: Option<(&str, Option<String>)>,
) -> ApiResult<()> {
    document.extend_from_slice(format!(",\"{name}\":[").as_bytes());
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            document.push(b',');
        }
        document.extend_from_slice(item.as_ref());
    }
    document.push(b']');
    if let Some((name, url)) = link {
        document.extend_from_slice(format!(",\"{name}\":").as_bytes());
        serde_json::to_writer(document, &url).map_err(|error| unreadable(&error))?;
    }
    Ok(())
}

fn unknown_embed(word: &str) -> Refused {
    let words = EMBEDS.map(|embed| embed.0);
    let shown: String = word.chars().take(100).collect();
    let message = format!("has `{shown}`, which is none of {}", words.join(", "));
    Refused { code: "not_allowed", message, suggestion: nearest(&shown, &words) }
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    tracing::error!(%error, "a stored product could not be read");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

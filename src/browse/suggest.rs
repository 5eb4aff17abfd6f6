//! What a shopper who has begun to type may mean.

use super::list::{not_ready, permit_search};
use super::shape::Views;
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::api::Included;
use crate::catalog::search::{self, Search, Strictness, Words};
use crate::catalog::view::{CatalogView, Grant, Lookup};
use crate::http::answer::Cache;
use crate::http::language::Wanted;
use crate::http::{Answer, ApiResult, Params, Turns};
use crate::kernel::id::ProductId;
use crate::kernel::word::{Word as _, words};
use actix_web::{HttpRequest, get, web};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most characters of what was typed.
const LONGEST: usize = 100;
/// Letters from which products are suggested: fewer begin the words of half a catalog.
const FOR_PRODUCTS: usize = 3;
const DEFAULT_LIMIT: u32 = 8;
const MOST: u32 = 20;
/// Among how many of the best products those are sought whose names begin with the one word that was typed.
const LOOKED_AT: usize = 64;

words! {
    /// What can be suggested.
    pub(super) enum SuggestionType {
        /// A product by its name.
        Product = "product",
        /// A brand.
        Brand = "brand",
        /// A category.
        Category = "category",
    }
}

/// A suggestion.
#[derive(Debug, Serialize, ToSchema)]
struct SuggestionOut {
    /// What it is.
    #[serde(rename = "type")]
    kind: SuggestionType,
    /// Its id: of a product, or as `brand` and `category_id` of the list of products take it.
    #[schema(example = "brd_2Kd83bVnM1c")]
    id: String,
    /// What to show.
    #[schema(example = "Perceuse à percussion Bosch 750 W")]
    text: String,
    /// The same in other languages, by language (RFC 5646), where the retailer gives any. Absent from calls
    /// with `Accept-Language`, for which `text` is chosen from here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<BTreeMap<String, SuggestionTexts>>)]
    translations: BTreeMap<String, SuggestionTexts>,
}

/// The text of a suggestion in another language.
#[derive(Debug, Serialize, ToSchema)]
struct SuggestionTexts {
    /// What to show.
    #[schema(example = "Bosch hammer drill 750 W")]
    text: String,
}

/// What names something.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default)]
    translations: BTreeMap<String, Texts>,
}

impl Named {
    /// The words of the name, and of that in the language that is wanted most. Those of a third language would only be
    /// noise.
    fn words(&self, wanted: Option<&Wanted>) -> impl Iterator<Item = Vec<String>> {
        let tags: Vec<&[u8]> = self.translations.keys().map(String::as_bytes).collect();
        let tag = wanted.and_then(|wanted| wanted.best(&tags));
        let texts = self.translations.iter().find(|(own, _)| Some(own.as_bytes()) == tag);
        let translated = texts.and_then(|(_, texts)| texts.name.as_deref());
        [self.name.as_str()].into_iter().chain(translated).map(|name| Words::default().of(name))
    }

    /// Whether a name has words that begin with all that was typed.
    fn has(&self, typed: &[String], wanted: Option<&Wanted>) -> bool {
        self.words(wanted)
            .any(|words| typed.iter().all(|part| words.iter().any(|word| word.starts_with(part))))
    }

    /// Whether a name begins with what was typed.
    fn begins_with(&self, typed: &str, wanted: Option<&Wanted>) -> bool {
        self.words(wanted).any(|words| words.first().is_some_and(|word| word.starts_with(typed)))
    }
}

#[derive(Deserialize)]
struct Texts {
    name: Option<String>,
}

/// Suggestions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuggestionsOut {
    /// Categories and brands with the most products first, then the products that match best; where one word was
    /// typed, those whose names begin with it before the others.
    items: Vec<SuggestionOut>,
}

/// Suggestions
///
/// What a shopper who types may mean: products from three letters on, brands and categories from the
/// first, categories by their names in the language of `Accept-Language` too. Case, accents and the order of the words make
/// no difference, and where no product is called so, typing errors in products are forgiven. Takes a tenth of a call from
/// your limits, so that it can be asked for with every letter.
#[utoipa::path(
    operation_id = "list_suggestions", tag = "products",
    params(
        ("q" = String, Query, min_length = 1, max_length = 100, description = "What was typed so far.", example = "per"),
        ("types" = Option<Vec<SuggestionType>>, Query, max_items = 3, style = Form, explode = false, description = "What to suggest, joined by commas; all where it is left out.", example = json!(["product", "brand"])),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 20, description = "Most suggestions, 8 where it is left out.", example = 8),
    ),
    responses(
        (status = 200, description = "The suggestions.", body = SuggestionsOut),
        (status = 304, description = "You hold these already."),
        (status = 503, description = "`search_not_ready`: this node makes its search index. Try again after `Retry-After`, or ask for brands and categories only. `unavailable`, with `Retry-After`: too many searches wait on this node."),
    ),
)]
#[get("/v1/suggest")]
pub(super) async fn list_suggestions(
    caller: Caller<op::ListSuggestions>,
    request: HttpRequest,
    views: Views,
    search: web::Data<Search>,
    turns: web::Data<Turns>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let text = params.text("q");
    let kinds: Vec<SuggestionType> = params.words("types");
    let limit = params.whole("limit", 1..=MOST);
    match &text {
        None if !params.has_fault("q") => params.fault("q", "missing", "says what was typed"),
        Some(text) if text.chars().count() > LONGEST => {
            params.fault("q", "too_long", format!("has at most {LONGEST} characters"));
        }
        _ => {}
    }
    params.finish()?;
    let text = text.unwrap_or_default();
    let limit = limit.unwrap_or(DEFAULT_LIMIT) as usize;
    let included = Included::of(&caller, &views.0);
    let wanted_kinds = permitted(kinds, &included)?;
    let wants = |kind| wanted_kinds.contains(&kind);
    let typed = Words::default().of(&text);
    let mut items = Vec::with_capacity(limit);
    // Half of the room at most is for categories and brands where products are wanted too.
    let room = if wants(SuggestionType::Product) { limit.div_ceil(4) } else { limit };
    let wanted = Wanted::of(&request);
    if wants(SuggestionType::Category) {
        let found = views.0.categories_named(included.grant(), &typed, usize::MAX).into_iter().map(
            |(id, name)| {
                let translations = serde_json::from_value(views.0.category_translations(id));
                (id, Named { name, translations: translations.unwrap_or_default() })
            },
        );
        let meant = found.filter(|(_, named)| named.has(&typed, wanted.as_ref()));
        let suggested = meant.take(room);
        items.extend(suggested.map(|(id, named)| suggestion(SuggestionType::Category, &id, named)));
    }
    if wants(SuggestionType::Brand) {
        let most = room.min(limit - items.len());
        let (catalog, words, own) = (views.0.clone(), typed.clone(), included.clone());
        let named = move || catalog.brands_named(own.grant(), &words, most);
        // Of a brand that is not wholly included, each product is looked at.
        let found = if included.limits_products() { turns.run(named).await? } else { named() };
        items.extend(found.into_iter().map(|(id, name)| {
            suggestion(SuggestionType::Brand, &id, Named { name, ..Named::default() })
        }));
    }
    let enough =
        typed.len() > 1 || typed.first().is_some_and(|word| word.chars().count() >= FOR_PRODUCTS);
    if wants(SuggestionType::Product) && enough {
        let (room, catalog) = (limit - items.len(), views.0.clone());
        let found = turns.run(move || {
            let found = products((&text, &typed), room, &catalog, &search, included.grant())?;
            Some(first_of(found, &typed, wanted.as_ref(), room))
        });
        items.extend(found.await?.ok_or_else(not_ready)?);
    }
    let count = items.len() as u32;
    Ok(Answer::json(&SuggestionsOut { items }, Cache::Seconds(60), count)?.with_texts())
}

/// The kinds that are asked for; where none is named, those that the caller's plan includes the texts of.
fn permitted(asked: Vec<SuggestionType>, included: &Included) -> ApiResult<Vec<SuggestionType>> {
    let permit = |kind: SuggestionType| match kind {
        SuggestionType::Product => permit_search(included),
        SuggestionType::Brand => included.need("types=brand", Kind::Product, "brand"),
        SuggestionType::Category => included.need("types=category", Kind::Category, "name"),
    };
    if asked.is_empty() {
        let all = SuggestionType::WORDS.iter().map(|(_, kind)| *kind);
        return Ok(all.filter(|kind| permit(*kind).is_ok()).collect());
    }
    asked.iter().try_for_each(|kind| permit(*kind))?;
    Ok(asked)
}

fn suggestion(kind: SuggestionType, id: &dyn std::fmt::Display, named: Named) -> SuggestionOut {
    let texts = named.translations.into_iter();
    let translations =
        texts.filter_map(|(tag, Texts { name })| Some((tag, SuggestionTexts { text: name? })));
    SuggestionOut {
        kind,
        id: id.to_string(),
        text: named.name,
        translations: translations.collect(),
    }
}

/// The products that match best; where none does as it was typed, those that do without the one letter of a next word, or
/// but for typing errors.
fn products(
    (text, typed): (&str, &[String]),
    room: usize,
    catalog: &CatalogView,
    search: &Search,
    grant: Option<&Grant>,
) -> Option<Vec<(ProductId, Named)>> {
    // Only one word can begin a name.
    let most = if typed.len() == 1 { LOOKED_AT } else { room };
    let mut takes = |id| catalog.has_product_within(grant, ProductId(id));
    let mut best = |text: &str, strictness| {
        let wanted = search::Wanted { after: None, most, takes: &mut takes, found: None };
        search.best(text, Some(strictness), wanted).map(|(hits, _)| hits)
    };
    let mut hits = best(text, Strictness::All)?;
    if let [before @ .., begun] = typed
        && hits.is_empty()
        && !before.is_empty()
        && begun.chars().count() == 1
    {
        hits = best(&before.join(" "), Strictness::All)?;
    }
    if hits.is_empty() {
        hits = best(text, Strictness::Near)?;
    }
    let found = hits.into_iter().filter_map(|hit| {
        let id = ProductId(hit.id);
        let Lookup::Found { body, .. } = catalog.product(id) else { return None };
        Some((id, serde_json::from_slice(&body).ok()?))
    });
    Some(found.collect())
}

/// The first of some products, the best first; where one word was typed, those whose names begin with it before the others:
/// who has typed `cho` reads on in a name.
fn first_of(
    mut found: Vec<(ProductId, Named)>,
    typed: &[String],
    wanted: Option<&Wanted>,
    room: usize,
) -> Vec<SuggestionOut> {
    if let [word] = typed {
        found.sort_by_cached_key(|(_, named)| !named.begins_with(word, wanted));
    }
    let first = found.into_iter().take(room);
    first.map(|(id, named)| suggestion(SuggestionType::Product, &id, named)).collect()
}

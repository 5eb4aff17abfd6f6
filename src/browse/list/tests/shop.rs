//! The shop that lists are asked of.

use super::*;
use crate::catalog::search::{CategoryNames, Commit};

/// A shop that holds the products, with the index and the stock beside them.
pub(super) struct Shop {
    catalog: CatalogView,
    stock: StockView,
    search: Search,
    indexer: Indexer,
    docs: BTreeMap<u64, Doc>,
    _folder: tempfile::TempDir,
}

fn id(nth: usize) -> ProductId {
    ProductId::derived(&nth.to_string())
}

impl Shop {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let indexer = Indexer::create(folder.path(), &Words::default()).unwrap();
        let search = Search::default();
        indexer.serve(&search);
        let catalog = CatalogView::default();
        let category = |(code, parent): &(&str, Option<&str>)| {
            let id = CategoryId::derived(code);
            CategoryChange::Upsert(CategoryRecord {
                translations: Value::Null,
                id,
                parent: parent.map(CategoryId::derived),
                name: (*code).to_owned(),
                body: json!({ "id": id, "name": code }).to_string(),
                updated_at: Micros(0),
            })
        };
        catalog.apply_categories(CATEGORIES.iter().map(category).collect());
        let stock = StockView::default();
        Self { catalog, stock, search, indexer, docs: BTreeMap::new(), _folder: folder }
    }

    /// Makes the shop hold these products, with the changes that a feed would bring.
    pub(super) fn hold(&mut self, docs: &[Option<Doc>]) {
        for nth in 0..20 {
            let id = id(nth);
            let new = docs.get(nth).cloned().flatten();
            let old = self.docs.remove(&id.0);
            if old.is_some() && new.is_none() {
                self.catalog.apply_products(vec![ProductChange::Delete(Tombstone {
                    id,
                    gtin: None,
                    replaced_by: None,
                    at: Micros(0),
                })]);
                self.indexer.remove(id.0);
            }
            let kept = |offer: &Offer| {
                let of_new = new.as_ref().map_or(&[][..], |doc| &doc.offers);
                of_new.iter().any(|own| (own.store, own.channel) == (offer.store, offer.channel))
            };
            let gone = old.iter().flat_map(|doc| &doc.offers).filter(|offer| !kept(offer));
            let gone = gone.map(|o| OfferChange::Delete(id, StoreId(o.store), o.channel));
            self.catalog.apply_offers(gone.collect());
            // A level stays until another is told, so it is told to be unknown.
            let unknown = old.iter().flat_map(|doc| &doc.levels);
            let unknown = unknown.map(|(store, _)| (*store, Availability::Unknown));
            let Some(mut doc) = new else { continue };
            for (store, availability) in unknown {
                if !doc.levels.iter().any(|(own, _)| *own == store) {
                    doc.levels.push((store, availability));
                }
            }
            self.put(nth, &doc);
            self.docs.insert(id.0, doc);
        }
        self.indexer.commit(&Commit { position: 1, token: String::new() }).unwrap();
    }

    fn put(&mut self, nth: usize, doc: &Doc) {
        let id = id(nth);
        let brand = doc.brand.map(|name| json!({ "id": BrandId::named(name), "name": name }));
        let property = |(name, value): &(&str, &str)| json!({ "property_id": name, "name": name, "value": value });
        let body = serde_json::to_string(&Body {
            sku: nth.to_string(),
            name: doc.name,
            brand,
            additional_property: doc.properties.iter().map(property).collect(),
            condition: doc.condition,
            status: doc.status,
        })
        .unwrap();
        self.indexer.put(&[(id.0, body.clone().into(), CategoryNames::default())]).unwrap();
        let categories: Vec<String> =
            doc.categories.iter().map(|code| CategoryId::derived(code).to_string()).collect();
        self.catalog.apply_products(vec![ProductChange::Upsert(Box::new(ProductRecord {
            id,
            gtin: None,
            brand: doc.brand.map(BrandId::named),
            categories: categories.join(" "),
            item_group: None,
            status: doc.status,
            sold_by_weight: doc.by_weight,
            etag: digest(body.as_bytes()),
            body,
            updated_at: Micros(doc.updated_at),
        }))]);
        let offers =
            doc.offers.iter().map(|offer| OfferChange::Upsert(Box::new(record(id, offer))));
        self.catalog.apply_offers(offers.collect());
        let level = |(store, availability): &(u64, Availability)| LevelRecord {
            product: id,
            store: StoreId(*store),
            availability: *availability,
            quantity: None,
            as_of: Micros(0),
            received_at: Micros(0),
            source: "feed".to_owned(),
            detail: "{}".to_owned(),
        };
        self.stock.apply(&doc.levels.iter().map(level).collect::<Vec<_>>());
    }

    /// One page, which a search index is there for.
    fn page(&self, request: &Request) -> Selected {
        select(request, &self.catalog, &self.stock, &self.search).unwrap()
    }

    /// What a walk through the whole list gives, and what stands beside its first page.
    fn walk(&self, asked: &Asked, whole: usize) -> (Vec<u64>, u64, Value) {
        let mut request = asked.request(&self.catalog);
        let first = self.page(&request);
        let total = first.total;
        let facets = serde_json::from_slice(&first.facets).unwrap_or_default();
        let mut found = Vec::new();
        let mut page = first;
        loop {
            assert!(page.items.len() <= asked.limit);
            let sku = |item: &bytes::Bytes| {
                let body: Value = serde_json::from_slice(item).unwrap();
                ProductId::derived(body["sku"].as_str().unwrap()).0
            };
            found.extend(page.items.iter().map(sku));
            assert_eq!((page.total, page.next.is_some()), (total, found.len() < whole));
            request.after = page.next;
            if request.after.is_none() {
                return (found, total, facets);
            }
            page = self.page(&request);
        }
    }

    /// The products that the words find, the best first; all where there are none.
    fn candidates(&self, asked: &Asked) -> Vec<u64> {
        let Some(text) = asked.text else { return self.docs.keys().copied().collect() };
        let (mut hits, _) = self.search.find(text, None).unwrap();
        hits.sort_unstable();
        hits.into_iter().map(|hit| hit.id).collect()
    }

    pub(super) fn check(&self, asked: &Asked) -> Result<(), TestCaseError> {
        let candidates = self.candidates(asked);
        let expected = asked.list(&self.docs, &candidates);
        let (found, total, facets) = self.walk(asked, expected.len());
        prop_assert_eq!(&found, &expected, "{} of {:?}", asked.query(), asked.plan);
        if asked.counted {
            prop_assert_eq!(total, expected.len() as u64);
        }
        for name in &asked.facets {
            let values = facets[*name].as_array().unwrap();
            let seen: Vec<(String, u32)> = values.iter().map(seen).collect();
            let counted = asked.facet(name, &self.docs, &candidates);
            let plan = &asked.plan;
            prop_assert_eq!(seen, counted, "{} of {} of {:?}", name, asked.query(), plan);
        }
        Ok(())
    }
}

fn record(product: ProductId, offer: &Offer) -> OfferRecord {
    OfferRecord {
        product,
        store: StoreId(offer.store),
        channel: offer.channel,
        currency: "EUR".parse().unwrap(),
        price: Amount(offer.price),
        list_price: None,
        member_price: None,
        price_type: PriceType::Regular,
        unit_price: None,
        unit_reference: None,
        tax_included: true,
        eco_contribution: None,
        seller: None,
        lowest_price_30d: None,
        valid_from: offer.window.0.map(Micros),
        valid_through: offer.window.1.map(Micros),
        sale: None,
        promotions: Vec::new(),
        as_of: Micros(0),
    }
}

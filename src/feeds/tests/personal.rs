//! Promotions of one customer: in whatever order feeds tell of them, partners are told nothing.

use super::{Feed, PRODUCTS, STORE, Shop, one_line};
use crate::kernel::id::{ProductId, PromotionId};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// A line of a feed.
#[derive(Debug, Clone)]
enum Step {
    Promotion(&'static str, &'static str),
    Delete(&'static str),
    /// An offer of a product, and the promotions that it names.
    Offer(&'static str, Vec<&'static str>),
}

fn step() -> impl Strategy<Value = Step> {
    let code = || prop::sample::select(vec!["a", "b", "c"]);
    let audience = prop::sample::select(vec!["public", "member", "personal"]);
    let sku = prop::sample::select(vec!["1", "2"]);
    prop_oneof![
        4 => (code(), audience).prop_map(|(code, audience)| Step::Promotion(code, audience)),
        1 => code().prop_map(Step::Delete),
        2 => (sku, prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4))
            .prop_map(|(sku, codes)| Step::Offer(sku, codes)),
    ]
}

/// What feeds have told.
#[derive(Debug, Default)]
struct Said {
    /// The audience of each promotion, also of one that was deleted, and whether it is there.
    promotions: BTreeMap<&'static str, (&'static str, bool)>,
    offers: BTreeMap<&'static str, Vec<&'static str>>,
    /// Promotions that have been for more than one customer.
    ever_told: BTreeSet<&'static str>,
}

impl Said {
    async fn say(&mut self, shop: &Shop, step: &Step) {
        let (feed, line) = match step {
            Step::Promotion(code, audience) => {
                self.promotions.insert(code, (audience, true));
                if *audience != "personal" {
                    self.ever_told.insert(code);
                }
                let line = format!(
                    r#"{{"code":"{code}","title":"T","type":"points","audience":"{audience}"}}"#
                );
                (Feed::Promotions, line)
            }
            Step::Delete(code) => {
                let Some((_, is_there)) = self.promotions.get_mut(code) else { return };
                *is_there = false;
                (Feed::Promotions, format!(r#"{{"op":"delete","code":"{code}"}}"#))
            }
            Step::Offer(sku, codes) => {
                self.offers.insert(sku, codes.clone());
                let codes = serde_json::to_string(codes).unwrap();
                let price = r#"{"amount":"1","currency":"EUR"}"#;
                (
                    Feed::Offers,
                    format!(
                        r#"{{"sku":"{sku}","store_code":"a","price":{price},"promotion_codes":{codes}}}"#
                    ),
                )
            }
        };
        let (_, _, rejected) = shop.counts(feed, &line).await;
        assert_eq!(rejected, 0, "{step:?}");
    }

    fn is_told(&self, code: &str) -> bool {
        let promotion = self.promotions.get(code);
        promotion.is_some_and(|(audience, is_there)| *is_there && *audience != "personal")
    }

    /// The promotions that partners may see, by id.
    fn told(&self) -> BTreeSet<String> {
        let told = self.promotions.keys().filter(|code| self.is_told(code));
        told.map(|code| PromotionId::derived(code).to_string()).collect()
    }

    /// The offers as partners may see them: product and promotions.
    fn offers(&self) -> BTreeSet<String> {
        let line = |(sku, codes): (&&str, &Vec<&str>)| {
            let told = codes.iter().filter(|code| self.is_told(code));
            let told: Vec<String> =
                told.map(|code| PromotionId::derived(code).to_string()).collect();
            format!("{} {}", ProductId::derived(sku), told.join(" "))
        };
        self.offers.iter().map(line).collect()
    }
}

#[tokio::test]
async fn the_log_and_the_offers_know_only_of_promotions_that_may_be_told() {
    const LOG: &str =
        "SELECT id || ' ' || op FROM change_log WHERE kind = 'promotion' ORDER BY position";
    const OFFERS: &str = "SELECT product_id || ' ' || promotion_ids FROM offers";
    const UNLOGGED: &str =
        "SELECT COUNT(*) FROM offers o WHERE o.version <> (SELECT COUNT(*) FROM change_log c
        WHERE c.kind = 'offer' AND c.id = o.product_id || '/' || o.store_id || '/' || o.channel)";
    let mut runner = TestRunner::deterministic();
    for _ in 0..24 {
        let steps = prop::collection::vec(step(), 1..14).new_tree(&mut runner).unwrap().current();
        let (shop, mut said) = (Shop::open().await, Said::default());
        shop.counts(Feed::Products, PRODUCTS).await;
        shop.counts(Feed::Stores, &one_line(STORE)).await;
        for step in &steps {
            said.say(&shop, step).await;
            let mut known = BTreeSet::new();
            for entry in shop.words(LOG).await {
                let (id, op) = entry.split_once(' ').unwrap();
                let ever =
                    said.ever_told.iter().any(|code| PromotionId::derived(code).to_string() == id);
                assert!(ever, "{step:?} of {steps:?}");
                if op == "upsert" {
                    known.insert(id.to_owned());
                } else {
                    assert!(known.remove(id), "deleted twice: {steps:?}");
                }
            }
            assert_eq!(known, said.told(), "{step:?} of {steps:?}");
            let offers: BTreeSet<String> = shop.words(OFFERS).await.into_iter().collect();
            assert_eq!(offers, said.offers(), "{step:?} of {steps:?}");
            assert_eq!(shop.number(UNLOGGED).await, 0, "{step:?} of {steps:?}");
        }
    }
}

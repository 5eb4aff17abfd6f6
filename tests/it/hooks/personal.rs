//! Of promotions of one customer no message tells.

use super::receiver::Receiver;
use super::{shop, subscribe};
use crate::support::data;
use comptoir::feeds::Feed;
use comptoir::kernel::id::PromotionId;
use serde_json::{Value, json};

fn promotion(code: &str, audience: &str) -> Value {
    let mut line = data::promotion(code, code);
    line["audience"] = json!(audience);
    line
}

#[tokio::test]
async fn a_promotion_of_one_customer_makes_no_message_and_one_that_becomes_it_is_deleted() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let events = ["promotion.created", "promotion.updated", "promotion.deleted", "offer.updated"];
    subscribe(&app, &key, json!({ "url": receiver.url, "events": events })).await;
    let mut offer = data::offer(0, 0, "2.39");
    offer["promotion_codes"] = json!(["own", "all"]);
    let id = |code: &str| PromotionId::derived(code).to_string();
    let offer_id = format!("{}/{}/in_store", data::product_id(0), data::store_id(0));
    app.import(Feed::Promotions, &[promotion("own", "personal")]).await;
    app.import(Feed::Promotions, &[promotion("all", "public")]).await;
    app.import(Feed::Offers, &[offer]).await;
    app.import(Feed::Promotions, &[promotion("all", "personal")]).await;
    app.import(Feed::Promotions, &[json!({ "op": "delete", "code": "own" })]).await;
    app.import(Feed::Promotions, &[json!({ "op": "delete", "code": "all" })]).await;
    app.import(Feed::Promotions, &[promotion("end", "member")]).await;
    // Those of different resources pass each other on their way.
    let mut awaited = vec![
        json!(["offer.updated", offer_id]),
        json!(["promotion.created", id("all")]),
        json!(["promotion.deleted", id("all")]),
        json!(["promotion.created", id("end")]),
    ];
    while !awaited.is_empty() {
        let message = receiver.next().await;
        assert!(!message.text.contains(&id("own")), "{}", message.text);
        let told = message.body();
        let told = json!([told["type"], told["data"]["id"]]);
        awaited.retain(|one| *one != told);
    }
    let rest = receiver.so_far();
    assert!(rest.iter().all(|message| !message.text.contains(&id("own"))));
}

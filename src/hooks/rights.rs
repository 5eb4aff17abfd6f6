//! What an app may know at present, and a message held to it.

use super::event;
use crate::access::Scopes;
use crate::access::directory::{KeyRecord, Keyring, Standing};
use crate::access::model::StockDisclosure;
use crate::access::plan::PlanData;
use crate::catalog::view::{CatalogView, Lookup};
use crate::changes::resource::Told;
use crate::changes::{InPlan, Kind};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PromotionId};
use crate::stock::line::QuantityOut;
use serde_json::Value;
use serde_json::value::to_raw_value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// What an app may know: what all its keys together may.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    pub(super) scopes: Scopes,
    pub(super) told: StockDisclosure,
    /// What its plan includes; none where that is everything.
    pub(super) data: Option<Arc<PlanData>>,
}

impl Rights {
    /// What each app that has a key in force may know.
    pub(super) fn of_apps(keyring: &Keyring, now: Micros) -> HashMap<AppId, Self> {
        let mut rights: HashMap<AppId, Self> = HashMap::new();
        for key in keyring.current().keys_at(now).filter(|key| is_good(key, now)) {
            rights.entry(key.app).or_insert_with(|| Self::of_key(key)).add(key);
        }
        rights
    }

    /// What one app may know; none where it has no key in force.
    pub(super) fn of_app(keyring: &Keyring, app: &str, now: Micros) -> Option<Self> {
        let app: AppId = app.parse().ok()?;
        let keys = keyring.current();
        let mut good = keys.keys_at(now).filter(|key| key.app == app && is_good(key, now));
        let mut rights = Self::of_key(good.next()?);
        good.for_each(|key| rights.add(key));
        Some(rights)
    }

    /// All keys of an app have its plan.
    fn of_key(key: &KeyRecord) -> Self {
        Self { scopes: key.scopes, told: key.stock_disclosure, data: key.granted.data.clone() }
    }

    fn add(&mut self, key: &KeyRecord) {
        self.scopes = self.scopes.iter().chain(key.scopes.iter()).collect();
        self.told = self.told.max(key.stock_disclosure);
    }

    /// What of resources may be told.
    pub(super) fn of_resources(&self) -> Told<'_> {
        Told { stock: self.told, data: self.data.as_deref() }
    }

    /// A message as it may be told now, where more might be told when it was written: a quantity becomes its
    /// band, or is left out; of promotions that are one customer's own by now nothing is said, nor of what the
    /// plan no longer includes.
    pub(super) fn within<'a>(
        &self,
        payload: &'a str,
        event: &str,
        catalog: &CatalogView,
    ) -> Cow<'a, str> {
        let may_be_less =
            self.told != StockDisclosure::Exact && payload.contains("\"disclosure\":");
        if self.data.is_none() && !may_be_less && !payload.contains("\"prm_") {
            return Cow::Borrowed(payload);
        }
        let Ok(mut message) = serde_json::from_str::<Value>(payload) else {
            return Cow::Borrowed(payload);
        };
        let kind = event::find(event).and_then(|(_, kind)| kind);
        let id = message["data"]["id"].as_str().unwrap_or_default().to_owned();
        let tells = |successor: &Value| {
            let included = InPlan::of(self.data.as_ref(), catalog);
            let id = successor.as_str().unwrap_or_default();
            included.is_none_or(|included| included.tells_successor(id))
        };
        if message["data"].get("replaced_by").is_some_and(|successor| !tells(successor)) {
            message["data"].as_object_mut().and_then(|data| data.remove("replaced_by"));
            return Cow::Owned(message.to_string());
        }
        let resource = &mut message["data"]["resource"];
        if !resource.is_object() {
            return Cow::Borrowed(payload);
        }
        let before = resource.clone();
        if kind.is_some_and(|kind| !self.may_tell(kind, &id, catalog)) {
            *resource = Value::Null;
        }
        if let Some(Value::Array(ids)) = resource.get_mut("promotion_ids") {
            ids.retain(|id| id.as_str().is_none_or(|id| is_told(id, catalog)));
        }
        if let Some(quantity) = resource.get_mut("quantity").filter(|quantity| quantity.is_object())
            && let Some(less) = QuantityOut::within(quantity, self.told)
        {
            *quantity = less;
        }
        if let Some(kind) = kind {
            self.cut(kind, resource);
        }
        if *resource == before { Cow::Borrowed(payload) } else { Cow::Owned(message.to_string()) }
    }

    fn may_tell(&self, kind: Kind, id: &str, catalog: &CatalogView) -> bool {
        let included = InPlan::of(self.data.as_ref(), catalog);
        (kind != Kind::Promotion || is_told(id, catalog))
            && included.is_none_or(|included| included.has(kind, id))
    }

    /// Takes out the fields that the plan leaves out.
    fn cut(&self, kind: Kind, resource: &mut Value) {
        let Some(data) = self.data.as_ref().filter(|_| resource.is_object()) else { return };
        let cut = to_raw_value(resource)
            .ok()
            .and_then(|text| serde_json::from_slice(&data.cut(kind, text.get().as_bytes())).ok());
        *resource = cut.unwrap_or(Value::Null);
    }
}

fn is_good(key: &KeyRecord, now: Micros) -> bool {
    key.standing == Standing::Good && key.expires_at.is_none_or(|at| at > now)
}

/// Whether a promotion may be told of.
fn is_told(id: &str, catalog: &CatalogView) -> bool {
    let id: Option<PromotionId> = id.parse().ok();
    id.is_some_and(|id| matches!(catalog.promotion(id), Lookup::Found { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::view::{PromotionChange, PromotionRecord};
    use serde_json::json;

    fn all(told: StockDisclosure) -> Rights {
        Rights { scopes: Scopes::default(), told, data: None }
    }

    fn sent(rights: &Rights, event: &str, data: &Value, catalog: &CatalogView) -> Value {
        let text = json!({ "type": event, "data": data }).to_string();
        let sent = rights.within(&text, event, catalog).into_owned();
        serde_json::from_str::<Value>(&sent).unwrap()["data"].take()
    }

    #[test]
    fn a_quantity_that_may_no_longer_be_told_becomes_its_band_or_nothing() {
        let told = |quantity: Value, told| -> Value {
            let data = json!({ "id": "p/s", "resource": { "availability": "in_stock", "quantity": quantity } });
            let event = "stock.back_in_stock";
            let sent = sent(&all(told), event, &data, &CatalogView::default());
            assert_eq!(sent["id"], "p/s");
            sent["resource"]["quantity"].clone()
        };
        let (exact, band) = (
            json!({"disclosure": "exact", "value": 4}),
            json!({"disclosure": "band", "band": "3-5"}),
        );
        let none = json!({"disclosure": "none"});
        assert_eq!(told(exact.clone(), StockDisclosure::Exact), exact);
        assert_eq!(told(exact.clone(), StockDisclosure::Band), band);
        assert_eq!(told(exact, StockDisclosure::None), none);
        assert_eq!(told(band.clone(), StockDisclosure::Band), band);
        assert_eq!(told(band.clone(), StockDisclosure::Exact), band);
        assert_eq!(told(band, StockDisclosure::None), none);
        assert_eq!(told(none.clone(), StockDisclosure::None), none);
    }

    #[test]
    fn of_a_promotion_that_is_no_longer_told_nothing_is_said() {
        let (told, own) = (PromotionId::derived("told"), PromotionId::derived("own"));
        let catalog = CatalogView::default();
        let body = json!({
            "applies_to": { "product_ids": [], "category_ids": [], "brand_ids": [] },
            "store_ids": ["*"], "channels": [], "audience": "public",
            "updated_at": "2026-11-22T12:00:00Z", "version": 1,
        });
        let record = PromotionRecord::read(told, &body.to_string(), None).unwrap();
        catalog.apply_promotions(vec![PromotionChange::Upsert(Box::new(record))]);
        let all = all(StockDisclosure::Exact);
        let of = |id: PromotionId| json!({ "id": id, "resource": { "id": id, "title": "-25%" } });
        let event = "promotion.updated";
        assert_eq!(sent(&all, event, &of(told), &catalog), of(told));
        let hidden = json!({ "id": own, "resource": null });
        assert_eq!(sent(&all, event, &of(own), &catalog), hidden);
        let offer =
            |ids: &[PromotionId]| json!({ "id": "p/s/c", "resource": { "promotion_ids": ids } });
        assert_eq!(sent(&all, "offer.updated", &offer(&[own, told]), &catalog), offer(&[told]));
        let gone = json!({ "id": own, "op": "delete", "resource": null });
        assert_eq!(sent(&all, "promotion.deleted", &gone, &catalog), gone);
    }

    #[test]
    fn what_the_plan_leaves_out_by_now_is_left_out() {
        let data = r#"{"store_ids":["0261"],"fields":{"store":["name"]}}"#;
        let data = Some(Arc::new(serde_json::from_str(data).unwrap()));
        let rights = Rights { data, ..all(StockDisclosure::Exact) };
        let told = |code: &str| {
            let id = crate::kernel::id::StoreId::derived(code);
            let data = json!({ "id": id, "resource": { "id": id, "name": "n", "gln": "1" } });
            sent(&rights, "store.updated", &data, &CatalogView::default())["resource"].take()
        };
        let id = crate::kernel::id::StoreId::derived("0261");
        assert_eq!(told("0261"), json!({ "id": id, "name": "n" }));
        assert_eq!(told("0262"), Value::Null);
    }
}

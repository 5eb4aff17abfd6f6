//! What of the data a call may be told, by the plan of who calls.

use crate::access::Caller;
use crate::access::operation::Op;
use crate::access::plan::PlanData;
use crate::access::resource::Kind;
use crate::catalog::view::{CatalogView, Grant, Lookup};
use crate::http::fields::Fields;
use crate::http::{Answer, ApiError, ApiResult, Code};
use crate::kernel::id::StoreId;
use std::sync::Arc;

/// What a caller's plan includes of the data as it is now: made once for a call, and asked wherever
/// something is looked up, taken into a list or written into an answer. For who has everything there is
/// nothing in it.
#[derive(Debug, Clone, Default)]
pub struct Included {
    data: Option<Arc<PlanData>>,
    grant: Option<Grant>,
}

impl Included {
    /// What the caller of an operation may be told.
    pub fn of<O: Op>(caller: &Caller<O>, catalog: &CatalogView) -> Self {
        Self::of_plan(caller.data(), catalog)
    }

    /// What may be told under a plan that includes this; none is everything.
    pub fn of_plan(data: Option<&Arc<PlanData>>, catalog: &CatalogView) -> Self {
        match data {
            None => Self::default(),
            Some(data) => Self { grant: catalog.grant(Some(data)), data: Some(Arc::clone(data)) },
        }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.data.is_none()
    }

    /// The products, categories and stores; none where these are all.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// Whether some products are left out.
    #[must_use]
    pub fn limits_products(&self) -> bool {
        self.grant.as_ref().is_some_and(Grant::limits_products)
    }

    /// Whether a store is included.
    #[must_use]
    pub fn has_store(&self, id: StoreId) -> bool {
        self.data.as_ref().is_none_or(|data| data.includes_store(id))
    }

    /// What was found of a store, where it is included; one that is not never was.
    #[must_use]
    pub fn store(&self, id: StoreId, found: Lookup) -> Lookup {
        if self.has_store(id) { found } else { Lookup::Missing }
    }

    /// The fields that are left of resources of a kind; none where these are all.
    #[must_use]
    pub fn fields(&self, of: Kind) -> Option<&Fields> {
        self.data.as_ref()?.fields.of(of)
    }

    /// Whether a field is included.
    #[must_use]
    pub fn has_field(&self, of: Kind, field: &str) -> bool {
        self.data.as_ref().is_none_or(|data| data.includes_field(of, field))
    }

    /// A document of a resource as it leaves.
    #[must_use]
    pub fn cut<D: AsRef<[u8]> + From<Vec<u8>>>(&self, of: Kind, document: D) -> D {
        match self.fields(of) {
            None => document,
            Some(fields) => fields.project(document.as_ref()).into(),
        }
    }

    /// An answer that is one resource as it leaves, with the ETag of what does.
    #[must_use]
    pub fn answer(&self, of: Kind, whole: Answer) -> Answer {
        match self.fields(of) {
            None => whole,
            Some(fields) => {
                let body = fields.project(&whole.body);
                Answer::new(body, whole.cache, whole.records).of(whole.kind)
            }
        }
    }

    /// Refuses what `asked` names where it rests on a field that is left out: what is filtered, sorted or
    /// counted by a field tells it.
    pub fn need(&self, asked: &str, of: Kind, field: &str) -> ApiResult<()> {
        if self.has_field(of, field) {
            return Ok(());
        }
        let detail = format!("`{asked}` needs `{of}.{field}`, which your plan does not include.");
        Err(ApiError::new(Code::NotInPlan, detail))
    }

    /// The same of several, of which the first that is asked for and left out is named.
    pub fn need_all(&self, asked: &[(bool, &str, Kind, &str)]) -> ApiResult<()> {
        if self.data.is_none() {
            return Ok(());
        }
        let mut asked = asked.iter().filter(|(is_asked, ..)| *is_asked);
        asked.try_for_each(|(_, asked, of, field)| self.need(asked, *of, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included(data: &str) -> Included {
        let data: PlanData = serde_json::from_str(data).unwrap();
        let grant = CatalogView::default().grant(Some(&data));
        Included { data: Some(Arc::new(data)), grant }
    }

    #[test]
    fn who_has_everything_is_refused_nothing() {
        let all = Included::default();
        assert!(all.has_store(StoreId(1)) && !all.limits_products());
        assert_eq!(all.cut(Kind::Product, b"{\"sku\":1}".to_vec()), b"{\"sku\":1}");
        assert!(all.need_all(&[(true, "brand", Kind::Product, "brand")]).is_ok());
    }

    #[test]
    fn a_field_that_is_left_out_is_named() {
        let some = included(r#"{"fields":{"product":["name"]}}"#);
        let brand = |is_asked| some.need_all(&[(is_asked, "brand", Kind::Product, "brand")]);
        assert!(brand(false).is_ok());
        let error = brand(true).unwrap_err();
        assert_eq!(error.code(), Code::NotInPlan);
        assert!(error.detail().contains("`product.brand`"), "{}", error.detail());
        assert!(some.need("price", Kind::Offer, "price").is_ok());
        assert_eq!(some.cut(Kind::Product, b"{\"id\":1,\"sku\":2}".to_vec()), b"{\"id\":1}");
    }

    #[test]
    fn a_store_that_is_left_out_never_was() {
        let some = included(r#"{"store_ids":["0261"]}"#);
        let gone = || Lookup::Gone { replaced_by: None };
        assert_eq!(some.store(StoreId::derived("0261"), gone()), gone());
        assert_eq!(some.store(StoreId::derived("0262"), gone()), Lookup::Missing);
    }
}

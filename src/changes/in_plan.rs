//! What of the change log a plan includes: what is not included is not there, and what was and is no longer is
//! gone.

use super::Kind;
use super::store::Entry;
use crate::access::plan::PlanData;
use crate::catalog::view::{CatalogView, Grant, Lookup};
use crate::kernel::id::ProductId;
use crate::kernel::word::Word as _;
use crate::storage::changes::MOVED;
use std::sync::Arc;

/// Why something that a plan does not include, or no longer, is told as gone.
const NOT_IN_PLAN: &str = "not_in_plan";
/// Why something that a plan may not have included before is told.
pub const IN_PLAN: &str = "in_plan";

/// What a plan includes, held against what the node has in memory.
#[derive(Debug)]
pub struct InPlan<'a> {
    catalog: &'a CatalogView,
    data: &'a PlanData,
    grant: Option<Grant>,
}

/// How an entry is told.
enum Told {
    /// As it is.
    AsIs,
    /// Not at all.
    Not,
    /// As the end of something.
    Gone,
}

impl<'a> InPlan<'a> {
    /// What a plan includes; none where that is everything.
    #[must_use]
    pub fn of(data: Option<&'a Arc<PlanData>>, catalog: &'a CatalogView) -> Option<Self> {
        let data = data?;
        Some(Self { catalog, data, grant: catalog.grant(Some(data)) })
    }

    /// The entry as it is told; none where it is not.
    #[must_use]
    pub fn entry(&self, entry: Entry) -> Option<Entry> {
        let has_moved = entry.reason.as_deref() == Some(MOVED);
        match self.told((&entry.kind, &entry.id), entry.op == "delete", has_moved) {
            Told::Not => None,
            Told::AsIs if has_moved => Some(Entry { reason: Some(IN_PLAN.to_owned()), ..entry }),
            Told::AsIs => Some(entry),
            Told::Gone => {
                let (op, reason) = ("delete".to_owned(), Some(NOT_IN_PLAN.to_owned()));
                Some(Entry { op, reason, ..entry })
            }
        }
    }

    /// Whether a product is included. Where no product is left out, whatever stands in the log is.
    fn includes(&self, id: ProductId) -> bool {
        !self.data.limits_products() || self.catalog.includes(self.grant.as_ref(), id)
    }

    /// Whether it may be told that a product takes the place of another.
    #[must_use]
    pub fn tells_successor(&self, id: &str) -> bool {
        self.data.includes_field(Kind::Product, "replaced_by") && self.has(Kind::Product, id)
    }

    /// Whether a resource is included.
    #[must_use]
    pub fn has(&self, kind: Kind, id: &str) -> bool {
        matches!(self.told((kind.as_str(), id), false, false), Told::AsIs)
    }

    fn told(&self, (kind, id): (&str, &str), is_deleted: bool, has_moved: bool) -> Told {
        let grant = self.grant.as_ref();
        let mut parts = id.split('/');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let store = if kind == Kind::Store.as_str() { Some(first) } else { second };
        let of_store = |id: &str| {
            grant.is_none_or(|grant| id.parse().is_ok_and(|id| grant.includes_store(id)))
        };
        if !store.is_none_or(of_store) {
            return Told::Not;
        }
        // Whether what is deleted was included before cannot be told any more, so all hear of it.
        if is_deleted {
            return Told::AsIs;
        }
        match Kind::of(kind) {
            None => Told::Not,
            Some(Kind::Store) => Told::AsIs,
            Some(Kind::Product | Kind::Offer | Kind::Stock) => self.of_product(first, has_moved),
            Some(Kind::Category) => {
                let includes =
                    |grant: &Grant| first.parse().is_ok_and(|id| grant.includes_category(id));
                if grant.is_none_or(includes) { Told::AsIs } else { Told::Not }
            }
            Some(Kind::Promotion) => {
                let found = first.parse().map(|id| self.catalog.promotion_within(grant, id));
                match found {
                    Ok(Lookup::Found { .. }) => Told::AsIs,
                    // What it was on before stands nowhere.
                    _ => Told::Gone,
                }
            }
        }
    }

    fn of_product(&self, id: &str, has_moved: bool) -> Told {
        let Ok(id) = id.parse::<ProductId>() else { return Told::Not };
        if self.includes(id) {
            // Where no product is left out, none comes in.
            let is_old = has_moved && !self.data.limits_products();
            return if is_old { Told::Not } else { Told::AsIs };
        }
        // Of a product that is there and has not moved, nothing was told before.
        let was_told = has_moved || !self.catalog.has_product(id);
        if was_told { Told::Gone } else { Told::Not }
    }
}

//! What adjustments and previews ask the books.

use super::BillingError;
use super::as_of::AsOf;
use super::base::Base;
use super::books::Books;
use super::model::Statement;
use super::store;
use super::timeline::{Piece, pieces};
use crate::access::history::{Tenure, price_versions};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PlanId};
use crate::rating::PriceList;
use crate::storage::{StoreError, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Books {
    /// Whose an app is at an instant, and on which plan; behind the last tenure, that one.
    pub(super) fn tenure(&self, app: AppId, at: Micros) -> Option<&Tenure> {
        let tenures = &self.history(app)?.tenures;
        tenures.iter().rfind(|tenure| tenure.from <= at)
    }

    /// The piece of an app's time that an instant lies in, if anything was asked for it then.
    pub(super) fn priced_at(&self, app: AppId, at: Micros) -> Option<Piece> {
        let all = pieces(self.history(app)?, &self.versions, Micros(i64::MIN), at);
        all.into_iter().rfind(|piece| piece.list.is_some() && piece.span.hold(at))
    }

    /// When the contract began under which a statement was made; at the start of its period where none is known.
    pub(super) fn contract(&self, of: &Statement) -> Micros {
        let tenures = self.history(of.app_id).map_or(&[][..], |history| history.tenures.as_slice());
        let own = tenures.iter().rfind(|it| it.partner == of.partner_id && it.from < of.to);
        own.map_or(of.from, |tenure| tenure.contract)
    }

    /// Whether an app has a period in which a line can be booked.
    pub(super) fn can_book(&self, app: AppId, now: Micros) -> bool {
        let priced = |piece: &Piece| piece.app == app && piece.list.is_some();
        let closed = self.closed(app) > Micros(i64::MIN);
        closed || self.open(now).iter().any(|open| open.pieces.iter().any(priced))
    }

    /// The prices of a version of any plan; of the newest, where none is named.
    pub(super) async fn list(
        &self,
        tx: &mut Tx,
        (plan, version): (PlanId, Option<u32>),
    ) -> Result<Option<Arc<PriceList>>, StoreError> {
        let all = price_versions(tx, None).await?;
        let of_plan = all.get(&plan).map_or(&[][..], Vec::as_slice);
        let wanted = |number: u32| version.is_none_or(|version| version == number);
        let found = of_plan.iter().rfind(|version| wanted(version.number));
        Ok(found.and_then(|version| version.list.clone()))
    }

    /// The frozen statements of an app for a period.
    pub(super) async fn frozen(
        &self,
        tx: &mut Tx,
        app: AppId,
        period: BillingPeriodId,
    ) -> Result<Vec<Statement>, StoreError> {
        let periods = store::shut_periods(tx, app, AsOf::NOW).await?;
        let Some(closed) = periods.iter().find(|closed| closed.id == period) else {
            return Ok(Vec::new());
        };
        let mut found = store::frozen_since(tx, app, closed.from, AsOf::NOW).await?;
        found.retain(|statement| statement.period_id == period);
        Ok(found)
    }

    /// What a statement stands on by now, with what was booked since of its period.
    pub(super) async fn base(
        &self,
        tx: &mut Tx,
        statement: &Statement,
    ) -> Result<Base, StoreError> {
        let mut base = Base::of(statement, &self.versions)?;
        let corrects = Some(statement.period_id);
        let Statement { app_id, to, .. } = *statement;
        for later in store::frozen_since(tx, app_id, to, AsOf::NOW).await? {
            let same = later.partner_id == statement.partner_id;
            if same && later.currency == statement.currency {
                base.add_usage(&later, &self.versions, corrects)?;
            }
        }
        Ok(base)
    }

    /// The provisional statements of an app before credits, by their ids.
    pub(super) async fn provisional(
        &self,
        tx: &mut Tx,
        app: AppId,
        now: Micros,
    ) -> Result<BTreeMap<String, Statement>, BillingError> {
        let mut all = BTreeMap::new();
        for open in self.open(now) {
            let made = self.gross(tx, &open, Some(app)).await?;
            all.extend(made.into_iter().map(|statement| (statement.id.to_string(), statement)));
        }
        Ok(all)
    }
}

//! The books: whose apps were when on which prices, up to where they are closed, and what that makes of a period.

use super::BillingError;
use super::model::Statement;
use super::rate::statements;
use super::store;
use super::timeline::{Period, Piece, pieces};
use crate::access::history::{History, PriceVersions, histories, price_versions};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::limit::Bounds;
use crate::metering::hours::{Counted, counted};
use crate::metering::period;
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, HashMap};

/// The books of one app, or of all.
#[derive(Debug)]
pub struct Books {
    versions: PriceVersions,
    histories: Vec<History>,
    /// Up to when each app's periods are closed.
    closed: HashMap<AppId, Micros>,
}

/// A period that is not closed, with the pieces of the apps that are in it.
#[derive(Debug, Clone)]
pub struct Open {
    /// The period.
    pub period: Period,
    /// Its pieces, each app's together.
    pub pieces: Vec<Piece>,
}

impl Books {
    /// Reads the books of one app, or of all.
    pub async fn read(tx: &mut Tx, app: Option<AppId>) -> Result<Self, StoreError> {
        let mut histories = histories(tx, app).await?;
        histories.sort_unstable_by_key(|history| history.app);
        Ok(Self {
            versions: price_versions(tx, app).await?,
            histories,
            closed: store::closed_until(tx, app).await?,
        })
    }

    /// The periods that are not closed and have begun at an instant, the first to end first.
    #[must_use]
    pub fn open(&self, until: Micros) -> Vec<Open> {
        let mut periods: BTreeMap<(Micros, Micros, BillingPeriodId), Open> = BTreeMap::new();
        for history in &self.histories {
            for piece in pieces(history, &self.versions, self.closed(history.app), until) {
                let period = &piece.period;
                let place = (period.bounds.end, period.bounds.start, period.id());
                let open = || Open { period: piece.period.clone(), pieces: Vec::new() };
                periods.entry(place).or_insert_with(open).pieces.push(piece.clone());
            }
        }
        // Free plans owe nothing: a period of them alone is none.
        periods.into_values().filter(|open| open.pieces.iter().any(|p| p.list.is_some())).collect()
    }

    /// The statements that an open period has, by id, and whose they are. One more comes of calls that a node counted
    /// under a plan a moment after it was left, where that has another currency.
    #[must_use]
    pub fn ids(open: &Open) -> BTreeMap<String, (PartnerId, AppId)> {
        let id = |piece: &Piece| {
            let currency = piece.list.as_ref()?.currency().code();
            let whose = (piece.partner, piece.app);
            Some((Statement::id_of(open.period.id(), whose, currency).to_string(), whose))
        };
        open.pieces.iter().filter_map(id).collect()
    }

    /// The statements of an open period, as one state of the database has them: of one app, or of all.
    pub async fn statements(
        &self,
        tx: &mut Tx,
        open: &Open,
        app: Option<AppId>,
    ) -> Result<Vec<Statement>, BillingError> {
        let bounds = open.period.bounds;
        let span = period::Period { from: bounds.start, to: bounds.end };
        let mut of_apps: HashMap<AppId, Counted> = HashMap::new();
        for (group, sums) in counted(tx, app, span).await? {
            of_apps.entry(group.app).or_default().insert(group, sums);
        }
        let nothing = Counted::new();
        let mut made = Vec::new();
        let of_apps_asked = open.pieces.chunk_by(|one, next| one.app == next.app);
        for pieces in of_apps_asked.filter(|pieces| app.is_none_or(|app| app == pieces[0].app)) {
            let app = pieces[0].app;
            let counted = of_apps.get(&app).unwrap_or(&nothing);
            let life = self.around(app, bounds);
            let of_app = statements(app, &open.period, &life, &self.versions, counted);
            made.extend(of_app.map_err(|error| BillingError::TooLarge(app, error))?);
        }
        made.sort_by_key(|statement| statement.id.to_string());
        Ok(made)
    }

    /// The pieces of an app that meet a span.
    fn around(&self, app: AppId, span: Bounds) -> Vec<Piece> {
        let of_app = self.histories.binary_search_by_key(&app, |history| history.app);
        let Ok(place) = of_app else { return Vec::new() };
        let mut all = pieces(&self.histories[place], &self.versions, self.closed(app), span.end);
        all.retain(|piece| piece.span.start < span.end && span.start < piece.span.end);
        all
    }

    /// Up to when the periods of an app are closed.
    fn closed(&self, app: AppId) -> Micros {
        self.closed.get(&app).copied().unwrap_or(Micros(i64::MIN))
    }

    /// The first period that one of its apps has open before one, if there is any.
    #[must_use]
    pub fn before(&self, open: &Open) -> Option<Open> {
        let start = open.period.bounds.start;
        let apps: Vec<AppId> = open.pieces.iter().map(|piece| piece.app).collect();
        let earlier = self.open(start).into_iter();
        let mut earlier = earlier.filter(|other| other.period.bounds.end <= start);
        earlier.find(|other| other.pieces.iter().any(|piece| apps.contains(&piece.app)))
    }
}

//! The books: whose apps were when on which prices, up to where they are closed, and what that makes of a period.

use super::BillingError;
use super::adjustments::{self, Adjustment};
use super::as_of::AsOf;
use super::correct::{Correction, corrections};
use super::credits;
use super::late::{Late, late};
use super::model::Statement;
use super::rate::{Stated, statements};
use super::store::{self, Shut};
use super::timeline::{Period, Piece, meeting, pieces};
use crate::access::history::{History, PriceVersions, histories, price_versions};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::limit::Bounds;
use crate::metering::hours::{Counted, counted_through};
use crate::metering::{Sums, period};
use crate::rating::Periods;
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The books of one app, or of all.
#[derive(Debug)]
pub struct Books {
    pub(super) versions: PriceVersions,
    histories: Vec<History>,
    /// Up to where each app's periods are closed.
    shut: HashMap<AppId, Shut>,
    /// What is to be booked in each app's first open period.
    corrections: HashMap<AppId, Vec<Correction>>,
    /// Adjustments that may change what is counted in open periods.
    pub(super) adjusted: HashMap<AppId, Vec<Adjustment>>,
    as_of: AsOf,
}

/// A period that is not closed, with the pieces of the apps that are in it.
#[derive(Debug, Clone)]
pub struct Open {
    /// The period.
    pub period: Period,
    /// Its pieces, each app's together.
    pub pieces: Vec<Piece>,
    /// The instant that it is looked at.
    until: Micros,
    /// The apps of which it is the first open period: what corrects their closed ones is booked here.
    first_of: HashSet<AppId>,
}

impl Open {
    fn of(period: &Period, until: Micros) -> Self {
        Self { period: period.clone(), pieces: Vec::new(), until, first_of: HashSet::new() }
    }

    /// The apps that owe something in it, or may.
    pub(super) fn owing(&self) -> HashSet<AppId> {
        let priced = self.pieces.iter().filter(|piece| piece.list.is_some());
        priced.map(|piece| piece.app).chain(self.first_of.iter().copied()).collect()
    }

    /// Whether an app owes something in it by itself.
    fn is_priced(&self, app: AppId) -> bool {
        self.pieces.iter().any(|piece| piece.app == app && piece.list.is_some())
    }
}

/// Periods in the order in which they close.
type Periodic = BTreeMap<(Micros, Micros, BillingPeriodId), Open>;

fn place(period: &Period) -> (Micros, Micros, BillingPeriodId) {
    (period.bounds.end, period.bounds.start, period.id())
}

impl Books {
    /// Reads the books of one app, or of all.
    pub async fn read(tx: &mut Tx, app: Option<AppId>) -> Result<Self, BillingError> {
        Self::read_as_of(tx, app, AsOf::NOW).await
    }

    /// The same as they were once.
    pub(super) async fn read_as_of(
        tx: &mut Tx,
        app: Option<AppId>,
        as_of: AsOf,
    ) -> Result<Self, BillingError> {
        let mut histories = histories(tx, app).await?;
        histories.sort_unstable_by_key(|history| history.app);
        let mut versions = price_versions(tx, app).await?;
        as_of.cut(&mut histories, &mut versions);
        let shut = store::shut(tx, app, as_of).await?;
        let late = late(tx, &shut, as_of).await?;
        let pending = adjustments::store::pending(tx, app, as_of).await?;
        let (corrections, adjusted) = (HashMap::new(), HashMap::new());
        let mut books = Self { versions, histories, shut, corrections, adjusted, as_of };
        books.correct(tx, &late, &pending).await?;
        for (adjustment, _) in pending {
            books.adjusted.entry(adjustment.app_id).or_default().push(adjustment);
        }
        Ok(books)
    }

    /// Finds what corrects closed periods.
    async fn correct(
        &mut self,
        tx: &mut Tx,
        late: &HashMap<AppId, Late>,
        pending: &[(Adjustment, bool)],
    ) -> Result<(), BillingError> {
        let mut of_apps: HashMap<AppId, Vec<&Adjustment>> =
            late.keys().map(|app| (*app, Vec::new())).collect();
        for (adjustment, _) in pending.iter().filter(|(_, booked)| !booked) {
            of_apps.entry(adjustment.app_id).or_default().push(adjustment);
        }
        let nothing = Late::new();
        for (app, adjustments) in of_apps {
            let Some(history) = self.history(app) else { continue };
            let sources = (late.get(&app).unwrap_or(&nothing), adjustments.as_slice());
            let books = (history, &self.versions);
            let found = corrections(tx, books, sources, self.as_of).await?;
            if !found.is_empty() {
                self.corrections.insert(app, found);
            }
        }
        Ok(())
    }

    /// The periods that are not closed and have begun at an instant, the first to end first.
    #[must_use]
    pub fn open(&self, until: Micros) -> Vec<Open> {
        let mut periods = Periodic::new();
        for history in &self.histories {
            for piece in pieces(history, &self.versions, self.closed(history.app), until) {
                let open = periods.entry(place(&piece.period));
                open.or_insert_with(|| Open::of(&piece.period, until)).pieces.push(piece);
            }
        }
        let mut corrected: Vec<AppId> = self.corrections.keys().copied().collect();
        corrected.sort_unstable();
        for app in corrected {
            self.book(&mut periods, app, until);
        }
        // Free plans owe nothing: a period of them alone is none.
        periods.into_values().filter(|open| !open.owing().is_empty()).collect()
    }

    /// Has what corrects an app booked in its first open period. Where it owes nothing any more, that is the one behind
    /// the last closed one.
    fn book(&self, periods: &mut Periodic, app: AppId, until: Micros) {
        if let Some(first) = periods.values_mut().find(|open| open.is_priced(app)) {
            first.first_of.insert(app);
        } else if let Some(piece) = self.behind(app) {
            let open = periods.entry(place(&piece.period));
            let open = open.or_insert_with(|| Open::of(&piece.period, until));
            if !open.pieces.iter().any(|piece| piece.app == app) {
                open.pieces.push(piece);
            }
            open.first_of.insert(app);
        }
    }

    /// A piece without length in the period behind the last closed one of an app, which asks nothing.
    fn behind(&self, app: AppId) -> Option<Piece> {
        let (tenure, closed) = (self.history(app)?.tenures.last()?, self.closed(app));
        let of_plan = self.versions.get(&tenure.plan)?;
        let list = of_plan.iter().rev().find_map(|version| version.list.as_ref());
        let periods = list.map_or_else(Periods::default, |list| list.periods().clone());
        let of = periods.cycle().around(closed.max(tenure.from), tenure.contract);
        let bounds = Bounds { start: of.start.max(closed), end: of.end };
        Some(Piece {
            app,
            partner: tenure.partner,
            plan: tenure.plan,
            version: of_plan.last()?.number,
            list: None,
            span: Bounds { start: bounds.start, end: bounds.start },
            period: Period { bounds, of, zone: periods.zone },
            first: false,
        })
    }

    /// The statements that an open period has, by id, and whose they are. One more comes of calls that a node counted
    /// under a plan a moment after it was left, where that has another currency.
    #[must_use]
    pub fn ids(&self, open: &Open) -> BTreeMap<String, (PartnerId, AppId)> {
        let id = |whose: (PartnerId, AppId), currency: &str| {
            (Statement::id_of(open.period.id(), whose, currency).to_string(), whose)
        };
        let of_piece = |piece: &Piece| {
            let currency = piece.list.as_ref()?.currency().code();
            Some(id((piece.partner, piece.app), currency))
        };
        let corrected = open.first_of.iter().flat_map(|app| {
            let own = self.corrections.get(app).into_iter().flatten();
            own.map(|correction| id((correction.partner, *app), correction.currency.code()))
        });
        open.pieces.iter().filter_map(of_piece).chain(corrected).collect()
    }

    /// The statements of an open period, as one state of the database has them: of one app, or of all.
    pub async fn statements(
        &self,
        tx: &mut Tx,
        open: &Open,
        app: Option<AppId>,
    ) -> Result<Vec<Statement>, BillingError> {
        let mut made = self.gross(tx, open, app).await?;
        credits::apply(tx, &mut made, credits::Seen { books: self.as_of, until: open.until })
            .await?;
        Ok(made)
    }

    /// The same before credits.
    pub(super) async fn gross(
        &self,
        tx: &mut Tx,
        open: &Open,
        app: Option<AppId>,
    ) -> Result<Vec<Statement>, BillingError> {
        let bounds = open.period.bounds;
        let mut of_apps = self.counted(tx, bounds, app).await?;
        let mut made = Vec::new();
        let of_apps_asked = open.pieces.chunk_by(|one, next| one.app == next.app);
        for pieces in of_apps_asked.filter(|pieces| app.is_none_or(|app| app == pieces[0].app)) {
            let app = pieces[0].app;
            let stated = Stated {
                pieces: &self.around(app, bounds),
                counted: &of_apps.remove(&app).unwrap_or_default(),
                corrections: self.corrections(open, app),
            };
            let of_app = statements(app, &open.period, &self.versions, &stated);
            made.extend(of_app.map_err(|error| BillingError::TooLarge(app, error))?);
        }
        made.sort_by_key(|statement| statement.id.to_string());
        Ok(made)
    }

    /// What is booked of an app in an open period of what corrects closed ones.
    pub(super) fn corrections(&self, open: &Open, app: AppId) -> &[Correction] {
        let booked = self.corrections.get(&app).filter(|_| open.first_of.contains(&app));
        booked.map_or(&[], Vec::as_slice)
    }

    /// What was counted in a span, by app.
    pub(super) async fn counted(
        &self,
        tx: &mut Tx,
        bounds: Bounds,
        app: Option<AppId>,
    ) -> Result<HashMap<AppId, Counted>, StoreError> {
        let span = period::Period { from: bounds.start, to: bounds.end };
        let mut of_apps: HashMap<AppId, Counted> = HashMap::new();
        for (group, sums) in counted_through(tx, app, span, self.as_of.position).await? {
            of_apps.entry(group.app).or_default().insert(group, sums);
        }
        for adjustment in self.adjusted.values().flatten() {
            let of_app = of_apps.entry(adjustment.app_id).or_default();
            for delta in adjustment.open().filter(|delta| bounds.hold(delta.at)) {
                let (group, sums) = adjustment.counted(delta);
                of_app.entry(group).or_default().plus(&sums);
            }
            of_app.retain(|_, sums| *sums != Sums::default());
        }
        Ok(of_apps)
    }

    pub(super) fn history(&self, app: AppId) -> Option<&History> {
        let place = self.histories.binary_search_by_key(&app, |history| history.app).ok()?;
        self.histories.get(place)
    }

    /// The pieces of an app that meet a span.
    pub(super) fn around(&self, app: AppId, span: Bounds) -> Vec<Piece> {
        let of_app = self.history(app);
        of_app.map_or_else(Vec::new, |history| {
            meeting(history, &self.versions, self.closed(app), span)
        })
    }

    /// Up to when the periods of an app are closed.
    pub(super) fn closed(&self, app: AppId) -> Micros {
        self.shut.get(&app).map_or(Micros(i64::MIN), |shut| shut.until)
    }

    /// The first period that one of its apps has open before one, if there is any.
    #[must_use]
    pub fn before(&self, open: &Open) -> Option<Open> {
        let apps = open.owing();
        let earlier = self.open(open.period.bounds.end).into_iter();
        let mut earlier = earlier.take_while(|other| place(&other.period) < place(&open.period));
        earlier.find(|other| !other.owing().is_disjoint(&apps))
    }
}

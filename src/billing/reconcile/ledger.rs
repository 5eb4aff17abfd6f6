//! What became of the calls of a period: each event has one cause for which it is not charged, or is in a statement.

use super::export::Exported;
use super::model::{Account, Cause, Named, Row};
use crate::access::Environment;
use crate::billing::adjustments::BACKFILLED;
use crate::billing::adjustments::model::Kind;
use crate::billing::books::{Books, Open};
use crate::billing::model::Statement;
use crate::billing::rate::{Place, place};
use crate::billing::timeline::{Piece, meeting};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::limit::Bounds;
use crate::metering::hours::Group;
use crate::metering::period::Period;
use crate::metering::recount::{Differences, Stored, Watch};
use crate::metering::walk::Placed;
use crate::metering::{Outcome, Sums};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The accounts of all calls of a period's span.
pub(super) struct Ledger<'a> {
    books: &'a Books,
    open: Option<&'a Open>,
    /// The apps that owe something in it.
    apps: HashSet<AppId>,
    span: Period,
    /// The last position that counts in it.
    position: i64,
    pieces: HashMap<AppId, Vec<Piece>>,
    places: HashMap<(AppId, PartnerId, PlanId, u32), Option<Cause>>,
    accounts: BTreeMap<Named, Account>,
    exported: Option<&'a Exported>,
    /// What is charged in the period of calls that the export was not asked for.
    beyond: Sums,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(
        books: &'a Books,
        open: Option<&'a Open>,
        (span, position): (Period, i64),
        exported: Option<&'a Exported>,
    ) -> Self {
        let apps = open
            .map_or_else(HashSet::new, |open| open.pieces.iter().map(|piece| piece.app).collect());
        let (pieces, places, accounts) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        let beyond = Sums::default();
        Self { books, open, apps, span, position, pieces, places, accounts, exported, beyond }
    }

    fn account(&mut self, app: &impl ToString, operation: &str, rule: &str) -> &mut Account {
        let (operation, rule) = (operation.to_owned(), rule.to_owned());
        self.accounts.entry(Named { app_id: app.to_string(), operation, rule }).or_default()
    }

    /// Whether an instant is in the period.
    fn holds(&self, at: Micros) -> bool {
        (self.span.from..self.span.to).contains(&at)
    }

    /// Why live calls are in no statement of the period, if they are in none.
    fn cause(&mut self, group: &Group) -> Option<Cause> {
        let named = (group.app, group.partner, group.plan, group.plan_version);
        if let Some(known) = self.places.get(&named) {
            return *known;
        }
        let cause = self.found(group);
        self.places.insert(named, cause);
        cause
    }

    fn found(&mut self, group: &Group) -> Option<Cause> {
        let Some(open) = self.open else { return Some(Cause::OtherPeriod) };
        let (app, bounds) = (group.app, open.period.bounds);
        let is_in = self.apps.contains(&app);
        let books = self.books;
        let pieces = self.pieces.entry(app).or_insert_with(|| match books.history(app) {
            _ if is_in => books.around(app, bounds),
            Some(history) => meeting(history, &books.versions, Micros(i64::MIN), bounds),
            None => Vec::new(),
        });
        match place(pieces, &books.versions, &open.period, group) {
            Place::Here(..) if is_in => None,
            Place::Here(..) | Place::Elsewhere => Some(Cause::OtherPeriod),
            Place::Free => Some(Cause::NotPriced),
        }
    }

    /// Takes in what statements charge.
    pub(super) fn rated(&mut self, statements: &[Statement]) {
        for statement in statements {
            let own = statement.usage.iter().filter(|used| used.corrects_period.is_none());
            for used in own.filter(|used| used.billable) {
                let (_, sums) = used.group((statement.partner_id, statement.app_id));
                self.account(&statement.app_id, &used.operation, &used.rule).rated.plus(&sums);
            }
        }
    }

    /// Takes in what adjustments count otherwise.
    pub(super) fn adjusted(&mut self) {
        let books = self.books;
        let bounds = Bounds { start: self.span.from, end: self.span.to };
        for adjustment in books.adjusted.values().flatten() {
            let voids = matches!(adjustment.kind, Kind::Void | Kind::Replace);
            for delta in adjustment.open().filter(|delta| bounds.hold(delta.at)) {
                let adds = delta.usage.rule == BACKFILLED;
                let cause = if voids && !adds { Cause::Voided } else { Cause::Adjusted };
                let (group, sums) = adjustment.counted(delta);
                if group.billable && self.cause(&group).is_none() {
                    let account = self.account(&group.app, &group.operation, &group.rule);
                    account.because(cause, &sums.negated());
                }
            }
        }
    }

    /// Takes in a row of an export.
    pub(super) fn exported(&mut self, placed: &Placed<'_>) {
        let account = self.account(&placed.event.app, &placed.operation_id(), placed.rule.id);
        account.exported.get_or_insert_default().plus(&placed.sums());
    }

    /// The rows, each checked.
    pub(super) fn checked(self, found: &mut Differences) -> Vec<Row> {
        found.unless(self.beyond == Sums::default(), || {
            format!(
                "export: it is of other times, so that it cannot have {} that are charged in the period; \
                 `comptoir usage export --period PERIOD --out DIR` has them",
                self.beyond
            )
        });
        let row = |(of, account): (Named, Account)| {
            let Named { app_id, operation, rule } = &of;
            let Account { admitted, metered, rated, not_rated, .. } = &account;
            found.unless(admitted == metered, || {
                format!("{app_id} {operation} {rule}: {admitted} by the events, {metered} by the sums by hour")
            });
            let mut accounted = *rated;
            not_rated.values().for_each(|sums| accounted.plus(sums));
            found.unless(*admitted == accounted, || {
                format!(
                    "{app_id} {operation} {rule}: {admitted} by the events, {accounted} by the statements and all that \
                     is not in them for a cause"
                )
            });
            Row { of, account }
        };
        self.accounts.into_iter().filter(|(_, it)| *it != Account::default()).map(row).collect()
    }
}

impl Watch for Ledger<'_> {
    fn event(&mut self, placed: &Placed<'_>) {
        let event = placed.event;
        if !self.holds(event.started_at) {
            return;
        }
        let cause = if event.environment == Environment::Test {
            Some(Cause::TestKeys)
        } else if let Some(cause) = self.cause(&Group::of(event, placed.rule)) {
            Some(cause)
        } else if placed.export_seq.position() > self.position {
            Some(Cause::Late)
        } else if event.outcome == Outcome::CrashUnconfirmed {
            Some(Cause::CrashUnconfirmed)
        } else if placed.rule.billable {
            None
        } else {
            Some(Cause::Free)
        };
        // The first and the last hour of the period may be those of others, too: there the events are what is metered.
        let hour = event.started_at.hour();
        let is_whole = self.is_whole(hour);
        let sums = placed.sums();
        let account = self.account(&event.app, &placed.operation_id(), placed.rule.id);
        account.admitted.plus(&sums);
        if !is_whole {
            account.metered.plus(&sums);
        }
        match cause {
            Some(cause) => account.because(cause, &sums),
            None => {
                let asked = self.exported.filter(|exported| exported.is_of(placed));
                if asked.is_some_and(|exported| !exported.reaches(placed)) {
                    self.beyond.plus(&sums);
                }
            }
        }
    }

    fn stored(&mut self, stored: Stored) {
        if self.is_whole(stored.hour) {
            let Stored { app, operation, rule, sums, .. } = stored;
            self.account(&app, &operation, &rule).metered.plus(&sums);
        }
    }
}

impl Ledger<'_> {
    /// Whether all of an hour is in the period.
    fn is_whole(&self, hour: Micros) -> bool {
        use crate::kernel::clock::HOUR;
        self.span.from <= hour && hour.0.saturating_add(HOUR) <= self.span.to.0
    }
}

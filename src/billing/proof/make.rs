//! Making the proof of an event: its close is found, its day is walked through once, and the root is signed.
//!
//! Memory does not grow with the day: of its events no more than hashes by the height of their tree are held, and one segment
//! of the ledger at a time. Segments are looked into in the turns of long reads, off the workers. Of closes that have kept no
//! days all of the period is walked through.

use super::{CLOSE_ROOT, CloseRoot, EVENT_PROOF, EventProof, EventTold, NoEventProof, store};
use crate::access::Pepper;
use crate::access::service::By;
use crate::billing::books::Books;
use crate::billing::close::Close;
use crate::billing::evidence::{Evidence, day_of_tree};
use crate::billing::export::AppPeriods;
use crate::billing::keys::{self, KeyError, Signer};
use crate::billing::manifest::Day;
use crate::billing::manifest::tally::{day_leaf, day_of, root};
use crate::billing::merkle::{Prover, Seeker, leaf};
use crate::billing::store::close_of;
use crate::http::Turns;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::{Micros, hex};
use crate::metering::find::{self, FoundEvent};
use crate::metering::journal::EventId;
use crate::metering::period::Period;
use crate::metering::sealed::SealedEvent;
use crate::metering::walk::{ExportSeq, Fetched, Placed, Walk};
use crate::storage::{Db, StoreError, Tx};
use std::collections::BTreeMap;

const DAYS: &str = "billing_close_days";
/// Who makes the first key, where there is none.
const ACTOR: &str = "comptoir";

/// What proofs are made with.
#[derive(Debug)]
pub struct Proving<'a> {
    /// The database.
    pub db: &'a Db,
    /// The turns of long reads.
    pub turns: &'a Turns,
    /// What the keys that sign are derived from.
    pub pepper: &'a Pepper,
    /// The time.
    pub now: Micros,
    /// How long after its end a period can be closed at the earliest, in microseconds.
    pub grace: i64,
}

/// What a close counts, as proofs need it.
pub(super) struct Counted {
    pub(super) close: Close,
    pub(super) evidence: Evidence,
    /// Its days, in their order; none where it has kept none.
    pub(super) days: Vec<Day>,
}

/// What was seen of the events of a span.
pub(super) struct Walked {
    /// The event that is looked for.
    id: EventId,
    /// What was sealed of it, and its day.
    found: Option<(SealedEvent, Micros)>,
    days: BTreeMap<Micros, Seeker>,
}

/// The proof of an event of a partner's app.
pub async fn prove(
    with: &Proving<'_>,
    id: EventId,
    whose: (PartnerId, AppId),
) -> Result<EventProof, NoEventProof> {
    let mut tx = with.db.snapshot().await?;
    let found = find::one(&mut tx, id).await?;
    let found = found.filter(|found| (found.event.partner, found.event.app) == whose);
    let found = found.ok_or(NoEventProof::Unknown(id))?;
    let close = counting(&mut tx, with, &found).await?;
    let evidence = close.evidence.clone();
    let evidence = evidence.ok_or(NoEventProof::NoEvidence(close.period_id))?;
    let days = store::days_of(&mut tx, close.period_id).await?;
    drop(tx);
    let counted = Counted { close, evidence, days };
    let span = counted.span(found.event.started_at);
    let walked = walk(with, id, (span, counted.close.position)).await?;
    let signer = keys::current(with.db, &By::new(ACTOR, with.now), with.pepper).await?;
    counted.proof(&walked, &signer)
}

/// The close that counts an event: that of its app's period, or where the plan asks nothing, any that does.
async fn counting(
    tx: &mut Tx,
    with: &Proving<'_>,
    found: &FoundEvent,
) -> Result<Close, NoEventProof> {
    let (app, at) = (found.event.app, found.event.started_at);
    let position = found.export_seq.position();
    let mut periods = AppPeriods::until(with.now);
    periods.learn(tx, &[app].into()).await?;
    let booking = periods.booking(app, at, position);
    let Some(period) = booking.occurred else {
        let close = store::counting(tx, at, position).await?;
        return close.ok_or(NoEventProof::NoPeriod);
    };
    match close_of(tx, period).await? {
        Some(close) if position <= close.position => Ok(close),
        Some(Close { closed_at, .. }) => {
            let booked = booking.booked.filter(|booked| *booked != period);
            Err(NoEventProof::Late { period, closed_at, booked })
        }
        None => {
            let open = Books::read(tx, Some(app)).await?.open(with.now);
            let open = open.iter().find(|open| open.period.id() == period);
            let end = open.map_or(with.now, |open| open.period.bounds.end);
            let from = Micros(end.0.saturating_add(with.grace));
            Err(NoEventProof::Open { period, from })
        }
    }
}

impl Counted {
    /// What of the ledger has to be read for the proof of an event of an instant.
    fn span(&self, at: Micros) -> Period {
        let Close { from, to, .. } = self.close;
        if self.days.is_empty() {
            return Period { from, to };
        }
        let day = day_of(at);
        Period { from: day.max(from), to: Micros(day.0.saturating_add(DAY)).min(to) }
    }

    /// The proof of the event that was found. What is not as it was closed is never proved.
    pub(super) fn proof(
        mut self,
        walked: &Walked,
        signer: &Signer,
    ) -> Result<EventProof, NoEventProof> {
        if self.days.is_empty() {
            self.days = walked.days();
        }
        let proof = self.unsigned(walked)?;
        let root = serde_json::to_vec(&self.root()).map_err(|_| KeyError::Refused)?;
        Ok(EventProof { root: signer.attached(CLOSE_ROOT, &root)?, ..proof })
    }

    /// What is signed.
    fn root(&self) -> CloseRoot {
        let Close { period_id, from, to, closed_at, .. } = self.close;
        CloseRoot {
            format: CLOSE_ROOT.to_owned(),
            period_id,
            from,
            to,
            closed_at,
            days: self.days.len() as u64,
            events: self.evidence.events,
            merkle_root: self.evidence.root.clone(),
        }
    }

    /// The proof, still without the signed root.
    fn unsigned(&self, walked: &Walked) -> Result<EventProof, StoreError> {
        let period = self.close.period_id;
        let other = |what: &str| {
            let advice = "`comptoir usage reconcile --period` names what differs";
            StoreError::corrupt(DAYS, format!("{period}: {what}; {advice}"))
        };
        if root(&self.days) != self.evidence.root {
            return Err(other("its days are not those of its evidence"));
        }
        let (sealed, day) =
            walked.found.as_ref().ok_or_else(|| other("the ledger has lost an event of it"))?;
        let missing = || other("the ledger has events of a day that it does not count");
        let seeker = walked.days.get(day).ok_or_else(missing)?;
        let own = day_of_tree(*day, seeker.tree());
        let day_index = self.days.iter().position(|kept| *kept == own).ok_or_else(|| {
            other(&format!("the events of {} are not those that it counts", own.day))
        })?;
        let (index, path) = seeker.proof().ok_or_else(missing)?;
        let (day_index, days) = (day_index as u64, self.days.len() as u64);
        let mut prover = Prover::new(day_index, days).ok_or_else(missing)?;
        self.days.iter().for_each(|day| prover.push(day_leaf(day)));
        let facts = sealed.facts().ok_or_else(missing)?;
        Ok(EventProof {
            format: EVENT_PROOF.to_owned(),
            event_id: facts.id.to_string(),
            sealed: sealed.to_string(),
            event: EventTold::of(&facts),
            day: own.day,
            index,
            events: own.events,
            path: path.into_iter().map(hex).collect(),
            day_index,
            days,
            day_path: prover.path().into_iter().map(hex).collect(),
            root: String::new(),
        })
    }
}

/// Walks through the events of a span up to a position of the ledger.
async fn walk(
    with: &Proving<'_>,
    id: EventId,
    (span, through): (Period, i64),
) -> Result<Walked, NoEventProof> {
    let mut walked = Walked::new(id);
    let all = Walk { span: Some(span), after: ExportSeq::default(), through };
    let mut tx = with.db.snapshot().await?;
    let Some(mut walk) = all.within(&mut tx).await? else { return Ok(walked) };
    // What is up to the position of a close never changes, so that no connection is held for the length of the walk.
    loop {
        let fetched = walk.fetch(&mut tx).await?;
        drop(tx);
        let Some(fetched) = fetched else { return Ok(walked) };
        let looking = with.turns.run(move || walked.with(&fetched));
        walked = looking.await.map_err(NoEventProof::NoTurn)??;
        tx = with.db.snapshot().await?;
    }
}

impl Walked {
    /// Begins to look for an event.
    pub(super) fn new(id: EventId) -> Self {
        Self { id, found: None, days: BTreeMap::new() }
    }

    /// The same with the events of a segment.
    fn with(mut self, fetched: &Fetched) -> Result<Self, StoreError> {
        fetched.open()?.events().for_each(|placed| self.add(&placed));
        Ok(self)
    }

    /// Takes in the next event.
    pub(super) fn add(&mut self, placed: &Placed<'_>) {
        let (day, is_it) = (day_of(placed.event.started_at), placed.id == self.id);
        let sealed = SealedEvent::of(placed);
        self.days.entry(day).or_default().push(leaf(sealed.bytes()), is_it);
        if is_it {
            self.found = Some((sealed, day));
        }
    }

    /// The days that were seen.
    pub(super) fn days(&self) -> Vec<Day> {
        self.days.iter().map(|(day, seeker)| day_of_tree(*day, seeker.tree())).collect()
    }
}

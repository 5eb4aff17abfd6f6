//! A proof holds, and nothing that was changed of it does.

use super::make::{Counted, Walked};
use super::{CloseRoot, EventProof, NotProved};
use crate::access::Pepper;
use crate::billing::close::Close;
use crate::billing::evidence::Evidence;
use crate::billing::keys::{Jwks, Signer};
use crate::billing::manifest::Day;
use crate::billing::manifest::tally::{day_of, root};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{BillingPeriodId, NodeId};
use crate::metering::billability::rule;
use crate::metering::journal::EventId;
use crate::metering::tests::sample;
use crate::metering::walk::{ExportSeq, Placed};
use crate::metering::{Event, Sums};
use proptest::prelude::*;

fn id(n: u64) -> EventId {
    EventId { node: NodeId(77), epoch: 3, seq: n }
}

/// Events a third of a day apart.
fn event(n: u64) -> Event {
    sample(n * 70)
}

/// What is seen of events in which one is looked for.
fn walked(numbers: impl Iterator<Item = u64>, sought: u64) -> Walked {
    let mut walked = Walked::new(id(sought));
    for n in numbers {
        let event = event(n);
        walked.add(&Placed {
            export_seq: ExportSeq(n.cast_signed()),
            id: id(n),
            version: "",
            event: &event,
            rule: rule((&event).into()),
            recorded_at: event.started_at,
        });
    }
    walked
}

/// The close of a period with so many events, which has kept these days.
fn counted(count: u64, kept: &[Day], all: &[Day]) -> Counted {
    let from = day_of(event(0).started_at);
    let close = Close {
        number: 1,
        period_id: BillingPeriodId(7),
        from,
        to: Micros(event(count).started_at.0 + DAY),
        time_zone: "Europe/Paris".to_owned(),
        position: 9,
        closed_at: Micros(event(count).started_at.0 + 2 * DAY),
        closed_by: "tok_1".to_owned(),
        exceptions: Vec::new(),
        evidence: None,
        statements: 1,
        prev_hash: "0".repeat(64),
        hash: "1".repeat(64),
    };
    let (all_sums, billable) = (Sums::default(), Sums::default());
    let evidence =
        Evidence { events: count, all: all_sums, billable, runs: Vec::new(), root: root(all) };
    Counted { close, evidence, days: kept.to_vec() }
}

/// The proof of an event of so many, by a close that has kept its days or has not; the keys, and the root that is signed.
fn proved(count: u64, sought: u64, keeps: bool) -> (EventProof, Jwks) {
    let signer = Signer::derived(&Pepper::from_hex(&"7".repeat(64)).unwrap(), 1).unwrap();
    let keys = Jwks { keys: vec![signer.public.clone()] };
    let all = walked(0..count, sought).days();
    let day = day_of(event(sought).started_at);
    let of_day = |n: &u64| !keeps || day_of(event(*n).started_at) == day;
    let walked = walked((0..count).filter(of_day), sought);
    let kept: &[Day] = if keeps { &all } else { &[] };
    (counted(count, kept, &all).proof(&walked, &signer).unwrap(), keys)
}

fn checked(text: &[u8], keys: &Jwks) -> Option<Result<CloseRoot, NotProved>> {
    serde_json::from_slice::<EventProof>(text).ok().map(|proof| proof.check(keys))
}

#[test]
fn what_is_not_as_it_was_closed_is_not_proved() {
    let signer = Signer::derived(&Pepper::from_hex(&"7".repeat(64)).unwrap(), 1).unwrap();
    let all = walked(0..9, 0).days();
    let proof = |close: Counted, walked: &Walked| close.proof(walked, &signer).unwrap_err();
    let whole = walked(0..9, 4);
    let fits = |error: &dyn std::fmt::Display, told: &str| {
        assert!(error.to_string().contains(told), "{error}");
    };
    let mut other = all.clone();
    other[2].events += 1;
    fits(&proof(counted(9, &other, &all), &whole), "its days are not those of its evidence");
    let lost = walked((0..9).filter(|n| *n != 4), 4);
    fits(&proof(counted(9, &all, &all), &lost), "the ledger has lost an event of it");
    let fewer = walked((0..9).filter(|n| *n != 3), 4);
    fits(&proof(counted(9, &all, &all), &fewer), "are not those that it counts");
    // Without days of its own the close is judged by its root.
    fits(&proof(counted(9, &[], &all), &fewer), "its days are not those of its evidence");
}

#[test]
fn a_root_of_something_else_is_none() {
    let (proof, keys) = proved(5, 2, true);
    let signer = Signer::derived(&Pepper::from_hex(&"7".repeat(64)).unwrap(), 1).unwrap();
    let by = |typ: &str, text: &str| {
        let root = signer.attached(typ, text.as_bytes()).unwrap();
        EventProof { root, ..proof.clone() }.check(&keys).unwrap_err()
    };
    assert!(matches!(by("root.jws", "{}"), NotProved::Root(_)));
    assert_eq!(by(super::CLOSE_ROOT, "{}"), NotProved::NoRoot);
    assert!(matches!(proof.check(&Jwks::default()), Err(NotProved::Root(_))));
}

#[test]
fn each_flipped_byte_is_refused() {
    let (proof, keys) = proved(12, 7, true);
    let text = serde_json::to_vec(&proof).unwrap();
    assert!(matches!(checked(&text, &keys), Some(Ok(_))));
    for at in 0..text.len() {
        for bit in [1, 0x20] {
            let mut changed = text.clone();
            changed[at] ^= bit;
            let held = matches!(checked(&changed, &keys), Some(Ok(_)));
            assert!(!held, "byte {at}: {}", String::from_utf8_lossy(&changed));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_event_is_proved_and_nothing_else(
        count in 1..40u64, sought: u64, keeps: bool, at: usize, bit in 0..8u32,
    ) {
        let sought = sought % count;
        let (proof, keys) = proved(count, sought, keeps);
        let root = proof.check(&keys);
        prop_assert!(root.is_ok(), "{root:?}");
        let root = root.unwrap();
        prop_assert_eq!((root.events, root.days), (count, proof.days));
        prop_assert_eq!(proof.event_id.clone(), id(sought).to_string());
        // The proof is the same whether days were kept or counted again.
        prop_assert_eq!(&proof, &proved(count, sought, !keeps).0);
        // Another event's proof with this one's place, or the other way round, does not hold.
        if count > 1 {
            let (other, _) = proved(count, (sought + 1) % count, keeps);
            let EventProof { sealed, event, event_id, .. } = proof.clone();
            let mixed = EventProof { sealed, event, event_id, ..other };
            prop_assert!(mixed.check(&keys).is_err());
        }
        let mut text = serde_json::to_vec(&proof).unwrap();
        let at = at % text.len();
        text[at] ^= 1 << bit;
        prop_assert!(!matches!(checked(&text, &keys), Some(Ok(_))), "byte {}", at);
    }
}

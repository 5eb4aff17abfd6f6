//! The chain of evidence, and receipts.

use super::*;
use crate::access::audit::Break;
use crate::consent::ask::RevokedFor;
use crate::consent::change::{ConsentActor, ConsentEvent, ConsentEventKind};
use crate::consent::ending::SuspendedFor;
use crate::consent::evidence::{LedgerCheck, LedgerCheckpoint, LedgerEntry, checkpoint_due};
use crate::consent::evidence_keys::{EvidenceKey, EvidenceKeys};
use crate::consent::receipt::{NoReceipt, RECEIPT_TYP, receipt_claims};
use crate::kernel::clock::MINUTE;
use proptest::prelude::*;
use std::sync::LazyLock;

/// A consent's whole life.
fn life(n: u8) -> Vec<ConsentEvent> {
    let asked = requested(n);
    let ticked = approval(&format!("{SUMMARY} {ITEMS}"));
    let given = approve(&asked.record, ticked, later(1_000)).unwrap();
    let less = own(&given.record).narrow(without(scopes(ITEMS)), days(1)).unwrap();
    let held = less.record.suspend(SuspendedFor::Blocked, days(2)).unwrap();
    let free = held.record.resume(SuspendedFor::Blocked, days(3)).unwrap();
    let ended = own(&free.record).revoke(true, days(4)).unwrap();
    let versions = [less.earlier[0].clone(), ended.record.clone()];
    let erased = ConsentRecord::erase(&versions, ConsentActor::Customer, days(5)).unwrap();
    [asked, given, less, held, free, ended, erased].into_iter().flat_map(|it| it.events).collect()
}

/// Two consents' lives, made once: properties look at them often.
fn ledger() -> Vec<LedgerEntry> {
    static LEDGER: LazyLock<Vec<LedgerEntry>> = LazyLock::new(|| {
        let mut last = (0, Hash32::ZERO);
        let mut entry = |event: &ConsentEvent| {
            let entry = LedgerEntry::behind(last, event).unwrap();
            last = (entry.seq, entry.entry_hash);
            entry
        };
        [1, 2].into_iter().flat_map(life).map(|event| entry(&event)).collect()
    });
    LEDGER.clone()
}

fn verify(entries: &[LedgerEntry], checkpoints: &[LedgerCheckpoint]) -> Result<u64, Break> {
    let mut check = LedgerCheck::against(checkpoints)?;
    entries.iter().try_for_each(|entry| check.check(entry))?;
    check.end().map(|chain| chain.entries)
}

fn checkpoint(entries: &[LedgerEntry], seq: usize) -> LedgerCheckpoint {
    LedgerCheckpoint::of(&entries[seq - 1], "https://gw.example", NOW)
}

#[test]
fn a_ledger_holds_and_leads_to_nobody() {
    let entries = ledger();
    assert_eq!(entries.len(), 16);
    let checkpoints = [checkpoint(&entries, 4), checkpoint(&entries, 16)];
    assert_eq!(verify(&entries, &checkpoints), Ok(16));
    let text = serde_json::to_string(&entries).unwrap();
    let sub = sub();
    for trace in [sub.as_str(), "cus_1", "203.0.113", "Firefox", "2027-01-15T07:00:00Z", "locked"] {
        assert!(!text.contains(trace), "{trace}");
    }
    assert!(text.contains(&active().parties.subject_ref.0.to_string()));
    let again: Vec<LedgerEntry> = serde_json::from_str(&text).unwrap();
    assert_eq!(again, entries);
}

#[test]
fn the_hash_is_what_its_description_says() {
    let mut entry = ledger().remove(0);
    (entry.at_ms, entry.payload) = (1_800_000_000_000, "{}".to_owned());
    // SHA-256 by another program.
    assert_eq!(
        entry.expected_hash().to_string(),
        "d5a68adec5eefa0fef09c8f1c88144ed81c61af5391a5b5011e5db737cc8092f"
    );
}

#[test]
fn one_who_makes_the_chain_anew_is_caught_by_a_checkpoint() {
    let entries = ledger();
    let checkpoint = checkpoint(&entries, 9);
    let mut events = [1, 2].into_iter().flat_map(life).collect::<Vec<_>>();
    events[5].at = later(1);
    let mut last = (0, Hash32::ZERO);
    let mut forged = Vec::new();
    for event in &events {
        let entry = LedgerEntry::behind(last, event).unwrap();
        last = (entry.seq, entry.entry_hash);
        forged.push(entry);
    }
    assert_eq!(verify(&forged, &[]), Ok(16), "the hashes alone cannot tell");
    assert_eq!(verify(&forged, &[checkpoint]).unwrap_err().position, 9);
}

#[test]
fn checkpoints_of_two_ledgers_do_not_go_together() {
    let entries = ledger();
    let mine = checkpoint(&entries, 9);
    let other = LedgerCheckpoint { entry_hash: Hash32::ZERO, ..mine.clone() };
    for both in [[mine.clone(), other.clone()], [other, mine.clone()]] {
        assert_eq!(verify(&entries, &both).unwrap_err().position, 9);
    }
    let later = LedgerCheckpoint { iat: mine.iat + 60, ..mine.clone() };
    assert_eq!(verify(&entries, &[mine.clone(), later]), Ok(16), "one place signed twice");
    for seq in [0, -1, i64::MIN] {
        let nowhere = LedgerCheckpoint { seq, ..mine.clone() };
        assert_eq!(verify(&entries, &[nowhere]).unwrap_err().position, seq);
    }
}

#[test]
fn a_checkpoint_is_due_by_entries_or_by_time() {
    let last = (10, NOW);
    assert!(!checkpoint_due(last, 10, days(1)), "there is nothing new");
    assert!(!checkpoint_due(last, 1_009, later(MINUTE - 1)));
    assert!(checkpoint_due(last, 1_010, NOW));
    assert!(checkpoint_due(last, 11, later(MINUTE)));
    let claims = serde_json::to_value(checkpoint(&ledger(), 1)).unwrap();
    assert_eq!(claims["iat"], 1_800_000_000);
    assert_eq!(LedgerCheckpoint::TYP, "consent-checkpoint+jwt");
}

/// The entry with one bit of one of its members another; `None` where that cannot be written.
fn flipped(entry: &LedgerEntry, member: u8, bit: usize) -> Option<LedgerEntry> {
    let mut entry = entry.clone();
    match member {
        0 => entry.seq ^= 1 << (bit % 64),
        1 => {
            let mut bytes = *entry.grant_id.0.bytes();
            bytes[bit / 8 % 16] ^= 1 << (bit % 8);
            entry.grant_id = GrantId(Uuid4::from_random(bytes));
        }
        2 => entry.version ^= 1 << (bit % 32),
        3 => entry.kind = ConsentEventKind::Tampered,
        4 => entry.actor = [ConsentActor::Partner, ConsentActor::System][bit % 2],
        5 => entry.at_ms ^= 1 << (bit % 64),
        6 => {
            let mut bytes = entry.payload.into_bytes();
            let at = bit / 8 % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            entry.payload = String::from_utf8(bytes).ok()?;
        }
        7 => entry.payload_hash.0[bit / 8 % 32] ^= 1 << (bit % 8),
        8 => entry.prev_hash.0[bit / 8 % 32] ^= 1 << (bit % 8),
        _ => entry.entry_hash.0[bit / 8 % 32] ^= 1 << (bit % 8),
    }
    Some(entry)
}

proptest! {
    #[test]
    fn any_one_bit_shows(at in 0_usize..16, member in 0_u8..10, bit in 0_usize..16_384) {
        let mut entries = ledger();
        let changed = flipped(&entries[at], member, bit);
        prop_assume!(changed.as_ref().is_some_and(|changed| *changed != entries[at]));
        entries[at] = changed.unwrap();
        let broken = verify(&entries, &[]).unwrap_err();
        let place = i64::try_from(at).unwrap() + 1;
        // A place that is too small names itself: all others name the entry.
        prop_assert!(broken.position == place || member == 0 && broken.position < place, "{broken}");
    }

    #[test]
    fn what_is_dropped_swapped_or_cut_shows(at in 0_usize..16, other in 0_usize..16, kept in 0_usize..16) {
        let whole = ledger();
        let checkpoint = [checkpoint(&whole, 16)];
        let first = i64::try_from(at.min(other)).unwrap() + 1;
        let mut swapped = whole.clone();
        swapped.swap(at, other);
        if at == other {
            prop_assert_eq!(verify(&swapped, &checkpoint), Ok(16));
        } else {
            prop_assert_eq!(verify(&swapped, &[]).unwrap_err().position, first);
        }
        let mut dropped = whole.clone();
        dropped.remove(at);
        let place = i64::try_from(at).unwrap() + 1;
        prop_assert_eq!(verify(&dropped, &checkpoint).unwrap_err().position, place);
        let cut = verify(&whole[..kept], &checkpoint).unwrap_err();
        prop_assert_eq!(cut.position, i64::try_from(kept).unwrap() + 1);
    }
}

#[test]
fn a_receipt_says_what_was_agreed_to() {
    let record = active();
    let entry = &proof(&record, None);
    let claims = receipt_claims(&record, entry, "https://gw.example", NOW).unwrap();
    assert_eq!(claims["iss"], "https://gw.example");
    assert_eq!(claims["iat"], 1_800_000_000);
    assert_eq!(claims["sub"], sub().as_str());
    assert_eq!(claims["dct:conformsTo"], "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr");
    assert_eq!(claims["ledger"]["entry_hash"], entry.entry_hash.to_string());
    let inside = &claims["dpv:hasRecordOfActivity"];
    assert_eq!(inside["dct:identifier"], record.consent_id());
    assert_eq!(inside["dpv:hasLegalBasis"], "eu-gdpr:A9-2-a");
    assert_eq!(inside["dpv:hasNotice"]["screen_sha256"], Hash32::of("<html>").to_string());
    let process = &inside["dpv:hasProcess"];
    assert_eq!(process["dpv:hasStorageCondition"]["dpv:hasDuration"], "P30D");
    let data = process["dpv:hasPersonalData"].as_array().unwrap();
    let needs: Vec<_> = data
        .iter()
        .map(|it| {
            (it["dct:identifier"].as_str().unwrap(), it["dpv:hasNecessity"].as_str().unwrap())
        })
        .collect();
    assert_eq!(needs, [(SUMMARY, "dpv:Required"), (ITEMS, "dpv:Optional")]);
    let text = claims.to_string();
    for trace in ["203.0.113", "Firefox", "cus_1", &record.parties.subject_ref.0.to_string()] {
        assert!(!text.contains(trace), "{trace}");
    }
    assert_eq!(RECEIPT_TYP, "consent-receipt+jwt");
}

#[test]
fn a_receipt_says_how_the_consent_stands() {
    let consent = active();
    let status = |change: &ConsentChange| {
        let entry = proof(&change.record, Some(&change.events[0]));
        let claims = receipt_claims(&change.record, &entry, "https://gw.example", NOW)?;
        let kind = &claims["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]["@type"][0];
        Ok(kind.as_str().unwrap().to_owned())
    };
    let word = |text: &str| Ok(text.to_owned());
    let given = approve(&pending(), approval(SUMMARY), NOW).unwrap();
    assert_eq!(status(&given), word("dpv:ConsentGiven"));
    let withdrawn = own(&consent).revoke(true, NOW).unwrap();
    assert_eq!(status(&withdrawn), word("dpv:ConsentWithdrawn"));
    let ended = consent.revoke(RevokedFor::Requested, false, NOW).unwrap();
    assert_eq!(status(&ended), word("dpv:ConsentRevoked"));
    assert_eq!(status(&consent.expire(days(90)).unwrap()), word("dpv:ConsentExpired"));
    assert_eq!(status(&requested(5)), Err(NoReceipt::NotGiven));
    let erased = ConsentRecord::erase(&[consent], ConsentActor::Customer, NOW).unwrap();
    assert_eq!(status(&erased), Err(NoReceipt::Erased));
}

/// The entry of an event; of none, the one by which the consent was given.
fn proof(record: &ConsentRecord, event: Option<&ConsentEvent>) -> LedgerEntry {
    let ticked = approval(&format!("{SUMMARY} {ITEMS} offline_access"));
    let mut given = approve(&requested(5).record, ticked, NOW).unwrap().events.remove(0);
    given.grant_id = record.grant_id;
    LedgerEntry::behind((6, Hash32::of("before")), event.unwrap_or(&given)).unwrap()
}

#[test]
fn a_receipt_is_signed_with_the_entry_that_proves_it_alone() {
    let record = active();
    let proves = |record: &ConsentRecord, entry: &LedgerEntry| {
        receipt_claims(record, entry, "https://gw.example", NOW).map(|_| ())
    };
    let other = Err(NoReceipt::OtherEntry);
    let own_entry = proof(&record, None);
    assert_eq!(proves(&record, &own_entry), Ok(()));
    let foreign = ConsentRecord { grant_id: grant_id(6), ..record.clone() };
    assert_eq!(proves(&foreign, &own_entry), other, "another consent");
    for entry in ledger() {
        assert_eq!(proves(&record, &entry), other, "the entry {}", entry.seq);
    }
    let narrowed = own(&record).narrow(without(scopes(ITEMS)), days(1)).unwrap();
    assert_eq!(proves(&narrowed.record, &own_entry), other, "another version");
    assert_eq!(proves(&narrowed.record, &proof(&record, Some(&narrowed.events[1]))), Ok(()));
    let mut wider = record.clone();
    wider.data.scopes = wider.data.scopes.or(scopes(PREFERENCES));
    assert_eq!(proves(&wider, &own_entry), other, "more than was agreed to");
    let mut another = record.clone();
    another.parties.subject_ref = SubjectKey::new([1; 32]).refer("cus_2");
    assert_eq!(proves(&another, &own_entry), other, "another customer");
    let ended = own(&record).revoke(true, days(1)).unwrap();
    assert_eq!(proves(&ended.record, &own_entry), other, "it does not say that it has ended");
    assert_eq!(proves(&ended.record, &proof(&record, Some(&ended.events[0]))), Ok(()));
    assert_eq!(proves(&record, &proof(&record, Some(&ended.events[0]))), other);
    let forged = LedgerEntry { at_ms: own_entry.at_ms + 1, ..own_entry.clone() };
    assert_eq!(proves(&record, &forged), other, "its hash does not fit");
    let forged = LedgerEntry { actor: ConsentActor::System, ..own_entry };
    assert_eq!(proves(&record, &forged), other, "it says other than its payload");
}

#[test]
fn keys_of_evidence_stay_published() {
    let key = |public, active_from, withdrawn_at| EvidenceKey { public, active_from, withdrawn_at };
    let keys = EvidenceKeys::new(vec![
        key("third", days(200), None),
        key("first", NOW, None),
        key("second", days(90), Some(days(100))),
    ]);
    let at = |now| (keys.active(now).copied(), keys.published(now).copied().collect::<Vec<_>>());
    assert_eq!(at(later(-1)), (None, vec!["first", "second", "third"]), "all before they sign");
    assert_eq!(at(NOW).0, Some("first"));
    assert_eq!(at(days(90)).0, Some("second"));
    assert_eq!(at(days(100)), (Some("first"), vec!["first", "third"]), "the stolen one is out");
    assert_eq!(at(days(10_000)), (Some("third"), vec!["first", "third"]), "years later");
}

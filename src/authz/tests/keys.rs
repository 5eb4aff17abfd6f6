//! The life of signing keys.

use super::{NOW, NOW_S, key, later};
use crate::access::oauth::jws::{Jws, JwsError, JwsRules};
use crate::authz::bits;
use crate::authz::jwk::EcJwk;
use crate::authz::keys::{KeyRing, KeyStage, KeyTimes};
use crate::authz::signing::{CannotSign, SigningKey};
use crate::consent::evidence_keys::{EvidenceKey, EvidenceKeys};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR};
use serde_json::{Value, json};

/// A key with this number that begins to sign at an instant.
fn times(number: u8, active_from: i64) -> KeyTimes {
    let public = *key(number).public();
    KeyTimes { public, active_from: Micros(active_from), withdrawn_at: None }
}

fn no_evidence() -> EvidenceKeys<EcJwk> {
    EvidenceKeys::new(Vec::new())
}

/// Keys 1, 2, … that begin to sign at these instants, of an issuer whose tokens about customers work for 300 s, and
/// those of clients for 900 s.
fn ring(from: &[i64]) -> KeyRing {
    KeyRing::new(from.iter().zip(1u8..).map(|(at, n)| times(n, *at)).collect(), 300)
}

fn stages(ring: &KeyRing, now: i64) -> Vec<KeyStage> {
    ring.stages(Micros(now)).map(|(_, stage)| stage).collect()
}

#[test]
fn a_key_is_published_signs_retires_and_goes() {
    let second = NOW.0 + 90 * DAY;
    let ring = ring(&[second, NOW.0]);
    let stages = |now: i64| stages(&ring, now);
    assert_eq!(stages(NOW.0), [KeyStage::Active, KeyStage::Prepublished]);
    assert_eq!(stages(second - 1), [KeyStage::Active, KeyStage::Prepublished]);
    assert_eq!(stages(second), [KeyStage::Retiring, KeyStage::Active]);
    assert_eq!(stages(second + 1_800_000_000 - 1), [KeyStage::Retiring, KeyStage::Active]);
    assert_eq!(stages(second + 1_800_000_000), [KeyStage::Gone, KeyStage::Active]);
    // The first of the list begins later.
    assert_eq!(ring.active(NOW), Some(key(2).public()));
    assert_eq!(ring.active(Micros(second)), Some(key(1).public()));
    assert_eq!(ring.active(Micros(NOW.0 - 1)), None);
    assert_eq!(ring.published(&no_evidence(), Micros(second)).keys.len(), 2);
    assert_eq!(ring.published(&no_evidence(), Micros(second + HOUR)).keys, [*key(1).public()]);
}

#[test]
fn a_key_is_made_a_day_before_it_is_needed() {
    assert_eq!(ring(&[]).due(NOW), Some(NOW));
    let ring = ring(&[NOW.0]);
    let end = NOW.0 + 90 * DAY;
    assert_eq!(ring.due(Micros(end - 24 * HOUR - 1)), None);
    assert_eq!(ring.due(Micros(end - 24 * HOUR)), Some(Micros(end)));
    // Where nobody looked for a while, it is still published for a day.
    assert_eq!(ring.due(Micros(end + DAY)), Some(Micros(end + 2 * DAY)));
    assert_eq!(ring.active(Micros(end + DAY)), Some(key(1).public()));
}

#[test]
fn the_keys_of_evidence_are_published_for_good() {
    let second = NOW.0 + 90 * DAY;
    let evidence = [(2, NOW.0), (3, second)].map(|(number, from)| EvidenceKey {
        public: *key(number).public(),
        active_from: Micros(from),
        withdrawn_at: None,
    });
    let evidence = EvidenceKeys::new(evidence.to_vec());
    let ring = ring(&[NOW.0, second]);
    let published = |now: i64| ring.published(&evidence, Micros(now)).keys;
    assert_eq!(published(second), [1, 2, 2, 3].map(|n| *key(n).public()));
    assert_eq!(published(second + 3_650 * DAY), [2, 2, 3].map(|n| *key(n).public()));
}

#[test]
fn a_key_of_evidence_follows_the_last_after_a_year() {
    let keys = |from: &[i64]| {
        let key = |(n, at): (u8, &i64)| EvidenceKey {
            public: *key(n).public(),
            active_from: Micros(*at),
            withdrawn_at: None,
        };
        EvidenceKeys::new((1u8..).zip(from).map(key).collect())
    };
    let after = |days: i64| Micros(NOW.0 + days * DAY);
    assert_eq!(keys(&[]).due(NOW), Some(NOW));
    let first = keys(&[NOW.0]);
    assert_eq!((first.due(NOW), first.due(Micros(after(364).0 - 1))), (None, None));
    assert_eq!(first.due(after(364)), Some(after(365)), "it is published a day before");
    assert_eq!(first.due(after(400)), Some(after(401)));
    assert_eq!(keys(&[NOW.0, after(365).0]).due(after(364)), None);
}

#[test]
fn a_key_that_is_withdrawn_is_gone_at_once() {
    let (second, withdrawn_at) = (NOW.0 + 90 * DAY, NOW.0 + 91 * DAY);
    let lost = KeyTimes { withdrawn_at: Some(Micros(withdrawn_at)), ..times(2, second) };
    let ring = KeyRing::new(vec![times(1, NOW.0), lost], 300);
    assert_eq!(stages(&ring, withdrawn_at - 1), [KeyStage::Gone, KeyStage::Active]);
    assert_eq!(stages(&ring, withdrawn_at), [KeyStage::Gone, KeyStage::Gone]);
    assert_eq!(ring.active(Micros(withdrawn_at)), None, "the one before is not taken again");
    assert!(ring.published(&no_evidence(), Micros(withdrawn_at)).keys.is_empty());
    assert_eq!(ring.due(Micros(withdrawn_at)), Some(Micros(withdrawn_at)));
    let next = KeyRing::new(vec![times(1, NOW.0), lost, times(3, withdrawn_at)], 300);
    assert_eq!(next.active(Micros(withdrawn_at)), Some(key(3).public()));
}

#[test]
fn the_set_says_what_the_keys_are_for_and_nothing_secret() {
    let set = json!(ring(&[NOW.0]).published(&no_evidence(), NOW));
    let one = &set["keys"][0];
    assert_eq!(
        (&one["kty"], &one["crv"], &one["alg"], &one["use"]),
        (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig"))
    );
    assert_eq!(one["kid"], json!(key(1).public().thumbprint()));
    let members: Vec<&str> = one.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let shown = format!("{:?}", key(1));
    assert_eq!(shown, format!("SigningKey({:?})", key(1).public().thumbprint()));
}

#[test]
fn a_scalar_that_is_none_of_the_curve_makes_no_key() {
    assert_eq!(SigningKey::of_scalar(&[0; 32]).err(), Some(CannotSign));
    assert_eq!(SigningKey::of_scalar(&[255; 32]).err(), Some(CannotSign));
    // The public key of the scalar of RFC 6979 appendix A.2.5.
    let scalar = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
    let bytes: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&scalar[2 * n..2 * n + 2], 16).unwrap()).collect();
    let made = SigningKey::of_scalar(&bytes.try_into().unwrap()).unwrap();
    let x = bits::decode(json!(made.public())["x"].as_str().unwrap()).unwrap();
    assert_eq!(x[..4], [0x60, 0xFE, 0xD4, 0xBA]);
}

#[test]
fn a_token_names_its_key_and_type() {
    let rules =
        JwsRules { types: &["t"], may_lack_type: false, has_key: false, length_most: 1_000 };
    let text = key(1).sign("t", &json!({ "iat": NOW_S })).unwrap();
    let jws = Jws::read(&text, &rules).unwrap();
    assert_eq!(jws.kid, Some(key(1).public().thumbprint().to_string()));
    jws.check(&key(1).public().verifier().unwrap()).unwrap();
    assert!(jws.check(&key(2).public().verifier().unwrap()).is_err());
    assert_eq!(jws.claims::<Value>().unwrap()["iat"], NOW_S);
    let twice = key(1).compact(r#"{"alg":"ES256","typ":"t"}"#, br#"{"iat":1,"iat":2}"#).unwrap();
    #[derive(Debug, serde::Deserialize)]
    struct Said {
        #[expect(dead_code, reason = "only whether it is read")]
        iat: i64,
    }
    assert!(Jws::read(&twice, &rules).unwrap().claims::<Said>().is_err());
    for header in [
        r#"{"alg":"ES256","typ":"t","typ":"t"}"#,
        r#"{"alg":"none","typ":"t","alg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"t","x":1,"x":1}"#,
    ] {
        let twice = key(1).compact(header, b"{}").unwrap();
        assert_eq!(Jws::read(&twice, &rules).err(), Some(JwsError::Form), "{header}");
    }
    let list = key(1).compact(r#"{"alg":"ES256","typ":"t"}"#, b"[1]").unwrap();
    assert!(Jws::read(&list, &rules).unwrap().claims::<Said>().is_err());
}

#[test]
fn one_key_signs_whenever_it_is_looked() {
    // Keys are made when they are due, looked at once a day.
    let mut keys = Vec::new();
    for day in 0..400 {
        let now = later(day * 86_400);
        if let Some(active_from) = KeyRing::new(keys.clone(), 900).due(now) {
            keys.push(times(1, active_from.0));
        }
        let stages = stages(&KeyRing::new(keys.clone(), 900), now.0);
        let active = stages.iter().filter(|stage| **stage == KeyStage::Active).count();
        assert_eq!(active, 1, "day {day}");
    }
    let days: Vec<i64> = keys.iter().map(|key| (key.active_from.0 - NOW.0) / DAY).collect();
    assert_eq!(days, [0, 90, 180, 270, 360]);
}

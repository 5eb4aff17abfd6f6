//! Canonical JSON, hashes, UUIDs, references to customers, names.

use super::*;
use crate::consent::jcs::{self, NotCanonical};
use crate::consent::name::{NameDoubt, name_doubts};
use crate::consent::subject::{IdKey, PairwiseKey, ScopedIds, ScopedKind, Sector};
use crate::kernel::word::Word as _;
use proptest::prelude::*;
use serde_json::{Value, json};

const KEY: [u8; 32] = [7; 32];

#[test]
fn canonical_json_is_that_of_the_standard() {
    // RFC 8785 §3.2.2 and §3.2.3, without the fractions.
    let given = r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false], "numbers": [-1, 0, 9007199254740991]}"#;
    let value: Value = serde_json::from_str(given).unwrap();
    assert_eq!(
        jcs::canonical(&value).unwrap(),
        r#"{"literals":[null,true,false],"numbers":[-1,0,9007199254740991],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
    );
    let given = r#"{"\u20ac": 5, "\r": 1, "\ufb33": 7, "1": 2, "\ud83d\ude00": 6, "\u0080": 3, "\u00f6": 4}"#;
    let value: Value = serde_json::from_str(given).unwrap();
    let text = jcs::canonical(&value).unwrap();
    assert_eq!(text, "{\"\\r\":1,\"1\":2,\"\u{80}\":3,\"ö\":4,\"€\":5,\"😀\":6,\"\u{fb33}\":7}");
}

#[test]
fn numbers_that_not_all_readers_keep_have_no_text() {
    for number in ["1.5", "1.0", "1e3", "-0", "9007199254740992", "-9007199254740992", "1e400"] {
        let Ok(value) = serde_json::from_str::<Value>(number) else { continue };
        assert!(
            matches!(jcs::canonical(&json!({ "a": [value] })), Err(NotCanonical(_))),
            "{number}"
        );
    }
}

#[test]
fn hashes_and_uuids_have_one_text_each() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Hash32::of("").to_string(), empty);
    assert_eq!(empty.parse(), Ok(Hash32::of("")));
    for text in [&empty[1..], &empty.to_uppercase(), &empty.replace('e', "é"), ""] {
        assert!(text.parse::<Hash32>().is_err(), "{text}");
    }
    let uuid = Uuid4::from_random([0xff; 16]);
    assert_eq!(uuid.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(uuid.to_string().parse(), Ok(uuid));
    assert_eq!(uuid.to_string().parse(), Ok(GrantId::from_random([0xff; 16])));
    for text in [
        "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
        "ffffffff-ffff-1fff-bfff-ffffffffffff",
        "ffffffff-ffff-4fff-ffff-ffffffffffff",
        "ffffffffffff4fffbfffffffffffffff",
        "fffffffff-fff-4fff-bfff-ffffffffffff",
        "+fffffff-ffff-4fff-bfff-ffffffffffff",
        "",
    ] {
        assert!(text.parse::<Uuid4>().is_err(), "{text}");
    }
}

#[test]
fn references_need_the_customers_key() {
    let reference = SubjectKey::new(KEY).refer("cus_1");
    assert_eq!(
        reference.0.to_string(),
        "950a04fed8508fc04145e841d6a8b267aa32dd6856bd53a15ef136a99244bba4"
    );
    assert_ne!(SubjectKey::new([8; 32]).refer("cus_1"), reference);
    assert_ne!(SubjectKey::new(KEY).refer("cus_2"), reference);
    assert_eq!(format!("{:?}", SubjectKey::new(KEY)), "[secret]");
}

#[test]
fn two_partners_share_no_id_of_a_customer() {
    let (a, b): (Sector, Sector) = ("prt_a".parse().unwrap(), "prt_b".parse().unwrap());
    let key = PairwiseKey::new(KEY);
    let sub = |sector| PairwiseSub::derived(&key, sector, "https://idp.example", "42").unwrap();
    assert_eq!(sub(&a).as_str(), "vcI0ueeNo2PETsbkceS6liGKgutCdoc59zI_jIDJ0rA");
    assert_eq!(sub(&a), sub(&a));
    assert_ne!(sub(&a), sub(&b));
    assert_eq!(PairwiseSub::random([0; 16]).as_str(), "00000000-0000-4000-8000-000000000000");
    assert_eq!(PairwiseSub::derived(&key, &a, "x\u{1f}y", "42"), None);
    for text in [PairwiseSub::random([9; 16]).to_string(), sub(&a).to_string()] {
        let sub: PairwiseSub = text.parse().unwrap();
        assert_eq!((sub.as_str(), serde_json::to_value(sub).unwrap()), (&*text, json!(text)));
    }
    for text in ["", "cus_1", &"x".repeat(42), &"A".repeat(44), &"é".repeat(43), &"B".repeat(43)] {
        assert!(text.parse::<PairwiseSub>().is_err(), "{text:?}");
    }
    let (at_a, at_b) = (ScopedIds::of(&IdKey::new(KEY), &a), ScopedIds::of(&IdKey::new(KEY), &b));
    assert_eq!(at_a.outside(ScopedKind::Order, "1001"), "R-uiRz0ntxgRxh8g0lRsJA");
    let ids = |ids: &ScopedIds| -> Vec<String> {
        ScopedKind::WORDS.iter().map(|(_, kind)| ids.outside(*kind, "1001")).collect()
    };
    let (mut all, of_b) = (ids(&at_a), ids(&at_b));
    all.extend(of_b);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 14, "no kind and no partner shares an id with another");
    for text in ["", "a b", "a\u{1f}b", &"x".repeat(65)] {
        assert!(text.parse::<Sector>().is_err(), "{text:?}");
    }
}

#[test]
fn an_id_is_found_among_the_customers_own_alone() {
    let ids = ScopedIds::of(&IdKey::new(KEY), &"prt_a".parse().unwrap());
    let outside = ids.outside(ScopedKind::Order, "1001");
    assert_eq!(ids.inside(ScopedKind::Order, &outside, ["1000", "1001"]), Some("1001"));
    assert_eq!(ids.inside(ScopedKind::Order, &outside, ["1000", "1002"]), None, "another's");
    assert_eq!(ids.inside(ScopedKind::Receipt, &outside, ["1001"]), None, "another kind");
    assert_eq!(ids.inside(ScopedKind::Order, "1001", ["1001"]), None, "the id inside is none");
}

#[test]
fn networks_are_kept_without_the_device() {
    for (address, network) in [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
    ] {
        assert_eq!(ip_prefix(address.parse().unwrap()), network);
    }
}

#[test]
fn names_that_deceive_are_looked_at() {
    use NameDoubt::{Hidden, Length, Markup, MixedScripts, Posing};
    for (name, doubts) in [
        ("Budget Coach", vec![]),
        ("Société Générale", vec![]),
        ("Кошелёк", vec![]),
        ("日本の家計簿", vec![]),
        ("<b>Coach</b>", vec![Markup]),
        ("Coach\u{202e}hcaoC", vec![Hidden]),
        ("Bud\u{200b}get", vec![Hidden]),
        ("Budgеt", vec![MixedScripts]),
        ("Maison Exemple Support", vec![Posing]),
        ("MAISON EXEMPLE", vec![Posing]),
        ("Mais\u{200b}on Exemple", vec![Hidden, Posing]),
        ("Mаison Exemple", vec![MixedScripts, Posing]),
        ("Security Team", vec![Posing]),
        ("Maison ExempIe", vec![Posing]),
        ("Maison Exemp|e", vec![Posing]),
        ("Maison Exemp1e", vec![Posing]),
        ("0fficia1 Coach", vec![Posing]),
        ("HeIpdesk", vec![Posing]),
        ("He|pdesk", vec![Posing]),
        ("Adrnin", vec![Posing]),
        ("Lille Corner", vec![]),
        ("Supportive Meals", vec![]),
        ("  ", vec![Length]),
        ("\u{200b}", vec![Hidden, Length]),
    ] {
        assert_eq!(name_doubts(name, "Maison Exemple"), doubts, "{name:?}");
    }
    assert_eq!(name_doubts(&"x".repeat(81), "Maison Exemple"), [Length]);
    assert_eq!(name_doubts("Budget Coach", ""), []);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_canonical_text_is_the_values_and_the_only_one(value in values()) {
        let text = jcs::canonical(&value).unwrap();
        let again: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(jcs::canonical(&again), Ok(text));
        prop_assert_eq!(again, value);
    }

    #[test]
    fn names_never_stop_the_program(name: String, retailer: String) {
        let _ = name_doubts(&name, &retailer);
    }

    #[test]
    fn uuids_are_read_as_they_are_written(bytes: [u8; 16], text: String) {
        let uuid = Uuid4::from_random(bytes);
        prop_assert_eq!(uuid.to_string().parse(), Ok(uuid));
        prop_assert!(text.parse::<Uuid4>().is_err());
        prop_assert!(text.parse::<Hash32>().is_err());
    }
}

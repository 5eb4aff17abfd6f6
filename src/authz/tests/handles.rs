//! Codes, references, refresh tokens, and the verifiers of PKCE.

use super::{CHALLENGE, VERIFIER, handle};
use crate::authz::handles::{
    AuthorizationCode, Handle, HandleKind, InvalidHandle, RefreshToken, RequestUri,
};
use crate::authz::pkce::{Challenge, CodeVerifier, PkceError};
use crate::kernel::base62;
use proptest::prelude::*;

/// Whether a text is read as each of the kinds.
fn read_as(text: &str) -> [bool; 3] {
    [
        Handle::<AuthorizationCode>::read(text).is_ok(),
        Handle::<RequestUri>::read(text).is_ok(),
        Handle::<RefreshToken>::read(text).is_ok(),
    ]
}

fn is_its_own<K: HandleKind>(as_kinds: [bool; 3]) {
    let made = handle::<K>(7);
    let text = made.text().reveal();
    assert!(text.starts_with(K::PREFIX) && text.len() == K::PREFIX.len() + 43 + 6);
    assert_eq!(Handle::read(text).as_ref(), Ok(&made));
    assert_ne!(made.hash(), handle::<K>(8).hash());
    assert_ne!(made, handle::<K>(8));
    assert_eq!(read_as(text), as_kinds, "{text}");
    let shown = format!("{made:?} {:?}", made.hash());
    assert!(!shown.contains(&text[K::PREFIX.len()..]), "{shown}");
}

#[test]
fn a_handle_is_known_again_as_its_kind_only() {
    is_its_own::<AuthorizationCode>([true, false, false]);
    is_its_own::<RequestUri>([false, true, false]);
    is_its_own::<RefreshToken>([false, false, true]);
    let known = "ac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4Ipygo";
    assert_eq!(handle::<AuthorizationCode>(0).text().reveal(), known);
}

#[test]
fn a_text_with_a_sum_that_fits_is_still_none_of_ours() {
    for digits in
        ["é".repeat(21) + "A", "A".repeat(42) + "=", "A".repeat(42) + "B", "A".repeat(42) + "+"]
    {
        let body = format!("ac_{digits}");
        let crc = base62::encode(u64::from(crc32fast::hash(body.as_bytes())), base62::U32_WIDTH);
        assert_eq!(Handle::<AuthorizationCode>::read(&format!("{body}{crc}")), Err(InvalidHandle));
    }
    let body = format!("ac_{}", "A".repeat(43));
    let crc = base62::encode(u64::from(crc32fast::hash(body.as_bytes())), base62::U32_WIDTH);
    assert!(Handle::<AuthorizationCode>::read(&format!("{body}{crc}")).is_ok());
}

#[test]
fn no_handle_is_made_without_randomness() {
    let made = Handle::<AuthorizationCode>::random(|_| Err("none"));
    assert_eq!(made, Err("none"));
}

#[test]
fn only_s256_binds_a_code() {
    let challenge = |text, method| Challenge::read(text, method);
    let right = challenge(Some(CHALLENGE), Some("S256")).unwrap();
    assert!(right.fits(&CodeVerifier::read(Some(VERIFIER)).unwrap()));
    assert!(!right.fits(&CodeVerifier::read(Some(&VERIFIER.replace('d', "e"))).unwrap()));
    // What `plain` would take.
    assert!(!right.fits(&CodeVerifier::read(Some(CHALLENGE)).unwrap()));
    assert_eq!(challenge(None, Some("S256")), Err(PkceError::Missing));
    for method in [None, Some("plain"), Some("s256"), Some("S512")] {
        assert_eq!(challenge(Some(CHALLENGE), method), Err(PkceError::Method), "{method:?}");
    }
    let padded = format!("{CHALLENGE}=");
    // The last character spells four bits; others than zero behind them would be a second spelling.
    let other = CHALLENGE.replace("-cM", "-cN");
    for text in [&CHALLENGE[1..], &padded, &other, &CHALLENGE.replace('-', "+")] {
        assert_eq!(challenge(Some(text), Some("S256")), Err(PkceError::Challenge), "{text}");
    }
}

#[test]
fn a_verifier_has_its_length_and_characters() {
    let read = |text: &str| CodeVerifier::read(Some(text)).is_ok();
    for (length, fits) in [(42, false), (43, true), (128, true), (129, false)] {
        assert_eq!(read(&"a".repeat(length)), fits, "{length}");
    }
    assert!(read(&format!("-._~{}", "Z".repeat(39))));
    for c in ['+', '/', '=', ' ', '%', 'é'] {
        assert!(!read(&format!("{c}{}", "a".repeat(50))), "{c}");
    }
    assert_eq!(CodeVerifier::read(None), Err(PkceError::NoVerifier));
    assert!(!format!("{:?}", CodeVerifier::read(Some(VERIFIER))).contains("dBjft"));
}

proptest! {
    #[test]
    fn a_changed_character_is_seen(byte: u8, at: prop::sample::Index, to in "[ -~]") {
        let texts = [
            handle::<AuthorizationCode>(byte).text().reveal().to_owned(),
            handle::<RequestUri>(byte).text().reveal().to_owned(),
            handle::<RefreshToken>(byte).text().reveal().to_owned(),
        ];
        for whole in texts {
            let at = at.index(whole.len());
            if whole[at..=at] == to {
                continue;
            }
            let changed = format!("{}{to}{}", &whole[..at], &whole[at + 1..]);
            prop_assert_eq!(read_as(&changed), [false; 3]);
        }
    }

    #[test]
    fn no_text_panics(tail: String) {
        for prefix in [AuthorizationCode::PREFIX, RequestUri::PREFIX, RefreshToken::PREFIX, ""] {
            prop_assert_eq!(read_as(&format!("{prefix}{tail}")), [false; 3]);
        }
    }
}

//! Codes, references, refresh tokens, and the verifiers of PKCE.

use super::{CHALLENGE, VERIFIER};
use crate::authz::handles::{Handle, HandleKind, InvalidHandle};
use crate::authz::pkce::{Challenge, CodeVerifier, PkceError};
use crate::kernel::base62;
use proptest::prelude::*;

const KINDS: [HandleKind; 3] = [HandleKind::Code, HandleKind::RequestUri, HandleKind::RefreshToken];

fn handle(kind: HandleKind, byte: u8) -> Handle {
    Handle::random(kind, |bytes| {
        bytes.fill(byte);
        Ok::<(), ()>(())
    })
    .unwrap()
}

#[test]
fn a_handle_is_known_again_as_its_kind_only() {
    for kind in KINDS {
        let made = handle(kind, 7);
        let text = made.text().reveal();
        assert!(text.starts_with(kind.prefix()) && text.len() == kind.prefix().len() + 43 + 6);
        assert_eq!(Handle::read(kind, text).as_ref(), Ok(&made));
        assert_ne!(made.hash(), handle(kind, 8).hash());
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            assert_eq!(Handle::read(other, text), Err(InvalidHandle), "{kind:?} as {other:?}");
        }
        let shown = format!("{made:?} {:?}", made.hash());
        assert!(!shown.contains(&text[kind.prefix().len()..]), "{shown}");
    }
    assert_eq!(
        handle(HandleKind::Code, 0).text().reveal(),
        "ac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4Ipygo"
    );
}

#[test]
fn a_text_with_a_sum_that_fits_is_still_none_of_ours() {
    for digits in
        ["é".repeat(21) + "A", "A".repeat(42) + "=", "A".repeat(42) + "B", "A".repeat(42) + "+"]
    {
        let body = format!("ac_{digits}");
        let crc = base62::encode(u64::from(crc32fast::hash(body.as_bytes())), base62::U32_WIDTH);
        assert_eq!(Handle::read(HandleKind::Code, &format!("{body}{crc}")), Err(InvalidHandle));
    }
    let body = format!("ac_{}", "A".repeat(43));
    let crc = base62::encode(u64::from(crc32fast::hash(body.as_bytes())), base62::U32_WIDTH);
    assert!(Handle::read(HandleKind::Code, &format!("{body}{crc}")).is_ok());
}

#[test]
fn no_handle_is_made_without_randomness() {
    let made = Handle::random(HandleKind::Code, |_| Err("none"));
    assert_eq!(made, Err("none"));
}

#[test]
fn a_successor_follows_from_the_token_and_the_key_alone() {
    let token = handle(HandleKind::RefreshToken, 1);
    let next = token.successor(&[1; 32]);
    assert_eq!(token.successor(&[1; 32]), next);
    assert_ne!(token.successor(&[2; 32]), next);
    assert_ne!(handle(HandleKind::RefreshToken, 2).successor(&[1; 32]), next);
    assert_ne!(next, token);
    assert_eq!(Handle::read(HandleKind::RefreshToken, next.text().reveal()), Ok(next));
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
    fn a_changed_character_is_seen(kind in 0..3usize, byte: u8, at: prop::sample::Index, to in "[ -~]") {
        let kind = KINDS[kind];
        let whole = handle(kind, byte).text().reveal().to_owned();
        let at = at.index(whole.len());
        prop_assume!(whole[at..=at] != to);
        let changed = format!("{}{to}{}", &whole[..at], &whole[at + 1..]);
        prop_assert_eq!(Handle::read(kind, &changed), Err(InvalidHandle));
    }

    #[test]
    fn no_text_panics(tail: String) {
        for kind in KINDS {
            let _ = Handle::read(kind, &format!("{}{tail}", kind.prefix()));
        }
    }
}

//! How clients prove themselves.

use super::{
    ISSUER, NOW, SECRET, authenticated, bits, client, credentials, form, later, proof_of, proved,
    word,
};
use crate::access::oauth::assertion::TYPE;
use crate::access::oauth::error::OAuthCode;
use crate::authz::authenticate::{ClientShown, RegisteredClient, authenticate};
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::once::ReplayKind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const WAYS: [ClientAuth; 3] =
    [ClientAuth::PrivateKeyJwt, ClientAuth::ClientSecretBasic, ClientAuth::None];

fn of(auth: ClientAuth) -> AuthzClient {
    AuthzClient { auth, ..client() }
}

#[test]
fn a_client_proves_itself_as_it_is_registered_and_in_no_other_way() {
    for registered in WAYS {
        for shown in WAYS {
            let client = of(registered);
            let judged = authenticated(&proof_of(&of(shown)).unwrap(), &client);
            assert_eq!(judged.is_ok(), registered == shown, "{registered:?} {shown:?}");
            match judged {
                Ok(judged) => assert_eq!(judged.noted(true).unwrap().by(), registered),
                Err(error) => assert_eq!(error.code.as_str(), "invalid_client"),
            }
        }
    }
}

#[test]
fn a_client_is_told_by_which_of_its_secrets_it_has_proved_itself() {
    let held = |auth| proved(&of(auth)).held();
    assert_eq!(held(ClientAuth::PrivateKeyJwt), Some([4; 32]));
    assert_eq!(held(ClientAuth::ClientSecretBasic), Some(bits::sha256(SECRET)));
    assert_eq!(held(ClientAuth::None), None);
}

#[test]
fn an_assertion_counts_once() {
    let signs = client();
    let judged = authenticated(&proof_of(&signs).unwrap(), &signs).unwrap();
    let mark = judged.mark().unwrap();
    assert_eq!((mark.kind, mark.expires_at), (ReplayKind::Assertion, later(61)));
    let again = judged.noted(false);
    assert_eq!(word(again), "invalid_client");
    // What a secret proves is used again and again.
    let secret = of(ClientAuth::ClientSecretBasic);
    let judged = authenticated(&proof_of(&secret).unwrap(), &secret).unwrap();
    assert_eq!(judged.mark(), None);
    assert!(judged.noted(false).is_ok());
}

#[test]
fn a_client_that_is_not_known_is_told_no_more_than_one_with_a_wrong_secret() {
    let client = of(ClientAuth::ClientSecretBasic);
    let shown = |pair: &str| {
        let header = format!("Basic {}", STANDARD.encode(pair));
        ClientShown::read(&form(&[], &[]), &[header.as_bytes()]).unwrap()
    };
    let none =
        authenticate(&shown("c_8:s3cret"), None, (ISSUER, |text: &str| bits::sha256(text)), NOW)
            .unwrap_err();
    let wrong = authenticated(&shown("c_7f:wrong"), &client).unwrap_err();
    let another = authenticated(&shown("c_8:s3cret"), &client).unwrap_err();
    assert_eq!((&none, &none), (&wrong, &another));
    assert!(authenticated(&shown("c_7f:s3cret"), &client).is_ok());
    // The hash of a key is no secret of its client.
    let signs = [credentials()[1].clone()];
    let registered = RegisteredClient { client: &client, credentials: &signs };
    let given = authenticate(&shown("c_7f:x"), Some(registered), (ISSUER, |_| [4; 32]), NOW);
    assert_eq!(word(given), "invalid_client");
}

#[test]
fn an_assertion_says_what_is_wrong_only_where_it_is_the_clients() {
    let client = client();
    let text = super::assertions::assertion(json!({}), json!({ "aud": "x" }));
    let pairs = [("client_assertion_type", TYPE), ("client_assertion", &*text)];
    let told = authenticated(&ClientShown::read(&form(&pairs, &[]), &[]).unwrap(), &client);
    assert!(told.unwrap_err().description().contains("aud"));
    let other = super::assertions::assertion(json!({}), json!({}));
    let (said, _) = text.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let forged = format!("{said}.{signature}");
    let pairs = [("client_assertion_type", TYPE), ("client_assertion", &*forged)];
    let told = authenticated(&ClientShown::read(&form(&pairs, &[]), &[]).unwrap(), &client);
    assert_eq!(told.unwrap_err(), OAuthCode::InvalidClient.into());
}

#[test]
fn a_client_shows_one_proof() {
    let basic: &[u8] = b"Basic Y183ZjpzM2NyZXQ=";
    let assertion = super::assertions::assertion(json!({}), json!({}));
    let signed = [("client_assertion_type", TYPE), ("client_assertion", &*assertion)];
    let read = |pairs: &[(&str, &str)], headers: &[&[u8]]| {
        ClientShown::read(&form(pairs, &[]), headers).map(|shown| shown.client_id().to_owned())
    };
    assert_eq!(read(&[], &[basic]).unwrap(), "c_7f");
    assert_eq!(read(&[("client_id", "c_7f")], &[b"basic  Y183ZjpzM2NyZXQ="]).unwrap(), "c_7f");
    assert_eq!(read(&signed, &[]).unwrap(), "c_7f");
    for (pairs, headers, error) in [
        (&signed[..], &[basic][..], "invalid_request"),
        (&[], &[basic, basic], "invalid_request"),
        (&[("client_secret", "s3cret")], &[], "invalid_request"),
        (&[("client_id", "c_8")], &[basic], "invalid_request"),
        (&[signed[0], signed[1], ("client_id", "c_8")], &[], "invalid_request"),
        (&[signed[1]], &[], "invalid_request"),
        (&[("client_assertion_type", "jwt"), signed[1]], &[], "invalid_request"),
        (&[signed[0], ("client_assertion", "a.b.c")], &[], "invalid_client"),
        (&[], &[b"Basic !"], "invalid_client"),
        (&[], &[b"Basic Y183Zg=="], "invalid_client"),
        (&[], &[b"Bearer x"], "invalid_client"),
        (&[], &[], "invalid_client"),
    ] {
        assert_eq!(word(read(pairs, headers)), error, "{pairs:?}");
    }
    let shown = format!("{:?}", ClientShown::read(&form(&[], &[]), &[basic]));
    assert!(shown.contains("c_7f") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn what_a_client_takes_part_in_hangs_on_how_it_has_proved_itself() {
    for auth in WAYS {
        let client = of(auth);
        let proved = proved(&client);
        let fits = proved.fits(SecurityProfile::Fapi2);
        assert_eq!(fits.is_ok(), auth == ClientAuth::PrivateKeyJwt, "{auth:?}");
        assert!(proved.fits(SecurityProfile::Baseline).is_ok());
        assert_eq!(proved.is_confidential().is_ok(), auth != ClientAuth::None);
    }
    let (fapi2, baseline) = (SecurityProfile::Fapi2, SecurityProfile::Baseline);
    for (one, other, stricter) in
        [(fapi2, baseline, fapi2), (baseline, fapi2, fapi2), (baseline, baseline, baseline)]
    {
        assert_eq!(one.stricter(other), stricter);
    }
}

//! Forms, scopes and the texts of errors.

use super::scopes;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::{BYTES_MOST, FormError, PARAMETERS_MOST, Parameters};
use crate::authz::scopes::{is_about_customers, of_machines, published, read as read_scopes};
use proptest::prelude::*;

fn read(text: &str) -> Result<Parameters, FormError> {
    Parameters::read(text.as_bytes())
}

#[test]
fn a_form_is_read_as_it_was_encoded() {
    let form = read("scope=a+b&state=%C3%A9%26%3D&empty=&&flag&x=a=b").unwrap();
    assert_eq!(form.get("scope"), Some("a b"));
    assert_eq!(form.get("state"), Some("é&="));
    assert_eq!(form.get("x"), Some("a=b"));
    for none in ["empty", "flag", "lacking"] {
        assert_eq!(form.get(none), None, "{none}");
    }
}

#[test]
fn a_form_that_could_be_heard_in_two_ways_is_refused() {
    let repeated = |name: &str| Err(FormError::Repeated(name.into()));
    assert_eq!(read("scope=a&x=1&scope=a"), repeated("scope"));
    assert_eq!(read("scope=a&sc%6Fpe=b"), repeated("scope"));
    // Also one that is empty, and one that nobody knows.
    assert_eq!(read("scope=a&scope="), repeated("scope"));
    assert_eq!(read("what=a&what=b"), repeated("what"));
    for broken in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "a=%C3", "%c3=a", "a=%ED%A0%80"] {
        assert_eq!(read(broken), Err(FormError::Encoding), "{broken}");
    }
    for control in ["a=%00", "a=x%0A", "a=%7f", "a=%C2%85", "a=\t"] {
        assert_eq!(read(control), Err(FormError::Control("a".into())), "{control}");
    }
    assert_eq!(read("=1"), Err(FormError::Name));
    // Lines may break in a document, and nothing else may stand in it.
    assert!(read("authorization_details=%5B%0A%09%0D%5D").is_ok());
    assert!(read("authorization_details=%00").is_err());
}

#[test]
fn a_form_has_bounds() {
    let of = |length: usize| read(&format!("state={}", "x".repeat(length)));
    assert!(of(1_024).is_ok());
    assert_eq!(of(1_025), Err(FormError::TooLong("state".into(), 1_024)));
    assert!(read(&format!("client_assertion={}", "x".repeat(8_192))).is_ok());
    assert!(read(&format!("client_assertion={}", "x".repeat(8_193))).is_err());
    let many = |n: usize| read(&(0..n).map(|n| format!("p{n}=1&")).collect::<String>());
    assert!(many(PARAMETERS_MOST).is_ok());
    assert_eq!(many(PARAMETERS_MOST + 1), Err(FormError::TooMany));
    let large = read(&"x".repeat(BYTES_MOST + 1)).unwrap_err();
    let status = |error: FormError| OAuthError::from(error).code.status();
    assert_eq!((status(large), status(FormError::Encoding)), (413, 400));
    assert_eq!(read(&format!("{}=1", "n".repeat(65))), Err(FormError::Name));
}

#[test]
fn a_posted_form_has_nothing_in_the_address() {
    let posted = |query, body: &str| Parameters::posted(query, body.as_bytes());
    assert!(posted("", "token=x").is_ok());
    for query in ["token=x", "token=y", "other=1", "client_secret="] {
        let name = query.split('=').next().unwrap().to_owned();
        assert_eq!(posted(query, "token=x"), Err(FormError::InAddress(name)));
    }
}

#[test]
fn no_value_is_shown() {
    let form = read("client_assertion=hidden&scope=a").unwrap();
    assert_eq!(format!("{form:?}"), r#"["client_assertion", "scope"]"#);
}

#[test]
fn scopes_are_words_that_mean_something_and_each_is_there_once() {
    let list = scopes("stock:read catalog:read stock:read");
    assert_eq!(list.to_string(), "catalog:read stock:read");
    assert!(scopes("").is_empty());
    for wrong in [" ", " catalog:read", "catalog:read ", "catalog:read  stock:read", "é", "a:read"]
    {
        let told = read_scopes(wrong).unwrap_err();
        assert_eq!(told.code, OAuthCode::InvalidScope, "{wrong:?}");
    }
    let all = scopes("customer.lists:read catalog:read offline_access openid stock:quantity");
    assert_eq!(of_machines(all), scopes("catalog:read stock:quantity"));
    assert!(is_about_customers(all) && !is_about_customers(of_machines(all)));
    assert!(!is_about_customers(scopes("openid offline_access")));
    // A key has no scope that tokens cannot have.
    for word in [
        "catalog:read",
        "prices:read",
        "stores:read",
        "stock:read",
        "stock:quantity",
        "promotions:read",
        "changes:read",
        "exports:read",
        "subscriptions:write",
    ] {
        assert_eq!(of_machines(scopes(word)), scopes(word), "{word}");
        assert!(published().contains(&word), "{word}");
    }
}

#[test]
fn an_error_is_told_in_the_words_and_characters_of_the_standard() {
    let error = OAuthError::new(OAuthCode::InvalidScope, "\"a\\b\" is\né".to_owned());
    let body = serde_json::to_value(&error).unwrap();
    let told = serde_json::json!({ "error": "invalid_scope", "error_description": "'a'b' is??" });
    assert_eq!(body, told);
    let with = error.with_uri("https://gw.example/docs/errors/consent-ended".into());
    let body = serde_json::to_value(&with).unwrap();
    assert_eq!(body["error_uri"], "https://gw.example/docs/errors/consent-ended");
    for code in OAuthCode::ALL {
        let plain = OAuthError::from(*code);
        assert_eq!(
            plain.description(),
            code.description(),
            "it has characters that are not allowed"
        );
        assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert!([400, 401, 403, 413, 500, 503].contains(&code.status()));
    }
    assert_eq!(OAuthCode::InvalidClient.status(), 401);
    let proof = OAuthCode::InvalidDpopProof;
    assert_eq!((proof.status(), proof.status_at_resource()), (400, 401));
    assert_eq!(OAuthCode::InsufficientScope.status_at_resource(), 403);
}

proptest! {
    #[test]
    fn every_form_that_is_encoded_is_read(value in "[ -~é€]{1,200}", name in "[a-z_]{1,20}") {
        let text = url::form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
        let form = Parameters::read(text.as_bytes()).unwrap();
        prop_assert_eq!(form.get(&name), Some(value.as_str()));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = Parameters::read(&bytes);
    }
}

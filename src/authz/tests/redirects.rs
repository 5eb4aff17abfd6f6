//! Addresses to which customers are sent back.

use crate::authz::redirect::{InvalidRedirect, RedirectUri};
use proptest::prelude::*;

fn register(text: &str) -> Result<RedirectUri, InvalidRedirect> {
    RedirectUri::register(text, false)
}

#[test]
fn only_plain_addresses_of_https_are_registered() {
    for right in [
        "https://app.example/cb",
        "https://app.example",
        "https://app.example/cb?t=1",
        "https://[2001:db8::1]:8443/x",
    ] {
        assert_eq!(register(right).unwrap().as_str(), right);
    }
    let wrong = [
        ("http://app.example/cb", InvalidRedirect::Scheme),
        ("http://127.0.0.1/cb", InvalidRedirect::Scheme),
        ("http://localhost/cb", InvalidRedirect::Scheme),
        ("javascript:alert(1)", InvalidRedirect::Scheme),
        ("com.example.app:/cb", InvalidRedirect::Scheme),
        ("/cb", InvalidRedirect::Form),
        ("https://app.example/c b", InvalidRedirect::Form),
        ("https://äpp.example/cb", InvalidRedirect::Form),
        ("https://app.example/cb#", InvalidRedirect::Fragment),
        ("https://app.example/cb#x", InvalidRedirect::Fragment),
        ("https://*.app.example/cb", InvalidRedirect::Wildcard),
        ("https://app.example/*", InvalidRedirect::Wildcard),
        ("https://user@app.example/cb", InvalidRedirect::User),
        ("https://:pass@app.example/cb", InvalidRedirect::User),
        ("https://App.example/cb", InvalidRedirect::NotNormal),
        ("https://app.example:443/cb", InvalidRedirect::NotNormal),
        ("https://app.example/a/../cb", InvalidRedirect::NotNormal),
        ("https://app.example/a/%2e%2E/cb", InvalidRedirect::NotNormal),
        ("https://app.example/a%2eb", InvalidRedirect::NotNormal),
        ("https://app.example\\@evil.example/", InvalidRedirect::NotNormal),
        ("https://0x7f.1/cb", InvalidRedirect::NotNormal),
        ("https://app.example/cb?state=1", InvalidRedirect::Answer),
        ("https://app.example/cb?c%6Fde=1", InvalidRedirect::Answer),
    ];
    for (text, why) in wrong {
        assert_eq!(register(text), Err(why), "{text}");
    }
    assert_eq!(
        register(&format!("https://app.example/{}", "x".repeat(1_000))),
        Err(InvalidRedirect::Form)
    );
}

#[test]
fn an_app_on_a_device_listens_on_any_port_of_the_loopback_interface() {
    let native = |text| RedirectUri::register(text, true);
    let known =
        vec![native("http://127.0.0.1/cb?x=1").unwrap(), native("http://[::1]:1000/").unwrap()];
    let among = |asked: &str| RedirectUri::among(&known, asked).map(|uri| uri.as_str().to_owned());
    for right in [
        "http://127.0.0.1/cb?x=1",
        "http://127.0.0.1:51004/cb?x=1",
        "http://[::1]:1000/",
        "http://[::1]:9/",
    ] {
        assert_eq!(among(right).as_deref(), Some(right));
    }
    for wrong in [
        "http://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/cb?x=1&y=2",
        "http://127.0.0.1:51004/cb?x=1#",
        "http://127.0.0.1:/cb?x=1",
        "http://127.0.0.1:0/cb?x=1",
        "http://127.0.0.1:65536/cb?x=1",
        "http://127.0.0.1:080/cb?x=1",
        "http://127.0.0.1:80@evil.example/cb?x=1",
        "http://127.0.0.1.evil.example/cb?x=1",
        "http://127.0.0.2:1/cb?x=1",
        "https://127.0.0.1:1/cb?x=1",
        "http://localhost:1/cb?x=1",
        "http://[::1]:1000",
    ] {
        assert_eq!(among(wrong), None, "{wrong}");
    }
    for wrong in [
        "http://localhost/cb",
        "http://10.0.0.1/cb",
        "http://127.0.0.1.evil.example/",
        "http://127.1/cb",
    ] {
        assert_eq!(native(wrong), Err(InvalidRedirect::Scheme), "{wrong}");
    }
}

#[test]
fn an_address_is_read_as_what_it_was_registered() {
    let stored = |text: &str| serde_json::from_str::<RedirectUri>(text);
    let web = register("https://app.example/cb").unwrap();
    let json = serde_json::to_string(&web).unwrap();
    assert_eq!(json, r#"{"web":"https://app.example/cb"}"#);
    assert_eq!(stored(&json).unwrap(), web);
    let native = r#"{"loopback":"http://127.0.0.1:1/cb"}"#;
    assert_eq!(stored(native).unwrap().as_str(), "http://127.0.0.1:1/cb");
    // A text alone was registered by nobody.
    for wrong in [
        r#""https://app.example/cb""#,
        r#""http://127.0.0.1/cb""#,
        r#"{"web":"http://127.0.0.1/cb"}"#,
        r#"{"web":"https://app.example/*"}"#,
        r#"{"loopback":"http://app.example/cb"}"#,
        r#"{"loopback":"https://app.example/cb"}"#,
    ] {
        assert!(stored(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_what_is_registered(asked in "https://app\\.example/cb[ -~]{0,6}|[ -~]{0,30}") {
        let known = [register("https://app.example/cb").unwrap()];
        let taken = RedirectUri::among(&known, &asked);
        prop_assert_eq!(taken.is_some(), asked == "https://app.example/cb");
    }

    #[test]
    fn a_stored_address_is_read_again(path in "[a-z/]{0,8}", port in 1..=u16::MAX) {
        for text in [format!("https://app.example/{path}"), format!("http://127.0.0.1:{port}/{path}")] {
            let Ok(uri) = RedirectUri::register(&text, true) else { continue };
            let json = serde_json::to_string(&uri).unwrap();
            prop_assert_eq!(serde_json::from_str::<RedirectUri>(&json).unwrap(), uri);
        }
    }
}

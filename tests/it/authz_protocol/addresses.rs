//! Where answers go, and forms that are read in two ways.

use super::{CALLBACK, Customer, Desk, ISSUER};

#[tokio::test]
async fn attack_2_answers_to_the_browser_say_who_has_issued_them() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    assert_eq!(granted.parameter("iss"), ISSUER);
    let reference = desk.pushed(&partner, &[]).await;
    let location = Customer(1).refuses(&desk, &reference).await;
    let pairs: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    for pair in [("error", "access_denied"), ("state", "s1"), ("iss", ISSUER)] {
        assert!(
            pairs.iter().any(|(name, value)| (name.as_str(), value.as_str()) == pair),
            "{location}"
        );
    }
}

#[tokio::test]
async fn attack_8_an_address_that_is_not_registered_is_refused_when_it_is_pushed() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    for address in [
        "https://app.example.test/cb/",
        "https://app.example.test/c",
        "https://app.example.test/cb2",
        "https://app.example.test/CB",
        "https://APP.example.test/cb",
        "https://user@app.example.test/cb",
        "https://app.example.test/%2e/cb",
        "https://app.example.test/x/../cb",
        "https://app.example.test/cb?a=b",
        "https://app.example.test/cb#f",
        "https://app.example.test:8443/cb",
        "https://app.example.test:443/cb",
        "http://app.example.test/cb",
        "https://app.example.test.evil.test/cb",
        "//app.example.test/cb",
    ] {
        let form = desk.asks(&partner, &[("redirect_uri", address)]);
        let reply = desk.call((&partner, &partner.dpop), "/oauth/par", &form).await;
        assert_eq!(reply.refusal(), (400, "invalid_request"), "{address}");
    }
    desk.pushed(&partner, &[("redirect_uri", CALLBACK)]).await;
}

#[tokio::test]
async fn attack_36_what_can_be_heard_in_two_ways_is_not_heard() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    for path in ["/oauth/par", "/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let id = partner.id.as_str();
        let assertion = desk.assertion(&partner, serde_json::json!({}));
        let shown = format!(
            "client_id={id}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={assertion}&grant_type=refresh_token"
        );
        for more in ["&state=a&state=b", "&token=%ff", "&token=%zz", "&token=%00", "&a%00b=c"] {
            let body = format!("{shown}{more}").into_bytes();
            let reply = desk.post_bytes(path, body, &[]).await;
            assert_eq!(reply.refusal(), (400, "invalid_request"), "{path} {more}");
        }
        let mut raw = format!("{shown}&token=").into_bytes();
        raw.push(0xff);
        let reply = desk.post_bytes(path, raw, &[]).await;
        assert_eq!(reply.refusal(), (400, "invalid_request"), "{path}: no UTF-8");
        let in_both = desk
            .post_bytes(&format!("{path}?client_id={id}"), shown.clone().into_bytes(), &[])
            .await;
        assert_eq!(in_both.refusal(), (400, "invalid_request"), "{path}: in the address, too");
        let basic = [("Authorization", "Basic a2V5XzE6c2VjcmV0")];
        let two = desk.post_bytes(path, shown.clone().into_bytes(), &basic).await;
        assert_eq!(two.refusal(), (400, "invalid_request"), "{path}: proved in two ways");
        let large = desk.post_bytes(path, vec![b'a'; 1_000_000], &[]).await;
        assert_eq!(large.status, 413, "{path}: {large:?}");
        let json = desk
            .app
            .http
            .post(desk.app.public_url(path))
            .json(&serde_json::json!({ "client_id": id }));
        assert_eq!(json.send().await.unwrap().status(), 400, "{path}: JSON");
        // None of these has used the assertion up.
        let reply = desk.post_bytes(path, shown.into_bytes(), &[]).await;
        assert_ne!(reply.body["error"], "invalid_client", "{path}: {reply:?}");
    }
}

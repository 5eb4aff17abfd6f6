//! What is tried with tokens that are not shown as they must be, and with consents that are over (attacks 18 and 22).

use super::shop::{BASE, CAMILLE, ProofKey, Shop, all, now, scopes};
use crate::support::{pause, problem};
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::own::OwnedByCustomer;
use std::time::{Duration, Instant};

const PROFILE: &str = "/v1/customer/profile";
/// After so long a consent that was ended lets nothing through, on any node.
const BOUND: Duration = Duration::from_secs(3);

/// The header that says how to prove a call, and the problem.
async fn refused(answer: reqwest::Response, status: u16, code: &str) -> String {
    let said = answer.headers().get("www-authenticate").cloned();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    problem(answer, status, code).await;
    said.map(|said| said.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_bound_token_works_with_its_key_and_a_new_proof_alone() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let url = shop.app.public_url(PROFILE);
    let ask = |scheme: &str, proof: Option<String>| {
        let request = shop.app.http.get(&url);
        let request = request.header("authorization", format!("{scheme} {}", given.token));
        match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        }
    };
    let nonce = shop.nonce(&given).await;
    let proof = |method: &str, path: &str| program.key.proof((method, path), &given.token, nonce);
    let bearer = ask("Bearer", None).send().await.unwrap();
    assert!(refused(bearer, 401, "invalid_token").await.contains("error=\"invalid_token\""));
    let also = ask("Bearer", Some(proof("GET", PROFILE))).send().await.unwrap();
    refused(also, 401, "invalid_token").await;
    let stolen = ProofKey::new().proof(("GET", PROFILE), &given.token, nonce);
    refused(ask("DPoP", Some(stolen)).send().await.unwrap(), 401, "invalid_token").await;
    for wrong in [
        None,
        Some(proof("POST", PROFILE)),
        Some(proof("GET", "/v1/customer/loyalty")),
        Some(program.key.proof(("GET", PROFILE), "another", nonce)),
    ] {
        let said = refused(ask("DPoP", wrong).send().await.unwrap(), 401, "invalid_dpop_proof");
        assert!(said.await.contains("error=\"invalid_dpop_proof\""));
    }
    let once = proof("GET", PROFILE);
    assert_eq!(ask("DPoP", Some(once.clone())).send().await.unwrap().status(), 200);
    refused(ask("DPoP", Some(once)).send().await.unwrap(), 401, "invalid_dpop_proof").await;
}

#[tokio::test]
async fn a_proof_is_made_for_the_method_that_is_sent() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let who = (&program, &given);
    let head = shop.call(("HEAD", PROFILE), who, (None, None)).await;
    assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0));
    let nonce = shop.nonce(&given).await;
    let request = shop.app.http.head(shop.app.public_url(PROFILE));
    let request = request.header("authorization", format!("DPoP {}", given.token));
    let proof = program.key.proof(("GET", PROFILE), &given.token, nonce);
    assert_eq!(request.header("dpop", proof).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn who_shows_no_token_is_told_where_to_get_one() {
    let shop = Shop::open().await;
    let url = shop.app.public_url(PROFILE);
    let said = refused(shop.app.http.get(&url).send().await.unwrap(), 401, "missing_token").await;
    let metadata = format!("resource_metadata=\"{BASE}/.well-known/oauth-protected-resource\"");
    assert!(said.starts_with("DPoP ") && said.contains(&metadata), "{said}");
    assert!(!said.contains("error="), "{said}");
    // A key is no token, and what is in the address is not looked at.
    let key = shop.app.key(serde_json::json!({})).await;
    refused(shop.app.get(&key.text, PROFILE).await, 401, "invalid_token").await;
    let in_address = format!("{url}?access_token={}", key.text);
    refused(shop.app.http.get(&in_address).send().await.unwrap(), 401, "missing_token").await;
}

#[tokio::test]
async fn a_scope_that_one_of_the_three_withholds_is_named() {
    let shop = Shop::open().await;
    let basic = scopes("customer.profile.basic:read");
    let approved = all().without(scopes("customer.offers:read customer.offers:activate"));
    let program = shop.program("coach", approved).await;
    let given = shop.consent(&program, CAMILLE, (basic, SensitiveCategories::NONE)).await;
    let wider = super::shop::Given {
        token: shop.token(&program, &given.record, given.sub, all()),
        ..given
    };
    let lacking = shop.get("/v1/customer/loyalty", &program, &wider).await;
    let said = refused(lacking, 403, "insufficient_scope").await;
    assert!(said.contains("scope=\"customer.loyalty.basic:read\""), "{said}");
    // The client may not have it, whatever the customer agreed to.
    let all_of_it = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let lacking = shop.get("/v1/customer/promotions", &program, &all_of_it).await;
    refused(lacking, 403, "insufficient_scope").await;
    let profile = shop.read(PROFILE, &program, &wider).await;
    assert_eq!((&profile["given_name"], profile.get("email")), (&"Camille".into(), None));
}

#[tokio::test]
async fn nothing_is_told_once_the_customer_has_ended_the_consent() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let first = shop.read("/v1/customer/purchases?limit=1", &program, &given).await;
    let next = first["next"].as_str().unwrap();
    let own = OwnedByCustomer::of(&given.record, given.subject).unwrap();
    let revoked = own.revoke(false, now()).unwrap();
    shop.write(&revoked).await;
    let ended_at = Instant::now();
    // Page 2 of what was begun: it may be told for a moment, and not after.
    loop {
        let begun = ended_at.elapsed();
        let answer = shop.get(next, &program, &given).await;
        if answer.status() == 401 {
            let said = refused(answer, 401, "consent_ended").await;
            assert!(said.contains("error=\"invalid_token\""), "{said}");
            break;
        }
        assert!(begun < BOUND, "{} after {begun:?}", answer.status());
        pause().await;
    }
    for _ in 0..3 {
        refused(shop.get(PROFILE, &program, &given).await, 401, "consent_ended").await;
    }
    // A consent that never was is told the same.
    let mut record = shop.current(given.record.grant_id).await;
    record.grant_id = comptoir::consent::record::GrantId::from_random([9; 16]);
    let made_up =
        super::shop::Given { token: shop.token(&program, &record, given.sub, all()), ..given };
    refused(shop.get(PROFILE, &program, &made_up).await, 401, "consent_ended").await;
}

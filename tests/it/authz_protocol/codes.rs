//! Codes in other hands than their client's.

use super::{Customer, Desk, Granted, Partner, Reply, VERIFIER};
use futures_util::future::join_all;
use serde_json::json;

/// Shows a code with a verifier, as a partner and with a key.
async fn shows(
    desk: &Desk,
    (partner, key): (&Partner, &super::desk::Signer),
    (code, verifier): (&str, &str),
) -> Reply {
    let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier)];
    desk.call((partner, key), "/oauth/token", &form).await
}

#[tokio::test]
async fn attack_5_a_code_of_others_gives_nothing_and_stays_theirs() {
    let desk = Desk::open().await;
    let (victim, attacker) = (desk.partner().await, desk.partner().await);
    let granted = desk.granted(&victim, 1).await;
    let code = granted.code();
    let other = "a".repeat(43);
    for (who, key, verifier) in [
        (&attacker, &attacker.dpop, VERIFIER),
        (&attacker, &victim.dpop, VERIFIER),
        (&victim, &victim.dpop, other.as_str()),
        (&victim, &attacker.dpop, VERIFIER),
    ] {
        let reply = shows(&desk, (who, key), (&code, verifier)).await;
        assert_eq!(reply.refusal(), (400, "invalid_grant"));
    }
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
        ("redirect_uri", "https://app.example.test/cb/"),
    ];
    let reply = desk.call((&victim, &victim.dpop), "/oauth/token", &elsewhere).await;
    assert_eq!(reply.refusal(), (400, "invalid_grant"));
    desk.tokens(&victim, &granted).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_6_of_many_redemptions_at_once_one_gives_tokens() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    let replies = join_all((0..50).map(|_| desk.tokens(&partner, &granted))).await;
    let good: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(good.len(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.refusal(), (400, "invalid_grant"));
    }
    // All else was right, so somebody else has had the code: what came of it works no more.
    let gone = json!({ "active": false });
    for name in ["refresh_token", "access_token"] {
        assert_eq!(desk.asked(&partner, good[0].text(name)).await.ok().body, gone);
    }
}

#[tokio::test]
async fn attack_6_a_second_use_takes_back_what_the_first_gave_and_leaves_the_consent() {
    let desk = Desk::open().await;
    let (partner, stranger) = (desk.partner().await, desk.partner().await);
    let granted = desk.granted(&partner, 1).await;
    let refresh = desk.tokens(&partner, &granted).await.ok().text("refresh_token").to_owned();
    // Who could not have used it anyway takes nothing back.
    let reply = shows(&desk, (&stranger, &stranger.dpop), (&granted.code(), VERIFIER)).await;
    assert_eq!(reply.refusal(), (400, "invalid_grant"));
    desk.refreshed(&partner, &refresh).await.ok();
    assert_eq!(desk.tokens(&partner, &granted).await.refusal(), (400, "invalid_grant"));
    assert_eq!(desk.refreshed(&partner, &refresh).await.refusal(), (400, "invalid_grant"));
    let metrics = desk.app.admin_text("/metrics").await;
    assert!(metrics.contains("comptoir_code_replay_total 1"), "{metrics}");
    // A later code of the same customer is another's business.
    desk.app.clock.advance(1_000_000);
    let next = desk.granted(&partner, 1).await;
    desk.tokens(&partner, &next).await.ok();
}

#[tokio::test]
async fn attack_7_there_is_no_way_around_pkce() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    for changes in [
        vec![("code_challenge", ""), ("code_challenge_method", "")],
        vec![("code_challenge_method", "plain")],
        vec![("code_challenge_method", "")],
        vec![("code_challenge", "")],
        vec![("code_challenge", "short")],
    ] {
        let form = desk.asks(&partner, &changes);
        let reply = desk.call((&partner, &partner.dpop), "/oauth/par", &form).await;
        assert_eq!(reply.refusal(), (400, "invalid_request"), "{changes:?}");
    }
    let Granted { location, .. } = desk.granted(&partner, 1).await;
    let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    for verifier in ["", &VERIFIER[1..], &"a".repeat(129), "é"] {
        let reply = shows(&desk, (&partner, &partner.dpop), (&code, verifier)).await;
        assert_eq!(reply.refusal(), (400, "invalid_request"), "{verifier}");
    }
    shows(&desk, (&partner, &partner.dpop), (&code, VERIFIER)).await.ok();
}

#[tokio::test]
async fn attack_22_what_is_under_way_when_a_customer_revokes_brings_nothing_back() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let waiting = desk.granted(&partner, 1).await;
    Customer(1).revokes(&desk, &waiting).await;
    assert_eq!(desk.tokens(&partner, &waiting).await.refusal(), (400, "invalid_grant"));

    let used = desk.granted(&partner, 2).await;
    let tokens = desk.tokens(&partner, &used).await.ok();
    let (refresh, access) = (tokens.text("refresh_token"), tokens.text("access_token"));
    let (refreshed, ()) =
        tokio::join!(desk.refreshed(&partner, refresh), Customer(2).revokes(&desk, &used));
    assert!(refreshed.status == 200 || refreshed.refusal() == (400, "invalid_grant"));
    assert_eq!(desk.refreshed(&partner, refresh).await.refusal(), (400, "invalid_grant"));
    let gone = json!({ "active": false });
    for token in [refresh, access] {
        assert_eq!(desk.asked(&partner, token).await.ok().body, gone);
    }
    if refreshed.status == 200 {
        let late = refreshed.text("access_token");
        assert_eq!(desk.asked(&partner, late).await.ok().body, gone);
    }
}

#[tokio::test]
async fn a_code_is_over_after_a_minute() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    desk.app.clock.advance(60_000_000);
    assert_eq!(desk.tokens(&partner, &granted).await.refusal(), (400, "invalid_grant"));
}

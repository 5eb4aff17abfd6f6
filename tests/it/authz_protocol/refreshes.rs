//! Refresh tokens in other hands, and behind the end of what they rest on.

use super::{Customer, Desk, SUMMARY};
use comptoir::consent::store::read;

async fn shown(
    desk: &Desk,
    partner: &super::Partner,
    key: &super::desk::Signer,
    token: &str,
) -> (u16, String) {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let reply = desk.call((partner, key), "/oauth/token", &form).await;
    let (status, error) = reply.refusal();
    (status, error.to_owned())
}

#[tokio::test]
async fn attack_19_a_refresh_token_works_for_its_client_key_and_consent_alone() {
    let desk = Desk::open().await;
    let (partner, other) = (desk.partner().await, desk.partner().await);
    let granted = desk.granted(&partner, 1).await;
    let tokens = desk.tokens(&partner, &granted).await.ok();
    let refresh = tokens.text("refresh_token");
    let invalid = (400, "invalid_grant".to_owned());
    for (who, key) in [(&other, &other.dpop), (&other, &partner.dpop), (&partner, &other.dpop)] {
        assert_eq!(shown(&desk, who, key, refresh).await, invalid);
    }
    let mut damaged = refresh.to_owned();
    damaged.replace_range(10..11, if &refresh[10..11] == "A" { "B" } else { "A" });
    for text in [damaged.as_str(), "rt_", "x"] {
        assert_eq!(shown(&desk, &partner, &partner.dpop, text).await, invalid, "{text}");
    }
    let wide = format!("{SUMMARY} customer.profile.contact:read");
    for scope in [wide.as_str(), "catalog:read", "nothing"] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", scope)];
        let reply = desk.call((&partner, &partner.dpop), "/oauth/token", &form).await;
        assert_eq!(reply.refusal(), (400, "invalid_scope"), "{scope}");
    }
    desk.refreshed(&partner, refresh).await.ok();
    Customer(1).revokes(&desk, &granted).await;
    assert_eq!(shown(&desk, &partner, &partner.dpop, refresh).await, invalid);
}

#[tokio::test]
async fn attack_19_at_the_end_of_the_consent_the_reason_is_told() {
    let desk = Desk::open().await;
    let partner = desk.partner().await;
    let granted = desk.granted(&partner, 1).await;
    let refresh = desk.tokens(&partner, &granted).await.ok().text("refresh_token").to_owned();
    let record = read::current(&desk.app.db, granted.id).await.unwrap().unwrap();
    let left = record.validity.expires_at.0 - desk.app.clock.now().0;
    // Tokens end no later than the consent. Used meanwhile, so that it was not idle for too long.
    desk.app.clock.advance(left - 100_000_000);
    let last = desk.refreshed(&partner, &refresh).await.ok();
    assert_eq!(last.body["expires_in"], 100);
    desk.app.clock.advance(100_000_000);
    let over = desk.refreshed(&partner, &refresh).await;
    assert_eq!(over.refusal(), (400, "invalid_grant"));
    let page = over.text("error_uri").strip_prefix(super::ISSUER).unwrap();
    let page = desk.app.http.get(desk.app.public_url(page)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "attack 25: {policy}");
    assert!(page.text().await.unwrap().contains("Le consentement a pris fin"));
}

//! From refresh tokens to access tokens.

use super::consents::{changed, grant, to};
use super::{
    GRANT_ID, ISSUER, NOW, SUMMARY, client, code, issued_to, proved, proved_key, refresh_record,
    refreshing, renew, scopes, thumbprint, word,
};
use crate::access::oauth::error::OAuthCode;
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::grant::has_refresh_token;
use crate::authz::issued::IssuedTo;
use crate::authz::refresh::{RefreshRecord, RefreshShown};
use crate::consent::details::AccessMode;
use crate::consent::record::ConsentRecord;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};

#[test]
fn a_refresh_token_is_bound_to_something() {
    let (offline, none) = (scopes("offline_access"), scopes(SUMMARY));
    let key = Some(thumbprint(1));
    assert!(has_refresh_token(ClientAuth::PrivateKeyJwt, None, offline));
    assert!(has_refresh_token(ClientAuth::None, key, offline));
    assert!(!has_refresh_token(ClientAuth::None, None, offline));
    assert!(!has_refresh_token(ClientAuth::PrivateKeyJwt, key, none));
    let profile = SecurityProfile::Baseline;
    let public = AuthzClient { auth: ClientAuth::None, profile, ..client() };
    let unbound = IssuedTo { key: None, profile, ..issued_to() };
    let unbound = RefreshRecord { to: unbound, ..refresh_record() };
    assert_eq!(word(renew(&unbound, refreshing(&public), Some(&grant()))), "invalid_grant");
    let bound = IssuedTo { profile, ..issued_to() };
    let bound = RefreshRecord { to: bound, ..refresh_record() };
    assert!(renew(&bound, refreshing(&public), Some(&grant())).is_ok());
}

#[test]
fn a_refresh_token_is_of_the_code_and_of_the_key_that_came_with_it() {
    let client = client();
    let (code, issue) = (code(), super::issue());
    let token = RefreshRecord::of(&code, &issue, proved(&client), NOW).unwrap();
    assert_eq!(token, refresh_record());
    // A code that was asked for without a key gives tokens that are bound to one all the same.
    let loose = super::CodeRecord { to: IssuedTo { key: None, ..issued_to() }, ..code };
    let token = RefreshRecord::of(&loose, &issue, proved(&client), NOW).unwrap();
    assert_eq!(token.to, issued_to());
    let online = super::Issue { scopes: scopes(SUMMARY), ..issue };
    assert_eq!(RefreshRecord::of(&loose, &online, proved(&client), NOW), None);
}

#[test]
fn a_refresh_token_goes_where_it_is_not_used() {
    let client = client();
    let idle = |before: i64| {
        let token = RefreshRecord { used_at: Micros(NOW.0 - before), ..refresh_record() };
        renew(&token, refreshing(&client), Some(&grant()))
    };
    assert!(idle(90 * DAY - 1).is_ok());
    assert_eq!(word(idle(90 * DAY)), "invalid_grant");
}

#[test]
fn a_refresh_keeps_to_the_stricter_profile() {
    let (fapi2, baseline) = (SecurityProfile::Fapi2, SecurityProfile::Baseline);
    for (then, now, needs) in
        [(fapi2, baseline, true), (baseline, fapi2, true), (baseline, baseline, false)]
    {
        let to = IssuedTo { profile: then, key: None, ..issued_to() };
        let token = RefreshRecord { to, ..refresh_record() };
        let client = AuthzClient { profile: now, ..client() };
        let keyless = RefreshShown { key: None, ..refreshing(&client) };
        let given = renew(&token, keyless, Some(&grant()));
        assert_eq!(given.is_err(), needs, "{then:?} {now:?}");
        // With a key, and still by a secret.
        let secret = AuthzClient { auth: ClientAuth::ClientSecretBasic, ..client };
        let given = renew(&token, refreshing(&secret), Some(&grant()));
        assert_eq!(given.is_err(), needs, "{then:?} {now:?}");
        if needs {
            assert_eq!(word(given), "unauthorized_client");
        }
    }
}

#[test]
fn a_refresh_gives_what_the_consent_allows_now() {
    let client = client();
    let of = |scope: Option<&str>, grant: &ConsentRecord| {
        let scope = scope.map(scopes);
        let shown = RefreshShown { scope, key: Some(proved_key(1)), client: proved(&client) };
        renew(&refresh_record(), shown, Some(grant))
    };
    let narrowed = ConsentRecord { version: 4, ..to("offline_access") };
    let issue = of(None, &narrowed).unwrap();
    assert_eq!((issue.scopes, issue.consent.unwrap().version), (scopes("offline_access"), 4));
    assert_eq!(issue.consent.unwrap().grant_id.to_string(), GRANT_ID);
    assert_eq!(of(Some(SUMMARY), &grant()).unwrap().scopes, scopes(SUMMARY));
    assert_eq!(word(of(Some(SUMMARY), &narrowed)), "invalid_scope");
    // Without it there is nothing to refresh by, whatever the consent is still for, or the client may not have it now.
    assert_eq!(word(of(None, &to(SUMMARY))), "invalid_grant");
    let once = changed(|it| it.data.authorization_details.access = AccessMode::Once);
    assert_eq!(word(of(None, &once)), "invalid_grant");
    let less = AuthzClient { scopes: scopes(SUMMARY), ..client.clone() };
    let given = renew(&refresh_record(), refreshing(&less), Some(&grant()));
    assert_eq!(word(given), "invalid_grant");
    let over = changed(|it| it.validity.expires_at = Micros(NOW.0 + SECOND - 1));
    let told = of(None, &over).unwrap_err();
    let page = format!("{ISSUER}/docs/errors/consent-ended");
    assert_eq!((told.code, told.uri()), (OAuthCode::InvalidGrant, Some(&*page)));
}

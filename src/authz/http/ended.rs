//! The page that explains to a partner's developer why a code or refresh token gives nothing any more.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The consent has ended</title></head>
<body>
<main>
<h1>The consent has ended</h1>
<p>The customer, you or the retailer has ended this consent, or its time is over. Its tokens work no more, and none can be had by
it. Delete what the consent says is to be deleted, and ask the customer again with a new authorization request if they want to go on.</p>
<p><code>GET /oauth/grants/{grant_id}</code> says how it stands.</p>
<section lang="fr">
<h2>Le consentement a pris fin</h2>
<p>Le client, vous-même ou le commerçant a mis fin à ce consentement, ou sa durée est écoulée. Ses jetons ne fonctionnent plus
et aucun autre ne peut être obtenu. Supprimez ce que le consentement prévoit de supprimer et, si le client souhaite continuer,
demandez-lui à nouveau son accord par une nouvelle demande d’autorisation.</p>
<p><code>GET /oauth/grants/{grant_id}</code> indique son état.</p>
</section>
</main>
</body>
</html>
"#;

/// Explains `error_uri` of `invalid_grant`.
pub async fn consent_ended() -> HttpResponse {
    let policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(PAGE)
}

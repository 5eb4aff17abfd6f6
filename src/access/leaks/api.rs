//! Where leaked keys are reported.

use super::Leaks;
use super::reporter::Verdict;
use super::service::Reported;
use crate::access::applied::applied;
use crate::access::caller;
use crate::access::policy::Gate;
use crate::access::throttle::asker;
use crate::http::body::RawBody;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Clock;
use crate::telemetry::Tally;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa_actix_web::service_config::ServiceConfig;

/// Where reports go.
pub const PATH: &str = "/v1/leaked-keys";
/// Most bytes of a report.
const REPORT_MOST: usize = 2 * 1024 * 1024;
/// Most secrets in it.
const FOUND_MOST: usize = 10_000;

/// Mounts the endpoint.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(report_leaked_keys);
}

/// A secret that was found.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "for the document; reports may hold more than this")]
struct FoundIn {
    /// Its text.
    #[schema(example = "cpt_live_0Ab12Cd34Ef_…")]
    token: String,
    /// What the reporter calls its form.
    #[schema(example = "comptoir_api_key")]
    r#type: String,
    /// Where it was found; may be empty.
    #[schema(example = "https://github.com/octocat/hello/blob/1234/foo.txt")]
    url: String,
    /// In what it was found.
    #[schema(example = "content")]
    source: String,
}

/// What a secret turned out to be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LabelOut {
    /// SHA-256 of its text, in hexadecimal digits.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    token_hash: String,
    /// Its form, as the report calls it.
    #[schema(example = "comptoir_api_key")]
    token_type: String,
    /// `true_positive` for one of ours, `false_positive` for anything else.
    #[schema(example = "true_positive")]
    label: &'static str,
}

/// Report leaked keys
///
/// For scanners of public places, after GitHub's secret scanning partner program; needs no key. The body is
/// signed (ECDSA P-256, SHA-256) by a key that this retailer trusts, named in `Github-Public-Key-Identifier`,
/// with the signature in `Github-Public-Key-Signature`. A key of ours that was found is put in quarantine or
/// revoked, an admin token suspended, before the report is answered. Where the retailer takes no reports, there is nothing at this path.
#[utoipa::path(
    tag = "leaks", operation_id = "report_leaked_keys", request_body = Vec<FoundIn>,
    params(
        ("Github-Public-Key-Identifier" = String, Header, description = "Which key has signed", example = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c"),
        ("Github-Public-Key-Signature" = String, Header, description = "The signature of the body, in base64", example = "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=")
    ),
    responses((status = 200, description = "What each secret turned out to be", body = Vec<LabelOut>)),
    security(("report_signature" = []))
)]
#[post("/v1/leaked-keys")]
async fn report_leaked_keys(
    request: HttpRequest,
    body: RawBody<REPORT_MOST>,
    leaks: web::Data<Leaks>,
    gate: web::Data<Gate>,
    clock: web::Data<Clock>,
) -> ApiResult<HttpResponse> {
    let Some((action, reporter)) = &leaks.taken else {
        return Err(ApiError::new(Code::UnknownPath, "See /docs for the paths that exist."));
    };
    let now = clock.now();
    let peer = request.peer_addr().map(|address| address.ip());
    let from = asker(gate.client_address(&caller::view(&gate, request.headers(), peer)));
    leaks.by_address.take(from, now).map_err(|seconds| {
        let detail = format!("Reports come too often. Wait {seconds} s, and send more in one.");
        let error = ApiError::new(Code::OperationLimited, detail);
        error.limited(vec!["reports".to_owned()], Some(seconds))
    })?;
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let name = header("github-public-key-identifier").unwrap_or_default();
    let signature = header("github-public-key-signature").unwrap_or_default();
    match reporter.check((name, signature), &body.0, now).await {
        Verdict::Signed => {}
        Verdict::Unsigned => {
            let detail = "The report is not signed by a key that is trusted here, or was changed on the way.";
            return Err(ApiError::new(Code::UnsignedReport, detail));
        }
        Verdict::Unknown => {
            let detail = "Signatures of reports cannot be checked now. Send it again in a minute.";
            return Err(ApiError::new(Code::Unavailable, detail));
        }
    }
    leaks.metrics.add(Tally::LeakReports, 1);
    // What serde says of it may repeat a secret.
    let found: Vec<Reported> = serde_json::from_slice(&body.0).map_err(|_| {
        let detail =
            "A report is a JSON array of objects with `token`, `type`, `url` and `source`.";
        ApiError::new(Code::InvalidBody, detail)
    })?;
    if found.len() > FOUND_MOST {
        let detail = format!("A report holds at most {FOUND_MOST} secrets.");
        return Err(ApiError::new(Code::BodyTooLarge, detail));
    }
    let mut labels = Vec::with_capacity(found.len());
    let mut stopped = false;
    for found in found {
        let owner = leaks.owner(gate.keyring(), &found.token, now).await?;
        let is_ours = owner.is_some();
        if let Some(owner) = owner {
            stopped |= leaks.act((*action, gate.keyring().pepper()), owner, &found, now).await?;
        }
        let digest: [u8; 32] = Sha256::digest(found.token.as_bytes()).into();
        labels.push(LabelOut {
            token_hash: blake3::Hash::from_bytes(digest).to_string(),
            token_type: found.kind,
            label: if is_ours { "true_positive" } else { "false_positive" },
        });
    }
    // What was reported is in force before its reporter knows.
    if stopped {
        applied(&leaks.reload).await;
    }
    let body = serde_json::to_vec(&labels).unwrap_or_default();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

//! The problem responses of a document: for each status the codes that its API answers with, each
//! with an example of what it says.

use super::headers::{self, Api};
use crate::http::{ApiError, Code, FieldError};
use serde_json::{Map, Value, json};

/// An answer of one API: code, path that was called, `detail`.
pub(super) type Example = (Code, &'static str, &'static str);

const PRODUCTS: &str = "/v1/products";
const PRODUCT: &str = "/v1/products/prd_7HqK2mXw9Pz";
const BY_GTIN: &str = "/v1/products/gtin/3276550063552";
const FILE: &str = "/v1/exports/exp_7HqK2mXw9Pz/files/products.ndjson.gz";
const PROFILE: &str = "/v1/customer/profile";
const KEYS: &str = "/admin/v1/keys";
const PLANS: &str = "/v1/plans";
const APPLICATIONS: &str = "/v1/applications";

/// What the partner API answers with.
pub(super) const PARTNER: &[Example] = &[
    (Code::InvalidParameter, PRODUCTS, "`limit` must be a whole number from 1 to 200."),
    (Code::InvalidBody, "/v1/exports", "/resources: is missing; give it a value."),
    (
        Code::InvalidCursor,
        PRODUCTS,
        "`cursor` belongs to another list or to other filters; repeat what it was made with, or leave it out.",
    ),
    (
        Code::MissingKey,
        PRODUCTS,
        "Send your key as `Authorization: Bearer cpt_…` or `X-API-Key: cpt_…`.",
    ),
    (
        Code::InvalidKey,
        PRODUCTS,
        "This key is not known here. Check that it belongs to this retailer, or ask for a new one.",
    ),
    (Code::ExpiredKey, PRODUCTS, "The key has reached its expiry: ask for a new one."),
    (Code::RevokedKey, PRODUCTS, "The key was revoked and will not work again: use another one."),
    (Code::InvalidToken, PRODUCTS, "The access token is over: get a new one from /oauth/token."),
    (
        Code::MissingToken,
        PROFILE,
        "Send an access token that a customer's consent has given you, as `Authorization: DPoP …` with a proof of its \
         key in `DPoP`.",
    ),
    (Code::ConsentEnded, PROFILE, "The consent has ended: ask the customer again."),
    (Code::InvalidDpopProof, PROFILE, "Htu of the proof is not the address of the request."),
    (Code::UseDpopNonce, PROFILE, "The proof needs the nonce of the header DPoP-Nonce."),
    (
        Code::Quarantined,
        "/v1/products/lookup",
        "The key is in quarantine and can only read, once a second, until the retailer has looked at it: \
         use another one, or ask the retailer.",
    ),
    (Code::Suspended, PRODUCTS, "The key's app is suspended: ask the retailer."),
    (Code::Frozen, PRODUCTS, "The partner was frozen by the retailer: ask the retailer."),
    (
        Code::NoContract,
        PRODUCTS,
        "The partner's contract with the retailer is over: ask the retailer for another.",
    ),
    (
        Code::AddressNotAllowed,
        PRODUCTS,
        "The key's allow-list does not hold the address of this call.",
    ),
    (
        Code::InvalidSignature,
        FILE,
        "The address was changed or cut on the way. Use the urls of a manifest whole, or send your key.",
    ),
    (
        Code::ExpiredSignature,
        FILE,
        "The address worked for a time that is over. Ask for the manifest again: its urls work anew. \
         A download that broke off goes on with a new one.",
    ),
    (
        Code::UnsignedReport,
        "/v1/leaked-keys",
        "The report is not signed by a key that is trusted here, or was changed on the way.",
    ),
    (Code::InsufficientScope, PRODUCTS, "The key lacks the scope `catalog:read`."),
    (
        Code::NotInPlan,
        "/v1/exports/latest",
        "The plan tells no quantities in stock, and the files of stock hold them. Ask for \
         availability by product or store.",
    ),
    (Code::UnknownPath, "/v1/prodcuts", "See /docs for the paths that exist."),
    (Code::NotFound, PRODUCT, "There is no product `prd_7HqK2mXw9Pz`."),
    (Code::MethodNotAllowed, PRODUCTS, "This path takes GET, HEAD."),
    (Code::BodyTooSlow, "/v1/products/lookup", "The body stood still for too long. Send it again."),
    (Code::Conflict, "/v1/exports", "An export of this app is not ready yet; wait until it is."),
    (
        Code::IdempotencyInProgress,
        "/v1/subscriptions",
        "The first call with this key is still being answered. Try again in a second.",
    ),
    (
        Code::Gone,
        PRODUCT,
        "The product `prd_7HqK2mXw9Pz` was deleted; `prd_0Kd83bVnM1c` replaces it.",
    ),
    (Code::BodyTooLarge, "/v1/products/lookup", "The body may have at most 1048576 bytes."),
    (
        Code::UnsupportedMediaType,
        "/v1/products/lookup",
        "Send the body as JSON, with `Content-Type: application/json`.",
    ),
    (
        Code::PositionExpired,
        "/v1/changes",
        "The log reaches back to position 184000 only. Take a snapshot from /v1/exports/latest and go on from its position.",
    ),
    (
        Code::PreconditionFailed,
        "/v1/customer/lists/R-uiRz0ntxgRxh8g0lRsJA",
        "It has changed since it was looked at. Read it again, and repeat the change.",
    ),
    (
        Code::PreconditionRequired,
        "/v1/customer/lists/R-uiRz0ntxgRxh8g0lRsJA",
        "Send the list's `ETag` as `If-Match`, so that no change of others is lost.",
    ),
    (Code::BodyTooLarge, "/v1/exports", "The body may have at most 65536 bytes."),
    (
        Code::UnsupportedMediaType,
        "/v1/exports",
        "Send the body as JSON, with `Content-Type: application/json`.",
    ),
    (Code::RangeNotSatisfiable, FILE, "The file has 52428 bytes; ask for a range within them."),
    (
        Code::InvalidGtin,
        BY_GTIN,
        "`3276550063552` ends with 2, expected 1. Did you mean `3276550063551`?",
    ),
    (
        Code::InStoreCode,
        "/v1/products/gtin/2000000000008",
        "`2000000000008` begins with 2 (or 02, 04): an in-store code, which names a product in one \
         retailer only.",
    ),
    (
        Code::IdempotencyKeyReused,
        "/v1/subscriptions",
        "This key came with another call before. Take a new one for each write.",
    ),
    (
        Code::QuotaExceeded,
        PRODUCTS,
        "The limit burst of the plan is reached. Wait 1 s before the next call.",
    ),
    (
        Code::ReducedCapacity,
        PRODUCTS,
        "The parts of the service cannot count limits together for a moment, so that each grants a share of what \
         was left, and this call is more than is left of this share. That does not say that your plan is \
         exceeded. Try again in some seconds.",
    ),
    (Code::OperationLimited, "/v1/exports", "An app may ask for 10 exports in 24 hours."),
    (Code::KeySlowed, PRODUCTS, "The key is in quarantine and is answered once a second."),
    (Code::Internal, PRODUCTS, "The failure has been recorded; quote the request id."),
    (Code::Unavailable, PRODUCTS, "A part of the service is away. Try again in a moment."),
    (
        Code::AccessStale,
        PRODUCTS,
        "This node cannot tell now whether the key is still valid. Try again in a moment; the key itself \
         is not refused.",
    ),
    (
        Code::ClockSkewed,
        PRODUCTS,
        "The clock of this node is wrong, so that it judges and records nothing. Try again in a moment; the key \
         itself is not refused.",
    ),
    (
        Code::SearchNotReady,
        PRODUCTS,
        "The search index is being made. Try again in a moment, or leave `q` out.",
    ),
    (
        Code::MeteringUnavailable,
        PRODUCTS,
        "The call cannot be recorded now, so it was not served. Try again in a moment.",
    ),
];

/// What the admin API answers with.
pub(super) const ADMIN: &[Example] = &[
    (Code::InvalidParameter, KEYS, "`limit` must be a whole number from 1 to 200."),
    (Code::InvalidBody, KEYS, "/app_id: is missing; give it a value."),
    (
        Code::InvalidCursor,
        KEYS,
        "`cursor` belongs to another list or to other filters; repeat what it was made with, or leave it out.",
    ),
    (Code::MissingKey, KEYS, "Send an admin token: `Authorization: Bearer cpt_admin_…`."),
    (Code::InvalidKey, KEYS, "This token is not known here."),
    (Code::RevokedKey, KEYS, "This token was revoked: use another, or ask for a new one."),
    (
        Code::ExpiredKey,
        KEYS,
        "This token expired at 2026-11-22T09:41:07Z: use another, or ask for a new one.",
    ),
    (
        Code::SessionEnded,
        KEYS,
        "The session has ended, or never was: log in again (POST /admin/v1/login).",
    ),
    (Code::InvalidLogin, "/admin/v1/login", "Login, password or code is not right."),
    (
        Code::SecondFactorRequired,
        "/admin/v1/login",
        "Send `code` too: a one-time code of your app, or a recovery code.",
    ),
    (
        Code::InsufficientRole,
        KEYS,
        "This needs the right `manage_keys`, which the roles owner, key_manager have; yours are auditor.",
    ),
    (
        Code::SetupRequired,
        KEYS,
        "Set the account up first: choose a password (POST /admin/v1/me/password).",
    ),
    (
        Code::SecondPersonRequired,
        "/admin/v1/approvals/apr_4kPz09aBcDe/approve",
        "You have asked for it, or a token of yours has: another person must approve it.",
    ),
    (
        Code::CrossSite,
        KEYS,
        "Send `X-Comptoir-Request: 1` with every write that a session makes: it shows that the call does \
         not come from another site.",
    ),
    (Code::UnknownPath, "/admin/v1/kyes", "See /docs for the paths that exist."),
    (
        Code::NotFound,
        "/admin/v1/keys/key_0Ab12Cd34Ef",
        "There is no key `key_0Ab12Cd34Ef`; list them to see which exist.",
    ),
    (Code::MethodNotAllowed, KEYS, "This path takes GET, HEAD, POST."),
    (Code::BodyTooSlow, KEYS, "The body stood still for too long. Send it again."),
    (
        Code::Conflict,
        "/admin/v1/partners",
        "The name `Contoso` belongs to another partner; choose another name.",
    ),
    (
        Code::PreconditionFailed,
        "/admin/v1/keys/key_0Ab12Cd34Ef",
        "It has changed since: it is at version 4 now. Look at it again, then repeat the change.",
    ),
    (Code::BodyTooLarge, KEYS, "The body may have at most 65536 bytes."),
    (
        Code::UnsupportedMediaType,
        KEYS,
        "Send the body as JSON, with `Content-Type: application/json`.",
    ),
    (Code::TooManyAttempts, "/admin/v1/login", "Too many attempts; wait 8 s before the next one."),
    (Code::Internal, KEYS, "The failure has been recorded; quote the request id."),
    (
        Code::Unavailable,
        KEYS,
        "The database does not answer. Try again in a moment; calls of partners that need none go on meanwhile.",
    ),
];

/// What registration answers with.
pub(super) const REGISTRATION: &[Example] = &[
    (Code::InvalidParameter, PLANS, "There is no parameter `limit` here."),
    (Code::InvalidBody, APPLICATIONS, "/email: is missing; give it a value."),
    (Code::NotFound, APPLICATIONS, "The link is not right, was used, or its time is over."),
    (Code::MethodNotAllowed, PLANS, "This path takes GET, HEAD."),
    (Code::BodyTooSlow, APPLICATIONS, "The body stood still for too long. Send it again."),
    (Code::BodyTooLarge, APPLICATIONS, "The body may have at most 65536 bytes."),
    (
        Code::UnsupportedMediaType,
        APPLICATIONS,
        "Send the body as JSON, with `Content-Type: application/json`.",
    ),
    (
        Code::TooManyRequests,
        APPLICATIONS,
        "Too much was asked for from this address. Come again in 1800 s.",
    ),
    (Code::Internal, PLANS, "The failure has been recorded; quote the request id."),
    (
        Code::Unavailable,
        APPLICATIONS,
        "No applications are taken at present: too many wait. Come again later.",
    ),
];

/// The responses of an API by status, as `components` holds them.
pub(super) fn responses(examples: &[Example], api: Api) -> Value {
    let mut statuses: Vec<u16> = examples.iter().map(|(code, ..)| code.status()).collect();
    statuses.dedup();
    let response = |status: u16| {
        let these = || examples.iter().filter(move |(code, ..)| code.status() == status);
        let names: Vec<String> = these().map(|(code, ..)| format!("`{}`", code.as_str())).collect();
        let values: Map<String, Value> = these()
            .map(|example| {
                let (code, ..) = example;
                let value = json!({ "summary": code.title(), "value": document(example) });
                (code.as_str().to_owned(), value)
            })
            .collect();
        let response = json!({
            "description": format!("A problem: {}", names.join(", ")),
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": values,
            } },
            "headers": headers::of_problem(status, api),
        });
        (format!("Problem{status}"), response)
    };
    Value::Object(statuses.into_iter().map(response).collect())
}

/// The problem document of an example.
fn document(&(code, path, detail): &Example) -> Value {
    let error = ApiError::new(code, detail);
    let fault = |fault: FieldError| error.clone().errors(vec![fault]);
    let error = match code {
        Code::InvalidParameter => {
            let message = "must be a whole number from 1 to 200";
            fault(FieldError::parameter("limit", "out_of_range", message))
        }
        Code::InvalidCursor => {
            let message = "belongs to another list or to other filters; repeat what it was made with, or leave it out";
            fault(FieldError::parameter("cursor", "malformed", message))
        }
        Code::InvalidBody => {
            let field = match path {
                APPLICATIONS => "email",
                path if path.starts_with("/admin") => "app_id",
                _ => "resources",
            };
            let message = "is missing; give it a value";
            fault(FieldError::pointer(&format!("/{field}"), "missing", message))
        }
        Code::InvalidGtin => {
            let wrong = FieldError::parameter("gtin", "check_digit", "ends with 2, expected 1");
            fault(wrong.suggest(Some("3276550063551".to_owned())))
        }
        Code::InStoreCode => {
            let message = "begins with 2 (or 02, 04): an in-store code, which names a product in \
                           one retailer only";
            fault(FieldError::parameter("gtin", "in_store", message))
        }
        Code::InsufficientScope => error.required_scope("catalog:read"),
        Code::PositionExpired => error.restart(184_000, "/v1/exports/latest"),
        Code::TooManyRequests => error.limited(Vec::new(), Some(1_800)),
        Code::ReducedCapacity => error.limited(vec!["burst".to_owned()], Some(5)),
        Code::OperationLimited => error.limited(vec!["exports".to_owned()], Some(5_400)),
        Code::KeySlowed => error.limited(vec!["quarantine".to_owned()], Some(1)),
        Code::QuotaExceeded => error.limited(vec!["burst".to_owned()], Some(1)),
        _ => error,
    };
    // The caller is known unless the key is at fault; the admin API counts its calls apart.
    let id = match code {
        _ if path.starts_with("/admin") => "0000000000b.12.a7",
        Code::UnknownPath | Code::InvalidSignature => "0000000000b.12.u7",
        _ if code.status() == 401 => "0000000000b.12.u7",
        _ => "0000000000b.12.4711",
    };
    serde_json::to_value(error.problem(path, id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_example() {
        for code in Code::ALL {
            let given = |examples: &[Example]| examples.iter().any(|(known, ..)| known == code);
            let known = given(PARTNER) || given(ADMIN) || given(REGISTRATION);
            assert!(known, "{} has no example", code.as_str());
        }
    }
}

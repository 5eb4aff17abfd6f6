//! What a person proves to be themselves with: the password, and an app for one-time codes.

use super::person;
use crate::admin::accounts::model::{Account, Login, Way};
use crate::admin::accounts::password::Password;
use crate::admin::accounts::service;
use crate::admin::accounts::totp::TotpSecret;
use crate::admin::caller::AdminCaller;
use crate::admin::login::throttle::{Counted, network};
use crate::admin::problems::{BodyProblems, Conflicts, Problems};
use crate::admin::state::{State, done};
use crate::http::{ApiError, ApiResult, Code, FieldError, JsonBody};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the caller's credentials.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(change_my_password).service(enrol_my_totp).service(confirm_my_totp);
}

/// Another password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordIn {
    /// The password of now.
    #[schema(value_type = String, format = Password, max_length = 500, example = "mzxw6ytboi2tqmztgu4dsmbr")]
    password: Password,
    /// The one to come: 12 to 256 characters of any kind, not one that is tried first.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256, example = "seven brown pears")]
    new_password: Password,
}

/// What shows that the person is there, and not only the session.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct EnrolmentIn {
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 500, example = "seven brown pears")]
    password: Password,
    /// Where an app is enrolled already, a code that it shows now, or a recovery code.
    #[schema(max_length = 100, example = "287082")]
    code: Option<String>,
}

/// A secret for an app that shows one-time codes, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct EnrolmentOut {
    /// The secret, to be typed into the app.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same as an address, to be shown as a QR code.
    #[schema(example = "otpauth://totp/Comptoir:claire%40example.com?secret=GEZD…")]
    uri: String,
}

/// A one-time code.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeIn {
    /// The code that the app shows now.
    #[schema(max_length = 100, example = "287082")]
    code: String,
}

/// Codes to keep in a safe place, which are shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct RecoveryOut {
    /// Each lets the person in once in the place of a one-time code.
    #[schema(example = json!(["mzxw-6ytb-oi2t-qmzt"]))]
    recovery_codes: Vec<String>,
}

/// The account of a call with its login and the hash of its password.
async fn local(state: &State, caller: &AdminCaller) -> ApiResult<(Account, Login, String)> {
    let (id, _) = person(caller)?;
    let account = service::get(&state.db, id).await?;
    match account.way.clone() {
        Way::Local { login, password, .. } => Ok((account, login, password)),
        Way::Provider { .. } => {
            let detail = "The OpenID provider says who you are; password and codes are kept there.";
            Err(ApiError::new(Code::Conflict, detail))
        }
    }
}

/// Counts an attempt as those to log in are.
async fn count(
    (request, state): (&HttpRequest, &State),
    (account, login, _): &(Account, Login, String),
) -> ApiResult<Counted> {
    let from = network(state.client_address(request));
    let who = (login.as_str(), Some(account.id));
    let counted = Counted::of(&state.db, &state.pepper, who, &from).await?;
    counted.begin(&state.db, state.clock.now()).await?;
    Ok(counted)
}

/// Refuses a wrong password of now.
async fn check(
    (request, state): (&HttpRequest, &State),
    who: &(Account, Login, String),
    password: &Password,
) -> ApiResult<()> {
    let counted = count((request, state), who).await?;
    if !password.is(&state.pepper, Some(&who.2)).await? {
        return Err(field("password", "wrong", "is not the password of now"));
    }
    let mut tx = state.db.begin().await?;
    counted.succeeded(&mut tx).await?;
    Ok(tx.commit().await?)
}

fn field(name: &str, code: &str, message: &str) -> ApiError {
    let fault = FieldError::pointer(&format!("/{name}"), code, message);
    ApiError::new(Code::InvalidBody, crate::kernel::sentence(format!("`{name}`: {message}")))
        .errors(vec![fault])
}

/// Change your password
///
/// All your other sessions end.
#[utoipa::path(
    tag = "me", operation_id = "change_my_password", request_body = PasswordIn,
    responses(
        (status = 204, description = "The new password holds"),
        (status = 429, description = "Too many attempts"),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/me/password")]
async fn change_my_password(
    caller: AdminCaller,
    request: HttpRequest,
    body: JsonBody<PasswordIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let who = local(&state, &caller).await?;
    let PasswordIn { password, new_password } = body.0;
    check((&request, &state), &who, &password).await?;
    let weak = new_password.check(&who.1);
    weak.map_err(|weak| field("new_password", "not_allowed", &weak.to_string()))?;
    if new_password.is(&state.pepper, Some(&who.2)).await? {
        return Err(field("new_password", "not_allowed", "is the password of now; choose another"));
    }
    let hash = new_password.hash(&state.pepper).await?;
    let (id, session) = person(&caller)?;
    let by = caller.by(&state.clock);
    let mut tx = state.db.begin().await?;
    service::change_password(&mut tx, &by, id, hash, &session.to_string()).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Enrol an app for one-time codes
///
/// The answer holds the secret, this once. It counts when a code of it is confirmed; until then an app that
/// was enrolled before does, and to replace that, a code of it is needed.
#[utoipa::path(
    tag = "me", operation_id = "enrol_my_totp", request_body = EnrolmentIn,
    responses(
        (status = 200, description = "The secret", body = EnrolmentOut),
        (status = 429, description = "Too many attempts"),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/me/totp")]
async fn enrol_my_totp(
    caller: AdminCaller,
    request: HttpRequest,
    body: JsonBody<EnrolmentIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let who = local(&state, &caller).await?;
    let EnrolmentIn { password, code } = body.0;
    check((&request, &state), &who, &password).await?;
    let counted = count((&request, &state), &who).await?;
    let by = caller.by(&state.clock);
    let mut tx = state.db.begin().await?;
    let (pepper, id) = (&state.pepper, who.0.id);
    let begun = service::begin_enrolment(&mut tx, &by, pepper, id, code.as_deref()).await?;
    let Some(number) = begun else {
        let message = "an app is enrolled, and this is no code that it shows now nor a recovery code; who has \
                       neither is reset by an owner";
        return Err(field("code", "wrong", message));
    };
    counted.succeeded(&mut tx).await?;
    tx.commit().await?;
    let secret = TotpSecret::new(&state.pepper, who.0.id, number);
    let (text, uri) = (secret.text(), secret.uri(who.1.as_str()));
    done(&EnrolmentOut { secret: text.reveal().to_owned(), uri: uri.reveal().to_owned() })
}

/// Confirm the app for one-time codes
///
/// With a code that it shows now. From here on each login needs one, and all your other sessions end. The answer holds
/// recovery codes, this once; those of before are worth nothing any more.
#[utoipa::path(
    tag = "me", operation_id = "confirm_my_totp", request_body = CodeIn,
    responses(
        (status = 200, description = "Recovery codes", body = RecoveryOut),
        (status = 429, description = "Too many attempts"),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/me/totp/confirm")]
async fn confirm_my_totp(
    caller: AdminCaller,
    request: HttpRequest,
    body: JsonBody<CodeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let who = local(&state, &caller).await?;
    let counted = count((&request, &state), &who).await?;
    let by = caller.by(&state.clock);
    let (id, session) = person(&caller)?;
    let (session, mut tx) = (session.to_string(), state.db.begin().await?);
    let of = (id, session.as_str());
    let confirmed =
        service::confirm_enrolment(&mut tx, &by, &state.pepper, of, &body.0.code).await?;
    let Some(codes) = confirmed else {
        let message = "is not what the app shows now; begin the enrolment anew if it is lost, and see that \
                       the clocks are right";
        return Err(field("code", "wrong", message));
    };
    tx.commit().await?;
    let mut tx = state.db.begin().await?;
    counted.succeeded(&mut tx).await?;
    tx.commit().await?;
    let recovery_codes = codes.iter().map(|code| code.reveal().to_owned()).collect();
    done(&RecoveryOut { recovery_codes })
}

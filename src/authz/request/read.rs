//! The parameters of a request, one by one.

use super::{
    AuthorizationRequest, Back, GrantAction, NONCE_MOST, Prompt, RequestRules, STATE_MOST, target,
};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::authz::client::AuthzClient;
use crate::authz::pkce::Challenge;
use crate::authz::redirect::RedirectUri;
use crate::authz::scopes;
use crate::consent::details::{CustomerDataDetails, InvalidDetails};
use crate::consent::scope::OAuthScopes;
use crate::kernel::word::Word as _;

/// Most words of a list.
const WORDS_MOST: usize = 10;
/// Most characters of a word of a list: classes of authentication may be addresses.
const LISTED_MOST: usize = 200;

/// A request that is not what it should be.
pub(super) fn wrong(description: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(OAuthCode::InvalidRequest, description)
}

/// Where the answer goes, which is known before anything may be told there.
pub(super) fn back(form: &Parameters, client: &AuthzClient) -> Result<Back, OAuthError> {
    if form.get("client_id") != Some(client.id.as_str()) {
        return Err(wrong("client_id must be there, and be the client's own"));
    }
    let asked = form.get("redirect_uri").ok_or_else(|| wrong("redirect_uri is missing"))?;
    let redirect_uri = RedirectUri::among(&client.redirect_uris, asked);
    let redirect_uri =
        redirect_uri.ok_or_else(|| wrong("redirect_uri is none that the client has registered"))?;
    let state = text(form, "state", STATE_MOST)?;
    Ok(Back { redirect_uri, state })
}

/// All of a request but who asks and where the answer goes.
pub(super) fn rest(
    form: &Parameters,
    client: &AuthzClient,
    rules: RequestRules<'_>,
    back: Back,
) -> Result<AuthorizationRequest, OAuthError> {
    shape(form, rules)?;
    let challenge = (form.get("code_challenge"), form.get("code_challenge_method"));
    let challenge =
        Challenge::read(challenge.0, challenge.1).map_err(|error| wrong(error.to_string()))?;
    let details = details(form, rules)?;
    let scopes = asked(form, client, details.as_ref())?;
    let purpose = |text: &str| text.parse().map_err(|error| wrong(format!("purpose_id {error}")));
    let thumbprint = |text: &str| text.parse().map_err(|_| wrong("dpop_jkt is no thumbprint"));
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        profile: client.profile_for(rules.customers),
        back,
        scopes,
        authorization_details: details,
        purpose_id: form.get("purpose_id").map(purpose).transpose()?,
        challenge,
        nonce: text(form, "nonce", NONCE_MOST)?,
        dpop_jkt: form.get("dpop_jkt").map(thumbprint).transpose()?,
        acr_values: list(form, "acr_values")?,
        max_age_s: seconds(form, "max_age")?,
        prompt: prompt(form)?,
        ui_locales: list(form, "ui_locales")?,
        grant: grant(form)?,
        login_hint: form.get("login_hint").map(str::to_owned),
    })
}

/// Whether it is a request of the one kind that there is.
fn shape(form: &Parameters, rules: RequestRules<'_>) -> Result<(), OAuthError> {
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(OAuthCode::UnsupportedResponseType.into()),
        None => return Err(wrong("response_type is missing: it must be code")),
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(wrong("response_mode must be query"));
    }
    // A request within the request would be another one than the one that is judged.
    if form.get("request_uri").is_some() || form.get("request").is_some() {
        return Err(wrong("request and request_uri have no place in a request itself"));
    }
    target(form.get("resource"), rules.resource)
}

fn details(
    form: &Parameters,
    rules: RequestRules<'_>,
) -> Result<Option<CustomerDataDetails>, OAuthError> {
    let read = |text: &str| CustomerDataDetails::parse(text, rules.resource, rules.sensitive);
    let read = form.get("authorization_details").map(read).transpose();
    let refused = |error: InvalidDetails| {
        OAuthError::new(OAuthCode::InvalidAuthorizationDetails, error.to_string())
    };
    read.map_err(refused)
}

/// The scopes that are asked for by name; what details ask for is no more than the client may ask for by name.
fn asked(
    form: &Parameters,
    client: &AuthzClient,
    details: Option<&CustomerDataDetails>,
) -> Result<OAuthScopes, OAuthError> {
    let scopes = scopes::read(form.get("scope").unwrap_or_default())?;
    if scopes.is_empty() && details.is_none() {
        let why = "scope or authorization_details must say what is asked for";
        return Err(OAuthError::new(OAuthCode::InvalidScope, why));
    }
    if !scopes.within(client.scopes) {
        return Err(OAuthCode::InvalidScope.into());
    }
    if details.is_some_and(|details| !details.datatypes.within(client.scopes)) {
        let why = "datatypes name more than the client may ask for";
        return Err(OAuthError::new(OAuthCode::InvalidAuthorizationDetails, why));
    }
    Ok(scopes)
}

fn prompt(form: &Parameters) -> Result<Vec<Prompt>, OAuthError> {
    let words = list(form, "prompt")?;
    let read = |word: &String| {
        Prompt::of(word).ok_or_else(|| wrong(format!("prompt is of {}", Prompt::all())))
    };
    let prompts = words.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(wrong("prompt is none or something, and not both"));
    }
    Ok(prompts)
}

fn grant(form: &Parameters) -> Result<Option<GrantAction>, OAuthError> {
    match (form.get("grant_management_action"), form.get("grant_id")) {
        (None, None) => Ok(None),
        (Some("create"), None) => Ok(Some(GrantAction::Create)),
        (Some("replace"), Some(id)) => {
            let grant_id = id.parse().map_err(|_| OAuthCode::InvalidGrantId)?;
            Ok(Some(GrantAction::Replace { grant_id }))
        }
        (Some("create" | "replace") | None, _) => {
            Err(wrong("grant_id belongs to grant_management_action=replace, and to no other"))
        }
        (Some(_), _) => Err(wrong("grant_management_action is create or replace")),
    }
}

/// A text of printable ASCII that is given back as it is (RFC 6749 appendix A.5).
fn text(form: &Parameters, name: &str, most: usize) -> Result<Option<String>, OAuthError> {
    let Some(text) = form.get(name) else { return Ok(None) };
    if text.len() > most || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(wrong(format!("{name} has at most {most} characters of printable ASCII")));
    }
    Ok(Some(text.to_owned()))
}

/// Words of printable ASCII with a space between.
fn list(form: &Parameters, name: &str) -> Result<Vec<String>, OAuthError> {
    let Some(text) = form.get(name) else { return Ok(Vec::new()) };
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let is_word = |word: &String| {
        (1..=LISTED_MOST).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic())
    };
    if words.len() > WORDS_MOST || !words.iter().all(is_word) {
        return Err(wrong(format!("{name} is up to {WORDS_MOST} words with one space between")));
    }
    Ok(words)
}

fn seconds(form: &Parameters, name: &str) -> Result<Option<u32>, OAuthError> {
    let Some(text) = form.get(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(Some).ok_or_else(|| wrong(format!("{name} is a number of seconds")))
}

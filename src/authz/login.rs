//! What a customer still has to do before a request is answered: log in, be asked, or neither (OpenID Connect Core
//! §3.1.2.1 and §3.1.2.3, RFC 9470 §5).

use super::authorize::AuthorizeError;
use super::grant::CustomerLogin;
use super::request::{AuthorizationRequest, Prompt};
use super::settings::IdpSettings;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;

/// A customer who stands before a request.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// How they have logged in, where they have.
    pub login: Option<&'a CustomerLogin>,
    /// Whether they have since this request came, and for it: what the request wants of a login was asked for then.
    pub for_this: bool,
    /// Whether a consent of theirs that is in force already allows all that is asked for.
    pub is_consented: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// They log in.
    LogIn(LoginWanted),
    /// They are asked whether they consent.
    Ask,
    /// Nothing: the code can be issued by the consent that there is.
    Answer,
    /// The request is refused.
    Refuse(AuthorizeError),
}

/// How they are to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginWanted {
    /// How strongly, the best first; any will do where there is none.
    pub acr_values: Vec<String>,
    /// How many seconds ago at the most; 0 is now.
    pub max_age_s: Option<u32>,
    /// What they are to be asked there, whatever is known of them.
    pub prompt: Vec<Prompt>,
}

/// Judges what comes next. `idp` is what the retailer requires of logins, beside what the request does. Where the
/// request forbids to ask (`prompt=none`), what would have to be asked is an error: nothing new is ever released by it.
#[must_use]
pub fn next_step(
    request: &AuthorizationRequest,
    visit: Visit<'_>,
    idp: &IdpSettings,
    now: Micros,
) -> NextStep {
    let is_silent = request.prompt.contains(&Prompt::None);
    let wanted = LoginWanted::of(request, idp);
    let login = || {
        let silent = NextStep::Refuse(AuthorizeError::LoginRequired);
        if is_silent { silent } else { NextStep::LogIn(wanted.clone()) }
    };
    let Some(known) = visit.login else { return login() };
    let is_anew = wanted.prompt.is_empty() && wanted.is_fresh(known, now);
    if !visit.for_this && !is_anew {
        return login();
    }
    if !is_strong(known, [&request.acr_values, &idp.required_acr]) {
        // Asked for and not given: to ask again would go round for ever.
        let unmet = NextStep::Refuse(AuthorizeError::UnmetAuthentication);
        return if visit.for_this { unmet } else { login() };
    }
    match (visit.is_consented && !request.prompt.contains(&Prompt::Consent), is_silent) {
        (true, _) => NextStep::Answer,
        (false, true) => NextStep::Refuse(AuthorizeError::ConsentRequired),
        (false, false) => NextStep::Ask,
    }
}

impl LoginWanted {
    /// What request and retailer want together: of the strengths those that both name, of the ages the lesser.
    fn of(request: &AuthorizationRequest, idp: &IdpSettings) -> Self {
        let required =
            |acr: &&String| idp.required_acr.is_empty() || idp.required_acr.contains(acr);
        let asked: Vec<String> = request.acr_values.iter().filter(required).cloned().collect();
        // The client names what it would like best; the retailer what has to be.
        let acr_values = if asked.is_empty() { idp.required_acr.clone() } else { asked };
        let usual = Some(idp.max_age_s).filter(|seconds| *seconds > 0);
        let is_for_login =
            |prompt: &&Prompt| matches!(prompt, Prompt::Login | Prompt::SelectAccount);
        Self {
            acr_values,
            max_age_s: [request.max_age_s, usual].into_iter().flatten().min(),
            prompt: request.prompt.iter().filter(is_for_login).copied().collect(),
        }
    }

    /// Whether a login of before will do by its time.
    fn is_fresh(&self, login: &CustomerLogin, now: Micros) -> bool {
        let age = now.0.div_euclid(SECOND).saturating_sub(login.auth_time);
        // With 0 no login of before will do, not even one of this second.
        self.max_age_s.is_none_or(|most| most > 0 && age <= i64::from(most))
    }
}

/// Whether a login is as strong as each of these lists wants; one that is empty wants nothing.
fn is_strong(login: &CustomerLogin, wanted: [&[String]; 2]) -> bool {
    let is_it = |acr: &String| login.acr.as_ref() == Some(acr);
    wanted.into_iter().all(|list| list.is_empty() || list.iter().any(is_it))
}

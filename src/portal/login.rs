//! Logging in at the retailer's provider, and coming back from it.

use super::answer::{PortalPage, failed, lead};
use super::asked::{Asking, reference};
use super::authorize::{barred, place_of};
use super::eligibility::{AccountStanding, standing};
use super::error::PageError;
use super::flow::{Destination, LIFE, LoginFlow};
use super::html::Html;
use super::language::View;
use super::providers::LoginProvider;
use super::query::FormFields;
use super::sessions::{LOGIN, SESSION, random_text};
use super::state::{Portal, PortalAt};
use super::store::{self, CustomerSession, ProviderNames};
use crate::authz::grant::CustomerLogin;
use crate::authz::login::{LoginWanted, NextStep, Visit, next_step};
use crate::authz::request::AuthorizationRequest;
use crate::consent::store::subjects;
use crate::consent::subject::SubjectKey;
use crate::customers::model::CalendarDay;
use crate::customers::source::SourceError;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use crate::kernel::word::Word as _;
use crate::outbound::oidc::id_token::seconds;
use crate::outbound::oidc::{LoginAsked, is_error_word};
use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use zeroize::Zeroizing;

/// Leads to a provider, or has the customer choose one.
pub(super) async fn start(request: HttpRequest, at: PortalAt) -> HttpResponse {
    let view = at.view(&request);
    match begin(&at, &request, &view).await {
        Ok(answer) => answer,
        Err(error) => failed(&view, &error),
    }
}

async fn begin(
    portal: &Portal,
    http: &HttpRequest,
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let given = FormFields::read(http.query_string().as_bytes())?;
    let asking = match given.get("i") {
        Some(text) => Some(portal.asking(reference(text)?, None).await?),
        None => None,
    };
    let provider = match (given.get("p"), portal.providers.as_slice()) {
        (Some(name), _) => portal.provider(name)?,
        (None, [only]) => only,
        (None, several) => return Ok(choice(view, several, asking.as_ref(), &given)),
    };
    let now = portal.now();
    let mut wanted = wanted(asking.as_ref().map(Asking::request), provider, now)?;
    if given.get("up").is_some() && !provider.rules.step_up_acr.is_empty() {
        let both = wanted.acr_values.iter().filter(|acr| provider.rules.step_up_acr.contains(acr));
        let both: Vec<String> = both.cloned().collect();
        wanted.acr_values = if both.is_empty() { provider.rules.step_up_acr.clone() } else { both };
    }
    if given.get("again").is_some() {
        wanted.max_age_s = Some(0);
    }
    let to = asking
        .as_ref()
        .map_or(Destination::Own, |asking| Destination::Request(asking.in_path().to_owned()));
    let flow = LoginFlow::begin(provider.name(), to, wanted.max_age_s, now)?;
    let browser = portal.browser(http)?;
    let (state, nonce) = (portal.sealed(&flow, &browser)?, portal.nonce(&flow));
    let verifier = portal.verifier(&flow);
    let hint = asking.as_ref().and_then(|asking| asking.request().login_hint.clone());
    let further = further(&wanted, hint, view.words.language);
    let asked =
        LoginAsked { state: &state, nonce: &nonce, verifier: verifier.reveal(), further: &further };
    let place = provider.client.place(&asked, now).await?;
    let mut answer = lead(place.as_str());
    let set = LOGIN.set(&portal.site, &browser, LIFE)?;
    answer.headers_mut().append(SET_COOKIE, set);
    Ok(answer)
}

/// How a customer is to log in for a request, or for their own page.
fn wanted(
    request: Option<&AuthorizationRequest>,
    provider: &LoginProvider,
    now: Micros,
) -> Result<LoginWanted, PageError> {
    let Some(request) = request else {
        let usual = Some(provider.rules.max_age_s).filter(|seconds| *seconds > 0);
        let acr_values = provider.rules.required_acr.clone();
        return Ok(LoginWanted { acr_values, max_age_s: usual, prompt: Vec::new() });
    };
    let visit = Visit { login: None, for_this: false, is_consented: false };
    match next_step(request, visit, &provider.rules, now) {
        NextStep::LogIn(wanted) => Ok(wanted),
        _ => Err(PageError::Request("the request forbids to ask for a login".to_owned())),
    }
}

/// What is asked of the provider beside what each login asks.
fn further(
    wanted: &LoginWanted,
    hint: Option<String>,
    language: &str,
) -> Vec<(&'static str, String)> {
    let mut further = vec![("ui_locales", language.to_owned())];
    if !wanted.acr_values.is_empty() {
        further.push(("acr_values", wanted.acr_values.join(" ")));
    }
    if let Some(seconds) = wanted.max_age_s {
        further.push(("max_age", seconds.to_string()));
    }
    if !wanted.prompt.is_empty() {
        let words: Vec<&str> = wanted.prompt.iter().map(|prompt| prompt.as_str()).collect();
        further.push(("prompt", words.join(" ")));
    }
    further.extend(hint.map(|hint| ("login_hint", hint)));
    further
}

/// The page where a customer chooses among providers.
fn choice(
    view: &View<'_>,
    providers: &[LoginProvider],
    asking: Option<&Asking>,
    given: &FormFields,
) -> HttpResponse {
    let mut body = Html::new();
    body.paragraph(view.words.choose_how).raw("<ul>\n");
    for provider in providers {
        body.raw("<li><a href=\"/login/start?p=").text(provider.name());
        if let Some(asking) = asking {
            body.raw("&amp;i=").text(asking.in_path());
        }
        for word in ["up", "again"].into_iter().filter(|word| given.get(word).is_some()) {
            body.raw("&amp;").text(word).raw("=1");
        }
        body.raw("\">").text(provider.title()).raw("</a></li>\n");
    }
    body.raw("</ul>\n");
    PortalPage::new(view.words.choose_title, body).ok(view)
}

/// Takes a customer who comes back from a provider.
pub(super) async fn callback(
    request: HttpRequest,
    path: web::Path<String>,
    at: PortalAt,
) -> HttpResponse {
    let view = View { elsewhere: None, ..at.view(&request) };
    match come_back(&at, (&request, &path), &view).await {
        Ok(answer) => answer,
        Err(error) => failed(&view, &error),
    }
}

async fn come_back(
    portal: &Portal,
    (http, name): (&HttpRequest, &str),
    view: &View<'_>,
) -> Result<HttpResponse, PageError> {
    let wrong = |why: &str| PageError::Login(why.to_owned());
    let provider = portal.provider(name)?;
    let given = FormFields::read(http.query_string().as_bytes())?;
    let browser = LOGIN.read(&portal.site, http.headers());
    let browser = browser.ok_or_else(|| wrong("this browser has begun no login"))?;
    let state = given.get("state").unwrap_or_default();
    let flow = portal.opened(state, &browser, portal.now());
    let flow = flow.ok_or_else(|| wrong("this browser has not begun it, or too long ago"))?;
    // The answer of one provider at the address of another would have its code sent to the wrong one.
    if flow.provider != provider.name() {
        return Err(wrong("another provider was asked"));
    }
    if !provider.client.is_answer(given.get("iss"), portal.now()).await? {
        return Err(wrong("another provider has answered"));
    }
    if let Some(word) = given.get("error") {
        let word = if is_error_word(word) { word } else { "for a reason of its own" };
        return Err(wrong(&format!("the provider lets nobody in ({word})")));
    }
    let code = given.get("code").ok_or_else(|| wrong("the provider gave no code"))?;
    let (nonce, verifier) = (portal.nonce(&flow), portal.verifier(&flow));
    let with = (code, verifier.reveal(), nonce.as_str());
    let claims = provider.client.identify(with, portal.now()).await?;
    portal.enter((http, view), (provider, &flow), &claims).await
}

/// How somebody has logged in, by the claims of a believed ID token.
fn login_of(
    claims: &Value,
    (provider, flow): (&LoginProvider, &LoginFlow),
    now: Micros,
) -> Result<CustomerLogin, PageError> {
    let acr = claims["acr"].as_str().map(str::to_owned);
    let told = seconds(claims, "auth_time");
    let auth_time = told.or_else(|| seconds(claims, "iat")).unwrap_or(i64::MIN);
    if let Some(most) = flow.max_age_s {
        let leeway = provider.client.settings.leeway.as_secs().cast_signed();
        let age = now.0.div_euclid(SECOND).saturating_sub(auth_time);
        if told.is_none() || age > i64::from(most).saturating_add(leeway) {
            return Err(PageError::Login("the login is older than was asked for".to_owned()));
        }
    }
    Ok(CustomerLogin { auth_time, acr })
}

impl Portal {
    /// Begins the session of somebody whom a provider has named.
    async fn enter(
        &self,
        (http, view): (&HttpRequest, &View<'_>),
        (provider, flow): (&LoginProvider, &LoginFlow),
        claims: &Value,
    ) -> Result<HttpResponse, PageError> {
        let now = self.now();
        let login = login_of(claims, (provider, flow), now)?;
        let customer = claims[&provider.rules.customer_claim].as_str().filter(|id| !id.is_empty());
        let no_customer = || PageError::Login("the provider names no customer".to_owned());
        let customer = customer.ok_or_else(no_customer)?;
        let profile = match self.customers.profile(customer).await {
            Ok(profile) => Some(profile),
            Err(SourceError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let by = (self.settings.login.min_age, CalendarDay::of(now));
        let stands = standing(claims, profile.as_ref(), by);
        self.settle(customer, stands).await?;
        let asking = match &flow.to {
            Destination::Request(text) => Some(self.asking(reference(text)?, None).await?),
            Destination::Own => None,
        };
        if let Some(bar) = stands.barred.filter(|bar| profile.is_none() || !bar.may_see()) {
            return barred(self, view, (asking.as_ref(), bar)).await;
        }
        let required = &provider.rules.required_acr;
        let is_enough =
            required.is_empty() || login.acr.as_ref().is_some_and(|it| required.contains(it));
        if asking.is_none() && !is_enough {
            return Err(PageError::Login("the login is not strong enough".to_owned()));
        }
        let names =
            ProviderNames { subject: claims["sub"].as_str(), session: claims["sid"].as_str() };
        let begun = BegunSession { customer, provider, login, stands, asked_by: asking.as_ref() };
        let text = self.begin_session(http, begun, names).await?;
        let mut answer = match &asking {
            Some(asking) => lead(&place_of(asking)),
            None => lead("/me"),
        };
        let set = SESSION.set(&self.site, &text, self.about.session_most)?;
        answer.headers_mut().append(SET_COOKIE, set);
        Ok(answer)
    }

    /// Puts a new session in the place of the one that the browser has.
    async fn begin_session(
        &self,
        http: &HttpRequest,
        begun: BegunSession<'_>,
        names: ProviderNames<'_>,
    ) -> Result<Secret, PageError> {
        let (now, text) = (self.now(), random_text()?);
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut key[..])?;
        let mut tx = self.db.begin().await?;
        let fresh = SubjectKey::new(*key);
        let subject = subjects::refer(&mut tx, begun.customer, &fresh, now).await?;
        if let Some(before) = SESSION.read(&self.site, http.headers()) {
            store::end(&mut tx, &before).await?;
        }
        let session = CustomerSession {
            subject,
            provider: begun.provider.name().to_owned(),
            login: begun.login,
            barred: begun.stands.barred,
            asked_by: begun.asked_by.map(Asking::bound),
            used_at: now,
            ends_at: self.session_end(now),
        };
        store::put(&mut tx, &text, &session, names).await?;
        tx.commit().await?;
        Ok(text)
    }
}

/// A session that begins.
struct BegunSession<'a> {
    customer: &'a str,
    provider: &'a LoginProvider,
    login: CustomerLogin,
    stands: AccountStanding,
    asked_by: Option<&'a Asking>,
}

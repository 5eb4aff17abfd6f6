//! Coming in with a password and a one-time code. Whether a login exists, is suspended or has another
//! password cannot be told from the answer, nor from how long it takes. Who has the password is asked for the
//! code; that is no failure and stands in no log, but counts as an attempt until they are in.

use super::store;
use super::throttle::{self, Counted};
use crate::access::audit::{Deed, append, note};
use crate::access::model::Status;
use crate::access::service::By;
use crate::admin::accounts::factor::Factor;
use crate::admin::accounts::model::{Account, Login, Way};
use crate::admin::accounts::password::{self, Password};
use crate::admin::accounts::{self, service::told};
use crate::admin::sessions::{self, Origin, Session};
use crate::admin::state::AdminState;
use crate::http::{ApiError, Code};
use crate::kernel::secret::Secret;
use serde_json::{Value, json};
use std::net::IpAddr;

/// Who the log names for an attempt of nobody that is known.
const ANYBODY: &str = "anybody";

/// What somebody shows to come in.
#[derive(Debug)]
pub struct Shown {
    /// The login, as typed.
    pub login: String,
    /// The password.
    pub password: Password,
    /// A one-time code, or one that recovers the account.
    pub code: Option<String>,
}

/// From where somebody comes.
#[derive(Debug)]
pub struct From {
    /// The address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: String,
}

impl From {
    /// As it is kept with a session.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let address = self.address.map(|address| address.to_canonical().to_string());
        Origin { address: address.unwrap_or_default(), agent: self.agent.clone() }
    }
}

/// Somebody who has come in.
#[derive(Debug)]
pub struct Entered {
    /// Who.
    pub account: Account,
    /// Their session.
    pub session: Session,
    /// Its secret, for the cookie.
    pub secret: Secret,
}

/// Lets somebody in, or says no more than that it was not right.
pub async fn login(state: &AdminState, shown: Shown, from: &From) -> Result<Entered, ApiError> {
    let typed = shown.login.trim().to_lowercase();
    let found = match typed.parse::<Login>() {
        Ok(login) => accounts::store::with_login(&state.db, &login).await?,
        Err(_) => None,
    };
    let id = found.as_ref().map(|account| account.id);
    let network = throttle::network(from.address);
    let counted = Counted::of(&state.db, &state.pepper, (&typed, id), &network).await?;
    counted.begin(&state.db, state.clock.now()).await?;
    let held = found.as_ref().and_then(|account| match &account.way {
        Way::Local { password, .. } => Some(password.as_str()),
        Way::Provider { .. } => None,
    });
    let fits = shown.password.is(&state.pepper, held).await?;
    let account = found.filter(|account| fits && account.status == Status::Active);
    let Some(account) = account else {
        return refuse(state, id.map(|id| id.to_string()), from, "password").await;
    };
    let code = shown.code.as_deref().filter(|code| !code.trim().is_empty());
    if code.is_none() && account.codes.current != 0 {
        let detail = "Send `code` too: a one-time code of your app, or a recovery code.";
        return Err(ApiError::new(Code::SecondFactorRequired, detail));
    }
    let factor = Factor::shown(&state.pepper, &account, code, state.clock.now());
    let Some(factor) = factor else {
        return refuse(state, Some(account.id.to_string()), from, "code").await;
    };
    let renewed = match held_hash(&account) {
        Some(hash) if password::is_outdated(hash) => {
            Some(shown.password.hash(&state.pepper).await?)
        }
        _ => None,
    };
    let entered = enter(state, &account, (factor, renewed), from, &counted).await?;
    match entered {
        Some(entered) => {
            tidy(state).await;
            Ok(entered)
        }
        None => refuse(state, Some(account.id.to_string()), from, "code").await,
    }
}

fn held_hash(account: &Account) -> Option<&str> {
    match &account.way {
        Way::Local { password, .. } => Some(password),
        Way::Provider { .. } => None,
    }
}

/// Begins the session. `None` where the code was used before or the account has changed meanwhile.
async fn enter(
    state: &AdminState,
    judged: &Account,
    (factor, renewed): (Factor, Option<String>),
    from: &From,
    counted: &Counted,
) -> Result<Option<Entered>, ApiError> {
    let now = state.clock.now();
    let mut tx = state.db.begin().await?;
    let Some(mut account) = accounts::store::find_in(&mut tx, judged.id).await? else {
        return Ok(None);
    };
    let same = account.way == judged.way && account.codes.current == judged.codes.current;
    let same = same && account.status == Status::Active;
    if !same || !factor.use_up(&mut tx, &mut account).await? {
        return Ok(None);
    }
    if let (Way::Local { password, .. }, Some(hash)) = (&mut account.way, renewed) {
        *password = hash;
    }
    account.last_login_at = Some(now);
    accounts::store::put(&mut tx, &account).await?;
    let origin = from.origin();
    let with = (&*state.pepper, &state.settings);
    let (session, secret) = sessions::begin(&mut tx, with, &account, &origin, now).await?;
    store::know_address(&mut tx, account.id, &throttle::network(from.address), now).await?;
    counted.succeeded(&mut tx).await?;
    let way = match factor {
        Factor::None => "password",
        Factor::Step(_) => "password and code",
        Factor::Recovery(_) => "password and recovery code",
    };
    let detail = json!({ "session": session.id, "address": origin.address, "by": way });
    let actor = account.id.to_string();
    told(&mut tx, &By::new(&actor, now), account.id, "login", detail).await?;
    tx.commit().await?;
    Ok(Some(Entered { account, session, secret }))
}

/// Writes an attempt down and says that it was not right.
async fn refuse(
    state: &AdminState,
    account: Option<String>,
    from: &From,
    wrong: &str,
) -> Result<Entered, ApiError> {
    let detail = json!({ "address": from.origin().address, "wrong": wrong });
    failed(state, account.as_deref().unwrap_or("unknown"), detail).await?;
    Err(ApiError::new(Code::InvalidLogin, "Login, password or code is not right."))
}

/// Writes an attempt down that did not succeed.
pub(in crate::admin) async fn failed(
    state: &AdminState,
    subject: &str,
    detail: Value,
) -> Result<(), ApiError> {
    let by = By::new(ANYBODY, state.clock.now());
    let deed = Deed { action: "login.fail".into(), subject: subject.to_owned(), detail };
    Ok(note(&state.db, &by, deed).await?)
}

/// Forgets what is over; whoever comes in next does it where it fails.
pub(in crate::admin) async fn tidy(state: &AdminState) {
    let now = state.clock.now();
    let sessions = sessions::tidy(&state.db, &state.settings, now).await;
    if let Err(error) = sessions.and(throttle::tidy(&state.db, now).await) {
        tracing::warn!(%error, "old sessions and attempts could not be forgotten");
    }
}

/// Ends a session by the wish of whose it is.
pub async fn logout(
    state: &AdminState,
    by: &By<'_>,
    (account, session): (crate::kernel::id::AccountId, crate::kernel::id::SessionId),
) -> Result<bool, ApiError> {
    let mut tx = state.db.begin().await?;
    let ended = sessions::store::end(&mut tx, account, session).await?;
    if ended {
        let deed = Deed {
            action: "session.end".into(),
            subject: session.to_string(),
            detail: json!({ "account": account }),
        };
        append(&mut tx, by, deed).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

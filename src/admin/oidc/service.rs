//! Letting somebody in whom the OpenID provider has named. Their account is theirs by the provider's
//! name for them, never by an e-mail address, which may be given to somebody else.

use super::identity::Identity;
use crate::access::AccessError;
use crate::access::model::{Name, Status};
use crate::access::service::By;
use crate::admin::accounts::AccountPatch;
use crate::admin::accounts::actions::{UPDATE, Update, by_provider};
use crate::admin::accounts::model::{Account, Codes, Way};
use crate::admin::accounts::service::told;
use crate::admin::accounts::store;
use crate::admin::approvals::service::{Shown, answer, ask, put_down, waiting};
use crate::admin::login::service::{Entered, From, failed, tidy};
use crate::admin::login::throttle::Counted;
use crate::admin::roles::Roles;
use crate::admin::sessions;
use crate::admin::state::AdminState;
use crate::config::FourEyes;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use crate::storage::Tx;
use serde_json::json;

/// Most characters of a name.
const NAME_MOST: usize = 100;

/// Writes an attempt down, and says why it is one.
pub(super) async fn refuse(state: &AdminState, from: &From, wrong: &str) -> ApiError {
    let detail = json!({ "address": from.origin().address, "wrong": wrong, "by": "provider" });
    match failed(state, "unknown", detail).await {
        Ok(()) => not_let_in(wrong),
        Err(error) => error,
    }
}

/// Says why somebody was not let in.
pub(super) fn not_let_in(wrong: &str) -> ApiError {
    let detail = format!("You were not let in: {wrong}. Begin anew at /admin/v1/login/oidc.");
    ApiError::new(Code::InvalidLogin, detail)
}

/// What people call somebody, made fit where it is not.
fn name(text: &str) -> ApiResult<Name> {
    let fit: String = text.chars().filter(|c| !c.is_control()).take(NAME_MOST).collect();
    let name = fit.parse().or_else(|_| "unnamed".parse());
    name.map_err(|error| AccessError::Field { field: "name", message: format!("{error}") }.into())
}

/// Begins a session for somebody, with an account where they have none and with the roles of now.
pub(super) async fn enter(
    state: &AdminState,
    issuer: &str,
    identity: Identity,
    (from, counted): (&From, &Counted),
) -> ApiResult<Entered> {
    let now = state.clock.now();
    let Identity { subject, name: called, email, roles } = identity;
    let mut tx = state.db.begin().await?;
    let found = store::with_subject(&mut tx, issuer, &subject).await?;
    let Some(said) = roles else {
        bar(tx, found, now).await?;
        return Err(
            refuse(state, from, "you have no role here; ask who looks after the accounts").await
        );
    };
    let waits = owner_waits(state, found.as_ref(), &said);
    let roles = if waits { said.without_owner() } else { said.clone() };
    let account = match found {
        Some(account) if account.status != Status::Active && !account.is_barred() => {
            drop(tx);
            return Err(refuse(state, from, "the account is suspended").await);
        }
        Some(mut account) => {
            let moved = account.set_email(email);
            renew(&mut tx, account, (name(&called)?, roles, moved), now).await?
        }
        None => {
            let way = Way::Provider { issuer: issuer.to_owned(), subject, email, barred: false };
            create(&mut tx, way, name(&called)?, roles, now).await?
        }
    };
    let origin = from.origin();
    let with = (&*state.pepper, &state.settings);
    let (session, secret) = sessions::begin(&mut tx, with, &account, &origin, now).await?;
    let actor = account.id.to_string();
    let is_asked = keep_asked(&mut tx, &By::new(&actor, now), waits.then_some(&said)).await?;
    if waits && !is_asked {
        ask_for_owner(&mut tx, state, &account, said, now).await?;
    }
    let detail = json!({ "session": session.id, "address": origin.address, "by": "provider" });
    counted.succeeded(&mut tx).await?;
    told(&mut tx, &By::new(&actor, now), account.id, "login", detail).await?;
    tx.commit().await?;
    tidy(state).await;
    Ok(Entered { account, session, secret })
}

/// Whether the role that may do everything waits for a second person: where the setting asks for that, and the
/// account has not had it before.
fn owner_waits(state: &AdminState, found: Option<&Account>, said: &Roles) -> bool {
    let had = found.is_some_and(|account| account.roles.is_owner() && !account.is_barred());
    said.is_owner() && !had && state.settings.four_eyes.contains(&FourEyes::Owners)
}

/// Takes back what was asked for by the word of the provider, but for what it says now; whether that waits.
async fn keep_asked(tx: &mut Tx, by: &By<'_>, said: Option<&Roles>) -> ApiResult<bool> {
    let mut is_asked = false;
    for approval in waiting(tx, &UPDATE, by).await? {
        let Some(asked) = by_provider(&approval.payload) else { continue };
        if said.is_some_and(|said| asked.change.roles.as_ref() == Some(said)) {
            is_asked = true;
        } else {
            put_down(tx, by, approval, "The OpenID provider says otherwise now.".to_owned())
                .await?;
        }
    }
    Ok(is_asked)
}

/// Asks for the roles that the provider says.
async fn ask_for_owner(
    tx: &mut Tx,
    state: &AdminState,
    account: &Account,
    said: Roles,
    now: Micros,
) -> ApiResult<()> {
    let actor = account.id.to_string();
    let by = By::new(&actor, now);
    let preview =
        json!({ "name": account.name, "roles": account.roles, "to": said, "by": "provider" });
    let change = AccountPatch { name: None, roles: Some(said) };
    let what = answer(&Update { id: account.id, change, by_provider: true })?;
    let shown = Shown { matters: true, preview, until: None };
    ask(tx, state, (&by, &actor), (&UPDATE, what), shown).await?;
    Ok(())
}

/// Suspends the account of somebody who has no role any more, until they come in with one: their sessions end,
/// and their tokens are refused.
async fn bar(mut tx: Tx, found: Option<Account>, now: Micros) -> ApiResult<()> {
    let active = found.filter(|account| account.status == Status::Active);
    let Some(mut account) = active else { return Ok(()) };
    (account.status, account.updated_at) = (Status::Suspended, now);
    account.set_barred(true);
    store::put(&mut tx, &account).await?;
    let sessions = sessions::store::end_all(&mut tx, account.id, None).await?;
    let actor = account.id.to_string();
    let detail = json!({ "sessions": sessions, "by": "provider" });
    told(&mut tx, &By::new(&actor, now), account.id, "suspend", detail).await?;
    Ok(tx.commit().await?)
}

async fn create(
    tx: &mut Tx,
    way: Way,
    name: Name,
    roles: Roles,
    now: Micros,
) -> ApiResult<Account> {
    let account = Account {
        id: AccountId::random().map_err(AccessError::from)?,
        name,
        way,
        roles,
        status: Status::Active,
        codes: Codes { current: 0, pending: 0, step: 0 },
        last_login_at: Some(now),
        created_at: now,
        updated_at: now,
    };
    store::put(tx, &account).await?;
    let actor = account.id.to_string();
    let detail = json!({ "name": account.name, "roles": account.roles, "by": "provider" });
    told(tx, &By::new(&actor, now), account.id, "create", detail).await?;
    Ok(account)
}

/// Puts the name and the roles of now in the place of those of the last login, and notes where the address of mail has
/// moved.
async fn renew(
    tx: &mut Tx,
    mut account: Account,
    (name, roles, moved): (Name, Roles, bool),
    now: Micros,
) -> ApiResult<Account> {
    let same = account.name == name && account.roles == roles && !moved;
    let op = if account.is_barred() { "resume" } else { "update" };
    account.last_login_at = Some(now);
    if same && !account.is_barred() {
        store::put(tx, &account).await?;
        return Ok(account);
    }
    (account.name, account.roles, account.updated_at) = (name, roles, now);
    account.status = Status::Active;
    account.set_barred(false);
    store::put(tx, &account).await?;
    let actor = account.id.to_string();
    let mut detail = json!({ "name": account.name, "roles": account.roles, "by": "provider" });
    if moved {
        // The log is for ever, so it does not say to which.
        detail["email"] = json!("changed");
    }
    told(tx, &By::new(&actor, now), account.id, op, detail).await?;
    Ok(account)
}

//! What can be done to accounts. Each change stands in the audit log, in one transaction with it.

use super::factor::Factor;
use super::model::{Account, Codes, Login, Way};
use super::store;
use super::totp;
use crate::access::Pepper;
use crate::access::audit::{Deed, append};
use crate::access::error::{AccessError, Kind};
use crate::access::model::{Name, Status};
use crate::access::service::{By, Switch};
use crate::admin::approvals::service::{open_of, put_down};
use crate::admin::roles::Roles;
use crate::admin::sessions;
use crate::admin::store::{other_owners, tokens_of};
use crate::admin::token::revoke_all;
use crate::kernel::id::AccountId;
use crate::kernel::secret::Secret;
use crate::storage::{Db, StoreError, Tx};
use serde_json::{Value, json};

/// Why nothing is done of what an account has asked for before it was reset.
const RESET: &str = "The account of who has asked was reset.";

/// A local account to create.
#[derive(Debug)]
pub struct NewAccount {
    /// What the person comes in with.
    pub login: Login,
    /// What people call it.
    pub name: Name,
    /// What the person is to the gateway.
    pub roles: Roles,
    /// The password's hash.
    pub password: String,
    /// Whether somebody else has chosen the password.
    pub must_change: bool,
}

/// What is to be different.
#[derive(Debug, Default)]
pub struct AccountChange {
    /// What people call it.
    pub name: Option<Name>,
    /// What the person is to the gateway.
    pub roles: Option<Roles>,
    /// Whether the OpenID provider says so.
    pub by_provider: bool,
}

/// Writes what was done to an account. Called when everything else is written: who waits for the log must
/// hold nothing that who has it still wants.
pub(in crate::admin) async fn told(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    op: &str,
    detail: Value,
) -> Result<(), StoreError> {
    let deed = Deed { action: format!("account.{op}"), subject: id.to_string(), detail };
    append(tx, by, deed).await
}

/// Creates a local account.
pub async fn create(tx: &mut Tx, by: &By<'_>, new: NewAccount) -> Result<Account, AccessError> {
    let NewAccount { login, name, roles, password, must_change } = new;
    if roles.is_owner() {
        by.may_change_owners()?;
    }
    let account = Account {
        id: AccountId::random()?,
        name,
        way: Way::Local { login: login.clone(), password, must_change },
        roles,
        status: Status::Active,
        codes: Codes { current: 0, pending: 0, step: 0 },
        last_login_at: None,
        created_at: by.now,
        updated_at: by.now,
    };
    store::put(tx, &account).await.map_err(|error| match error {
        StoreError::Conflict(_) => {
            AccessError::NameTaken { kind: Kind::Account, name: login.to_string() }
        }
        other => other.into(),
    })?;
    // Without the login, which is an address of mail as a rule: the log is for ever.
    let detail = json!({ "name": account.name, "roles": account.roles });
    told(tx, by, account.id, "create", detail).await?;
    Ok(account)
}

/// An account.
pub async fn get(db: &Db, id: AccountId) -> Result<Account, AccessError> {
    store::find(db, id).await?.ok_or_else(|| AccessError::not_found(Kind::Account, id))
}

/// The account in a transaction.
pub(super) async fn held(tx: &mut Tx, id: AccountId) -> Result<Account, AccessError> {
    store::find_in(tx, id).await?.ok_or_else(|| AccessError::not_found(Kind::Account, id))
}

/// Refuses what would leave nobody who may do everything. Called when the audit log is ours, so that
/// two owners that go at once are not both the last but one.
async fn keep_an_owner(tx: &mut Tx, by: &By<'_>, id: AccountId) -> Result<(), AccessError> {
    if !other_owners(tx, &id.to_string(), by.now).await? {
        return Err(AccessError::LastOwner);
    }
    Ok(())
}

/// Changes an account's name or roles. The roles of a provider's account are those that the provider
/// says, at each login.
pub async fn update(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    change: AccountChange,
) -> Result<Account, AccessError> {
    let before = held(tx, id).await?;
    let mut account = before.clone();
    if let Some(name) = change.name {
        account.name = name;
    }
    if let Some(roles) = change.roles {
        let theirs = matches!(account.way, Way::Provider { .. });
        if theirs && !change.by_provider && roles != account.roles {
            let message =
                "come from the OpenID provider for this account; change them there".to_owned();
            return Err(AccessError::Field { field: "roles", message });
        }
        account.roles = roles;
    }
    if account == before {
        return Ok(account);
    }
    if before.roles.is_owner() != account.roles.is_owner() {
        by.may_change_owners()?;
    }
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    let detail = json!({ "name": account.name, "roles": account.roles });
    told(tx, by, id, "update", detail).await?;
    if before.roles.is_owner() && !account.roles.is_owner() {
        keep_an_owner(tx, by, id).await?;
    }
    Ok(account)
}

/// Suspends or resumes an account. Its sessions end with a suspension; its tokens are refused as long as it
/// lasts, because whoever shows one is asked for the account (`admin::token`).
pub async fn set_status(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    switch: Switch,
) -> Result<Account, AccessError> {
    let mut account = held(tx, id).await?;
    if account.status == switch.status() && !account.is_barred() {
        return Ok(account);
    }
    if account.roles.is_owner() {
        by.may_change_owners()?;
    }
    // What a person says stands, also where the provider gives roles again.
    account.set_barred(false);
    account.status = switch.status();
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    let tokens = tokens_of(tx, &id.to_string(), by.now).await?;
    match switch {
        Switch::Suspend => {
            let sessions = sessions::store::end_all(tx, id, None).await?;
            told(tx, by, id, "suspend", json!({ "sessions": sessions, "tokens": tokens })).await?;
            keep_an_owner(tx, by, id).await?;
        }
        Switch::Resume => told(tx, by, id, "resume", json!({ "tokens": tokens })).await?,
    }
    Ok(account)
}

/// Gives an account another password and no second factor: for a person who has lost both. Whoever had it meanwhile
/// is out with all that they have left behind: sessions, tokens, and what waits for a second person.
pub async fn reset(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    hash: String,
    must_change: bool,
) -> Result<Account, AccessError> {
    let mut account = held(tx, id).await?;
    let Way::Local { login, .. } = &account.way else {
        let message = "is proved by the OpenID provider; reset it there".to_owned();
        return Err(AccessError::Field { field: "account_id", message });
    };
    account.way = Way::Local { login: login.clone(), password: hash, must_change };
    // A secret that nobody has seen: those of before must not be confirmed anew.
    account.codes = Codes { current: 0, pending: account.codes.pending + 1, step: 0 };
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    store::set_recovery_codes(tx, id, &[]).await?;
    store::hand_to(tx, &id.to_string(), "").await?;
    sessions::store::end_all(tx, id, None).await?;
    crate::admin::login::throttle::forgive(tx, id).await?;
    let asked = open_of(tx, &id.to_string(), by.now).await?;
    let tokens = revoke_all(tx, by, &id.to_string()).await?;
    let detail = json!({ "tokens": tokens, "approvals": asked.len() });
    for approval in asked {
        put_down(tx, by, approval, RESET.to_owned()).await?;
    }
    told(tx, by, id, "reset", detail).await?;
    Ok(account)
}

/// Ends all sessions of an account but one; how many.
pub async fn sign_out(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    but: Option<&str>,
) -> Result<u64, AccessError> {
    held(tx, id).await?;
    let ended = sessions::store::end_all(tx, id, but).await?;
    told(tx, by, id, "sign_out", json!({ "sessions": ended })).await?;
    Ok(ended)
}

/// Puts a password in force that the person has chosen. All sessions but this one end.
pub async fn change_password(
    tx: &mut Tx,
    by: &By<'_>,
    id: AccountId,
    hash: String,
    session: &str,
) -> Result<(), AccessError> {
    let mut account = held(tx, id).await?;
    let Way::Local { login, .. } = account.way else {
        return Err(AccessError::not_found(Kind::Account, id));
    };
    account.way = Way::Local { login, password: hash, must_change: false };
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    sessions::store::end_all(tx, id, Some(session)).await?;
    Ok(told(tx, by, id, "change_password", json!({})).await?)
}

/// Begins an enrolment: the number of the secret that the next code must be of. Where an app is enrolled, a code of it
/// is needed, too, so that a password alone does not replace the second factor. `None` where the code is not right.
pub async fn begin_enrolment(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    id: AccountId,
    code: Option<&str>,
) -> Result<Option<i64>, AccessError> {
    let mut account = held(tx, id).await?;
    let Some(factor) = Factor::shown(pepper, &account, code, by.now) else { return Ok(None) };
    if !factor.use_up(tx, &mut account).await? {
        return Ok(None);
    }
    account.codes.pending += 1;
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    Ok(Some(account.codes.pending))
}

/// Ends an enrolment whose secret the person has shown to have; new recovery codes. All sessions but this one end: they
/// were begun without the app. `None` where the code is not one of now.
pub async fn confirm_enrolment(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (id, session): (AccountId, &str),
    code: &str,
) -> Result<Option<Vec<Secret>>, AccessError> {
    let mut account = held(tx, id).await?;
    let Codes { current, pending, .. } = account.codes;
    let secret = totp::TotpSecret::new(pepper, id, pending);
    let step = (pending > current).then(|| secret.step_of(code, by.now)).flatten();
    let Some(step) = step else { return Ok(None) };
    account.codes = Codes { current: pending, pending, step };
    account.updated_at = by.now;
    store::put(tx, &account).await?;
    let codes = totp::recovery_codes()?;
    let hashes: Vec<String> =
        codes.iter().map(|code| totp::recovery_hash(pepper, id, code.reveal())).collect();
    store::set_recovery_codes(tx, id, &hashes).await?;
    sessions::store::end_all(tx, id, Some(session)).await?;
    told(tx, by, id, "enrol", json!({})).await?;
    Ok(Some(codes))
}

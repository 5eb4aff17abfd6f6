//! All SQL of accounts.

use super::model::{Account, Codes, Login, Way};
use crate::access::model::Status;
use crate::access::store::{Walk, stored};
use crate::admin::roles::Roles;
use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// An account as it is stored.
#[derive(Debug, FromRow)]
pub(in crate::admin) struct AccountRow {
    id: String,
    login: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    email: Option<String>,
    name: String,
    roles: String,
    status: String,
    password: Option<String>,
    must_change: bool,
    totp: i64,
    totp_pending: i64,
    totp_step: i64,
    last_login_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    barred: bool,
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let way = match (row.login, row.password, row.issuer, row.subject) {
            (Some(login), Some(password), ..) => Way::Local {
                login: stored("accounts", &login)?,
                password,
                must_change: row.must_change,
            },
            (_, _, Some(issuer), Some(subject)) => {
                let email = row.email.map(|email| stored("accounts", &email)).transpose()?;
                Way::Provider { issuer, subject, email, barred: row.barred }
            }
            _ => return Err(StoreError::corrupt("accounts", "neither a login nor a provider")),
        };
        Ok(Self {
            id: stored("accounts", &row.id)?,
            name: stored("accounts", &row.name)?,
            way,
            roles: stored("accounts", &row.roles)?,
            status: stored("accounts", &row.status)?,
            codes: Codes { current: row.totp, pending: row.totp_pending, step: row.totp_step },
            last_login_at: row.last_login_at.map(Micros),
            created_at: Micros(row.created_at),
            updated_at: Micros(row.updated_at),
        })
    }
}

/// Writes an account, new or changed. A taken login is a conflict.
pub(in crate::admin) async fn put(tx: &mut Tx, account: &Account) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO accounts (id, login, issuer, subject, name, roles, status, \
            password, must_change, totp, totp_pending, totp_step, last_login_at, created_at, \
            updated_at, barred, email) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
        ON CONFLICT (id) DO UPDATE SET name = $5, roles = $6, status = $7, password = $8, \
            must_change = $9, totp = $10, totp_pending = $11, totp_step = $12, \
            last_login_at = $13, updated_at = $15, barred = $16, email = $17";
    let (login, password, must_change, issuer, subject) = match &account.way {
        Way::Local { login, password, must_change } => {
            (Some(login.as_str()), Some(password), *must_change, None, None)
        }
        Way::Provider { issuer, subject, .. } => (None, None, false, Some(issuer), Some(subject)),
    };
    let Codes { current, pending, step } = account.codes;
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(account.id.to_string()).bind(login).bind(issuer);
        let put = put.bind(subject).bind(account.name.as_str()).bind(account.roles.to_string());
        let put = put.bind(account.status.as_str()).bind(password).bind(must_change);
        let put = put.bind(current).bind(pending).bind(step);
        let put = put.bind(account.last_login_at.map(|at| at.0)).bind(account.created_at.0);
        let put = put.bind(account.updated_at.0).bind(account.is_barred());
        put.bind(account.email().map(Login::as_str)).execute(c).await?;
    });
    Ok(())
}

/// An account as a transaction sees it, kept from others until its end.
pub(in crate::admin) async fn find_in(
    tx: &mut Tx,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    // The update takes the lock, on both engines.
    const FIND: &str = "UPDATE accounts SET id = id WHERE id = $1 RETURNING *";
    let row: Option<AccountRow> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Account::try_from).transpose()
}

/// An account.
pub(in crate::admin) async fn find(db: &Db, id: AccountId) -> Result<Option<Account>, StoreError> {
    const FIND: &str = "SELECT * FROM accounts WHERE id = $1";
    let row: Option<AccountRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Account::try_from).transpose()
}

/// How it stands with an account and what it is to the gateway, as a transaction sees it.
pub(in crate::admin) async fn standing_in(
    tx: &mut Tx,
    id: AccountId,
) -> Result<Option<(Status, Roles)>, StoreError> {
    const FIND: &str = "SELECT status, roles FROM accounts WHERE id = $1";
    let found: Option<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    let standing = |(status, roles): (String, String)| {
        Ok((stored("accounts", &status)?, stored("accounts", &roles)?))
    };
    found.map(standing).transpose()
}

/// The account with a login.
pub(in crate::admin) async fn with_login(
    db: &Db,
    login: &Login,
) -> Result<Option<Account>, StoreError> {
    const FIND: &str = "SELECT * FROM accounts WHERE login = $1";
    let row: Option<AccountRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(login.as_str()).fetch_optional(c).await)?;
    row.map(Account::try_from).transpose()
}

/// The account of a provider's subject, kept from others until the end of the transaction.
pub(in crate::admin) async fn with_subject(
    tx: &mut Tx,
    issuer: &str,
    subject: &str,
) -> Result<Option<Account>, StoreError> {
    const FIND: &str = "UPDATE accounts SET id = id WHERE issuer = $1 AND subject = $2 RETURNING *";
    let row: Option<AccountRow> = on_tx!(tx, c => {
        sqlx::query_as(FIND).bind(issuer).bind(subject).fetch_optional(c).await
    })?;
    row.map(Account::try_from).transpose()
}

/// Writes down who was handed the first password of an account; empty for nobody.
pub(in crate::admin) async fn hand_to(
    tx: &mut Tx,
    account: &str,
    person: &str,
) -> Result<(), StoreError> {
    const HAND: &str = "UPDATE accounts SET handed_to = $2 WHERE id = $1";
    on_tx!(tx, c => {
        sqlx::query(HAND).bind(account).bind(person).execute(c).await?;
    });
    Ok(())
}

/// Who was handed the first password of an account.
pub(super) async fn handed_to(tx: &mut Tx, account: &str) -> Result<Option<String>, StoreError> {
    const FIND: &str = "SELECT handed_to FROM accounts WHERE id = $1 AND handed_to <> ''";
    Ok(on_tx!(tx, c => sqlx::query_scalar(FIND).bind(account).fetch_optional(c).await)?)
}

/// The other accounts of an account's address of mail: one that the OpenID provider tells, or that is a login here. An
/// address that nobody has verified is enough, since it only keeps people from approving.
pub(super) async fn same_mail(tx: &mut Tx, account: &str) -> Result<Vec<String>, StoreError> {
    const FIND: &str = "SELECT b.id FROM accounts a JOIN accounts b ON b.id <> a.id \
        AND (b.login = a.email OR b.email = a.login OR b.email = a.email) WHERE a.id = $1";
    Ok(on_tx!(tx, c => sqlx::query_scalar(FIND).bind(account).fetch_all(c).await)?)
}

/// Accounts in the order of their ids.
pub async fn list(db: &Db, walk: &Walk) -> Result<Vec<Account>, StoreError> {
    const LIST: &str = "SELECT * FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
    let rows: Vec<AccountRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Account::try_from).collect()
}

/// Puts other recovery codes in the place of all of an account.
pub(in crate::admin) async fn set_recovery_codes(
    tx: &mut Tx,
    id: AccountId,
    hashes: &[String],
) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM account_recovery_codes WHERE account_id = $1";
    const ADD: &str = "INSERT INTO account_recovery_codes (account_id, hash) VALUES ($1, $2)";
    on_tx!(tx, c => {
        sqlx::query(FORGET).bind(id.to_string()).execute(&mut *c).await?;
        for hash in hashes {
            sqlx::query(ADD).bind(id.to_string()).bind(hash).execute(&mut *c).await?;
        }
    });
    Ok(())
}

/// Uses a recovery code up; whether it was there.
pub(in crate::admin) async fn use_recovery_code(
    tx: &mut Tx,
    id: AccountId,
    hash: &str,
) -> Result<bool, StoreError> {
    const USE: &str = "DELETE FROM account_recovery_codes WHERE account_id = $1 AND hash = $2";
    Ok(on_tx!(tx, c => {
        sqlx::query(USE).bind(id.to_string()).bind(hash).execute(c).await?.rows_affected() == 1
    }))
}

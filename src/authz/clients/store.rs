//! All SQL of what is registered of apps for customers' data.

use super::model::{AccessAsk, AccessSpec, AskKind, AskState, CustomerAccess, Decided};
use crate::access::store::Walk;
use crate::authz::redirect::RedirectUri;
use crate::consent::scope::OAuthScope;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::{UnknownWord, Word as _};
use crate::storage::{Db, StoreError, Tx, fetch, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const CLIENTS: &str = "authz_clients";
const ASKS: &str = "authz_client_asks";
const ASKS_OF: &str = "SELECT * FROM authz_client_asks WHERE app_id IN (";

#[derive(FromRow)]
struct AccessRow {
    app_id: String,
    partner_id: String,
    auth: String,
    profile: String,
    native: bool,
    legal_name: String,
    contact: String,
    privacy_url: String,
    suspended_by: Option<String>,
    suspended_at: Option<i64>,
    suspended_for: Option<String>,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromRow)]
struct AskRow {
    app_id: String,
    kind: String,
    value: String,
    state: String,
    asked_by: String,
    asked_at: i64,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
}

fn decided(by: Option<String>, at: Option<i64>, reason: Option<String>) -> Option<Decided> {
    Some(Decided { by: by?, at: Micros(at?), reason: reason? })
}

impl AskRow {
    fn of<T>(self, what: T) -> Result<AccessAsk<T>, StoreError> {
        Ok(AccessAsk {
            what,
            state: parsed(ASKS, &self.state)?,
            asked_by: self.asked_by,
            asked_at: Micros(self.asked_at),
            decided: decided(self.decided_by, self.decided_at, self.reason),
        })
    }
}

impl AccessRow {
    /// With those of some asks that are its own.
    fn with(self, asks: &mut Vec<AskRow>) -> Result<CustomerAccess, StoreError> {
        let (mut scopes, mut redirect_uris) = (Vec::new(), Vec::new());
        for ask in asks.extract_if(.., |ask| ask.app_id == self.app_id) {
            let kind: AskKind = parsed(ASKS, &ask.kind)?;
            match kind {
                AskKind::Scope => {
                    let unknown = || UnknownWord::of::<OAuthScope>(&ask.value);
                    let scope = OAuthScope::of(&ask.value);
                    let scope = scope.ok_or_else(|| StoreError::corrupt(ASKS, unknown()))?;
                    scopes.push(ask.of(scope)?);
                }
                AskKind::RedirectUri => {
                    let uri = RedirectUri::register(&ask.value, self.native);
                    let uri = uri.map_err(|error| StoreError::corrupt(ASKS, error))?;
                    redirect_uris.push(ask.of(uri)?);
                }
            }
        }
        Ok(CustomerAccess {
            app: parsed(CLIENTS, &self.app_id)?,
            partner: parsed(CLIENTS, &self.partner_id)?,
            auth: parsed(CLIENTS, &self.auth)?,
            profile: parsed(CLIENTS, &self.profile)?,
            native: self.native,
            legal_name: parsed(CLIENTS, &self.legal_name)?,
            contact: self.contact,
            privacy_url: self.privacy_url,
            scopes,
            redirect_uris,
            suspended: decided(self.suspended_by, self.suspended_at, self.suspended_for),
            created_at: Micros(self.created_at),
            updated_at: Micros(self.updated_at),
        })
    }
}

/// What is registered of an app.
pub async fn find(db: &Db, app: AppId) -> Result<Option<CustomerAccess>, StoreError> {
    const FIND: &str = "SELECT * FROM authz_clients WHERE app_id = $1";
    let id = app.to_string();
    let row: Option<AccessRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(&id).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let mut asks = fetch::by_ids::<AskRow>(db, ASKS_OF, &[id]).await?;
    in_order(&mut asks);
    row.with(&mut asks).map(Some)
}

/// Whether an app is a partner's now.
pub(super) async fn is_of(db: &Db, app: AppId, partner: PartnerId) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM apps WHERE id = $1 AND partner_id = $2";
    let count: i64 = on_db!(db, c => {
        let count = sqlx::query_scalar(COUNT).bind(app.to_string()).bind(partner.to_string());
        count.fetch_one(c).await
    })?;
    Ok(count > 0)
}

/// The same as [`find`], kept from others until the end of the transaction.
pub(super) async fn hold(tx: &mut Tx, app: AppId) -> Result<Option<CustomerAccess>, StoreError> {
    const HOLD: &str = "UPDATE authz_clients SET app_id = app_id WHERE app_id = $1 RETURNING *";
    let id = app.to_string();
    let row: Option<AccessRow> =
        on_tx!(&mut *tx, c => sqlx::query_as(HOLD).bind(&id).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let mut asks = fetch::by_ids_in::<AskRow>(tx, ASKS_OF, &[id]).await?;
    in_order(&mut asks);
    row.with(&mut asks).map(Some)
}

/// All registrations, or those with something that nobody has decided about, in the order of the apps' ids.
pub async fn list(db: &Db, is_open: bool, walk: &Walk) -> Result<Vec<CustomerAccess>, StoreError> {
    const ALL: &str = "SELECT * FROM authz_clients WHERE app_id > $1 ORDER BY app_id LIMIT $2";
    const OPEN: &str = "SELECT * FROM authz_clients c WHERE app_id > $1 \
        AND EXISTS (SELECT 1 FROM authz_client_asks a WHERE a.app_id = c.app_id AND a.state = 'asked') \
        ORDER BY app_id LIMIT $2";
    let sql = if is_open { OPEN } else { ALL };
    let rows: Vec<AccessRow> = on_db!(db, c => {
        sqlx::query_as(sql).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    let ids: Vec<String> = rows.iter().map(|row| row.app_id.clone()).collect();
    let mut asks = fetch::by_ids::<AskRow>(db, ASKS_OF, &ids).await?;
    in_order(&mut asks);
    rows.into_iter().map(|row| row.with(&mut asks)).collect()
}

/// Both engines sort texts in their own ways.
fn in_order(asks: &mut [AskRow]) {
    asks.sort_by(|one, other| (&one.kind, &one.value).cmp(&(&other.kind, &other.value)));
}

/// Registers an app of a partner, or changes what is registered of it but what it asks for.
pub(super) async fn put(
    tx: &mut Tx,
    (app, partner): (AppId, PartnerId),
    spec: &AccessSpec,
    now: Micros,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO authz_clients (app_id, partner_id, auth, profile, native, legal_name, \
        contact, privacy_url, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) \
        ON CONFLICT (app_id) DO UPDATE SET auth = excluded.auth, profile = excluded.profile, \
        native = excluded.native, legal_name = excluded.legal_name, contact = excluded.contact, \
        privacy_url = excluded.privacy_url, updated_at = excluded.updated_at";
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(app.to_string()).bind(partner.to_string());
        let put = put.bind(spec.auth.as_str()).bind(spec.profile.as_str()).bind(spec.native);
        let put = put.bind(spec.legal_name.as_str()).bind(&spec.contact).bind(&spec.privacy_url);
        put.bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Has an app ask for something more.
pub(super) async fn ask(
    tx: &mut Tx,
    app: AppId,
    (kind, value): (AskKind, &str),
    (by, now): (&str, Micros),
) -> Result<(), StoreError> {
    const ASK: &str = "INSERT INTO authz_client_asks (app_id, kind, value, state, asked_by, asked_at) \
        VALUES ($1, $2, $3, 'asked', $4, $5)";
    on_tx!(tx, c => {
        let ask = sqlx::query(ASK).bind(app.to_string()).bind(kind.as_str()).bind(value);
        ask.bind(by).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Has an app ask for something no more.
pub(super) async fn drop_ask(
    tx: &mut Tx,
    app: AppId,
    (kind, value): (AskKind, &str),
) -> Result<(), StoreError> {
    const DROP: &str =
        "DELETE FROM authz_client_asks WHERE app_id = $1 AND kind = $2 AND value = $3";
    on_tx!(tx, c => {
        let gone = sqlx::query(DROP).bind(app.to_string()).bind(kind.as_str()).bind(value);
        gone.execute(c).await?;
    });
    Ok(())
}

/// Takes back what was approved: it is asked for anew.
pub(super) async fn ask_anew(
    tx: &mut Tx,
    app: AppId,
    (by, now): (&str, Micros),
) -> Result<(), StoreError> {
    const ANEW: &str = "UPDATE authz_client_asks SET state = 'asked', asked_by = $2, asked_at = $3, \
        decided_by = NULL, decided_at = NULL, reason = NULL WHERE app_id = $1 AND state = 'approved'";
    on_tx!(tx, c => {
        sqlx::query(ANEW).bind(app.to_string()).bind(by).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Writes down what was decided about something that an app asks for.
pub(super) async fn decide(
    tx: &mut Tx,
    app: AppId,
    (kind, value, state): (AskKind, &str, AskState),
    why: &Decided,
) -> Result<(), StoreError> {
    const DECIDE: &str = "UPDATE authz_client_asks SET state = $4, decided_by = $5, decided_at = $6, \
        reason = $7 WHERE app_id = $1 AND kind = $2 AND value = $3";
    on_tx!(tx, c => {
        let decide = sqlx::query(DECIDE).bind(app.to_string()).bind(kind.as_str()).bind(value);
        let decide = decide.bind(state.as_str()).bind(&why.by).bind(why.at.0).bind(&why.reason);
        decide.execute(c).await?;
    });
    Ok(())
}

/// Suspends an app, or lifts that.
pub(super) async fn suspend(
    tx: &mut Tx,
    app: AppId,
    why: Option<&Decided>,
    now: Micros,
) -> Result<(), StoreError> {
    const SUSPEND: &str = "UPDATE authz_clients SET suspended_by = $2, suspended_at = $3, \
        suspended_for = $4, updated_at = $5 WHERE app_id = $1";
    on_tx!(tx, c => {
        let suspend = sqlx::query(SUSPEND).bind(app.to_string()).bind(why.map(|why| why.by.as_str()));
        let suspend = suspend.bind(why.map(|why| why.at.0)).bind(why.map(|why| why.reason.as_str()));
        suspend.bind(now.0).execute(c).await?;
    });
    Ok(())
}

//! What the rows of codes and of refresh tokens have alike.

use crate::authz::grant::CustomerLogin;
use crate::authz::issued::IssuedTo;
use crate::consent::live::GrantPointer;
use crate::kernel::Micros;
use crate::storage::{StoreError, parsed};
use sqlx::FromRow;

/// To whom something was issued, by which consent, and how the customer had logged in.
#[derive(Debug, FromRow)]
pub(super) struct IssuedRow {
    pub(super) client_id: String,
    pub(super) profile: String,
    pub(super) key_jkt: Option<String>,
    pub(super) grant_id: String,
    pub(super) version: i64,
    pub(super) app_id: String,
    pub(super) sub: String,
    pub(super) issued_at: i64,
    pub(super) auth_time: i64,
    pub(super) acr: Option<String>,
}

/// The columns of such a row, in the order in which they are bound.
macro_rules! issued_columns {
    () => {
        "client_id, profile, key_jkt, grant_id, version, app_id, sub, issued_at, auth_time, acr"
    };
}
pub(super) use issued_columns;

/// Binds the columns of such a row.
macro_rules! bind_issued {
    ($query:expr, $row:expr) => {{
        let row = $row;
        $query
            .bind(&row.client_id)
            .bind(&row.profile)
            .bind(&row.key_jkt)
            .bind(&row.grant_id)
            .bind(row.version)
            .bind(&row.app_id)
            .bind(&row.sub)
            .bind(row.issued_at)
            .bind(row.auth_time)
            .bind(&row.acr)
    }};
}
pub(super) use bind_issued;

impl IssuedRow {
    pub(super) fn of(to: &IssuedTo, login: &CustomerLogin) -> Self {
        let GrantPointer { grant_id, version, client, sub } = to.consent;
        Self {
            client_id: to.client_id.clone(),
            profile: to.profile.to_string(),
            key_jkt: to.key.map(|key| key.to_string()),
            grant_id: grant_id.to_string(),
            version: version.into(),
            app_id: client.to_string(),
            sub: sub.to_string(),
            issued_at: to.issued_at.0,
            auth_time: login.auth_time,
            acr: login.acr.clone(),
        }
    }

    /// What a row of `table` says.
    pub(super) fn read(self, table: &'static str) -> Result<(IssuedTo, CustomerLogin), StoreError> {
        let version = u32::try_from(self.version);
        let consent = GrantPointer {
            grant_id: parsed(table, &self.grant_id)?,
            version: version.map_err(|error| StoreError::corrupt(table, error))?,
            client: parsed(table, &self.app_id)?,
            sub: parsed(table, &self.sub)?,
        };
        let to = IssuedTo {
            client_id: self.client_id,
            profile: parsed(table, &self.profile)?,
            key: self.key_jkt.map(|key| parsed(table, &key)).transpose()?,
            consent,
            issued_at: Micros(self.issued_at),
        };
        Ok((to, CustomerLogin { auth_time: self.auth_time, acr: self.acr }))
    }
}

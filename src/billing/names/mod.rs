//! What partners, apps and the retailer are called in a closed period. Names change, and what is closed does not: its close
//! keeps those of that moment, which its printed statements and its exports have from then on.

mod store;

use super::model::Statement;
use super::view::Shown;
use crate::access::service::{get_app, get_partner};
use crate::http::ApiResult;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::storage::{Db, StoreError, Tx};
use std::collections::BTreeSet;
pub(in crate::billing) use store::{keep, kept, now};
use store::{kept_of, owners};

/// What the issuer of printed statements is kept under.
const ISSUER: &str = "issuer";

/// Whom a printed statement names.
#[derive(Debug)]
pub(super) struct Parties {
    /// Who bills, in lines; empty where that is not said.
    pub(super) issuer: String,
    /// The partner.
    pub(super) partner: String,
    /// The app; empty where it is another partner's, who has named it since.
    pub(super) app: String,
}

impl Parties {
    /// Those of a statement: of a final one as its close has kept them, of another as they are now.
    pub(super) async fn of(
        db: &Db,
        (shown, issuer): (&Shown, &str),
        now: Micros,
    ) -> ApiResult<Self> {
        let Statement { partner_id, app_id, .. } = shown.statement;
        let mut kept = kept_of(db, &shown.statement).await?;
        let (partner, app) = (partner_id.to_string(), app_id.to_string());
        let is_of_close = kept.contains_key(ISSUER);
        let named = kept.remove(&given_away(app_id, partner_id)).or_else(|| kept.remove(&app));
        let app = match named {
            Some(name) if is_of_close => name,
            named => {
                let app = get_app(db, app_id, now).await?;
                // The name that an app has had since it was given away is its present partner's.
                let is_own = app.partner == partner_id;
                let named = named.unwrap_or_else(|| app.name.to_string());
                if is_own { named } else { String::new() }
            }
        };
        let partner = match kept.remove(&partner) {
            Some(name) => name,
            None => get_partner(db, partner_id).await?.name.to_string(),
        };
        let issuer = kept.remove(ISSUER).unwrap_or_else(|| issuer.to_owned());
        Ok(Self { issuer, partner, app })
    }
}

/// What the name of an app is kept under for a partner whose it is not any more.
fn given_away(app: AppId, partner: PartnerId) -> String {
    format!("{app} {partner}")
}

/// Keeps the names of a period that is being closed, for whom its statements are.
pub(super) async fn freeze(
    tx: &mut Tx,
    period: BillingPeriodId,
    (statements, issuer): (&[Statement], &str),
) -> Result<(), StoreError> {
    let of = |it: &Statement| [it.partner_id.to_string(), it.app_id.to_string()];
    let ids: BTreeSet<String> = statements.iter().flat_map(of).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let mut kept = now(tx, &ids).await?;
    let owners = owners(tx, &ids).await?;
    for Statement { partner_id, app_id, .. } in statements {
        let owner = owners.get(&app_id.to_string());
        if owner.is_some_and(|owner| *owner != partner_id.to_string()) {
            kept.insert(given_away(*app_id, *partner_id), String::new());
        }
    }
    kept.insert(ISSUER.to_owned(), issuer.to_owned());
    keep(tx, period, &kept).await
}

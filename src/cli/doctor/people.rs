//! Whether one person may be two where a second person is needed.

use crate::access::store::Walk;
use crate::admin::accounts::one::{Apart, apart};
use crate::admin::accounts::store::list;
use crate::config::Config;
use crate::storage::{Db, StoreError};

/// Most accounts that are looked at.
const ACCOUNTS_MOST: u32 = 10_000;

/// Accounts that may be of people who have another one; `None` where nothing takes two people, or where there are none.
pub(super) async fn twofold(config: &Config, db: &Db) -> Result<Option<String>, StoreError> {
    if config.admin.four_eyes.is_empty() {
        return Ok(None);
    }
    let walk = Walk { after: String::new(), limit: ACCOUNTS_MOST };
    let Some(Apart { local, provided }) = apart(&list(db, &walk).await?) else { return Ok(None) };
    let local: Vec<String> = local.iter().map(ToString::to_string).collect();
    Ok(Some(format!(
        "some people come in by a password ({}) and some by the OpenID provider ({provided}), and may approve things: who \
         has an account of both kinds counts as one person only where the login of the one is the address of mail of the \
         other. See that nobody has both, or suspend the account that is not needed",
        local.join(", ")
    )))
}

//! The pages that customers see: opened where there is anything about customers, mounted beside the partner API, and looked
//! after.

use super::tasks::Part;
use crate::access::directory::Keyring;
use crate::config::Config;
use crate::consent::follow::KnownConsents;
use crate::customers::source::CustomerSource;
use crate::kernel::Clock;
use crate::portal::{self, Portal, PortalParts};
use crate::storage::Db;
use actix_web::web::{Data, ServiceConfig};
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked for sessions that have ended.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Sessions that are taken out at once: whoever logs in waits for no more.
const BATCH: u32 = 500;

/// The pages, where the settings want them.
pub(super) fn open(
    config: &Config,
    (db, clock): (&Db, &Clock),
    keyring: &Keyring,
    consents: &Arc<KnownConsents>,
) -> anyhow::Result<Option<Arc<Portal>>> {
    let customers = CustomerSource::open(&config.customer_source, db, clock);
    let parts = PortalParts {
        db: db.clone(),
        clock: clock.clone(),
        pepper: Arc::clone(keyring.pepper()),
        customers: customers.context("`customer_source.url` cannot be used")?,
        consents: Arc::clone(consents),
    };
    Ok(Portal::new(parts, config)?.map(Arc::new))
}

/// Mounts them, where there are any.
pub(super) fn mount(config: &mut ServiceConfig, pages: Option<&Data<Portal>>) {
    if let Some(pages) = pages {
        config.app_data(pages.clone());
        portal::configure(config);
    }
}

/// Forgets sessions of customers that have ended.
pub(super) async fn forget(part: Part, pages: Arc<Portal>) {
    let stopped = part.stopped.clone();
    part.every(FORGET_EVERY, || async {
        while !*stopped.borrow() {
            match pages.forget_ended(BATCH).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "sessions of customers that have ended could not be forgotten");
                    return;
                }
            }
        }
    })
    .await;
}

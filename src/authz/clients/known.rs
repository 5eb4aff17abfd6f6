//! What a node keeps of apps to judge reads of customers' data by, so that a read asks no database where nothing was
//! changed.

use super::find::consent_client;
use crate::consent::standing::ConsentClient;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError};
use parking_lot::RwLock;
use std::collections::HashMap;

/// Apps as they stand at one position of the control log. Each change of a registration, a decision and a suspension is
/// an entry there.
#[derive(Debug, Default)]
pub struct KnownClients {
    held: RwLock<HeldClients>,
}

#[derive(Debug, Default)]
struct HeldClients {
    position: i64,
    clients: HashMap<AppId, Option<ConsentClient>>,
}

impl KnownClients {
    /// An app as consents are judged by it, at `position` of the control log: that of the directory of keys by which the
    /// call is judged, so that what is known of both is equally new. None where the app is not registered for customers'
    /// data, or was by another partner.
    pub async fn get(
        &self,
        db: &Db,
        app: AppId,
        position: i64,
    ) -> Result<Option<ConsentClient>, StoreError> {
        if let Some(known) = self.known(app, position) {
            return Ok(known);
        }
        // Read after the log was at that position, so never older.
        let found = consent_client(db, app).await?;
        let mut held = self.held.write();
        if held.position != position {
            *held = HeldClients { position, clients: HashMap::new() };
        }
        held.clients.insert(app, found);
        Ok(found)
    }

    fn known(&self, app: AppId, position: i64) -> Option<Option<ConsentClient>> {
        let held = self.held.read();
        if held.position == position { held.clients.get(&app).copied() } else { None }
    }
}

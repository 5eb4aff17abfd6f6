//! Secrets that were found where everybody can read them.

use super::Alerts;
use super::model::{Alert, Detail, FoundSecret, Kind, Whose};
use crate::access::AccessError;
use crate::access::keys::store::find_key;
use crate::access::leaks::{Found, Leak, store};
use crate::access::store::find_app;
use crate::kernel::Micros;
use crate::storage::StoreError;

impl Alerts {
    /// Raises what of leaks is not told yet. One that cannot be is tried again in the next look, and keeps nobody from
    /// being told of the others.
    pub(super) async fn look_at_leaks(&self, now: Micros) -> Result<(), AccessError> {
        let [keys, tokens] = store::untold(&self.db).await?;
        for leak in keys.iter().chain(&tokens) {
            match self.tell(leak, now).await {
                Ok(()) => {}
                // The others could not be told either, and each would wait for it.
                Err(error @ AccessError::Store(StoreError::Unavailable(_))) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, what = %leak.what, "nobody could be told of a leak");
                }
            }
        }
        Ok(())
    }

    async fn tell(&self, leak: &Leak, now: Micros) -> Result<(), AccessError> {
        let whose = self.whose(leak, now).await?;
        let (kind, token_id) = match leak.what {
            Found::Key(_) => (Kind::KeyLeaked, None),
            Found::Token(id) => (Kind::TokenLeaked, Some(id)),
        };
        let Leak { hint, url, source, action, .. } = leak.clone();
        let detail = Detail::Leak(FoundSecret { token_id, hint, url, source, action });
        let id = Alert::of_leak(&leak.id);
        let alert = Alert { id, kind, whose, detail, raised_at: now, ended_at: None };
        // Its id follows from the leak: where a node ends between the two, it is not told again.
        self.raise(&alert).await?;
        let mut tx = self.db.begin().await?;
        store::note_told(&mut tx, leak, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn whose(&self, leak: &Leak, now: Micros) -> Result<Whose, StoreError> {
        let nobody = Whose { partner: None, app: None, key: None };
        let Found::Key(id) = leak.what else { return Ok(nobody) };
        let Some(key) = find_key(&self.db, id, now).await? else { return Ok(nobody) };
        let app = find_app(&self.db, key.spec.app, now).await?;
        let partner = app.map(|app| app.partner);
        Ok(Whose { partner, app: Some(key.spec.app), key: Some(id) })
    }
}

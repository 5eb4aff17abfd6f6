//! What is done about a secret that was found.

use super::Leaks;
use super::store::{self, Leak};
use crate::access::directory::{KeyRecord, Keyring, SecretRecord};
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, KeyText};
use crate::access::keys::model::KeyStatus;
use crate::access::keys::store::leak as keys;
use crate::access::service::{By, change};
use crate::access::store::record;
use crate::access::token;
use crate::config::LeakAction;
use crate::kernel::{Micros, secret};
use crate::telemetry::Tally;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Who the audit trail names.
const ACTOR: &str = "leak_report";
/// Most characters that are kept of where a secret was found, and of the words about it.
const URL_MOST: usize = 2_000;
const WORD_MOST: usize = 100;

/// A secret that was found.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// Its text.
    pub(super) token: String,
    /// What the reporter calls its form.
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    /// Where it was found.
    #[serde(default)]
    pub(super) url: String,
    /// In what.
    #[serde(default)]
    pub(super) source: String,
}

/// The key that a text is a secret of, with the secret's hint: from memory alone.
pub(super) fn owner(
    keyring: &Keyring,
    text: &str,
    now: Micros,
) -> Option<(Arc<KeyRecord>, String)> {
    let directory = keyring.current();
    let hint = text.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let holds = |key: &Arc<KeyRecord>, hash: [u8; 32]| {
        let is_it = |held: &SecretRecord| secret::same(&held.hash, &hash);
        key.secrets.iter().any(is_it).then(|| Arc::clone(key))
    };
    let key = if let Ok(parsed) = KeyText::parse(text) {
        holds(directory.at(parsed.id, now)?, parsed.hash(keyring.pepper()))?
    } else if let Ok(client) = key::parse_client(text) {
        holds(directory.at(client, now)?, key::hash(keyring.pepper(), text))?
    } else if token::is_token(text.as_bytes()) {
        let token = token::Tokens::new(keyring.pepper()).read(text.as_bytes()).ok()?;
        Arc::clone(directory.at(token.client, now)?)
    } else if directory.has_imported() && !key::is_ours(text.as_bytes()) {
        let hash = keyring.imported_hasher().of_text(text.as_bytes())?;
        Arc::clone(directory.imported(&hash, now)?)
    } else {
        return None;
    };
    Some((key, hint))
}

/// A text cut, without the secret that may stand in it.
fn without(text: &str, secret: &str, most: usize) -> String {
    let cleaned = text.replace(secret, "…");
    cleaned.chars().filter(|c| !c.is_control()).take(most).collect()
}

impl Leaks {
    /// Notes where a secret of a key was found and stops the key, unless this place is known already.
    pub(super) async fn act(
        &self,
        action: LeakAction,
        (key, hint): (&KeyRecord, String),
        found: &Found,
        now: Micros,
    ) -> Result<(), AccessError> {
        let by = By { actor: ACTOR, now };
        let digest = format!("{}\n{}\n{}", key.key, found.token, found.url);
        let leak = Leak {
            id: blake3::hash(digest.as_bytes()).to_string(),
            key: key.key,
            hint,
            kind: without(&found.kind, &found.token, WORD_MOST),
            url: without(&found.url, &found.token, URL_MOST),
            source: without(&found.source, &found.token, WORD_MOST),
            action: action.as_str().to_owned(),
            found_at: now,
        };
        let mut tx = self.db.begin().await?;
        if !store::insert_leak(&mut tx, &leak).await? {
            return Ok(());
        }
        let (to, op) = match action {
            LeakAction::Revoke => (KeyStatus::Revoked, "revoke"),
            LeakAction::Quarantine | LeakAction::Off => (KeyStatus::Quarantined, "quarantine"),
        };
        let moved = keys::tighten(&mut tx, key.key, to, now).await?;
        let detail = json!({
            "leaked": true, "secret_hint": leak.hint, "type": leak.kind,
            "url": leak.url, "source": leak.source,
        });
        // A key that is stopped already is told of all the same.
        let op = if moved { op } else { "leak" };
        record(&mut tx, &by, change(Kind::Key, key.key, op, detail)).await?;
        tx.commit().await?;
        self.metrics.add(Tally::KeysLeaked, 1);
        tracing::warn!(key = %key.key, action = leak.action, "a key was reported as leaked");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_was_found_is_told_without_the_secret() {
        let url = "https://example.com/x?key=cpt_live_abc&y=1\u{7}";
        assert_eq!(without(url, "cpt_live_abc", 100), "https://example.com/x?key=…&y=1");
        assert_eq!(without("ééé", "z", 2), "éé");
    }
}

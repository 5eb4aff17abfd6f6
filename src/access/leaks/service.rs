//! What is done about a secret that was found.

use super::Leaks;
use super::store::{self, Found, Leak};
use crate::access::directory::{KeyRecord, Keyring, SecretRecord};
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, KeyText};
use crate::access::keys::model::KeyStatus;
use crate::access::keys::store::leak as keys;
use crate::access::keys::store::rotation::end_tokens;
use crate::access::service::{By, change};
use crate::access::store::record;
use crate::access::{Pepper, token};
use crate::config::LeakAction;
use crate::kernel::id::KeyId;
use crate::kernel::{Micros, secret};
use crate::storage::{StoreError, Tx};
use crate::telemetry::Tally;
use serde::Deserialize;
use serde_json::json;

/// Who the audit trail names.
const ACTOR: &str = "leak_report";
/// What the ids of leaks are derived for.
const LEAK_IDS: &str = "comptoir leaks";
/// And digests of their secrets.
const SECRETS: &str = "comptoir leaked secrets";
/// Most characters that are kept of where a secret was found, and of the words about it.
const URL_MOST: usize = 2_000;
const WORD_MOST: usize = 100;

/// A secret that was found.
#[derive(Debug, Deserialize)]
pub(super) struct Reported {
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

/// Whose secret a text is.
#[derive(Debug)]
pub(super) struct Owner {
    what: Found,
    /// Whether it works, now or later: what has ended is told of, and no reason to stop anything.
    works: bool,
    /// A keyed digest of the secret.
    secret: String,
    /// The last characters of the text.
    hint: String,
}

/// The key that a text is a secret of, whether it works, and what stands for it among secrets of the key: from memory
/// alone.
fn key_of(keyring: &Keyring, text: &str, now: Micros) -> Option<(KeyId, bool, String)> {
    let directory = keyring.current();
    let holds = |key: &KeyRecord, hash: [u8; 32]| {
        let is_it = |held: &&SecretRecord| secret::same(&held.hash, &hash);
        let held = key.secrets.iter().find(is_it)?;
        Some((key.key, held.expires_at.is_none_or(|at| at > now), text.to_owned()))
    };
    if let Ok(parsed) = KeyText::parse(text) {
        return holds(directory.at(parsed.id, now)?, parsed.hash(keyring.pepper()));
    }
    if let Ok(client) = key::parse_client(text) {
        return holds(directory.at(client, now)?, key::hash(keyring.pepper(), text));
    }
    if token::is_token(text.as_bytes()) {
        let token = token::Tokens::new(keyring.pepper()).read(text.as_bytes()).ok()?;
        let client = directory.at(token.client, now)?;
        let works = token.expires_at > now && token.generation >= client.token_generation;
        // A client has many, and all of a generation end together.
        return Some((client.key, works, format!("{}/{}", token.client, token.generation)));
    }
    if !directory.has_imported() || key::is_ours(text.as_bytes()) {
        return None;
    }
    let hash = keyring.imported_hasher().of_text(text.as_bytes())?;
    holds(directory.imported(&hash, now)?, hash)
}

/// A text cut, without the secret that may stand in it.
fn without(text: &str, secret: &str, most: usize) -> String {
    let cleaned = text.replace(secret, "…");
    cleaned.chars().filter(|c| !c.is_control()).take(most).collect()
}

impl Leaks {
    /// Whose secret a text is, if it is one of ours.
    pub(super) async fn owner(
        &self,
        keyring: &Keyring,
        text: &str,
        now: Micros,
    ) -> Result<Option<Owner>, AccessError> {
        let hint = text.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        // Keyed, so that a stolen table cannot be asked whether a guess at a secret is right.
        let digest = |secret: &str| {
            blake3::Hash::from_bytes(keyring.pepper().derive(SECRETS, secret)).to_string()
        };
        if let Ok(id) = key::parse_admin(text) {
            let hash = key::hash(keyring.pepper(), text);
            let stands = store::token_stands(&self.db, (id, &hash), now).await?;
            let (what, secret) = (Found::Token(id), digest(text));
            return Ok(stands.map(|works| Owner { what, works, secret, hint }));
        }
        let key = key_of(keyring, text, now);
        Ok(key.map(|(key, works, secret)| Owner {
            what: Found::Key(key),
            works,
            secret: digest(&secret),
            hint,
        }))
    }

    /// Notes where a secret was found and stops what it is of, unless this place is known already; whether it
    /// was new.
    pub(super) async fn act(
        &self,
        (action, pepper): (LeakAction, &Pepper),
        Owner { what, works, secret, hint }: Owner,
        found: &Reported,
        now: Micros,
    ) -> Result<bool, AccessError> {
        let by = By::new(ACTOR, now);
        let digest = format!("{what}\n{}\n{}", found.token, found.url);
        let (kind, action) = match what {
            Found::Key(_) => (Kind::Key, action.as_str()),
            Found::Token(_) => (Kind::AdminToken, "suspend"),
        };
        let leak = Leak {
            // Keyed, as that of the secret.
            id: blake3::Hash::from_bytes(pepper.derive(LEAK_IDS, &digest)).to_string(),
            what,
            hint,
            kind: without(&found.kind, &found.token, WORD_MOST),
            url: without(&found.url, &found.token, URL_MOST),
            source: without(&found.source, &found.token, WORD_MOST),
            action: action.to_owned(),
            found_at: now,
        };
        let mut tx = self.db.begin().await?;
        if !store::insert_leak(&mut tx, &leak, works.then_some(&*secret)).await? {
            return Ok(false);
        }
        let moved = if works { stop(&mut tx, what, action, now).await? } else { None };
        let made = match what {
            Found::Token(id) if works => store::suspend_made_with(&mut tx, id).await?,
            _ => Vec::new(),
        };
        let detail = json!({
            "leaked": true, "secret_hint": leak.hint, "type": leak.kind,
            "url": leak.url, "source": leak.source, "works": works,
        });
        // What is stopped already, or has ended, is told of all the same.
        let op = moved.unwrap_or("leak");
        record(&mut tx, &by, change(kind, what, op, detail)).await?;
        for token in &made {
            // Whoever found a token may have made others with it before it was known.
            let detail = json!({ "made_with_leaked": what.to_string() });
            record(&mut tx, &by, change(kind, token, "suspend", detail)).await?;
        }
        // One secret in a hundred files of a repository is one piece of news; another one of a key that is stopped
        // is one, too: who rotates the key and resumes it has to know.
        let is_news =
            works && (moved.is_some() || store::count(&mut tx, what, &secret).await? == 1);
        if !is_news {
            store::note_told(&mut tx, &leak, now).await?;
        }
        tx.commit().await?;
        self.metrics.add(Tally::KeysLeaked, 1);
        tracing::warn!(%what, action = leak.action, "a secret was reported as leaked");
        Ok(true)
    }
}

/// Stops what a secret is of; what was done, where anything was.
async fn stop(
    tx: &mut Tx,
    what: Found,
    action: &str,
    now: Micros,
) -> Result<Option<&'static str>, StoreError> {
    let (op, moved) = match what {
        Found::Token(id) => ("suspend", store::suspend_token(tx, id).await?),
        Found::Key(id) => {
            // Who has the secret may have got tokens for it, and an access token may be what was found.
            end_tokens(tx, id).await?;
            if action == LeakAction::Revoke.as_str() {
                ("revoke", keys::tighten(tx, id, KeyStatus::Revoked, now).await?)
            } else {
                ("quarantine", keys::tighten(tx, id, KeyStatus::Quarantined, now).await?)
            }
        }
    };
    Ok(moved.then_some(op))
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

//! Refusals of who has come in and may not, in the audit log: the first at once, and how many came close behind it with
//! the next one, or at the stop. The log is for ever and every change waits for it, so nobody fills it by being refused.

use crate::access::audit::{Deed, append, note};
use crate::access::service::By;
use crate::http::Code;
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use crate::storage::{Db, StoreError};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;

/// How far apart entries are of one actor, who is refused the same for the same reason.
const APART: i64 = MINUTE;
/// Most of which it is known when they were last written down.
const KNOWN_MOST: usize = 10_000;

/// Who was refused what, and why, with the particulars.
type Refusal = (String, String, Code, String);

/// The last entry of a refusal.
#[derive(Debug)]
struct Entry {
    at: Micros,
    /// Refusals since then, of which there is no entry.
    more: u64,
}

/// What this node has refused of late.
#[derive(Debug, Default)]
pub struct Refused(Mutex<HashMap<Refusal, Entry>>);

impl Refused {
    /// Counts a refusal: how many there were before it without an entry, where it has one itself.
    fn count(&self, refusal: Refusal, now: Micros) -> Option<u64> {
        let mut known = self.0.lock();
        let is_close = |entry: &Entry| (0..APART).contains(&(now.0 - entry.at.0));
        if let Some(entry) = known.get_mut(&refusal)
            && is_close(entry)
        {
            entry.more += 1;
            return None;
        }
        if known.len() >= KNOWN_MOST {
            known.retain(|_, entry| is_close(entry));
        }
        let before = known.remove(&refusal).map_or(0, |entry| entry.more);
        if known.len() < KNOWN_MOST {
            known.insert(refusal, Entry { at: now, more: 0 });
        }
        Some(before)
    }

    /// What was counted for entries that have not come, which is forgotten with this.
    fn take_rest(&self) -> Vec<(Refusal, u64)> {
        let known = std::mem::take(&mut *self.0.lock()).into_iter();
        known.map(|(refusal, entry)| (refusal, entry.more)).filter(|(_, more)| *more > 0).collect()
    }

    /// Writes down what was counted for entries that will not come, because this process stops. Such an entry says how
    /// many `more` there were, and is no refusal itself.
    pub async fn tell_rest(&self, db: &Db, now: Micros) -> Result<(), StoreError> {
        let rest = self.take_rest();
        if rest.is_empty() {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        for ((actor, what, code, detail), more) in rest {
            let mut detail: Value = serde_json::from_str(&detail).unwrap_or_default();
            detail["more"] = json!(more);
            append(&mut tx, &By::new(&actor, now), deed(&what, code, detail)).await?;
        }
        tx.commit().await
    }

    /// Writes a refusal down, or counts it for the next entry.
    pub async fn tell(
        &self,
        db: &Db,
        by: &By<'_>,
        (what, code): (&str, Code),
        mut detail: Value,
    ) -> Result<(), StoreError> {
        let refusal = (by.actor.to_owned(), what.to_owned(), code, detail.to_string());
        let Some(before) = self.count(refusal, by.now) else { return Ok(()) };
        if before > 0 {
            detail["more_before"] = json!(before);
        }
        note(db, by, deed(what, code, detail)).await
    }
}

fn deed(what: &str, code: Code, mut detail: Value) -> Deed {
    detail["code"] = json!(code.as_str());
    Deed { action: "access.refuse".into(), subject: what.into(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_once_in_a_minute_and_the_rest_with_the_next() {
        let refused = Refused::default();
        let count = |what: &str, at: i64| {
            let code = Code::InsufficientRole;
            refused.count(("adm_1".into(), what.into(), code, "{}".into()), Micros(at))
        };
        assert_eq!(count("list_keys", 0), Some(0));
        assert_eq!((count("list_keys", 1), count("list_keys", APART - 1)), (None, None));
        assert_eq!(count("get_key", 1), Some(0));
        assert_eq!(count("list_keys", APART), Some(2));
        assert_eq!((count("list_keys", APART + 1), count("list_keys", 2 * APART)), (None, Some(1)));
        // A clock that was put back hides nothing.
        assert_eq!(count("list_keys", 0), Some(0));
    }

    #[test]
    fn what_is_known_is_bounded_and_nothing_is_hidden_beyond() {
        let refused = Refused::default();
        let count = |n: usize| {
            let (actor, code) = (format!("adm_{n}"), Code::InsufficientRole);
            refused.count((actor, "list_keys".into(), code, "{}".into()), Micros(0))
        };
        for n in 0..KNOWN_MOST {
            assert_eq!(count(n), Some(0));
        }
        assert_eq!((count(KNOWN_MOST), count(KNOWN_MOST)), (Some(0), Some(0)));
        assert_eq!(count(0), None);
        assert_eq!(refused.0.lock().len(), KNOWN_MOST);
    }
}

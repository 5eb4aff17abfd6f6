//! Accounts in the memory of this process.

use super::decision::Decision;
use super::gcra::Account;
use super::policy::Limits;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;

/// Who is held to limits: an app, on one side of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectId {
    /// The app.
    pub app: AppId,
    /// Whether it is the app's live keys, or its test keys.
    pub live: bool,
}

/// The account of one subject. Keep it beside the subject's other facts, and no call looks it up.
#[derive(Debug, Default)]
pub struct Subject(Mutex<Account>);

impl Subject {
    pub(super) fn take(&self, limits: &Limits, now: Micros, weight_milli: u32) -> Decision {
        self.0.lock().take(limits, now, weight_milli)
    }
}

/// The accounts of all subjects that this process has seen.
#[derive(Debug, Default)]
pub struct LocalLimiter {
    subjects: Mutex<HashMap<SubjectId, Arc<Subject>>>,
}

impl LocalLimiter {
    /// The account of a subject: the same one however often it is asked for.
    #[must_use]
    pub fn handle(&self, id: SubjectId) -> Arc<Subject> {
        Arc::clone(self.subjects.lock().entry(id).or_default())
    }

    /// Forgets accounts that nobody holds and that owe nothing; how many are left.
    pub fn retain_recent(&self, now: Micros) -> usize {
        let mut subjects = self.subjects.lock();
        // Handles are given out under this lock only, so a count of one is final.
        subjects.retain(|_, s| Arc::strong_count(s) > 1 || !s.0.lock().settled(now));
        subjects.len()
    }
}

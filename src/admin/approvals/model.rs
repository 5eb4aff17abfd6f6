//! What waits for a second person, and how it stands with it.

use crate::access::service::By;
use crate::admin::accounts::actions::{FirstPassword, gives_password};
use crate::admin::billing::recounted;
use crate::admin::state::AdminState;
use crate::billing::recounted::Recounted;
use crate::config::FourEyes;
use crate::http::ApiResult;
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use crate::kernel::word::words;
use crate::storage::Tx;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

words! {
    /// How it stands with an approval.
    pub enum Standing {
        /// It waits for somebody to decide.
        Waiting = "waiting",
        /// It was approved, and is done when who has asked claims it: it makes a secret, which they alone see.
        Claimable = "claimable",
        /// It was approved, and the action was done.
        Approved = "approved",
        /// It was rejected.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
    }
}

/// Does an action as its payload says; what the operation answers.
pub type Run = for<'a> fn(
    &'a AdminState,
    &'a mut Tx,
    &'a By<'a>,
    &'a What<'a>,
) -> LocalBoxFuture<'a, ApiResult<Value>>;

/// What an action is run with.
#[derive(Debug)]
pub struct What<'a> {
    pub(super) payload: &'a Value,
    /// The first password that it gives out; none where it is only tried out.
    pub first: Option<FirstPassword>,
    /// What was counted again of the billing period that it closes.
    pub recounted: Recounted,
}

impl<'a> What<'a> {
    /// What people are shown an action with.
    #[must_use]
    pub fn of(payload: &'a Value) -> Self {
        Self { payload, first: None, recounted: Recounted::default() }
    }

    /// What an action is tried out with, and all that one is run with which gives out no password. Made before the
    /// transaction, too.
    pub async fn tried(state: &AdminState, action: &Action, payload: &'a Value) -> ApiResult<Self> {
        let recounted = recounted(state, action, payload).await?;
        Ok(Self { recounted, ..Self::of(payload) })
    }

    /// What it is about.
    #[must_use]
    pub fn payload(&self) -> &Value {
        self.payload
    }

    /// What an action is run with. Made before the transaction, which keeps others waiting: to hash a password
    /// takes long, and longer where many come in.
    pub async fn made(state: &AdminState, action: &Action, payload: &'a Value) -> ApiResult<Self> {
        let first = match gives_password(action) {
            true => Some(FirstPassword::make(&state.pepper).await?),
            false => None,
        };
        Ok(Self { first, ..Self::tried(state, action, payload).await? })
    }
}

/// Something that may have to wait for a second person.
#[derive(Debug)]
pub struct Action {
    /// The id of its operation, whose right the second person needs too.
    pub operation: &'static str,
    /// The word in `admin.four_eyes` that makes it wait.
    pub word: FourEyes,
    /// Does it.
    pub run: Run,
    /// What people are shown of it where it waits: what it rests upon, kept from others until the end of the
    /// transaction. It is done only as long as that is the same. `None` where its handler says what is shown and
    /// `run` itself sees whether that is so still.
    pub shows: Option<Run>,
    /// Whether what it answers with such a payload holds a secret: it is then done when who has asked claims it.
    pub makes_secret: fn(&Value) -> bool,
}

/// An action that waits, or has waited, for a second person.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The operation.
    pub action: String,
    /// What will be done.
    pub payload: Value,
    /// What people are shown of it.
    pub preview: Value,
    /// How it stands.
    pub status: Standing,
    /// Who asks.
    pub asked_by: String,
    /// The person behind them.
    pub asked_person: String,
    /// When they asked.
    pub asked_at: Micros,
    /// Until when it can be decided.
    pub expires_at: Micros,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Micros>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

impl Approval {
    /// How it stands at a time.
    #[must_use]
    pub fn standing(&self, now: Micros) -> Standing {
        match self.status {
            Standing::Waiting | Standing::Claimable if now >= self.expires_at => Standing::Expired,
            status => status,
        }
    }
}

/// What became of an action.
#[derive(Debug)]
pub enum Outcome {
    /// It was done; what the operation answers.
    Done(Value),
    /// It waits for a second person.
    Waits(Box<Approval>),
}

/// What decides whether an action waits, and what people are shown of it while it does.
#[derive(Debug)]
pub struct Shown {
    /// Whether it is one that the setting is about.
    pub matters: bool,
    /// What comes of it, for people.
    pub preview: Value,
    /// Until when it can be done at all.
    pub until: Option<Micros>,
}

impl Shown {
    /// What the action itself shows, where it waits because it is refused to one person.
    #[must_use]
    pub fn by_action() -> Self {
        (false, Value::Null).into()
    }
}

impl From<(bool, Value)> for Shown {
    fn from((matters, preview): (bool, Value)) -> Self {
        Self { matters, preview, until: None }
    }
}

//! An application and its life.

use crate::access::model::Name;
use crate::access::partners::model::Email;
use crate::access::text::Text;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, ApplicationId, KeyId, PartnerId, PlanId};
use crate::kernel::language::LanguageTag;
use crate::kernel::word::words;

/// What an app is for.
pub type Purpose = Text<2_000>;

words! {
    /// Where an application stands.
    #[schema(as = ApplicationState)]
    pub enum State {
        /// Its address has not been verified: nobody looks at it.
        Unverified = "unverified",
        /// It waits for a decision.
        Pending = "pending",
        /// Partner, app and subscription are made.
        Approved = "approved",
        /// It was not approved.
        Rejected = "rejected",
        /// Who wrote it took it back.
        Withdrawn = "withdrawn",
    }
}

/// What an application says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The organisation that applies.
    pub organisation: Name,
    /// Who writes for it.
    pub contact_name: Name,
    /// Where mails go.
    pub email: Email,
    /// The language of the mails.
    pub language: Option<LanguageTag>,
    /// The app.
    pub app_name: Name,
    /// What it is for.
    pub purpose: Purpose,
    /// The plan that it asks for.
    pub plan: PlanId,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Where it stands.
    pub state: State,
    /// What it says.
    pub wish: Wish,
    /// Why it was rejected or, while it waits, why it was not approved by itself.
    pub reason: Option<String>,
    /// The partner, once it is approved.
    pub partner: Option<PartnerId>,
    /// The app, once it is approved.
    pub app: Option<AppId>,
    /// The first key, once it was claimed.
    pub key: Option<KeyId>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Micros>,
    /// When it was written.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

//! Publishing purposes and notices, and withdrawing them. Each change is one transaction, which also writes the audit log.
//!
//! A version is never changed. What is withdrawn nobody is shown any more; consents that were given to it hold on, and
//! their words stay to be found by their address.

use super::purpose::{InvalidDocument, NoticeDocument, PurposeDocument, PurposeId};
use super::store::documents::{
    self, NotPublished, PublishedWords, notice_last, publish_notice, publish_purpose, purpose_last,
};
use super::store::withdrawn::{
    WithdrawnWords, WordsOf, withdraw, withdrawn_notices, withdrawn_purposes, withdrawn_up_to,
};
use crate::access::audit::{Deed, append};
use crate::access::error::{AccessError, Kind};
use crate::access::service::{By, app_exists};
use crate::access::store::hold_app;
use crate::access::text::Reason;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError, Tx, one_at_a_time};
use serde_json::{Value, json};

/// Longest name of a notice.
const NAME_MOST: usize = 64;
/// What writers of notices follow each other by; those of purposes do by the app.
const NOTICES: &str = "consent_notices";

/// A version of words, and its withdrawal where it is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWords<D> {
    /// The words.
    pub published: PublishedWords<D>,
    /// Their withdrawal.
    pub withdrawn: Option<WithdrawnWords>,
}

impl<D> KeptWords<D> {
    /// Words with what of some withdrawals concerns them: the first that came behind them.
    fn of(published: PublishedWords<D>, id: &str, all: &[WithdrawnWords]) -> Self {
        let concerns = |it: &&WithdrawnWords| it.id == id && it.version >= published.version;
        let withdrawn = all.iter().find(concerns).cloned();
        Self { published, withdrawn }
    }
}

/// What is wrong, at the field that is.
fn refused(error: NotPublished) -> AccessError {
    let field = match &error {
        NotPublished::Store(_) | NotPublished::Version(_) => "version",
        NotPublished::Document(error) => match error {
            InvalidDocument::Text | InvalidDocument::NotCanonical(_) => "text",
            InvalidDocument::Scopes => "scopes",
            InvalidDocument::Required | InvalidDocument::SpecialRequired(_) => "required",
            InvalidDocument::Basis(_) | InvalidDocument::CategoryBasis(_) => "legal_basis",
            InvalidDocument::Code => "code",
            InvalidDocument::Days => "max_duration_days",
            InvalidDocument::Version => "version",
        },
    };
    match error {
        NotPublished::Store(error) => error.into(),
        other => AccessError::Field { field, message: other.to_string() },
    }
}

async fn tell(
    tx: &mut Tx,
    by: &By<'_>,
    (action, subject): (&str, String),
    detail: Value,
) -> Result<(), StoreError> {
    append(tx, by, Deed { action: action.to_owned(), subject, detail }).await
}

/// Publishes a purpose of an app: its next version, or the last one where that says the same and is not withdrawn.
/// Whether it is new.
pub async fn add_purpose(
    db: &Db,
    by: &By<'_>,
    document: &PurposeDocument,
) -> Result<(KeptWords<PurposeDocument>, bool), AccessError> {
    let (app, id) = (document.client_id, &document.purpose_id);
    let mut tx = db.begin().await?;
    hold_app(&mut tx, app).await?.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    let before = purpose_last(&mut tx, app, id).await?.map(|last| last.version);
    let published = publish_purpose(&mut tx, document, by.now).await;
    let published = published.map_err(refused)?;
    let is_new = before != Some(published.version);
    if is_new {
        let detail =
            json!({ "purpose_id": id, "version": published.version, "hash": published.hash });
        tell(&mut tx, by, ("purpose.publish", app.to_string()), detail).await?;
        tx.commit().await?;
    }
    Ok((KeptWords { published, withdrawn: None }, is_new))
}

/// All versions of all purposes of an app, by their names and numbers.
pub async fn purposes(db: &Db, app: AppId) -> Result<Vec<KeptWords<PurposeDocument>>, AccessError> {
    if !app_exists(db, app).await? {
        return Err(AccessError::not_found(Kind::App, app));
    }
    let withdrawn = withdrawn_purposes(db, app).await?;
    let all = documents::purposes_of(db, app).await?.into_iter().map(|published| {
        let id = published.document.purpose_id.to_string();
        KeptWords::of(published, &id, &withdrawn)
    });
    Ok(all.collect())
}

/// The last version of a purpose of an app, also where it is withdrawn.
pub async fn purpose(
    db: &Db,
    app: AppId,
    id: &PurposeId,
) -> Result<KeptWords<PurposeDocument>, AccessError> {
    let mut all = purposes(db, app).await?.into_iter();
    let last = all.rfind(|it| it.published.document.purpose_id == *id);
    last.ok_or_else(|| AccessError::not_found(Kind::Purpose, id))
}

/// Withdraws a purpose of an app with all versions that it has so far. Withdrawing it again changes nothing.
pub async fn withdraw_purpose(
    db: &Db,
    by: &By<'_>,
    (app, id): (AppId, &PurposeId),
    reason: &Reason,
) -> Result<KeptWords<PurposeDocument>, AccessError> {
    let mut tx = db.begin().await?;
    hold_app(&mut tx, app).await?.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    let last = purpose_last(&mut tx, app, id).await?;
    let last = last.ok_or_else(|| AccessError::not_found(Kind::Purpose, id))?;
    let words = WordsOf::Purpose(app, id);
    if withdrawn_up_to(&mut tx, words).await? < last.version {
        let why = (last.version, by.actor, reason.as_str());
        withdraw(&mut tx, words, why, by.now).await?;
        let detail =
            json!({ "purpose_id": id, "version": last.version, "reason": reason.as_str() });
        tell(&mut tx, by, ("purpose.withdraw", app.to_string()), detail).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    purpose(db, app, id).await
}

fn is_name(text: &str) -> bool {
    let may_stand = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=NAME_MOST).contains(&text.len()) && text.bytes().all(may_stand)
}

/// The same with a notice.
pub async fn add_notice(
    db: &Db,
    by: &By<'_>,
    document: &NoticeDocument,
) -> Result<(KeptWords<NoticeDocument>, bool), AccessError> {
    let id = &document.notice_id;
    if !is_name(id) {
        let message = "must be 1 to 64 small letters, digits and hyphens".to_owned();
        return Err(AccessError::Field { field: "notice_id", message });
    }
    let mut tx = db.begin().await?;
    one_at_a_time(&mut tx, NOTICES).await?;
    let before = notice_last(&mut tx, id).await?.map(|last| last.version);
    let published = publish_notice(&mut tx, document, by.now).await;
    let published = published.map_err(refused)?;
    let is_new = before != Some(published.version);
    if is_new {
        let detail = json!({ "version": published.version, "hash": published.hash });
        tell(&mut tx, by, ("notice.publish", id.clone()), detail).await?;
        tx.commit().await?;
    }
    Ok((KeptWords { published, withdrawn: None }, is_new))
}

/// All versions of all notices, by their names and numbers.
pub async fn notices(db: &Db) -> Result<Vec<KeptWords<NoticeDocument>>, StoreError> {
    let withdrawn = withdrawn_notices(db).await?;
    let all = documents::notices(db).await?.into_iter().map(|published| {
        let id = published.document.notice_id.clone();
        KeptWords::of(published, &id, &withdrawn)
    });
    Ok(all.collect())
}

/// The last version of a notice, also where it is withdrawn.
pub async fn notice(db: &Db, id: &str) -> Result<KeptWords<NoticeDocument>, AccessError> {
    let mut all = notices(db).await?.into_iter();
    let last = all.rfind(|it| it.published.document.notice_id == id);
    last.ok_or_else(|| AccessError::not_found(Kind::Notice, id))
}

/// Withdraws a notice with all versions that it has so far.
pub async fn withdraw_notice(
    db: &Db,
    by: &By<'_>,
    id: &str,
    reason: &Reason,
) -> Result<KeptWords<NoticeDocument>, AccessError> {
    let mut tx = db.begin().await?;
    one_at_a_time(&mut tx, NOTICES).await?;
    let last = notice_last(&mut tx, id).await?;
    let last = last.ok_or_else(|| AccessError::not_found(Kind::Notice, id))?;
    let words = WordsOf::Notice(id);
    if withdrawn_up_to(&mut tx, words).await? < last.version {
        let why = (last.version, by.actor, reason.as_str());
        withdraw(&mut tx, words, why, by.now).await?;
        let detail = json!({ "version": last.version, "reason": reason.as_str() });
        tell(&mut tx, by, ("notice.withdraw", id.to_owned()), detail).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    notice(db, id).await
}

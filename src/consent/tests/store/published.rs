//! Purposes and notices are found by name and by address, in the words that were published.

use super::*;
use crate::consent::purpose::InvalidDocument;
use crate::consent::store::documents::{
    self, NotPublished, PublishedWords, notice_at, publish_notice, publish_purpose, purpose_at,
    purposes_of,
};

async fn publish(
    db: &Db,
    document: &PurposeDocument,
) -> Result<PublishedWords<PurposeDocument>, NotPublished> {
    let mut tx = db.begin().await?;
    let published = publish_purpose(&mut tx, document, NOW).await?;
    tx.commit().await?;
    Ok(published)
}

#[tokio::test]
async fn a_purpose_has_versions_and_each_its_address() {
    let db = database().await;
    let (first, other) = (purpose(), PurposeDocument { retention_days: 7, ..purpose() });
    let one = publish(&db, &first).await.unwrap();
    assert_eq!((one.version, one.hash), (1, first.address().unwrap()));
    assert_eq!(publish(&db, &first).await.unwrap(), one, "the same is no new version");
    assert_eq!(publish(&db, &other).await.unwrap().version, 2);
    assert_eq!(publish(&db, &first).await.unwrap().version, 3, "what was said before, anew");
    let found = documents::purpose(&db, AppId(2), &first.purpose_id).await.unwrap().unwrap();
    assert_eq!((found.version, found.document), (3, first.clone()));
    assert_eq!(documents::purpose(&db, AppId(3), &first.purpose_id).await.unwrap(), None);
    let at = purpose_at(&db, other.address().unwrap()).await.unwrap().unwrap();
    assert_eq!((at.version, &at.document), (2, &other));
    assert_eq!(purpose_at(&db, first.address().unwrap()).await.unwrap().unwrap().version, 1);
    let all = purposes_of(&db, AppId(2)).await.unwrap();
    assert_eq!(all.iter().map(|it| it.version).collect::<Vec<_>>(), [1, 2, 3]);
    // The record of a consent proves the words by their address.
    let asked = requested(1).record.purpose.purpose_text_hash;
    assert_eq!(purpose_at(&db, asked).await.unwrap().unwrap().document, first);
    let wrong = PurposeDocument { max_duration_days: 0, ..purpose() };
    let refused = publish(&db, &wrong).await;
    assert!(matches!(refused, Err(NotPublished::Document(InvalidDocument::Days))), "{refused:?}");
}

#[tokio::test]
async fn a_notice_says_its_own_version() {
    let db = database().await;
    let publish = async |version| {
        let document = NoticeDocument { version, ..notice() };
        let mut tx = db.begin().await.unwrap();
        let published = publish_notice(&mut tx, &document, NOW).await;
        tx.commit().await.unwrap();
        published
    };
    assert!(matches!(publish(3).await, Err(NotPublished::Version(1))));
    let first = publish(1).await.unwrap();
    assert_eq!(publish(1).await.unwrap(), first);
    assert!(matches!(publish(3).await, Err(NotPublished::Version(2))));
    let second = publish(2).await.unwrap();
    assert!(matches!(publish(1).await, Err(NotPublished::Version(3))), "what was is not said anew");
    assert_eq!(documents::notice(&db, "sharing").await.unwrap(), Some(second.clone()));
    assert_eq!(documents::notice(&db, "other").await.unwrap(), None);
    assert_eq!(notice_at(&db, first.hash).await.unwrap(), Some(first));
    assert_eq!(notice_at(&db, second.hash).await.unwrap(), Some(second));
}

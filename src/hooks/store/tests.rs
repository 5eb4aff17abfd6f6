use super::*;
use crate::storage::testing::database;

fn made() -> Subscription {
    let text = str::to_owned;
    Subscription {
        id: text("sub_1"),
        app_id: text("app_1"),
        key_id: text("key_1"),
        url: text("https://hooks.example.com/"),
        description: None,
        events: text("price.changed"),
        filter: text("{}"),
        status: text("active"),
        status_reason: None,
        position: 0,
        generation: 1,
        previous_until: None,
        created_at: 1,
        updated_at: 1,
    }
}

#[tokio::test]
async fn a_change_undoes_nothing_that_happened_since_it_was_read() {
    let (db, made) = (database().await, made());
    assert!(insert(&db, &made, 9).await.unwrap());
    let named = |read: &Subscription| {
        let description = Some("Prices".to_owned());
        Subscription { description, updated_at: read.updated_at + 1, ..read.clone() }
    };
    let now = async || find(&db, &made.app_id, &made.id).await.unwrap().unwrap();
    // Its receiver fails while the app gives it a description.
    disable(&db, &made.id, ("receiver_failing", 0), Micros(5)).await.unwrap();
    assert!(!update(&db, &named(&made), made.updated_at).await.unwrap());
    let read = now().await;
    assert_eq!((read.status.as_str(), read.description.as_deref()), ("disabled", None));
    assert!(update(&db, &named(&read), read.updated_at).await.unwrap());
    let written = now().await;
    assert_eq!((written.status.as_str(), written.updated_at), ("disabled", 6));
    assert_eq!(written.description.as_deref(), Some("Prices"));
}

#[tokio::test]
async fn nothing_is_left_of_a_subscription_that_is_gone() {
    const COUNT: &str = "SELECT COUNT(*) FROM deliveries";
    let (db, made) = (database().await, made());
    assert!(insert(&db, &made, 9).await.unwrap());
    let message = |position| New { position, event: "price.changed", payload: "{}".to_owned() };
    let times = (Micros(1), Micros(9));
    assert!(advance(&db, &made.id, (0, 1), &[message(1)], times).await.unwrap());
    delete(&db, &made.id).await.unwrap();
    assert!(!advance(&db, &made.id, (1, 2), &[message(2)], times).await.unwrap());
    let left: i64 = on_db!(&*db, c => sqlx::query_scalar(COUNT).fetch_one(c).await).unwrap();
    assert_eq!(left, 0);
}

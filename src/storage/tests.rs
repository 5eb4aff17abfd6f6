//! Migrations of databases that hold something.

use super::Db;
use super::testing::{database, database_before};
use std::time::{Duration, Instant};

async fn run(db: &Db, statements: &[&'static str]) {
    let mut tx = db.begin().await.unwrap();
    for statement in statements {
        let done = on_tx!(&mut tx, c => sqlx::query(*statement).execute(c).await.map(|_| ()));
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tx.commit().await.unwrap();
}

async fn words(db: &Db, sql: &'static str) -> Vec<String> {
    on_db!(db, c => sqlx::query_scalar(sql).fetch_all(c).await).unwrap()
}

const PROMOTIONS: &str = r#"INSERT INTO promotions
        (id, code, body, hash, version, updated_at, deleted_at) VALUES
        ('prm_00000000own', 'own', '{"title":"-5%","audience":"personal","version":3}', '', 3, 1, NULL),
        ('prm_0000000gone', 'gone', '{"audience":"personal"}', '', 2, 1, 4),
        ('prm_0000000club', 'club', '{"title":"\"audience\":\"personal\"","audience":"member"}', '', 1, 1, NULL),
        ('prm_0000000over', 'over', '{"audience":"public"}', '', 2, 1, 7)"#;
const OFFERS: &str = "INSERT INTO offers (product_id, store_id, channel, currency, price, price_type,
        tax_included, promotion_ids, as_of, version, updated_at, deleted_at) VALUES
        ('p', 'a', 'online', 'EUR', 1, 'regular', TRUE, 'prm_0000000over prm_00000000own prm_0000000club', 1, 4, 1, NULL),
        ('p', 'b', 'online', 'EUR', 1, 'regular', TRUE, 'prm_0000000none', 1, 1, 1, NULL),
        ('p', 'c', 'online', 'EUR', 1, 'regular', TRUE, 'prm_0000000club', 1, 1, 1, NULL),
        ('p', 'd', 'online', 'EUR', 1, 'regular', TRUE, '', 1, 1, 1, NULL),
        ('p', 'e', 'online', 'EUR', 1, 'regular', TRUE, 'prm_00000000own', 1, 2, 1, 5)";
const LOG: &str =
    "INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at) VALUES
        (3, 'promotion', 'prm_00000000own', 'upsert', 'created', 1, 10),
        (4, 'promotion', 'prm_0000000club', 'upsert', 'created', 1, 11),
        (5, 'promotion', 'prm_0000000gone', 'delete', 'deleted', 2, 12),
        (6, 'product', 'p', 'upsert', 'created', 1, 13)";
const MESSAGES: &str =
    "INSERT INTO deliveries (id, subscription_id, position, event, payload, status,
        attempts, next_attempt_at, created_at) VALUES
        ('1', 's', 3, 'promotion.created', '{}', 'pending', 0, 0, 0),
        ('2', 's', 4, 'promotion.created', '{}', 'pending', 0, 0, 0)";
const FILES: &str = "INSERT INTO exports (id, kind, status, node, request, created_at)
        VALUES ('e', 'snapshot', 'ready', 'n', '{}', 1)";
const HEAD: &str = "UPDATE log_heads SET position = 6 WHERE log = 'change'";

#[tokio::test]
async fn promotions_of_one_customer_that_were_told_are_told_no_longer() {
    let db = database_before(23).await;
    run(&db, &[PROMOTIONS, OFFERS, LOG, MESSAGES, FILES, HEAD]).await;
    db.migrate().await.unwrap();

    let log = "SELECT position || ' ' || kind || ' ' || id || ' ' || op || ' ' || version || ' ' || occurred_at
        FROM change_log ORDER BY position";
    assert_eq!(
        words(&db, log).await,
        [
            "4 promotion prm_0000000club upsert 1 11",
            "6 product p upsert 1 13",
            "7 promotion prm_00000000own delete 4 13",
            "8 promotion prm_0000000gone delete 3 13",
            "9 offer p/a/online upsert 5 13",
            "10 offer p/b/online upsert 2 13",
            // Later, what names a promotion that is over.
            "11 offer p/a/online upsert 6 13",
        ]
    );
    let head = "SELECT CAST(position AS TEXT) FROM log_heads WHERE log = 'change'";
    assert_eq!(words(&db, head).await, ["11"]);
    let promotions = "SELECT code || ' ' || COALESCE(CAST(gone_at AS TEXT), '-') FROM promotions
        WHERE NOT personal ORDER BY code";
    assert_eq!(words(&db, promotions).await, ["club -", "over 7"]);
    let offers =
        "SELECT store_id || ': ' || promotion_ids || ' of ' || COALESCE(named_promotions, '-')
        FROM offers ORDER BY store_id";
    assert_eq!(
        words(&db, offers).await,
        [
            "a: prm_0000000club of prm_0000000over prm_00000000own prm_0000000club",
            "b:  of prm_0000000none",
            "c: prm_0000000club of -",
            "d:  of -",
            "e:  of prm_00000000own",
        ]
    );
    assert_eq!(words(&db, "SELECT id FROM deliveries").await, ["2"]);
    assert_eq!(words(&db, "SELECT id FROM exports").await, Vec::<String>::new());
}

#[tokio::test]
async fn offers_of_one_customer_that_were_told_are_told_no_longer() {
    const OFFERS: &str =
        "INSERT INTO offers (product_id, store_id, channel, currency, price, price_type,
        tax_included, promotion_ids, as_of, version, updated_at, deleted_at) VALUES
        ('p', 'a', 'online', 'EUR', 7, 'personal', TRUE, '', 1, 4, 1, NULL),
        ('p', 'b', 'online', 'EUR', 7, 'regular', TRUE, '', 1, 1, 1, NULL),
        ('p', 'c', 'online', 'EUR', 7, 'personal', TRUE, '', 1, 2, 1, 5)";
    const HISTORY: &str =
        "INSERT INTO price_history (product_id, store_id, channel, since, currency, price) VALUES
        ('p', 'a', 'online', 1, 'EUR', 9), ('p', 'a', 'online', 2, 'EUR', 7),
        ('p', 'b', 'online', 1, 'EUR', 7), ('p', 'c', 'online', 1, 'EUR', 7)";
    const LOG: &str =
        "INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at) VALUES
        (3, 'offer', 'p/a/online', 'upsert', 'price_changed', 4, 10),
        (4, 'offer', 'p/b/online', 'upsert', 'created', 1, 11),
        (5, 'offer', 'p/c/online', 'delete', 'deleted', 2, 12)";
    const HEAD: &str = "UPDATE log_heads SET position = 5 WHERE log = 'change'";
    let db = database_before(27).await;
    run(&db, &[OFFERS, HISTORY, LOG, MESSAGES, FILES, HEAD]).await;
    db.migrate().await.unwrap();
    let log = "SELECT position || ' ' || id || ' ' || op || ' ' || version || ' ' || occurred_at
        FROM change_log WHERE position > 5 ORDER BY position";
    assert_eq!(words(&db, log).await, ["6 p/a/online delete 5 12"]);
    let head = "SELECT CAST(position AS TEXT) FROM log_heads WHERE log = 'change'";
    assert_eq!(words(&db, head).await, ["6"]);
    let history = "SELECT store_id || ' ' || price FROM price_history ORDER BY store_id, since";
    assert_eq!(words(&db, history).await, ["a 9", "b 7"]);
    // Of the messages, the first told of the personal price.
    assert_eq!(words(&db, "SELECT id FROM deliveries").await, ["2"]);
    assert_eq!(words(&db, "SELECT id FROM exports").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_withdrawn_is_not_among_what_turns() {
    let db = database().await;
    let made = match &*db {
        Db::Sqlite { .. } => "SELECT sql FROM sqlite_master WHERE name = 'offers_turning'",
        Db::Postgres(_) => "SELECT indexdef FROM pg_indexes WHERE indexname = 'offers_turning'",
    };
    let made = words(&db, made).await;
    assert!(made[0].contains("deleted_at IS NULL"), "{made:?}");
    // The index serves the look for what is due; PostgreSQL reads tables of no rows whole.
    let Db::Sqlite { read, .. } = &*db else { return };
    let plan = "EXPLAIN QUERY PLAN SELECT 1 FROM offers
        WHERE turns_at <= 1 AND deleted_at IS NULL ORDER BY turns_at LIMIT 1";
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(plan).fetch_all(read).await.unwrap();
    assert!(steps.iter().all(|step| step.3.contains("offers_turning")), "{steps:?}");
}

#[tokio::test]
async fn the_last_use_of_a_key_is_the_latest_of_its_secrets_and_old_leaks_are_no_news() {
    const KEYS: [&str; 6] = [
        "INSERT INTO partners (id, name, status, created_at, updated_at) VALUES ('p', 'P', 'active', 1, 1)",
        "INSERT INTO plans (id, name, version, created_at, updated_at) VALUES ('l', 'L', 1, 1, 1)",
        "INSERT INTO apps (id, partner_id, first_plan_id, name, status, created_at, updated_at)
            VALUES ('a', 'p', 'l', 'A', 'active', 1, 1)",
        "INSERT INTO keys (id, app_id, environment, name, scopes, cidrs, status, created_at, updated_at)
            VALUES ('used', 'a', 'live', 'k', '', '', 'active', 1, 1),
            ('idle', 'a', 'live', 'k', '', '', 'active', 1, 1)",
        "INSERT INTO key_secrets (key_id, hash, hint, created_at, expires_at, last_used_at) VALUES
            ('used', '1', 'h', 1, 9, 8), ('used', '2', 'h', 2, NULL, 5), ('used', '3', 'h', 3, NULL, NULL),
            ('idle', '4', 'h', 1, NULL, NULL)",
        "INSERT INTO key_leaks (id, key_id, hint, type, url, source, action, found_at)
            VALUES ('x', 'used', 'h', 't', 'u', 's', 'quarantine', 7)",
    ];
    let db = database_before(35).await;
    run(&db, &KEYS).await;
    db.migrate().await.unwrap();
    let uses = "SELECT key_id || ' ' || last_used_at FROM key_uses";
    assert_eq!(words(&db, uses).await, ["used 8"]);
    assert_eq!(words(&db, "SELECT id || ' ' || told_at FROM key_leaks").await, ["x 7"]);
    assert_eq!(
        words(&db, "SELECT key_id FROM key_secrets WHERE taken_back").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn lists_that_were_there_are_of_the_first_version() {
    const LISTS: [&str; 2] = [
        "INSERT INTO customers (id, body) VALUES ('c', '{}')",
        "INSERT INTO customer_lists (id, customer_id, body) VALUES ('l', 'c', '{\"id\":\"l\"}')",
    ];
    let db = database_before(63).await;
    run(&db, &LISTS).await;
    db.migrate().await.unwrap();
    let lists = "SELECT id || ' ' || version || ' ' || body FROM customer_lists";
    assert_eq!(words(&db, lists).await, ["l 1 {\"id\":\"l\"}"]);
}

/// Whoever gives up while a transaction begins leaves none behind that the next one writes in.
#[tokio::test]
async fn a_transaction_that_nobody_waits_for_is_not_left_open() {
    let db = database().await;
    // Somewhere among these times `BEGIN` is under way.
    for microseconds in (0..2_000).step_by(20) {
        let gives_up = async {
            let began = Instant::now();
            while began.elapsed() < Duration::from_micros(microseconds) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            begun = db.begin() => drop(begun.unwrap()),
            () = gives_up => {}
        }
        db.until_none_is_in_a_transaction().await;
    }
}

/// SQLite ends a transaction by itself where the disk is full, unknown to who began it.
#[tokio::test]
async fn a_transaction_that_the_engine_has_ended_keeps_nobody_from_writing() {
    let db = database().await;
    for _ in 0..3 {
        let mut ended = db.begin().await.unwrap();
        on_tx!(&mut ended, c => sqlx::query("ROLLBACK").execute(c).await.map(|_| ())).unwrap();
        drop(ended);
    }
    run(&db, &[PROMOTIONS]).await;
    assert_eq!(words(&db, "SELECT id FROM promotions WHERE code = 'over'").await.len(), 1);
}

#[tokio::test]
async fn what_keeps_tables_is_that_of_this_version() {
    let db = database().await;
    let (old, names, made): (&[&str], _, _) = match &*db {
        Db::Sqlite { .. } => (
            &["CREATE TRIGGER usage_runs_no_update BEFORE UPDATE ON usage_runs
               BEGIN SELECT RAISE(ABORT, 'of an earlier version'); END"],
            "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
            "SELECT rowid || name FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        ),
        Db::Postgres(_) => (
            &[
                "CREATE FUNCTION usage_runs_keep() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION 'of an earlier version'; END $$",
                "CREATE TRIGGER usage_runs_no_update BEFORE UPDATE ON usage_runs
                 FOR EACH ROW EXECUTE FUNCTION usage_runs_keep()",
            ],
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
            "SELECT oid::text || tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
        ),
    };
    let before = (words(&db, names).await, words(&db, made).await);
    // Those of this version stay as they are.
    db.migrate().await.unwrap();
    assert_eq!((words(&db, names).await, words(&db, made).await), before);
    run(&db, old).await;
    db.migrate().await.unwrap();
    assert_eq!(words(&db, names).await, before.0);
    assert_ne!(words(&db, made).await, before.1);
}

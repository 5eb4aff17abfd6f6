//! Imports from file to tables, over a database of their own.

use super::*;
use crate::kernel::{Clock, Micros};
use crate::on_db;
use crate::storage::testing::{TestDb, database};
use std::io::Write as _;
use std::path::Path;

const DAY: i64 = 86_400_000_000;

struct Shop {
    dir: tempfile::TempDir,
    db: TestDb,
    clock: Clock,
}

impl Shop {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = database().await;
        Self { dir, db, clock: Clock::fixed("2026-11-22T10:00:00Z".parse::<Micros>().unwrap()) }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("feed")
    }

    async fn file(&self, feed: Feed, content: &[u8]) -> Result<Report, ImportError> {
        std::fs::write(self.path(), content).unwrap();
        let rejects = self.dir.path().join("rejects");
        import(&self.db, &self.clock, feed, &self.path(), None, Some(&rejects), &mut |_| {}).await
    }

    async fn counts(&self, feed: Feed, content: &str) -> (u64, u64, u64) {
        let report = self.file(feed, content.as_bytes()).await.unwrap();
        (report.accepted, report.unchanged, report.rejected)
    }

    async fn number(&self, sql: &'static str) -> i64 {
        on_db!(&*self.db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap()
    }

    async fn words(&self, sql: &'static str) -> Vec<String> {
        on_db!(&*self.db, c => sqlx::query_scalar(sql).fetch_all(c).await).unwrap()
    }
}

const PRODUCTS: &str = r#"{"sku":"1","name":"Vis","gtin":"3276550063551"}
{"sku":"2","name":"Clou"}
"#;
const STORE: &str = r#"{"store_code":"a","name":"Balma","time_zone":"Europe/Paris",
"address":{"address_country":"FR"},"geo":{"latitude":43.61,"longitude":1.49}}"#;
const REASONS: &str = "SELECT reason FROM change_log ORDER BY position";

fn offer(price: &str, as_of: &str) -> String {
    let price = format!(r#"{{"amount":"{price}","currency":"EUR"}}"#);
    format!(r#"{{"gtin":"3276550063551","store_code":"a","price":{price},"as_of":"{as_of}"}}"#)
}

fn one_line(text: &str) -> String {
    text.replace('\n', "")
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let shop = Shop::open().await;
    let store = one_line(STORE);
    for (feed, lines) in [
        (Feed::Categories, r#"{"code":"b","name":"B","parent_code":"a"}"#),
        (Feed::Products, PRODUCTS),
        (Feed::Stores, store.as_str()),
        (Feed::Promotions, r#"{"code":"P","title":"P","type":"points"}"#),
        (Feed::Offers, r#"{"sku":"1","store_code":"a","price":{"amount":2.39,"currency":"EUR"}}"#),
    ] {
        let rows = lines.lines().count() as u64;
        assert_eq!(shop.counts(feed, lines).await, (rows, 0, 0), "{feed:?}");
        let before = shop.words("SELECT body || version FROM products").await;
        let log = shop.number("SELECT position FROM log_heads WHERE log = 'change'").await;
        shop.clock.advance(DAY);
        assert_eq!(shop.counts(feed, lines).await, (0, rows, 0), "{feed:?}");
        assert_eq!(shop.words("SELECT body || version FROM products").await, before);
        assert_eq!(
            shop.number("SELECT position FROM log_heads WHERE log = 'change'").await,
            log,
            "{feed:?}"
        );
    }
    assert_eq!(shop.number("SELECT count(*) FROM change_log").await, 6);
    assert_eq!(shop.number("SELECT count(*) FROM imports").await, 10);
    assert_eq!(shop.number("SELECT count(DISTINCT sha256) FROM imports").await, 5);
}

#[tokio::test]
async fn bad_rows_are_told_and_the_rest_goes_in() {
    let shop = Shop::open().await;
    let lines = r#"{"sku":"1","name":"Vis","gtin":"3276550063551"}
not json
{"sku":"2","name":"Clou","gtin":"3276550063552"}
{"sku":"3","name":"Boulon","gtin":"3276550063551"}

{"op":"delete","sku":"9"}
{"sku":"4","name":"Rondelle"}"#;
    let report = shop.file(Feed::Products, lines.as_bytes()).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 4));
    let told: Vec<_> = report.first_rejected.iter().map(|r| (r.line, r.fault.code)).collect();
    let expected =
        [(2, "malformed"), (3, "invalid_gtin"), (4, "duplicate_gtin"), (6, "unknown_product")];
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    let duplicate = report.first_rejected.iter().find(|r| r.line == 4).unwrap();
    assert!(duplicate.fault.message.contains("sku 1"), "{}", duplicate.fault.message);
    let file = std::fs::read_to_string(shop.dir.path().join("rejects")).unwrap();
    assert_eq!(file.lines().count(), 4);
    assert!(file.contains("3276550063551 would be right"), "{file}");
    assert_eq!(shop.words("SELECT sku FROM products ORDER BY sku").await, ["1", "4"]);
}

#[tokio::test]
async fn a_broken_file_is_refused_before_anything_is_written() {
    let shop = Shop::open().await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for n in 0..5_000 {
        writeln!(packed, "{{\"sku\":\"{n}\",\"name\":\"Vis {n}\"}}").unwrap();
    }
    let packed = packed.finish().unwrap();
    let mut damaged = packed.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    for broken in [&packed[..packed.len() / 2], &damaged] {
        let error = shop.file(Feed::Products, broken).await.unwrap_err();
        assert!(matches!(error, ImportError::Broken { .. }), "{error}");
        assert_eq!(shop.number("SELECT count(*) FROM products").await, 0);
    }
    let report = shop.file(Feed::Products, &packed).await.unwrap();
    assert_eq!(report.accepted, 5_000);
    assert_eq!(shop.number("SELECT count(*) FROM products").await, 5_000);
}

#[tokio::test]
async fn a_price_that_changes_leaves_history_and_a_log_entry() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let at = |price, day| offer(price, &format!("2026-11-{day}T00:00:00Z"));
    assert_eq!(shop.counts(Feed::Offers, &at("2.39", "10")).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Offers, &at("1.99", "12")).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Offers, &at("9.99", "11")).await, (0, 1, 0));
    assert_eq!(shop.number("SELECT price FROM offers").await, 19_900);
    let history = "SELECT price || '@' || since FROM price_history ORDER BY since";
    assert_eq!(shop.words(history).await, ["23900@1794268800000000", "19900@1794441600000000"]);
    assert_eq!(
        shop.words(REASONS).await,
        ["created", "created", "created", "created", "price_changed"]
    );
    let id = shop.words("SELECT id FROM change_log WHERE kind = 'offer'").await;
    assert!(id[0].starts_with("prd_") && id[0].ends_with("/in_store"), "{id:?}");
    let gone = r#"{"op":"delete","sku":"1","store_code":"a"}"#;
    assert_eq!(shop.counts(Feed::Offers, gone).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Offers, gone).await, (0, 1, 0));
    assert_eq!(shop.number("SELECT version FROM offers WHERE deleted_at > 0").await, 3);
}

#[tokio::test]
async fn a_product_can_go_and_come_back() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    let gone = r#"{"op":"delete","sku":"1"}"#;
    assert_eq!(shop.counts(Feed::Products, gone).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Products, gone).await, (0, 1, 0));
    assert_eq!(shop.number("SELECT count(deleted_at) FROM products").await, 1);
    assert_eq!(shop.counts(Feed::Products, PRODUCTS).await, (1, 1, 0));
    assert_eq!(shop.number("SELECT version FROM products WHERE sku = '1'").await, 3);
    assert_eq!(shop.words(REASONS).await, ["created", "created", "deleted", "created"]);
}

#[tokio::test]
async fn the_newest_level_holds_whatever_the_order() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let level = |quantity: &str, hour: u32| {
        format!(
            r#"{{"sku":"1","store_code":"a","quantity":{quantity},"as_of":"2026-11-22T{hour:02}:00:00Z"}}"#
        )
    };
    let both = format!("{}\n{}", level("0", 9), level("7", 8));
    assert_eq!(shop.counts(Feed::Stock, &both).await, (1, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("7", 8)).await, (0, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0", 9)).await, (0, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0.1", 10)).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0.2", 11)).await, (1, 0, 0));
    assert_eq!(shop.number("SELECT quantity FROM stock_levels").await, 200);
    assert_eq!(shop.number("SELECT seq FROM stock_levels").await, 3);
    let turned = "SELECT reason FROM change_log WHERE kind = 'stock'";
    assert_eq!(shop.words(turned).await, ["created", "back_in_stock"]);
    let unknown = r#"{"sku":"8","store_code":"a","quantity":1}"#;
    assert_eq!(shop.counts(Feed::Stock, unknown).await, (0, 0, 1));
}

#[tokio::test]
async fn values_in_memory_go_the_same_way() {
    let shop = Shop::open().await;
    let values: Vec<_> = (0..1_200)
        .map(|n| serde_json::json!({"sku": format!("s{n}"), "name": "Vis"}))
        .chain([serde_json::json!({"sku": "s0", "name": ""})])
        .collect();
    let report = import_values(&shop.db, &shop.clock, Feed::Products, &values).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (1_200, 1));
    assert_eq!(report.first_rejected[0].line, 1_201);
    assert_eq!(shop.number("SELECT max(position) FROM change_log").await, 1_200);
}

#[tokio::test]
async fn real_price_rows_come_in_through_their_mapping() {
    let shop = Shop::open().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/feeds");
    for (name, feed, rows) in [
        (
            "products",
            Feed::Products,
            "id_producto,marca,nombre,presentacion\n7791274196843,SIN MARCA,Alcohol,300.0 cc\n",
        ),
        (
            "stores",
            Feed::Stores,
            "id_sucursal,id_provincia,localidad,direccion,latitud,longitud,nombre_sucursal,tipo_sucursal\n10-1-1,AR-B,San Isidro,Irigoyen 2647,-34.491345,-58.633768999999994,San Isidro,Hipermercado\n",
        ),
        (
            "prices",
            Feed::Offers,
            "fecha_relevamiento,id_producto,precio,id_sucursal\n2020-04-13,7791274196843,439.98900000000003,10-1-1\n2020-04-13,1,29.9,10-1-1\n",
        ),
    ] {
        let mapping = Mapping::load(&folder.join(format!("precios-claros-{name}.toml"))).unwrap();
        std::fs::write(shop.path(), rows).unwrap();
        let (path, mapping) = (shop.path(), Some(&mapping));
        let report = import(&shop.db, &shop.clock, feed, &path, mapping, None, &mut |_| {}).await;
        let report = report.unwrap();
        assert_eq!(report.accepted, 1, "{report:?}");
        assert_eq!(report.rejected, u64::from(feed == Feed::Offers), "{report:?}");
    }
    assert_eq!(shop.number("SELECT price FROM offers").await, 4_399_900);
    let as_of = shop.number("SELECT as_of FROM offers").await;
    assert_eq!(Micros(as_of).to_string(), "2020-04-13T03:00:00Z");
    let body = &shop.words("SELECT body FROM stores").await[0];
    assert!(body.contains(r#""longitude":-58.633769}"#), "{body}");
    let error = shop.file(Feed::Stores, &[0x1f, 0x8b, 0]).await.unwrap_err();
    assert!(error.to_string().contains("nothing was imported"), "{error}");
}

//! Imports from file to tables, over a database of their own.

mod at_once;
mod cascade;
mod personal;
mod prices;
mod turns;

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
async fn a_gtin_stays_with_the_product_whose_line_is_refused() {
    const OWNERS: &str = "SELECT sku || ' ' || gtin FROM products WHERE gtin > 0 ORDER BY sku";
    let shop = Shop::open().await;
    let line = |sku: &str, gtin: &str| format!(r#"{{"sku":"{sku}","name":"N","gtin":"{gtin}"}}"#);
    let gtins = ["3276550063551", "3276550063568", "3276550063575", "3276550063582"];
    let all = ["a", "b", "c"].iter().zip(gtins).map(|(sku, gtin)| line(sku, gtin));
    let all: Vec<String> = all.collect();
    assert_eq!(shop.counts(Feed::Products, &all.join("\n")).await, (3, 0, 0));
    let owners = shop.words(OWNERS).await;
    // `d` wants what `a` would give up, which wants what `b` would give up, which wants what `c` keeps.
    let chain = [line("d", gtins[0]), line("a", gtins[1]), line("b", gtins[2])];
    assert_eq!(shop.counts(Feed::Products, &chain.join("\n")).await, (0, 0, 3));
    assert_eq!(shop.words(OWNERS).await, owners);
    // Where the last one has another to go to, all go.
    let moved = [&chain[..], &[line("c", gtins[3])]].concat();
    assert_eq!(shop.counts(Feed::Products, &moved.join("\n")).await, (4, 0, 0));
    assert_eq!(shop.number("SELECT count(DISTINCT gtin) FROM products").await, 4);
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
    let both = format!("{}\n{}", level("0", 7), level("7", 6));
    assert_eq!(shop.counts(Feed::Stock, &both).await, (1, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("7", 6)).await, (0, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0", 7)).await, (0, 1, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0.1", 8)).await, (1, 0, 0));
    assert_eq!(shop.counts(Feed::Stock, &level("0.2", 9)).await, (1, 0, 0));
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

impl Shop {
    async fn full(&self, feed: Feed, content: &str) -> Report {
        std::fs::write(self.path(), content).unwrap();
        let options = Options { mode: Some(Mode::Full), ..Options::default() };
        let path = self.path();
        import_with(&self.db, &self.clock, feed, &path, &options, None, &mut |_| {}).await.unwrap()
    }

    async fn with(&self, feed: Feed, content: &[u8], options: &Options) -> Result<Report, String> {
        std::fs::write(self.path(), content).unwrap();
        let path = self.path();
        import_with(&self.db, &self.clock, feed, &path, options, None, &mut |_| {})
            .await
            .map_err(|error| error.to_string())
    }
}

fn products(from: usize, through: usize) -> String {
    (from..through).map(|n| format!("{{\"sku\":\"{n}\",\"name\":\"Vis\"}}\n")).collect()
}

const LIVE: &str = "SELECT count(*) FROM products WHERE deleted_at IS NULL";

#[tokio::test]
async fn a_full_feed_deletes_what_it_does_not_name() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, &products(0, 300)).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let offer = r#"{"sku":"0","store_code":"a","price":{"amount":"1","currency":"EUR"}}"#;
    shop.counts(Feed::Offers, offer).await;
    let level = r#"{"sku":"0","store_code":"a","quantity":3}"#;
    shop.counts(Feed::Stock, level).await;
    // A row that is refused still names its product; one that says nothing would hold everything.
    let refused = products(4, 300) + "{\"sku\":\"3\",\"name\":\"\"}\n";
    let report = shop.full(Feed::Products, &refused).await;
    assert_eq!((report.unchanged, report.rejected, report.deleted, report.held), (296, 1, 3, 0));
    assert_eq!(shop.number(LIVE).await, 297);
    let told = "SELECT kind || ' ' || op || ' ' || reason FROM change_log
        WHERE reason <> 'created' ORDER BY position";
    let gone = "product delete not_in_feed";
    let also = ["offer delete product_deleted", "stock upsert availability_changed"];
    let mut expected = vec![gone, gone, gone, also[0], also[1]];
    let mut words = shop.words(told).await;
    words.sort_unstable();
    expected.sort_unstable();
    assert_eq!(words, expected);
    for table in ["feed_marks", "feed_scopes", "import_deletions"] {
        let rows = match table {
            "feed_marks" => shop.number("SELECT count(*) FROM feed_marks").await,
            "feed_scopes" => shop.number("SELECT count(*) FROM feed_scopes").await,
            _ => shop.number("SELECT count(*) FROM import_deletions").await,
        };
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(shop.full(Feed::Products, &refused).await.deleted, 0);
}

#[tokio::test]
async fn too_many_deletions_wait_for_approval() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, &products(0, 100)).await;
    let report = shop.full(Feed::Products, &products(50, 101)).await;
    assert_eq!((report.accepted, report.deleted, report.held), (1, 0, 50));
    assert_eq!(shop.number(LIVE).await, 101);
    let id = report.import_id.unwrap();
    let shown = store::held::show(&shop.db, &id).await.unwrap().unwrap();
    assert_eq!((shown.import.status.as_str(), shown.sample.len()), ("held", 20));
    // What is named again meanwhile stays.
    shop.counts(Feed::Products, &products(0, 10)).await;
    assert_eq!(store::held::approve(&shop.db, &shop.clock, &id).await.unwrap(), 40);
    assert_eq!(shop.number(LIVE).await, 61);
    assert!(store::held::approve(&shop.db, &shop.clock, &id).await.is_err());
    let empty = shop.full(Feed::Products, "").await;
    assert_eq!((empty.deleted, empty.held), (0, 61));
    let id = empty.import_id.unwrap();
    let mut tx = shop.db.begin().await.unwrap();
    store::held::reject(&mut tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store::held::approve(&shop.db, &shop.clock, &id).await.is_err());
    assert_eq!(shop.number(LIVE).await, 61);
    // A code with a slip in it may mean any product, as a line that cannot be read.
    for slip in ["no json\n", "{\"sku\":\" 11\",\"name\":\"Vis\"}\n"] {
        let doubtful = shop.full(Feed::Products, &(products(1, 61) + slip)).await;
        assert_eq!(doubtful.deleted, 0, "{slip}");
        assert!(doubtful.held > 0, "{slip}");
    }
}

#[tokio::test]
async fn a_full_feed_of_offers_speaks_of_its_stores_only() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    let stores = one_line(STORE) + "\n" + &one_line(STORE).replace("\"a\"", "\"b\"");
    assert_eq!(shop.counts(Feed::Stores, &stores).await, (2, 0, 0));
    let line = |sku: &str, store: &str| {
        format!(
            r#"{{"sku":"{sku}","store_code":"{store}","price":{{"amount":"1","currency":"EUR"}}}}"#
        )
    };
    let all = [line("1", "a"), line("2", "a"), line("1", "b"), line("2", "b")].join("\n");
    assert_eq!(shop.counts(Feed::Offers, &all).await, (4, 0, 0));
    let report = shop.full(Feed::Offers, &line("1", "a")).await;
    assert_eq!((report.unchanged, report.deleted, report.held), (1, 1, 0));
    assert_eq!(shop.number("SELECT count(*) FROM offers WHERE deleted_at IS NULL").await, 3);
    // What channel a row means that names none of them cannot be told.
    let nowhere = line("1", "b").replace("sku", "channel\":\"\\u0000\",\"sku");
    let report = shop.full(Feed::Offers, &[line("2", "b"), nowhere].join("\n")).await;
    assert_eq!((report.unchanged, report.rejected, report.deleted, report.held), (1, 1, 0, 1));
    let level = |sku: &str| format!(r#"{{"sku":"{sku}","store_code":"a","quantity":5}}"#);
    shop.counts(Feed::Stock, &[level("1"), level("2")].join("\n")).await;
    let report = shop.full(Feed::Stock, &level("2")).await;
    assert_eq!((report.unchanged, report.deleted), (1, 1));
    let words = "SELECT availability FROM stock_levels ORDER BY availability";
    assert_eq!(shop.words(words).await, ["in_stock", "unknown"]);
    assert_eq!(shop.counts(Feed::Stock, &level("1")).await, (1, 0, 0));
    let gone = r#"{"op":"delete","sku":"1","store_code":"a"}"#;
    assert_eq!(shop.counts(Feed::Stock, gone).await, (1, 0, 0));
}

const GOOGLE: &str = "id\ttitle\tgtin\tproduct_type\tprice\tsale_price\tavailability
1\tHuile\t3276550063551\tMaison > Cuisine\t15.00 EUR\t12.00 EUR\tin_stock
2\tSel\t\tMaison\t-1 EUR\t\tout_of_stock
";

#[tokio::test]
async fn the_feeds_of_google_come_in_without_a_mapping() {
    let shop = Shop::open().await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let format = Format::GoogleProducts;
    let options = Options { format, store_code: Some("a".to_owned()), ..Options::default() };
    let mut sums = Vec::new();
    for feed in format.feeds(true) {
        let report = shop.with(*feed, GOOGLE.as_bytes(), &options).await.unwrap();
        sums.push((report.accepted, report.unchanged, report.rejected));
    }
    assert_eq!(sums, [(2, 1, 0), (2, 0, 0), (1, 0, 1), (2, 0, 0)]);
    let options = Options { format: Format::GoogleLocalInventory, ..Options::default() };
    let local = "store_code\tid\tquantity\tprice\tpickup_method\tpickup_sla\n\
        a\t1\t7\t14.00 EUR\tship to store\tnext day\nz\t1\t7\t14.00 EUR\t\t\n";
    for feed in [Feed::Offers, Feed::Stock] {
        let report = shop.with(feed, local.as_bytes(), &options).await.unwrap();
        assert_eq!((report.accepted, report.rejected), (1, 1), "{report}");
        assert_eq!(report.first_rejected[0].fault.code, "unknown_store");
    }
    assert_eq!(shop.number("SELECT count(*) FROM offers").await, 2);
    let error = shop.with(Feed::Stores, b"", &options).await.unwrap_err();
    assert!(error.contains("tells nothing about stores"), "{error}");
    let rss =
        b"<rss xmlns:g='x'><channel><item><g:id>5</g:id><title>A</title></item></channel></rss>";
    let options = Options { format, ..Options::default() };
    assert_eq!(shop.with(Feed::Products, rss, &options).await.unwrap().accepted, 1);
    let error = shop.with(Feed::Offers, rss, &options).await.unwrap_err();
    assert!(error.contains("--store"), "{error}");
}

#[tokio::test]
async fn files_that_would_do_harm_are_refused_whole() {
    let shop = Shop::open().await;
    let options = Options { format: Format::GoogleProducts, ..Options::default() };
    let wide = "c\t".repeat(1_001);
    let long = format!("id\ttitle\n1\t{}\n", "x".repeat(1_100_000));
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..80 {
        bomb.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    for (content, says) in [
        (wide.as_bytes(), "columns"),
        (long.as_bytes(), "longer"),
        (&bomb[..], "unpacked"),
        (&b"id\ttitle\tid\n1\ta\t1\n"[..], "more than once"),
        (&b"sku\ttitle\n1\ta\n"[..], "lacks id"),
        (&b"<!DOCTYPE a><rss/>"[..], "DOCTYPE"),
    ] {
        let error = shop.with(Feed::Products, content, &options).await.unwrap_err();
        assert!(error.contains(says) && error.contains("nothing was imported"), "{says}: {error}");
    }
    let mixed = b"id\ttitle\n1\tP\xc3\xa2t\xc3\xa9\n2\tP\xe2t\xe9\n";
    let report = shop.with(Feed::Products, mixed, &options).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 1));
    assert_eq!(
        (report.first_rejected[0].line, report.first_rejected[0].fault.code),
        (3, "encoding")
    );
    let old = Options { encoding: Some(mapping::Encoding::Windows1252), ..options };
    let report = shop.with(Feed::Products, b"id\ttitle\n2\tP\xe2t\xe9\n", &old).await.unwrap();
    assert_eq!(report.accepted, 1);
    let small = Options { max_bytes: Some(10), ..old };
    let error = shop.with(Feed::Products, b"id\ttitle\n2\tP\n", &small).await.unwrap_err();
    assert!(error.contains("more than 10 bytes"), "{error}");
}

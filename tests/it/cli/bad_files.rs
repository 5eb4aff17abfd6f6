//! `comptoir import` of files that would do harm: each is refused clearly, in little memory, and leaves
//! nothing behind.

use super::program::Place;
use crate::support::data;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Command;

/// Kilobytes of addresses that the program may use: some hundred megabytes more than it needs, far less
/// than the files hold.
const ADDRESSES: u32 = 900_000;

/// Runs an import in bounded memory; its exit code and all that it says.
fn bounded(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let program = place.command(args);
    let mut shell = Command::new("sh");
    let script = format!("ulimit -v {ADDRESSES} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(program.get_current_dir().unwrap()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Without it each thread of the C library takes addresses for itself.
    let output = shell.env("MALLOC_ARENA_MAX", "2").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// A packed file of `times` times the same piece, in as many members.
fn packed(begin: &[u8], piece: &[u8], times: usize) -> Vec<u8> {
    let member = |content: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    };
    let (mut file, piece) = (member(begin), member(piece));
    for _ in 0..times {
        file.extend_from_slice(&piece);
    }
    file
}

fn empty(place: &Place) {
    assert_eq!(place.ok(&["feed", "list"]), "", "no import has begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_too_much_are_refused_in_little_memory() {
    let place = Place::new().await;
    place.ok(&["migrate"]);
    let piece = vec![b'x'; 16 << 20];
    // Empty lines, long ones: few to read.
    let blank: Vec<u8> = [vec![b' '; (1 << 16) - 1], vec![b'\n']].concat().repeat(64);
    let google = ["--format", "google-products"];
    let mapping = concat!(env!("CARGO_MANIFEST_DIR"), "/config/feeds/offers.example.toml");
    for (name, content, args, says) in [
        ("line.ndjson.gz", packed(b"{\"sku\":\"", &piece, 64), &[][..], "line 1 is longer than"),
        ("line.tsv.gz", packed(b"id\ttitle\n1\t", &piece, 64), &google, "a record is longer than"),
        ("item.xml.gz", packed(b"<rss><item><title>", &piece, 64), &google, "is longer than"),
        ("columns.tsv", b"\t".repeat(1_000_000), &google, "the header has 1000001 columns"),
        ("columns.csv", b"c,".repeat(1_000_000), &google, "longer than 1048576 bytes"),
        ("bomb.ndjson.gz", packed(b"", &blank, 24), &[], "once unpacked; send it in parts"),
        ("bomb.tsv.gz", packed(b"id\n", &blank, 24), &google, "once unpacked"),
        (
            "mapped.csv.gz",
            packed(b"ref,store,price,was,per_litre\n\"", &piece, 64),
            &["--mapping", mapping],
            "longer than",
        ),
    ] {
        place.write(name, content);
        let feed = if args.contains(&mapping) { "offers" } else { "products" };
        let (code, said) = bounded(&place, &[&["import", feed, name], args].concat());
        assert_eq!(code, Some(1), "{name}: {said}");
        assert!(said.contains(says) && said.contains("nothing was imported"), "{name}: {said}");
        std::fs::remove_file(place.path(name)).unwrap();
    }
    empty(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_nothing_or_too_much_in_their_header_are_told_apart() {
    let place = Place::made().await;
    let google = ["--format", "google-products"];
    for (content, args, says) in [
        ("", &google[..], "its header lacks id"),
        ("id\ttitle\tid\n1\ta\t2\n", &google, "`id` more than once"),
        ("id\tg:id\ttitle\n1\t1\ta\n", &google, "`id` more than once"),
        ("gtin,gs1:gtin\n1,1\n", &["--format", "gs1-csv"], "`gtin` more than once"),
        ("<html><body>Not found</body></html>\n", &[], "this is no NDJSON"),
        ("\0\0\0\0", &google, "its header lacks id"),
    ] {
        place.write("feed", content);
        let said = place.fails(1, &[&["import", "products", "feed"], args].concat());
        assert!(said.contains(says) && said.contains("nothing was imported"), "{content}: {said}");
    }
    empty(&place);
    for (content, args) in [("", &[][..]), ("\n\n", &[]), ("id\ttitle\n", &google)] {
        place.write("feed", content);
        let said = place.ok(&[&["import", "products", "feed"], args].concat());
        assert!(said.contains("0 accepted, 0 unchanged, 0 rejected"), "{content}: {said}");
    }
    // A full file that says nothing is rather a failed export: it deletes nothing by itself.
    place.write("feed", "id\ttitle\n1\tVis\n");
    place.ok(&[&["import", "products", "feed"], &google[..]].concat());
    place.write("feed", "id\ttitle\n");
    let full = [&["import", "products", "feed", "--mode", "full"], &google[..]].concat();
    assert!(place.ok(&full).contains("1  deletions held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_encodings_and_nuls_are_read_or_refused_row_by_row() {
    let place = Place::made().await;
    let utf16 = |mark: [u8; 2], unit: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect()
    };
    let (table, lines) = ("id\ttitle\nM-1\tPâté\n", "{\"sku\":\"M-1\",\"name\":\"Pâté\"}\n");
    let google = ["--format", "google-products"];
    let mut first = true;
    for (text, args) in [(lines, &[][..]), (table, &google)] {
        for content in [
            ["\u{feff}", text].concat().into_bytes(),
            utf16([0xff, 0xfe], u16::to_le_bytes, text),
            utf16([0xfe, 0xff], u16::to_be_bytes, text),
        ] {
            place.write("feed", content);
            let said = place.ok(&[&["import", "products", "feed"], args].concat());
            let sums = if first { "1 accepted, 0 unchanged" } else { "0 accepted, 1 unchanged" };
            assert!(said.contains(sums), "{said}");
            first = false;
        }
    }
    place.write("mixed", b"id\ttitle\n1\tP\xc3\xa2t\xc3\xa9\n2\tP\xe2t\xe9\n3\tVis\0\n4\tVis\n");
    let mixed = [&["import", "products", "mixed"], &google[..]].concat();
    let said = place.fails(3, &mixed);
    assert!(said.contains("2 accepted, 0 unchanged, 2 rejected"), "{said}");
    assert!(said.contains("line 3: ") && said.contains("encoding: is not UTF-8"), "{said}");
    assert!(said.contains("control_character"), "{said}");
    let nuls = "{\"sku\":\"5\",\"name\":\"V\\u0000is\"}\n{\"sku\":\"6\0\",\"name\":\"Vis\"}\n{\"sku\":\"\\u0000\",\"name\":\"V\"}\n\0\n";
    place.write("nuls", nuls);
    let said = place.fails(3, &["import", "products", "nuls"]);
    assert!(said.contains("0 accepted, 0 unchanged, 4 rejected"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_places_that_cannot_be_are_refused_with_what_would_be_right() {
    let place = Place::made().await;
    let lines = |values: &[Value]| values.iter().map(|v| format!("{v}\n")).collect::<String>();
    let mut swapped = data::store(2);
    swapped["geo"] = json!({ "latitude": 1.444, "longitude": 43.6045 });
    let mut beyond = data::store(3);
    beyond["geo"] = json!({ "latitude": 139.69, "longitude": 35.68 });
    beyond["time_zone"] = json!("Asia/Tokyo");
    place.write("stores", lines(&[data::store(1), swapped, beyond]));
    let said = place.fails(3, &["import", "stores", "stores"]);
    assert!(said.contains("1 accepted, 0 unchanged, 2 rejected"), "{said}");
    assert!(said.contains("2  coordinates_swapped"), "{said}");
    assert!(said.contains("latitude 43.6045, longitude 1.444 would be right"), "{said}");
    assert!(said.contains("latitude 35.68, longitude 139.69 would be right"), "{said}");

    place.write("products", lines(&[data::product(0), data::product(1)]));
    place.write("categories", lines(&data::categories()));
    place.ok(&["import", "categories", "categories"]);
    place.ok(&["import", "products", "products"]);
    for (price, code) in
        [("-1", "negative"), ("12.90", ""), ("99999999", "absurd"), ("0", "zero_price")]
    {
        place.write("offers", lines(&[data::offer(0, 1, price)]));
        let said = place.run(&["import", "offers", "offers"]);
        assert_eq!(said.code, Some(if code.is_empty() { 0 } else { 3 }), "{said:?}");
        assert!(said.out.contains(code), "{said:?}");
    }
    place.write("offers", lines(&[data::offer(0, 1, "1290.50")]));
    let said = place.fails(3, &["import", "offers", "offers"]);
    assert!(said.contains("implausible_price: is more than 100 times above"), "{said}");
    place.ok(&["import", "offers", "offers", "--any-price"]);

    // Two lines about one offer: the second is held against the first, and refused.
    place.write("offers", lines(&[data::offer(1, 1, "14.00"), data::offer(1, 1, "9999999.00")]));
    let said = place.fails(3, &["import", "offers", "offers"]);
    assert!(said.contains("1 accepted, 0 unchanged, 1 rejected"), "{said}");
    assert!(
        said.contains("implausible_price: is more than 100 times above the price now, 14.00"),
        "{said}"
    );

    // The columns of a known format under other names.
    place.write("mapping.toml", "format = \"google-products\"\ndelimiter = \";\"\n[columns]\nid = \"Réf\"\ntitle = \"Nom\"\n[constants]\ncondition = \"new\"\n");
    place.write("feed.csv", "Réf;Nom;brand\nX-1;Vis;Nord\n");
    let mapped = ["import", "all", "feed.csv", "--mapping", "mapping.toml"];
    assert!(place.ok(&mapped).contains("products: 1 accepted"));
    place.write("feed.csv", "Ref;Nom\nX-1;Vis\n");
    let said = place.fails(1, &mapped);
    assert!(said.contains("the header has no column `Réf`; it has Ref, Nom"), "{said}");
    place.write("feed.csv", "<rss></rss>");
    assert!(place.fails(1, &mapped).contains("this file has none"));
}

//! The order lines of the shop: D. Chen, Online Retail, UCI Machine Learning Repository, doi 10.24432/C5BW33 (CC BY 4.0).

use crate::billing::slow::Used;
use comptoir::kernel::Micros;
use flate2::read::GzDecoder;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

/// The customers with most lines that are taken into the test, and of the others each of so many.
const MOST: usize = 20;
const EACH: usize = 300;

/// A line of an order, as a call.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) at: Micros,
    pub(super) operation: &'static str,
    /// Whether it was not taken back.
    pub(super) charged: bool,
    pub(super) used: Used,
}

/// Where the files are: below `COMPTOIR_TEST_DATA`, or beside the repository.
fn directory() -> Option<PathBuf> {
    let named = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_DATA");
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = named.map_or(beside, |(_, dir)| PathBuf::from(dir));
    Some(data.join("online-retail")).filter(|dir| dir.is_dir())
}

/// The orders of each customer, those of most lines first. None, and a message, where there are no files.
pub(super) fn orders() -> Option<Vec<Vec<Order>>> {
    let Some(dir) = directory() else {
        println!(
            "SKIPPED on real orders: COMPTOIR_TEST_DATA names no directory with online-retail"
        );
        return None;
    };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut of: BTreeMap<String, Vec<csv::StringRecord>> = BTreeMap::new();
    for file in files {
        let mut rows = csv::Reader::from_reader(GzDecoder::new(File::open(file).unwrap()));
        for row in rows.records().map(Result::unwrap).filter(|row| !row[6].is_empty()) {
            of.entry(row[6].to_owned()).or_default().push(row);
        }
    }
    let mut customers: Vec<Vec<csv::StringRecord>> = of.into_values().collect();
    customers.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let all =
        std::env::vars().any(|(name, value)| name == "COMPTOIR_TEST_CUSTOMERS" && value == "all");
    let taken = |n: &usize| all || *n < MOST || n.is_multiple_of(EACH);
    let zone = TimeZone::get("Europe/London").unwrap();
    let each = |rows: &Vec<csv::StringRecord>| {
        rows.iter().map(|row| order(row, &zone)).collect::<Vec<Order>>()
    };
    Some(
        customers
            .iter()
            .enumerate()
            .filter(|(n, _)| taken(n))
            .map(|(_, rows)| each(rows))
            .collect(),
    )
}

fn order(row: &csv::StringRecord, zone: &TimeZone) -> Order {
    let at: DateTime = row[4].parse().unwrap();
    let quantity: i128 = row[3].parse().unwrap();
    let code = row[1].bytes().map(usize::from).sum::<usize>();
    let (operation, weight_milli) =
        [("get_product", 1_000), ("list_products", 5_000), ("list_stores", 2_500)][code % 3];
    Order {
        at: at.to_zoned(zone.clone()).unwrap().timestamp().into(),
        operation,
        charged: !row[0].starts_with('C'),
        used: Used {
            requests: 1,
            records: quantity.abs(),
            bytes: i128::try_from(row[2].len()).unwrap() * 137,
            weight_milli,
        },
    }
}

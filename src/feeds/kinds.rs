//! What the feeds have in common: a line that is checked, a batch that is stored, the key that a row
//! is about, and the end of what a full feed names no more.

use super::Feed;
use super::patch::{self, Patch, Told, Written};
use super::store::{cascade, moved};
use crate::catalog::categories::{Category, CategoryIn};
use crate::catalog::check::Heard;
use crate::catalog::model::{Product, ProductIn};
use crate::catalog::offers::{Channel, Offer, OfferIn, Plausible};
use crate::catalog::promotions::{Promotion, PromotionIn};
use crate::catalog::store::document::{self, Resource};
use crate::catalog::{self, Fate, Fault, Known, Line, Names as _, check};
use crate::kernel::Micros;
use crate::kernel::word::Word as _;
use crate::stock::model::{Level, LevelIn};
use crate::stock::told::Unsaid;
use crate::storage::{StoreError, Tx, one_at_a_time};
use crate::stores::model::{Store, StoreIn};
use crate::{catalog::offers, stock};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Why the change log says that something is gone that a full feed does not name.
const NOT_IN_FEED: &str = "not_in_feed";

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The resource's id as in the change log.
    pub(super) key: String,
    /// The part of the feed that the row speaks of: a store, or a store and channel.
    pub(super) scope: Option<String>,
}

/// What holds for every batch of an import.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// When the batch is stored.
    pub(super) now: Micros,
    /// Which prices are taken.
    pub(super) plausible: Plausible,
    /// What becomes of what a row about a level does not say: a full feed says all there is.
    pub(super) unsaid: Unsaid,
}

/// A checked row of a feed.
pub(super) trait Import: Sized + Send + 'static {
    /// The row as it is written.
    type In: DeserializeOwned;
    /// Most rows per transaction: a commit waits for the disk, and other writers wait for the commit.
    const BATCH: usize = 2_000;
    /// The row, or what is wrong with it.
    fn check(input: Self::In, known: &Known, heard: Heard) -> Result<Self, Fault>;
    /// The row of a line that changes part of what is there.
    fn part(fields: Map<String, Value>) -> Result<Self, Fault>;
    /// What the row is about.
    fn mark(&self) -> Mark;
    /// What a row that was refused is about, as far as that can be read.
    fn mark_of(row: &Value, known: &Known) -> Option<Mark>;
    /// Stores a batch; one fate for each row.
    async fn put(tx: &mut Tx, rows: Vec<Self>, rules: &Rules) -> Result<Vec<Fate>, StoreError>;
}

fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    row.get(name).and_then(Value::as_str)
}

fn document_mark<T: Resource>(code: &str) -> Mark {
    Mark { key: T::id_of(code), scope: None }
}

macro_rules! document {
    ($type:ty, $in:ty, $put:path $(, $batch:literal)?) => {
        impl Written<$type> for $in {
            fn line(self) -> Result<Line<$type>, Fault> {
                self.check()
            }
        }

        impl Import for Told<$type> {
            type In = $in;
            $(const BATCH: usize = $batch;)?

            fn check(input: $in, _: &Known, _: Heard) -> Result<Self, Fault> {
                input.check().map(Self::Whole)
            }

            fn part(fields: Map<String, Value>) -> Result<Self, Fault> {
                Patch::checked::<$type, $in>(fields).map(Self::Part)
            }

            fn mark(&self) -> Mark {
                document_mark::<$type>(self.code())
            }

            fn mark_of(row: &Value, _: &Known) -> Option<Mark> {
                let field = <$type as Resource>::CODE_FIELD;
                // Another code may be another's with a slip in it.
                let code = text(row, field).filter(|code| check::code(field, code).is_ok());
                code.map(document_mark::<$type>)
            }

            async fn put(
                tx: &mut Tx,
                rows: Vec<Self>,
                rules: &Rules,
            ) -> Result<Vec<Fate>, StoreError> {
                let mut fates = Vec::with_capacity(rows.len());
                for run in patch::runs(rows) {
                    let (lines, faults) = parted(patch::applied::<$type, $in>(tx, run).await?);
                    fates.extend(joined($put(tx, &lines, rules.now).await?, faults));
                }
                Ok(fates)
            }
        }
    };
}

// Whether categories stand above themselves is seen batch by batch: most trees are one batch.
document!(Category, CategoryIn, catalog::store::put_categories, 50_000);
document!(Product, ProductIn, put_products);
document!(Store, StoreIn, put_stores);
document!(Promotion, PromotionIn, put_promotions);

/// The lines that could be made, and for each row that could not what is wrong with it.
fn parted<T>(rows: Vec<Result<Line<T>, Fault>>) -> (Vec<Line<T>>, Vec<Option<Fault>>) {
    let mut lines = Vec::with_capacity(rows.len());
    let fault = |row| match row {
        Ok(line) => {
            lines.push(line);
            None
        }
        Err(fault) => Some(fault),
    };
    let faults = rows.into_iter().map(fault).collect();
    (lines, faults)
}

/// One fate for each row, of what became of the lines.
fn joined(lines: Vec<Fate>, faults: Vec<Option<Fault>>) -> Vec<Fate> {
    let mut lines = lines.into_iter();
    let fate = |fault: Option<Fault>| fault.map(Fate::Refused).or_else(|| lines.next());
    faults.into_iter().filter_map(fate).collect()
}

/// A row that changes part of something that is only told whole.
fn no_part<T>(message: &'static str) -> Result<T, Fault> {
    Err(Fault::new("op", "merge", "not_allowed", message))
}

/// With a product go its offers and what is known of its stock.
async fn put_products(
    tx: &mut Tx,
    rows: &[Line<Product>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    cascade::hold(tx, rows).await?;
    let before = moved::places(tx, rows).await?;
    let fates = catalog::store::put_products(tx, rows, now).await?;
    cascade::products(tx, &gone(rows, &fates), now).await?;
    moved::tell(tx, &before.turned(rows, &fates), now).await?;
    Ok(fates)
}

/// With a store go its offers and what is known of its stock.
async fn put_stores(
    tx: &mut Tx,
    rows: &[Line<Store>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    cascade::hold(tx, rows).await?;
    let fates = catalog::store::put_documents(tx, rows, now).await?;
    cascade::stores(tx, &gone(rows, &fates), now).await?;
    Ok(fates)
}

/// Offers name promotions: they are told anew where one comes, goes, or turns from personal or to it.
async fn put_promotions(
    tx: &mut Tx,
    rows: &[Line<Promotion>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    one_at_a_time(tx, offers::store::OFFERS).await?;
    catalog::store::put_promotions(tx, rows, now).await
}

/// The ids of what the lines of a batch have deleted.
fn gone<T: Resource>(rows: &[Line<T>], fates: &[Fate]) -> Vec<String> {
    let deleted = rows
        .iter()
        .zip(fates)
        .filter(|(row, fate)| matches!((row, fate), (Line::Delete(_), Fate::Written)));
    deleted.map(|(row, _)| T::id_of(row.code())).collect()
}

impl Import for Offer {
    type In = OfferIn;

    fn check(input: OfferIn, known: &Known, heard: Heard) -> Result<Self, Fault> {
        input.check(known, heard)
    }

    fn part(_: Map<String, Value>) -> Result<Self, Fault> {
        // A new price beside an old list price would be a reduction that nobody has announced.
        no_part("changes no offer: a price is told with all its terms; leave `op` out")
    }

    fn mark(&self) -> Mark {
        let channel = self.key.channel.as_str();
        let scope = format!("{}/{channel}", self.key.store);
        Mark { key: format!("{}/{scope}", self.key.product), scope: Some(scope) }
    }

    fn mark_of(row: &Value, known: &Known) -> Option<Mark> {
        let (product, store) = names(row, known)?;
        let channel = match row.get("channel") {
            None | Some(Value::Null) => Channel::InStore,
            Some(channel) => Channel::of(channel.as_str()?)?,
        };
        let scope = format!("{store}/{}", channel.as_str());
        Some(Mark { key: format!("{product}/{scope}"), scope: Some(scope) })
    }

    async fn put(tx: &mut Tx, rows: Vec<Self>, rules: &Rules) -> Result<Vec<Fate>, StoreError> {
        offers::store::put_offers(tx, &rows, rules.now, rules.plausible).await
    }
}

impl Import for Level {
    type In = LevelIn;

    fn check(input: LevelIn, known: &Known, heard: Heard) -> Result<Self, Fault> {
        input.check(known, heard, stock::model::FEED)
    }

    fn part(_: Map<String, Value>) -> Result<Self, Fault> {
        no_part("is not needed: a level keeps what its line does not say; leave `op` out")
    }

    fn mark(&self) -> Mark {
        let scope = self.key.store.to_string();
        Mark { key: format!("{}/{scope}", self.key.product), scope: Some(scope) }
    }

    fn mark_of(row: &Value, known: &Known) -> Option<Mark> {
        let (product, store) = names(row, known)?;
        Some(Mark { key: format!("{product}/{store}"), scope: Some(store) })
    }

    async fn put(tx: &mut Tx, rows: Vec<Self>, rules: &Rules) -> Result<Vec<Fate>, StoreError> {
        stock::store::put_levels(tx, &rows, rules.unsaid, rules.now).await
    }
}

/// The product and the store that a row names. What names something that is not known is about
/// nothing that could be deleted, and so has a key of its own.
fn names(row: &Value, known: &Known) -> Option<(String, String)> {
    let (id, sku, gtin) = (text(row, "product_id"), text(row, "sku"), text(row, "gtin"));
    let product = match known.product(id, sku, gtin) {
        Ok(product) => product.to_string(),
        Err(fault) if fault.code == "unknown_product" => String::new(),
        Err(_) => return None,
    };
    let (id, code, gln) = (text(row, "store_id"), text(row, "store_code"), text(row, "store_gln"));
    let store = match known.store(id, code, gln) {
        Ok(store) => store.to_string(),
        Err(fault) if fault.code == "unknown_store" => String::new(),
        Err(_) => return None,
    };
    Some((product, store))
}

/// Deletes what these keys stand for, as far as it is there; how many there were. Levels that were
/// received after `until` stay.
pub(super) async fn remove(
    tx: &mut Tx,
    feed: Feed,
    keys: &[String],
    until: Micros,
    now: Micros,
) -> Result<u64, StoreError> {
    match feed {
        Feed::Categories => document::remove::<Category>(tx, keys, NOT_IN_FEED, now).await,
        Feed::Stores => {
            cascade::hold_all(tx).await?;
            let removed = document::remove::<Store>(tx, keys, NOT_IN_FEED, now).await?;
            cascade::stores(tx, keys, now).await?;
            Ok(removed)
        }
        Feed::Promotions => {
            one_at_a_time(tx, offers::store::OFFERS).await?;
            catalog::store::remove_promotions(tx, keys, NOT_IN_FEED, now).await
        }
        Feed::Products => {
            cascade::hold_all(tx).await?;
            let removed = document::remove::<Product>(tx, keys, NOT_IN_FEED, now).await?;
            cascade::products(tx, keys, now).await?;
            moved::tell(tx, &moved::gone(keys), now).await?;
            Ok(removed)
        }
        Feed::Offers => {
            let keys: Vec<[&str; 3]> = keys.iter().filter_map(|key| parts(key)).collect();
            offers::store::withdrawn::remove(tx, &keys, until, (NOT_IN_FEED, now)).await
        }
        Feed::Stock => {
            let keys: Vec<[&str; 2]> = keys.iter().filter_map(|key| parts(key)).collect();
            stock::store::forget::forget(tx, &keys, until, now).await
        }
    }
}

fn parts<const N: usize>(key: &str) -> Option<[&str; N]> {
    key.split('/').collect::<Vec<_>>().try_into().ok()
}

//! Lists that customers keep.

use super::customers::{Customer, id};
use super::families::Fate;
use super::products::{Item, items};
use super::rng::Rng;
use super::stores::stores;
use super::{DAY, Dates};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde_json::{Value, json};

/// Type and names of the lists, in the order in which customers start them.
const LISTS: [(&str, &[&str]); 5] = [
    ("shopping", &["Courses de la semaine", "Courses", "Marché du samedi"]),
    ("wishlist", &["Idées cadeaux", "Anniversaire", "Pour la maison"]),
    ("favourite", &["Mes favoris"]),
    ("viewed", &["Vus récemment"]),
    ("compare", &["À comparer"]),
];

/// One to three lists of a customer, each of another type.
pub(super) fn of(customer: &Customer, dates: &Dates) -> Vec<Value> {
    let mut rng = Rng::pair(customer.key, 3);
    let (first, count) = (rng.below(5) as usize, rng.between(1, 3) as usize);
    (0..count)
        .map(|n| {
            let (kind, names) = LISTS[(first + n) % LISTS.len()];
            let list = id("lst", &format!("{} {kind}", customer.id));
            let mut chosen: Vec<&Item> = Vec::new();
            for _ in 0..rng.between(2, 9) {
                let item = choose(kind, &mut rng);
                if !chosen.iter().any(|other| other.sku == item.sku) {
                    chosen.push(item);
                }
            }
            let items = chosen.iter().map(|item| entry(&list, kind, item, dates, &mut rng));
            json!({
                "items": items.collect::<Vec<_>>(),
                "id": list,
                "customer_id": customer.id,
                "type": kind,
                "name": rng.pick(names),
            })
        })
        .collect()
}

/// Groceries for shopping lists, other goods to wish for and compare.
fn choose(kind: &str, rng: &mut Rng) -> &'static Item {
    let fits = |item: &Item| {
        item.kind.fate == Fate::Current
            && match kind {
                "shopping" => item.department.is_daily(),
                "wishlist" | "compare" => !item.department.is_daily(),
                _ => true,
            }
    };
    loop {
        let item = rng.pick(items());
        if fits(item) {
            return item;
        }
    }
}

fn entry(list: &str, kind: &str, item: &Item, dates: &Dates, rng: &mut Rng) -> Value {
    let notes =
        ["", "", "", "la grande taille", "si en promotion", "pour Noël", "vérifier la date"];
    let note = *rng.pick(&notes);
    let source = *rng.pick(&["app", "app", "web", "store_scan", "staff"]);
    let in_store = matches!(source, "store_scan" | "staff");
    let store = in_store.then(|| &rng.pick(stores()).code);
    let quantity = if kind == "shopping" { rng.between(1, 4) } else { 1 };
    let added = dates.now.0 - rng.between(1, 90 * DAY / SECOND) * SECOND;
    json!({
        "item_id": id("itm", &format!("{list} {}", item.sku)),
        "sku": item.sku,
        "gtin": item.gtin,
        "quantity": quantity,
        "note": (!note.is_empty()).then_some(note),
        "added_at": Micros(added).to_string(),
        "source": source,
        "store_code": store,
    })
}

//! The products: every maker, kind and size of every family, with codes that stay theirs.

use super::content::{Content, KILOGRAM};
use super::families::{Department, Family, Fate, Kind, Shelf, departments};
use super::promotions;
use super::rng::{self, Rng};
use super::translations;
use crate::kernel::gtin::check_digit;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The retailer's own brands and their price in percent of the others'.
const OWN_BRANDS: [(&str, i64); 3] =
    [("Essentiel Aubier", 80), ("Terroirs d'Aubier", 100), ("Fournil Aubier", 100)];

/// One product, with all that the other tables need of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) sku: String,
    /// `None` for goods weighed at the counter.
    pub(super) gtin: Option<String>,
    pub(super) name: String,
    pub(super) brand: &'static str,
    pub(super) department: &'static Department,
    pub(super) shelf: &'static Shelf,
    pub(super) family: &'static Family,
    pub(super) kind: &'static Kind,
    pub(super) variants: Vec<(&'static str, &'static str)>,
    /// Product code of the first variant of its group, its own where there is no group.
    pub(super) group: String,
    pub(super) replaced_by: Option<String>,
    pub(super) content: Option<Content>,
    /// Recommended price in cents.
    pub(super) cents: i64,
    /// The keys that decide its choices, shared by the variants of a group, and its own.
    pub(super) group_key: u64,
    pub(super) key: u64,
    /// 0 for what sells best to 99 for what sells least.
    pub(super) rank: u64,
    /// The aisle of its shelf, the same in every store.
    pub(super) aisle: usize,
    /// Standing promotions that it takes part in.
    pub(super) promotions: Vec<&'static str>,
}

/// All products, in the order of the tables.
pub(super) fn items() -> &'static [Item] {
    static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(|| {
        let (mut items, mut aisle) = (Vec::new(), 0);
        for (d, department) in departments().iter().enumerate() {
            for (s, shelf) in department.shelves.iter().enumerate() {
                aisle += 1;
                let code = (11 + d) * 100 + 10 + s;
                let mut place = Place { department, shelf, aisle, code, next: 1 };
                for family in &shelf.families {
                    place.add(family, &mut items);
                }
            }
        }
        items
    });
    &ITEMS
}

/// The product with this code.
pub(super) fn item(sku: &str) -> Option<&'static Item> {
    items().iter().find(|item| item.sku == sku)
}

/// Where the next product stands: its shelf and its number on it.
struct Place {
    department: &'static Department,
    shelf: &'static Shelf,
    aisle: usize,
    code: usize,
    next: usize,
}

impl Place {
    fn add(&mut self, family: &'static Family, items: &mut Vec<Item>) {
        for maker in &family.makers {
            let first_of_maker = self.next;
            for kind in &family.kinds {
                let first_of_kind = self.next;
                for (s, size) in family.sizes.iter().enumerate() {
                    let group = match family.traits.axes {
                        Some(("", _)) => first_of_kind,
                        Some((_, "")) => first_of_maker + s,
                        Some(_) => first_of_maker,
                        None => self.next,
                    };
                    let choice = Choice { maker, kind, size: *size, group };
                    items.push(self.item(family, &choice, items.len()));
                    self.next += 1;
                }
            }
        }
    }

    fn sku(&self, number: usize) -> String {
        format!("{}{number:04}", self.code)
    }

    fn item(&self, family: &'static Family, choice: &Choice, number: usize) -> Item {
        let (traits, sku) = (&family.traits, self.sku(self.next));
        let group = self.sku(choice.group);
        let key = rng::key("product", &sku);
        let by_weight = traits.by_weight;
        let replaced = choice.kind.fate == Fate::ReplacedByNext;
        Item {
            gtin: (!by_weight).then(|| gtin(choice.maker, number)),
            name: choice.name(family),
            brand: choice.maker,
            department: self.department,
            shelf: self.shelf,
            family,
            kind: choice.kind,
            variants: choice.variants(family),
            replaced_by: replaced.then(|| self.sku(self.next + family.sizes.len())),
            content: if by_weight { Some(KILOGRAM) } else { Content::of_label(choice.size.0) },
            cents: choice.cents(family),
            aisle: self.aisle,
            group_key: rng::key("group", &group),
            key,
            rank: Rng::of("rank", &group).below(100),
            promotions: promotions::standing_for(self.department, self.shelf, choice.maker),
            group,
            sku,
        }
    }
}

/// One maker, kind and size of a family.
struct Choice {
    maker: &'static str,
    kind: &'static Kind,
    size: (&'static str, i64),
    group: usize,
}

impl Choice {
    fn name(&self, family: &Family) -> String {
        let label = self.size.0;
        let mut name = family.name.replace("{m}", self.maker).replace("{k}", self.kind.name);
        if name.contains("{n}") {
            name = name.replace("{n}", label);
        } else if family.sizes.len() > 1 {
            name = format!("{name}, {label}");
        }
        name.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",")
    }

    fn variants(&self, family: &Family) -> Vec<(&'static str, &'static str)> {
        let (kind_axis, size_axis) = family.traits.axes.unwrap_or_default();
        let axes = [(kind_axis, self.kind.name), (size_axis, self.size.0)];
        axes.into_iter().filter(|(axis, _)| !axis.is_empty()).collect()
    }

    fn cents(&self, family: &Family) -> i64 {
        let own = OWN_BRANDS.iter().find(|(brand, _)| *brand == self.maker);
        let maker = own.map_or_else(
            || 100 + Rng::of(family.name, self.maker).between(-5, 8),
            |(_, percent)| *percent,
        );
        let cents = self.size.1 * self.kind.percent / 100;
        if family.traits.book {
            return cents;
        }
        let fixed = family.makers.len() == 1;
        on_the_label(if fixed { cents } else { cents * maker / 100 })
    }
}

/// The nearest price that a shop would print: 2.49, 13.90, 149.00.
pub(super) fn on_the_label(cents: i64) -> i64 {
    let nearest = |step: i64| (cents + step / 2) / step * step;
    match cents {
        ..1_000 => match nearest(5) {
            even if even % 10 == 0 => (even - 1).max(9),
            odd => odd,
        },
        1_000..10_000 => match nearest(50) {
            round if round % 100 == 0 => round - 10,
            half => half,
        },
        _ => nearest(1_000) - 100,
    }
}

/// A code under GS1's demonstration prefix: 952, the maker, the item, the check digit.
fn gtin(maker: &str, number: usize) -> String {
    let body = format!("952{:04}{number:05}", rng::key("maker", maker) % 10_000);
    format!("{body}{}", check_digit(body.as_bytes()))
}

/// The category lines: departments first, so that a parent stands before its children.
pub(super) fn category_lines() -> Vec<Value> {
    let line = |name: &str, code, google, parent: Option<&str>| json!({"code": code, "name": name, "parent_code": parent, "google_product_category": google, "translations": translations::of_category(name)});
    let parents = departments().iter().map(|d| line(d.name, d.code, d.google, None));
    let children = departments()
        .iter()
        .flat_map(|d| d.shelves.iter().map(|s| line(s.name, s.code, s.google, Some(d.code))));
    parents.chain(children).collect()
}

/// The product lines.
pub(super) fn product_lines(public_url: &str) -> Vec<Value> {
    items().iter().map(|item| item.line(public_url)).collect()
}

impl Item {
    /// Whether stores and the online shop may sell it.
    pub(super) fn is_sold(&self) -> bool {
        self.kind.fate != Fate::Recalled
    }

    /// French VAT in thousandths.
    pub(super) fn vat(&self) -> i64 {
        self.family.traits.vat.unwrap_or(self.department.vat)
    }

    fn line(&self, public_url: &str) -> Value {
        let (traits, sku) = (&self.family.traits, &self.sku);
        let status = match self.kind.fate {
            Fate::Current | Fate::NotYetPublished => "active",
            Fate::ReplacedByNext => "discontinued",
            Fate::Recalled => "recalled",
        };
        let durable = !self.department.is_daily() && !traits.book;
        let mpn = durable.then(|| format!("{}-{}", initials(self.brand), &sku[2..]));
        let identifiers = self.gtin.iter().map(|code| json!({"type": "EAN", "value": code}));
        json!({
            "sku": sku,
            "gtin": self.gtin,
            "identifiers": identifiers.collect::<Vec<_>>(),
            "name": self.name,
            "description": {"plain": self.description()},
            "brand": {"name": self.brand},
            "mpn": mpn,
            "manufacturer": self.manufacturer(),
            "item_group_id": traits.axes.map(|_| format!("grp-{}", self.group)),
            "variant_attributes": self.variants.iter()
                .map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
            "category_codes": [self.shelf.code],
            "google_product_category": self.shelf.google,
            "net_content": self.content.map(Content::json),
            "country_of_origin": traits.origin.unwrap_or("FR"),
            "images": [{
                "url": format!("{public_url}/demo/images/{sku}.svg"),
                "role": "front", "width": 600, "height": 600, "alt": self.name,
            }],
            "additional_property": traits.properties.iter().map(|(id, name, value)| {
                json!({"property_id": id, "name": name, "value": value, "unit_code": null})
            }).collect::<Vec<_>>(),
            "certifications": traits.certifications,
            "condition": "new",
            "status": status,
            "replaced_by_sku": self.replaced_by,
            "is_sold_by_weight": traits.by_weight,
            "link": format!("{public_url}/demo/p/{sku}"),
            "translations": translations::of_product(&self.name),
        })
    }

    fn description(&self) -> String {
        let mut text = format!("{}. {}", self.name, self.shelf.note);
        for (_, name, value) in &self.family.traits.properties {
            text.push_str(&format!(" {name} : {value}."));
        }
        if !self.family.traits.certifications.is_empty() {
            text.push_str(&format!(" {}.", self.family.traits.certifications.join(", ")));
        }
        text
    }

    fn manufacturer(&self) -> String {
        let own = OWN_BRANDS.iter().any(|(brand, _)| *brand == self.brand);
        if own { super::RETAILER.to_owned() } else { format!("{} SAS", self.brand) }
    }
}

/// The capitals of a brand, as makers put them before a part number.
fn initials(brand: &str) -> String {
    brand.chars().filter(char::is_ascii_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_prices_look_like_label_prices() {
        let shown = [(250, 249), (243, 245), (1_400, 1_390), (1_449, 1_450), (24_900, 24_900)];
        for (cents, label) in shown {
            assert_eq!(on_the_label(cents), label);
        }
    }

    #[test]
    fn variants_of_a_group_share_it_and_differ_in_their_values() {
        let mut seen = std::collections::HashSet::new();
        for item in items().iter().filter(|i| i.family.traits.axes.is_some()) {
            assert!(!item.variants.is_empty(), "{}", item.name);
            assert!(seen.insert((&item.group, &item.variants)), "{}", item.name);
            assert!(super::item(&item.group).is_some());
        }
    }
}

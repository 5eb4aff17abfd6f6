//! The catalogue's families, read from five small tables of text beside this file.
//!
//! `# ` opens a department: name, code, Google category, VAT in thousandths, and the share of it
//! that each kind of store lists. `## ` opens a shelf: name, code, Google category, the shape of
//! its pictures, a note. Any other line is a family: a name in which `{m}` is the maker, `{k}` the
//! kind and `{n}` the size; makers; kinds, each with a price difference in percent; sizes with
//! their price in euros; traits. Each maker, kind and size of a family together are one product.
//! Behind a kind, `†` means replaced by the next kind, `‡` recalled, `◊` not published yet.

use super::stores::Format;
use std::sync::LazyLock;

const TABLES: [&str; 5] = [
    include_str!("catalogue/grocery.txt"),
    include_str!("catalogue/fresh.txt"),
    include_str!("catalogue/household.txt"),
    include_str!("catalogue/home.txt"),
    include_str!("catalogue/leisure.txt"),
];

/// A top category.
#[derive(Debug)]
pub(super) struct Department {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) google: &'static str,
    /// French VAT in thousandths: 55 or 200.
    pub(super) vat: i64,
    /// Share in percent that hypermarkets, supermarkets, department stores, convenience stores and
    /// the online shop list.
    shares: [u64; 5],
    pub(super) shelves: Vec<Shelf>,
}

/// A category without children.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) google: &'static str,
    pub(super) shape: &'static str,
    pub(super) note: &'static str,
    pub(super) families: Vec<Family>,
}

/// Products that differ by maker, kind and size only.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) makers: Vec<&'static str>,
    pub(super) kinds: Vec<Kind>,
    /// Label and price in cents.
    pub(super) sizes: Vec<(&'static str, i64)>,
    pub(super) traits: Traits,
}

/// One kind of a family.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Price in percent of the family's.
    pub(super) percent: i64,
    pub(super) fate: Fate,
}

/// Where a product stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Current,
    ReplacedByNext,
    Recalled,
    NotYetPublished,
}

/// What else is true of a whole family.
#[derive(Debug, Default)]
pub(super) struct Traits {
    pub(super) by_weight: bool,
    /// Books have the publisher's price everywhere, as French law asks.
    pub(super) book: bool,
    /// Shown in stores, delivered on order.
    pub(super) on_order: bool,
    pub(super) origin: Option<&'static str>,
    /// VAT where it differs from the department's.
    pub(super) vat: Option<i64>,
    pub(super) certifications: Vec<&'static str>,
    /// Names of the attributes that kind and size are, where the variants make a group.
    pub(super) axes: Option<(&'static str, &'static str)>,
    /// Id, name and value.
    pub(super) properties: Vec<(&'static str, &'static str, &'static str)>,
}

impl Department {
    /// Share in percent of the department that a store of this format lists.
    pub(super) fn share(&self, format: Format) -> u64 {
        match format {
            Format::Hypermarket => self.shares[0],
            Format::Supermarket => self.shares[1],
            Format::DepartmentStore => self.shares[2],
            Format::Convenience => self.shares[3],
        }
    }

    /// Share in percent of the department that the online shop lists.
    pub(super) fn online_share(&self) -> u64 {
        self.shares[4]
    }

    /// Whether this is daily shopping, whose prices follow the store's neighbourhood.
    pub(super) fn is_daily(&self) -> bool {
        self.shares[1] >= 50
    }
}

/// All departments, in the order of the tables.
pub(super) fn departments() -> &'static [Department] {
    static DEPARTMENTS: LazyLock<Vec<Department>> = LazyLock::new(|| {
        let mut departments = Vec::new();
        for line in TABLES.iter().flat_map(|table| table.lines()) {
            read(line, &mut departments);
        }
        departments
    });
    &DEPARTMENTS
}

/// Adds what one line says; a line of another form says nothing (the tests count the products).
fn read(line: &'static str, departments: &mut Vec<Department>) {
    let fields: Vec<&str> = line.trim_start_matches('#').split('|').map(str::trim).collect();
    match (line.starts_with("## "), line.starts_with("# "), fields.as_slice()) {
        (true, _, &[name, code, google, shape, note]) => {
            if let Some(department) = departments.last_mut() {
                let families = Vec::new();
                department.shelves.push(Shelf { name, code, google, shape, note, families });
            }
        }
        (_, true, &[name, code, google, vat, listed]) => {
            let mut shares = [0; 5];
            for (share, text) in shares.iter_mut().zip(listed.split(' ')) {
                *share = text.parse().unwrap_or(0);
            }
            let vat = vat.parse().unwrap_or(200);
            departments.push(Department { name, code, google, vat, shares, shelves: Vec::new() });
        }
        (false, false, &[name, makers, kinds, sizes, traits]) => {
            let shelf = departments.last_mut().and_then(|d| d.shelves.last_mut());
            if let Some(shelf) = shelf {
                shelf.families.push(Family {
                    name,
                    makers: list(makers).collect(),
                    kinds: list(kinds).map(Kind::read).collect(),
                    sizes: list(sizes).map(size).collect(),
                    traits: Traits::read(traits),
                });
            }
        }
        _ => {}
    }
}

/// The parts of a list; an empty text is one empty part.
fn list(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(';').map(str::trim)
}

/// Label and cents of `75 cl=8.95`.
fn size(text: &'static str) -> (&'static str, i64) {
    let (label, euros) = text.split_once('=').unwrap_or((text, ""));
    let cents = euros.replace('.', "").parse().unwrap_or(0);
    (label, cents)
}

impl Kind {
    /// The kind in `quetsche+10%†`.
    fn read(text: &'static str) -> Self {
        let marks =
            [('†', Fate::ReplacedByNext), ('‡', Fate::Recalled), ('◊', Fate::NotYetPublished)];
        let marked = marks.iter().find_map(|(mark, fate)| Some((text.strip_suffix(*mark)?, *fate)));
        let (text, fate) = marked.unwrap_or((text, Fate::Current));
        let difference = text.strip_suffix('%').and_then(|rest| {
            let at = rest.rfind(['+', '-'])?;
            Some((&rest[..at], 100 + rest[at..].parse::<i64>().ok()?))
        });
        let (name, percent) = difference.unwrap_or((text, 100));
        Self { name, percent, fate }
    }
}

impl Traits {
    /// The traits in `origin=ES;cert=AB;material:Matière=Coton;weight`.
    fn read(text: &'static str) -> Self {
        let mut traits = Self::default();
        for part in list(text) {
            match part.split_once('=') {
                Some(("origin", country)) => traits.origin = Some(country),
                Some(("vat", vat)) => traits.vat = vat.parse().ok(),
                Some(("cert", name)) => traits.certifications.push(name),
                Some(("group", axes)) => {
                    traits.axes = Some(axes.split_once(',').unwrap_or((axes, "")));
                }
                Some((property, value)) => {
                    if let Some((id, name)) = property.split_once(':') {
                        traits.properties.push((id, name, value));
                    }
                }
                None => match part {
                    "weight" => traits.by_weight = true,
                    "book" => traits.book = true,
                    "order" => traits.on_order = true,
                    _ => {}
                },
            }
        }
        traits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_understood() {
        let lines = TABLES.iter().flat_map(|t| t.lines()).filter(|l| !l.is_empty()).count();
        let shelves = || departments().iter().flat_map(|d| &d.shelves);
        let families = || shelves().flat_map(|s| &s.families);
        assert_eq!(lines, departments().len() + shelves().count() + families().count());
        for family in families() {
            assert!(family.sizes.iter().all(|(_, cents)| *cents > 0), "{}", family.name);
            assert!(
                family.kinds.iter().all(|k| k.name.ends_with(" %") || !k.name.ends_with('%')),
                "{}",
                family.name
            );
            let shown = |slot: &str, many: bool| family.name.contains(slot) || !many;
            assert!(shown("{m}", family.makers.len() > 1), "{}", family.name);
            assert!(shown("{k}", family.kinds.len() > 1), "{}", family.name);
        }
    }

    #[test]
    fn a_kind_has_a_price_difference_and_a_fate() {
        let kind = Kind::read("sans-sel-20%†");
        assert_eq!((kind.name, kind.percent, kind.fate), ("sans-sel", 80, Fate::ReplacedByNext));
        let kind = Kind::read("noir 70 %");
        assert_eq!((kind.name, kind.percent), ("noir 70 %", 100));
    }
}

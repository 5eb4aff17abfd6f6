//! Reading the files, and making documents of them.

use super::*;
use crate::catalog::offers::Channel;
use crate::kernel::{Amount, Currency};
use SensitiveCategory::{Alcohol, Baby, Dietary, Intimate, Pharmacy, Tobacco};
use csv::StringRecord;
use flate2::read::GzDecoder;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Of the households each of so many is taken, unless all are asked for.
const EACH: usize = 20;

/// Categories that reveal something, as the data calls them.
const SENSITIVE: [(&str, SensitiveCategory); 24] = [
    ("ANALGESICS", Pharmacy),
    ("ANTACIDS", Pharmacy),
    ("BABY FOODS", Baby),
    ("BABY HBC", Baby),
    ("BABYFOOD", Baby),
    ("BEERS/ALES", Alcohol),
    ("CIGARETTES", Tobacco),
    ("CIGARS", Tobacco),
    ("COLD AND FLU", Pharmacy),
    ("DIAPERS & DISPOSABLES", Baby),
    ("DIETARY AID PRODUCTS", Pharmacy),
    ("DOMESTIC WINE", Alcohol),
    ("FAMILY PLANNING", Intimate),
    ("FEMININE HYGIENE", Intimate),
    ("IMPORTED WINE", Alcohol),
    ("INFANT CARE PRODUCTS", Baby),
    ("INFANT FORMULA", Baby),
    ("LAXATIVES", Pharmacy),
    ("LIQUOR", Alcohol),
    ("MISC WINE", Alcohol),
    ("NATURAL VITAMINS", Pharmacy),
    ("RESTRICTED DIET", Dietary),
    ("TOBACCO OTHER", Tobacco),
    ("VITAMINS", Pharmacy),
];

/// What a household bought, counted from the file itself.
#[derive(Default)]
pub(super) struct Household {
    pub(super) baskets: BTreeSet<String>,
    /// Ten-thousandths of a dollar for all lines.
    pub(super) paid: i64,
    /// The same without lines that are left out by default.
    pub(super) open: i64,
}

/// The lines of the feeds.
pub(super) struct Journey {
    pub(super) households: BTreeMap<String, Household>,
    pub(super) customers: Vec<Value>,
    pub(super) purchases: Vec<Value>,
    pub(super) loyalty: Vec<Value>,
    pub(super) promotions: Vec<Value>,
}

/// A file as rows that are read by the names of their columns.
struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<StringRecord>,
}

impl Table {
    fn read(dir: &Path, name: &str) -> Self {
        let file = File::open(dir.join(name)).unwrap();
        let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
        let names = reader.headers().unwrap().iter().map(str::to_owned);
        let columns = names.enumerate().map(|(n, name)| (name, n)).collect();
        Self { columns, rows: reader.records().map(Result::unwrap).collect() }
    }

    fn rows(&self) -> impl Iterator<Item = impl Fn(&str) -> String> {
        self.rows.iter().map(move |row| move |name: &str| row[self.columns[name]].to_owned())
    }
}

/// Where the files are, and a message where there are none.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn directory() -> Option<PathBuf> {
    let found = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_DATA");
    let dir = found.map(|(_, dir)| PathBuf::from(dir).join("complete-journey"));
    let dir = dir.filter(|dir| dir.join("transactions.csv.gz").exists());
    if dir.is_none() {
        println!(
            "SKIPPED on real households: COMPTOIR_TEST_DATA names no directory with complete-journey"
        );
    }
    dir
}

/// Dollars, which were binary floats at the source.
fn dollars(text: &str) -> Money {
    let exact = format!("{:.2}", text.parse::<f64>().unwrap());
    Money { amount: exact.parse().unwrap(), currency: usd() }
}

fn usd() -> Currency {
    "USD".parse().unwrap()
}

fn household(number: &str) -> String {
    format!("hh_{number}")
}

fn is_taken(number: &str) -> bool {
    let mut vars = std::env::vars();
    let all = vars.any(|(name, value)| name == "COMPTOIR_TEST_CUSTOMERS" && value == "all");
    all || number.parse::<usize>().unwrap().is_multiple_of(EACH)
}

impl Journey {
    /// The files; `None`, and a message, where they are not.
    pub(super) fn read() -> Option<Self> {
        let dir = directory()?;
        let products = Table::read(&dir, "products.csv.gz");
        let categories = products
            .rows()
            .map(|get| (get("product_id"), get("product_category")))
            .collect::<HashMap<String, String>>();
        let (households, purchases) = purchases(&dir, &categories);
        let bands = bands(&dir);
        let customers = households.keys().map(|id| json!({"id": id, "age_band": bands.get(id)}));
        let customers = customers.collect();
        let loyalty = households.keys().map(|id| loyalty(id, &purchases)).collect();
        let promotions = promotions(&dir, &households);
        let purchases = purchases.iter().map(|(owner, it)| owned(it, owner)).collect();
        Some(Self { households, customers, purchases, loyalty, promotions })
    }
}

/// Bands of ages, where they are known.
fn bands(dir: &Path) -> HashMap<String, &'static str> {
    let band = |text: &str| match text {
        "19-24" => Some("18_24"),
        "25-34" => Some("25_34"),
        "35-44" => Some("35_44"),
        "45-54" => Some("45_54"),
        "55-64" => Some("55_64"),
        "65+" => Some("65_plus"),
        _ => None,
    };
    let table = Table::read(dir, "demographics.csv.gz");
    let rows = table.rows();
    rows.filter_map(|get| Some((household(&get("household_id")), band(&get("age"))?))).collect()
}

/// One line of a till, and what it is worth.
fn bought_line(
    get: &impl Fn(&str) -> String,
    categories: &HashMap<String, String>,
    n: usize,
) -> PurchaseLine {
    let coupon = dollars(&get("coupon_disc"));
    let discounts =
        ["retail_disc", "coupon_disc", "coupon_match_disc"].map(|name| (name, dollars(&get(name))));
    let discounts = discounts.into_iter().filter(|(_, amount)| amount.amount.0 != 0);
    let category = categories.get(&get("product_id")).filter(|it| !it.is_empty()).cloned();
    let sensitive = SENSITIVE.iter().find(|(name, _)| category.as_deref() == Some(*name));
    // What the retailer got includes what the maker pays for the coupon.
    let paid = dollars(&get("sales_value")).amount.0 - coupon.amount.0;
    PurchaseLine {
        line_id: n.to_string(),
        sku: Some(get("product_id")),
        gtin: None,
        name: None,
        category,
        sensitive: sensitive.map(|(_, what)| *what),
        quantity: PurchaseQuantity {
            value: decimal(&get("quantity")),
            unit_code: "C62".to_owned(),
        },
        unit_price: None,
        discounts: discounts
            .map(|(name, amount)| LineDiscount { promotion_code: some(name), amount })
            .collect(),
        line_total: Money { amount: Amount(paid), currency: usd() },
        returned_quantity: None,
        returnable_until: None,
        warranty_until: None,
    }
}

/// What was bought, by basket, and what the file says of it by household.
fn purchases(
    dir: &Path,
    categories: &HashMap<String, String>,
) -> (BTreeMap<String, Household>, Vec<(String, CustomerPurchase)>) {
    let table = Table::read(dir, "transactions.csv.gz");
    let mut households: BTreeMap<String, Household> = BTreeMap::new();
    let mut baskets: BTreeMap<String, (String, CustomerPurchase)> = BTreeMap::new();
    for get in table.rows().filter(|get| is_taken(&get("household_id"))) {
        let (owner, basket) = (household(&get("household_id")), get("basket_id"));
        let of = households.entry(owner.clone()).or_default();
        of.baskets.insert(basket.clone());
        let (_, purchase) = baskets.entry(basket.clone()).or_insert_with(|| {
            let order_date = at(&format!("{}Z", get("transaction_timestamp").replace(' ', "T")));
            let empty = CustomerPurchase {
                id: format!("basket_{basket}"),
                order_number: Some(basket),
                channel: Channel::InStore,
                store_code: Some(get("store_id")),
                order_date,
                order_status: Some(PurchaseStatus::Completed),
                lines: Vec::new(),
                totals: Vec::new(),
                adjustments: Vec::new(),
                receipt: None,
                loyalty: None,
            };
            (owner, empty)
        });
        let line = bought_line(&get, categories, purchase.lines.len() + 1);
        of.paid += line.line_total.amount.0;
        let everywhere = SensitiveCategories::everywhere();
        if !line.sensitive.is_some_and(|what| everywhere.has(what)) {
            of.open += line.line_total.amount.0;
        }
        purchase.lines.push(line);
        let paid = purchase.lines.iter().map(|line| line.line_total.amount.0).sum();
        purchase.totals = vec![PurchaseTotal {
            kind: PurchaseTotalKind::Total,
            rate: None,
            included: None,
            amount: Money { amount: Amount(paid), currency: usd() },
        }];
    }
    (households, baskets.into_values().collect())
}

/// An account in which each purchase earns a point for each whole dollar: the data has no points, so these are made up.
fn loyalty(owner: &str, purchases: &[(String, CustomerPurchase)]) -> Value {
    let own = purchases.iter().filter(|(of, _)| of == owner).map(|(_, purchase)| purchase);
    let earned = |purchase: &CustomerPurchase| {
        let dollars = purchase.paid().unwrap().amount.0 / crate::kernel::money::SCALE;
        ExactDecimal(Amount(dollars * crate::kernel::money::SCALE))
    };
    let transactions: Vec<LoyaltyTransaction> = own
        .map(|purchase| LoyaltyTransaction {
            id: format!("points_{}", purchase.id),
            kind: LoyaltyMove::Earn,
            points: earned(purchase),
            purchase_id: Some(purchase.id.clone()),
            description: some("synthetic"),
            occurred_at: purchase.order_date,
        })
        .collect();
    let balance = transactions.iter().map(|it| it.points.0.0).sum();
    let account = LoyaltyAccount {
        id: format!("loy_{owner}"),
        program: LoyaltyProgram { id: "journey".to_owned(), name: None },
        membership_number: None,
        membership_number_masked: None,
        tier: None,
        balances: vec![LoyaltyBalance {
            currency: LoyaltyUnit { code: "PTS".to_owned(), name: None },
            available: ExactDecimal(Amount(balance)),
            pending: None,
            expiring: Vec::new(),
        }],
        transactions,
    };
    owned(&account, owner)
}

/// The campaigns that a household was in, and the coupon that it used, where it used one.
fn promotions(dir: &Path, households: &BTreeMap<String, Household>) -> Vec<Value> {
    let used: HashMap<(String, String), String> = Table::read(dir, "coupon_redemptions.csv.gz")
        .rows()
        .map(|get| ((get("household_id"), get("campaign_id")), get("coupon_upc")))
        .collect();
    let dates: HashMap<String, (String, String)> = Table::read(dir, "campaign_descriptions.csv.gz")
        .rows()
        .map(|get| (get("campaign_id"), (get("start_date"), get("end_date"))))
        .collect();
    let one = |(number, campaign): (String, String)| {
        let (start, end) = &dates[&campaign];
        let owner = household(&number);
        let coupon = used.get(&(number, campaign.clone()));
        let promotion = PersonalPromotion {
            id: format!("campaign_{campaign}_{owner}"),
            code: Some(campaign.clone()),
            title: None,
            kind: PersonalPromotionKind::Coupon,
            value: None,
            amount: None,
            coupon_code: Some(coupon.cloned().unwrap_or(campaign)),
            skus: Vec::new(),
            gtins: Vec::new(),
            store_codes: Vec::new(),
            channels: vec![Channel::InStore],
            state: match coupon {
                Some(_) => PersonalPromotionState::Redeemed,
                None => PersonalPromotionState::Offered,
            },
            valid_from: Some(at(&format!("{start}T00:00:00Z"))),
            valid_through: Some(at(&format!("{end}T23:59:59Z"))),
        };
        owned(&promotion, &owner)
    };
    let table = Table::read(dir, "campaigns.csv.gz");
    let rows = table.rows().map(|get| (get("household_id"), get("campaign_id")));
    rows.filter(|(number, _)| households.contains_key(&household(number))).map(one).collect()
}

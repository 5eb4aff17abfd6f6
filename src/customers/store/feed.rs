//! Writing what feeds say of customers.

use super::read::document;
use super::{ACCOUNTS, CUSTOMERS, LISTS, PROMOTIONS, PURCHASES, forget};
use crate::catalog::Fault;
use crate::customers::import::{CustomerFeed, FeedDocument, FeedRow, MOST_TRANSACTIONS};
use crate::customers::model::LoyaltyAccount;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx, one_at_a_time};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedFate {
    /// It is stored.
    Written,
    /// It said what is known, or a later line of the batch is about the same.
    Unchanged,
    /// It is not stored.
    Refused(LineRefused),
}

/// Why a line that is well-formed is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRefused {
    /// The customer was forgotten.
    Forgotten,
    /// There is no such customer.
    NoCustomer,
    /// What it names is another customer's.
    Others,
}

impl LineRefused {
    /// What is wrong, as a fault of the line.
    #[must_use]
    pub fn fault(self) -> Fault {
        let (field, code, message) = match self {
            Self::Forgotten => ("id", "forgotten", "is that of a customer who was forgotten"),
            Self::NoCustomer => (
                "customer_id",
                "unknown_customer",
                "names nobody: import the customer first; one who was forgotten stays away",
            ),
            Self::Others => ("id", "taken", "is that of something that another customer has"),
        };
        Fault::new(field, "", code, message)
    }
}

macro_rules! find {
    ($columns:literal, $table:literal) => {
        Statement::new(
            "WITH k (id) AS (VALUES",
            1,
            concat!(") SELECT ", $columns, " FROM k JOIN ", $table, " t ON t.id = k.id"),
        )
    };
}

static FIND_CUSTOMERS: Statement = find!("t.id, t.id AS owner, t.body", "customers");
static FIND_PURCHASES: Statement = find!("t.id, t.customer_id AS owner, t.body", "purchases");
static FIND_ACCOUNTS: Statement = find!("t.id, t.customer_id AS owner, t.body", "loyalty_accounts");
static FIND_LISTS: Statement = find!("t.id, t.customer_id AS owner, t.body", "customer_lists");
static FIND_PROMOTIONS: Statement =
    find!("t.id, t.customer_id AS owner, t.body", "customer_promotions");
static FIND_FORGOTTEN: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT t.mark FROM k JOIN customers_forgotten t ON t.mark = k.id",
);

static PUT_CUSTOMERS: Statement = Statement::new(
    "INSERT INTO customers (id, body) VALUES",
    2,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
);
static PUT_PURCHASES: Statement = Statement::new(
    "INSERT INTO purchases (id, customer_id, body, ordered_at) VALUES",
    4,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body, ordered_at = excluded.ordered_at
        WHERE purchases.customer_id = excluded.customer_id",
);
static PUT_ACCOUNTS: Statement = Statement::new(
    "INSERT INTO loyalty_accounts (id, customer_id, body) VALUES",
    3,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body
        WHERE loyalty_accounts.customer_id = excluded.customer_id",
);
static PUT_LISTS: Statement = Statement::new(
    "INSERT INTO customer_lists (id, customer_id, body) VALUES",
    3,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body, version = customer_lists.version + 1
        WHERE customer_lists.customer_id = excluded.customer_id",
);
static PUT_PROMOTIONS: Statement = Statement::new(
    "INSERT INTO customer_promotions (id, customer_id, body, valid_from, valid_through) VALUES",
    5,
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body, valid_from = excluded.valid_from,
        valid_through = excluded.valid_through
        WHERE customer_promotions.customer_id = excluded.customer_id",
);

/// How the documents of a feed are found and written.
fn statements(feed: CustomerFeed) -> (&'static str, &'static Statement, &'static Statement) {
    match feed {
        CustomerFeed::Customers => (CUSTOMERS, &FIND_CUSTOMERS, &PUT_CUSTOMERS),
        CustomerFeed::Purchases => (PURCHASES, &FIND_PURCHASES, &PUT_PURCHASES),
        CustomerFeed::Loyalty => (ACCOUNTS, &FIND_ACCOUNTS, &PUT_ACCOUNTS),
        CustomerFeed::Lists => (LISTS, &FIND_LISTS, &PUT_LISTS),
        CustomerFeed::Promotions => (PROMOTIONS, &FIND_PROMOTIONS, &PUT_PROMOTIONS),
    }
}

/// What is stored of what some lines are about.
struct FeedStanding {
    /// Customers who are there; of a feed of customers, none is needed.
    customers: HashSet<String>,
    /// Marks of those who were forgotten.
    forgotten: HashSet<String>,
    /// Owner and document by id.
    known: HashMap<String, (String, String)>,
}

impl FeedStanding {
    async fn read(tx: &mut Tx, feed: CustomerFeed, rows: &[FeedRow]) -> Result<Self, StoreError> {
        let (_, find, _) = statements(feed);
        let ids: Vec<Cell<'_>> = rows.iter().map(|row| Cell::from(row.document.id())).collect();
        let found: Vec<(String, String, String)> = bulk::lookup(tx, find, &ids).await?;
        let known = found.into_iter().map(|(id, owner, body)| (id, (owner, body))).collect();
        let named: HashSet<&str> = rows.iter().map(|row| row.customer.as_str()).collect();
        let mut standing = Self { customers: HashSet::new(), forgotten: HashSet::new(), known };
        if feed == CustomerFeed::Customers {
            let marks: Vec<Cell<'_>> =
                named.iter().map(|customer| Cell::from(forget::mark(customer))).collect();
            let found: Vec<(String,)> = bulk::lookup(tx, &FIND_FORGOTTEN, &marks).await?;
            standing.forgotten = found.into_iter().map(|(mark,)| mark).collect();
        } else {
            let named: Vec<Cell<'_>> = named.into_iter().map(Cell::from).collect();
            let found: Vec<(String, String, String)> =
                bulk::lookup(tx, &FIND_CUSTOMERS, &named).await?;
            standing.customers = found.into_iter().map(|(id, ..)| id).collect();
        }
        Ok(standing)
    }

    fn refuses(&self, row: &FeedRow) -> Option<LineRefused> {
        let is_customer = matches!(row.document, FeedDocument::Customer(_));
        if is_customer {
            let is_forgotten = self.forgotten.contains(&forget::mark(&row.customer));
            return is_forgotten.then_some(LineRefused::Forgotten);
        }
        if !self.customers.contains(&row.customer) {
            return Some(LineRefused::NoCustomer);
        }
        let owner = self.known.get(row.document.id()).map(|(owner, _)| owner);
        owner.is_some_and(|owner| *owner != row.customer).then_some(LineRefused::Others)
    }
}

/// Stores lines of one feed. In the order of the lines, what became of each.
///
/// Writers of feeds follow each other, and whoever forgets a customer is one of them: between looking whether somebody was
/// forgotten and writing, nobody is.
pub async fn put_rows(
    tx: &mut Tx,
    feed: CustomerFeed,
    rows: Vec<FeedRow>,
) -> Result<Vec<(u64, FeedFate)>, StoreError> {
    one_at_a_time(tx, CUSTOMERS).await?;
    let (table, _, put) = statements(feed);
    let standing = FeedStanding::read(tx, feed, &rows).await?;
    let last: HashMap<String, u64> =
        rows.iter().map(|row| (row.document.id().to_owned(), row.line)).collect();
    let (mut fates, mut cells) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let line = row.line;
        let fate = match standing.refuses(&row) {
            Some(why) => FeedFate::Refused(why),
            None if last.get(row.document.id()) != Some(&line) => FeedFate::Unchanged,
            None => {
                let before = standing.known.get(row.document.id()).map(|(_, body)| body.as_str());
                let body = body(table, &row.document, before)?;
                if before == Some(body.as_str()) {
                    FeedFate::Unchanged
                } else {
                    cells.extend(written(row, body));
                    FeedFate::Written
                }
            }
        };
        fates.push((line, fate));
    }
    bulk::write(tx, put, &cells).await?;
    Ok(fates)
}

/// The document as it is kept, beside what is known.
fn body(
    table: &'static str,
    told: &FeedDocument,
    before: Option<&str>,
) -> Result<String, StoreError> {
    fn text(table: &'static str, document: &impl Serialize) -> Result<String, StoreError> {
        serde_json::to_string(document).map_err(|_| StoreError::corrupt(table, "cannot be written"))
    }
    match told {
        FeedDocument::Customer(it) => text(table, it),
        FeedDocument::Purchase(it) => text(table, it),
        FeedDocument::List(it) => text(table, it),
        FeedDocument::Promotion(it) => text(table, it),
        FeedDocument::Loyalty(it) => {
            let before: Option<LoyaltyAccount> =
                before.map(|body| document(table, body)).transpose()?;
            text(table, &with_movements(it, before))
        }
    }
}

/// An account with the newest of the movements that are told and of those that are known, in the order of time.
fn with_movements(told: &LoyaltyAccount, before: Option<LoyaltyAccount>) -> LoyaltyAccount {
    let mut account = told.clone();
    let named: HashSet<&str> = told.transactions.iter().map(|it| it.id.as_str()).collect();
    let known = before.map(|before| before.transactions).unwrap_or_default();
    account.transactions.extend(known.into_iter().filter(|it| !named.contains(it.id.as_str())));
    account
        .transactions
        .sort_by(|one, other| (one.occurred_at, &one.id).cmp(&(other.occurred_at, &other.id)));
    let more = account.transactions.len().saturating_sub(MOST_TRANSACTIONS);
    account.transactions.drain(..more);
    account
}

/// The cells of a row, in the order of its statement.
fn written(row: FeedRow, body: String) -> Vec<Cell<'static>> {
    let FeedRow { customer, document, .. } = row;
    let id = document.id().to_owned();
    let mut cells: Vec<Cell<'static>> = match document {
        FeedDocument::Customer(_) => return vec![id.into(), body.into()],
        _ => vec![id.into(), customer.into(), body.into()],
    };
    match document {
        FeedDocument::Purchase(it) => cells.push(it.order_date.0.into()),
        FeedDocument::Promotion(it) => {
            cells.push(it.valid_from.map_or(i64::MIN, |at| at.0).into());
            cells.push(it.valid_through.map_or(i64::MAX, |at| at.0).into());
        }
        FeedDocument::Customer(_) | FeedDocument::Loyalty(_) | FeedDocument::List(_) => {}
    }
    cells
}

//! Writing made-up customers.

use crate::kernel::Micros;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx};
use serde_json::Value;

static CUSTOMERS: Statement =
    Statement::new("INSERT INTO customers (id, body) VALUES", 2, "ON CONFLICT (id) DO NOTHING");
static PURCHASES: Statement = Statement::new(
    "INSERT INTO purchases (id, customer_id, ordered_at, body) VALUES",
    4,
    "ON CONFLICT (id) DO NOTHING",
);
static LOYALTY: Statement = Statement::new(
    "INSERT INTO loyalty_accounts (id, customer_id, body) VALUES",
    3,
    "ON CONFLICT (id) DO NOTHING",
);
static LISTS: Statement = Statement::new(
    "INSERT INTO customer_lists (id, customer_id, body) VALUES",
    3,
    "ON CONFLICT (id) DO NOTHING",
);

/// Why seed data was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A document without a field that its row needs.
    #[error("a document of {table} lacks `{field}`, or it is malformed")]
    Shape {
        /// The table that it is for.
        table: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores documents of made-up customers; those that are there already stay as they are. Each has
/// an `id` (a customer may say `sub`); the others name their customer in `customer_id`, which is
/// not kept in the document; a purchase has an `order_date`.
pub async fn put_seed(
    tx: &mut Tx,
    customers: &[Value],
    purchases: &[Value],
    loyalty: &[Value],
    lists: &[Value],
) -> Result<(), SeedError> {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for customer in customers {
        let id =
            text("customers", customer, "id").or_else(|_| text("customers", customer, "sub"))?;
        cells.extend([id.into(), customer.to_string().into()]);
    }
    bulk::write(tx, &CUSTOMERS, &cells).await?;
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for purchase in purchases {
        let [id, customer, body] = owned("purchases", purchase)?;
        let at: Micros = text("purchases", purchase, "order_date")?
            .parse()
            .map_err(|_| SeedError::Shape { table: "purchases", field: "order_date" })?;
        cells.extend([id, customer, at.0.into(), body]);
    }
    bulk::write(tx, &PURCHASES, &cells).await?;
    for (table, statement, documents) in
        [("loyalty_accounts", &LOYALTY, loyalty), ("customer_lists", &LISTS, lists)]
    {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        for document in documents {
            cells.extend(owned(table, document)?);
        }
        bulk::write(tx, statement, &cells).await?;
    }
    Ok(())
}

fn text<'a>(
    table: &'static str,
    document: &'a Value,
    field: &'static str,
) -> Result<&'a str, SeedError> {
    document.get(field).and_then(Value::as_str).ok_or(SeedError::Shape { table, field })
}

/// Id, customer and body of a document that belongs to a customer.
fn owned<'a>(table: &'static str, document: &'a Value) -> Result<[Cell<'a>; 3], SeedError> {
    let id = text(table, document, "id")?;
    let customer = text(table, document, "customer_id")?;
    let mut body = document.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("customer_id");
    }
    Ok([id.into(), customer.into(), body.to_string().into()])
}

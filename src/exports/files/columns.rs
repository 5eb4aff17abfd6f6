//! The columns of the Parquet files: one message type for each resource, and a row's cells in the
//! order of its columns. Amounts are DECIMAL(18, 4) on 64 bits, as they are stored, so no digit is
//! lost; instants are microseconds of UTC; what has no fixed shape is a column of JSON. Columns that a plan leaves
//! out stay, and are null.

use crate::access::model::StockDisclosure;
use crate::access::plan::{PlanData, SALE};
use crate::changes::resource;
use crate::changes::store::rows::{OfferRow, StockRow};
use crate::exports::ExportError;
use crate::exports::columnar::Cell;
use crate::exports::model::Resource;
use crate::exports::store::rows::{DocumentRow, ProductRow, Row};
use crate::kernel::Gtin;
use crate::stock::line::QuantityOut;

/// The same cell with nothing in it.
pub(super) fn emptied(cell: &Cell) -> Cell {
    match cell {
        Cell::Text(_) => Cell::Text(None),
        Cell::Int(_) => Cell::Int(None),
        Cell::Bool(_) => Cell::Bool(None),
        Cell::Decimal(_) => Cell::Decimal(None),
    }
}

fn text(value: &str) -> Cell {
    Cell::Text(Some(value.to_owned()))
}

const PRODUCTS: &str = "message products {
    required binary id (STRING);
    required binary sku (STRING);
    optional binary gtin (STRING);
    optional binary brand_id (STRING);
    required binary category_ids (JSON);
    optional binary item_group_id (STRING);
    required binary status (STRING);
    required boolean is_sold_by_weight;
    required binary document (JSON);
    required int64 updated_at (TIMESTAMP(MICROS,true));
    required int64 version;
}";

const CATEGORIES: &str = "message categories {
    required binary id (STRING);
    required binary code (STRING);
    required binary document (JSON);
    required int64 updated_at (TIMESTAMP(MICROS,true));
    required int64 version;
}";

const STORES: &str = "message stores {
    required binary id (STRING);
    required binary store_code (STRING);
    required binary document (JSON);
    required int64 updated_at (TIMESTAMP(MICROS,true));
    required int64 version;
}";

const PROMOTIONS: &str = "message promotions {
    required binary id (STRING);
    required binary code (STRING);
    required binary document (JSON);
    required int64 updated_at (TIMESTAMP(MICROS,true));
    required int64 version;
}";

const OFFERS: &str = "message offers {
    required binary product_id (STRING);
    required binary store_id (STRING);
    required binary channel (STRING);
    required binary currency (STRING);
    required int64 price (DECIMAL(18,4));
    optional int64 list_price (DECIMAL(18,4));
    optional int64 member_price (DECIMAL(18,4));
    required binary price_type (STRING);
    optional int64 unit_price (DECIMAL(18,4));
    optional binary unit_price_reference (STRING);
    optional int64 lowest_price_30d (DECIMAL(18,4));
    optional int64 eco_contribution (DECIMAL(18,4));
    optional binary seller (JSON);
    required boolean tax_included;
    optional int64 valid_from (TIMESTAMP(MICROS,true));
    optional int64 valid_through (TIMESTAMP(MICROS,true));
    optional binary sale (JSON);
    required binary promotion_ids (JSON);
    required int64 as_of (TIMESTAMP(MICROS,true));
    required int64 updated_at (TIMESTAMP(MICROS,true));
    required int64 version;
}";

const STOCK: &str = "message stock {
    required binary product_id (STRING);
    required binary store_id (STRING);
    required binary availability (STRING);
    optional binary quantity_band (STRING);
    required int64 as_of (TIMESTAMP(MICROS,true));
    required int64 received_at (TIMESTAMP(MICROS,true));
    required int64 max_age_s;
    required binary source (STRING);
    optional int64 restock_at (TIMESTAMP(MICROS,true));
    required binary document (JSON);
}";

/// The message type of a resource, and which of its columns a plan leaves out: these are optional.
pub(super) fn message(resource: Resource, data: Option<&PlanData>) -> (String, Vec<bool>) {
    let (mut message, mut left_out) = (String::new(), Vec::new());
    let is_out = |name: &str| match (field(name), data) {
        // A column has all of a sale or nothing.
        (Some("sale"), Some(data)) => {
            SALE.iter().any(|field| !data.includes_field(resource.kind(), field))
        }
        (Some(field), Some(data)) => !data.includes_field(resource.kind(), field),
        _ => false,
    };
    for line in whole(resource).lines() {
        let name = line.strip_suffix(';').and_then(|line| line.split_whitespace().nth(2));
        let out = name.map(is_out);
        left_out.extend(out);
        match out {
            Some(true) => message.push_str(&line.replacen("required", "optional", 1)),
            _ => message.push_str(line),
        }
        message.push('\n');
    }
    (message, left_out)
}

/// The field of the document that a column stands for; none where every plan includes it.
fn field(column: &str) -> Option<&str> {
    match column {
        "id" | "product_id" | "store_id" | "channel" | "currency" | "as_of" | "updated_at"
        | "version" | "document" => None,
        "brand_id" => Some("brand"),
        "unit_price_reference" => Some("unit_price"),
        "quantity_band" => Some("quantity"),
        same => Some(same),
    }
}

fn whole(resource: Resource) -> &'static str {
    match resource {
        Resource::Products => PRODUCTS,
        Resource::Categories => CATEGORIES,
        Resource::Stores => STORES,
        Resource::Promotions => PROMOTIONS,
        Resource::Offers => OFFERS,
        Resource::Stock => STOCK,
    }
}

/// The cells of a row with its document as it is told.
pub(super) fn cells(row: &Row, told: &str) -> Result<Vec<Cell>, ExportError> {
    match row {
        Row::Product(row) => product(row, told),
        Row::Document(row) => Ok(document(row, told)),
        Row::Offer(row) => offer(row),
        Row::Level(row) => level(row, told),
    }
}

/// Ids with spaces between as a JSON list.
fn list(ids: &str) -> Result<Cell, ExportError> {
    let ids: Vec<&str> = ids.split_whitespace().collect();
    Ok(Cell::Text(Some(serde_json::to_string(&ids)?)))
}

fn product(row: &ProductRow, told: &str) -> Result<Vec<Cell>, ExportError> {
    let gtin = row.gtin.and_then(|number| u64::try_from(number).ok()).and_then(Gtin::from_number);
    Ok(vec![
        text(&row.id),
        text(&row.sku),
        Cell::Text(gtin.map(|gtin| gtin.to_string())),
        Cell::Text(row.brand_id.clone()),
        list(&row.category_ids)?,
        Cell::Text(row.item_group_id.clone()),
        text(&row.status),
        Cell::Bool(Some(row.sold_by_weight)),
        text(told),
        Cell::Int(Some(row.updated_at)),
        Cell::Int(Some(row.version)),
    ])
}

fn document(row: &DocumentRow, told: &str) -> Vec<Cell> {
    vec![
        text(&row.id),
        text(&row.code),
        text(told),
        Cell::Int(Some(row.updated_at)),
        Cell::Int(Some(row.version)),
    ]
}

fn offer(row: &OfferRow) -> Result<Vec<Cell>, ExportError> {
    Ok(vec![
        text(&row.product_id),
        text(&row.store_id),
        text(&row.channel),
        text(&row.currency),
        Cell::Int(Some(row.price)),
        Cell::Int(row.list_price),
        Cell::Int(row.member_price),
        text(&row.price_type),
        Cell::Int(row.unit_price),
        Cell::Text(row.unit_reference.clone()),
        Cell::Int(row.lowest_price_30d),
        Cell::Int(row.eco_contribution),
        Cell::Text(row.seller.clone()),
        Cell::Bool(Some(row.tax_included)),
        Cell::Int(row.valid_from),
        Cell::Int(row.valid_through),
        Cell::Text(resource::sale_document(row)?),
        list(&row.promotion_ids)?,
        Cell::Int(Some(row.as_of)),
        Cell::Int(Some(row.updated_at)),
        Cell::Int(Some(row.version)),
    ])
}

fn level(row: &StockRow, told: &str) -> Result<Vec<Cell>, ExportError> {
    let detail = resource::detail(row)?;
    let band = QuantityOut::new(row.quantity, StockDisclosure::Band).band;
    Ok(vec![
        text(&row.product_id),
        text(&row.store_id),
        text(&row.availability),
        Cell::Text(band.map(str::to_owned)),
        Cell::Int(Some(row.as_of)),
        Cell::Int(Some(row.received_at)),
        Cell::Int(Some(detail.max_age_s.into())),
        text(&row.source),
        Cell::Int(detail.restock_at.map(|at| at.0)),
        text(told),
    ])
}

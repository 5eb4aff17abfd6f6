//! All that is known of a customer, for themselves: as JSON, or as a table of names and values.

use super::{answer_of, shape};
use crate::consent::category::SensitiveCategories;
use crate::customers::source::{CustomerSource, PageOf, PurchaseRange, SourceError};
use crate::kernel::Micros;
use crate::kernel::page::MAX_LIMIT;
use crate::portal::error::PageError;
use crate::portal::query::FormFields;
use crate::portal::state::{Portal, PortalAt};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};

/// Says which members the document has.
const SCHEMA: &str = "comptoir-customer-export-v1";

/// Hands all over.
pub(in crate::portal) async fn export(request: HttpRequest, at: PortalAt) -> HttpResponse {
    let view = at.view(&request);
    let answered = exported(&at, &request).await;
    answer_of((&view, &request), answered)
}

async fn exported(portal: &Portal, http: &HttpRequest) -> Result<HttpResponse, PageError> {
    let coming = match portal.coming(http).await? {
        Ok(coming) => coming,
        Err(instead) => return Ok(instead),
    };
    if let Some(way) = portal.again(&coming) {
        return Ok(way);
    }
    let query = FormFields::read(http.query_string().as_bytes())?;
    let consents = portal.consents_of(coming.who.session.subject).await?;
    let consents: Vec<Value> = consents.iter().map(shape::consent).collect();
    let mut whole = of_source(&portal.customers, &coming.who.customer, portal.now()).await?;
    whole["consents"] = json!(consents);
    let (name, kind, body) = match query.get("format") {
        None | Some("json") => ("my-data.json", "application/json", whole.to_string()),
        Some("csv") => ("my-data.csv", "text/csv; charset=utf-8", table(&whole)?),
        Some(_) => return Err(PageError::Request("format is json or csv".to_owned())),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

fn values(rows: &[impl Serialize]) -> Result<Vec<Value>, PageError> {
    let value = |row| serde_json::to_value(row);
    let values = rows.iter().map(value).collect::<Result<_, _>>();
    values.map_err(|error: serde_json::Error| PageError::Inside(error.to_string()))
}

/// Reads one page after the other.
macro_rules! all {
    ($page:ident => $read:expr) => {{
        let (mut rows, mut next) = (Vec::new(), Some(PageOf::first(MAX_LIMIT)));
        while let Some($page) = next {
            let read = $read?;
            next = $page.next(&read);
            rows.extend(read.rows);
        }
        rows
    }};
}

/// What the source knows: all of it, sensitive categories too, for nobody else reads it.
async fn of_source(
    source: &CustomerSource,
    customer: &str,
    now: Micros,
) -> Result<Value, PageError> {
    let (nothing, ever) = (SensitiveCategories::NONE, PurchaseRange::default());
    let profile = match source.profile(customer).await {
        Err(SourceError::NotFound) => Value::Null,
        profile => {
            serde_json::to_value(profile?).map_err(|error| PageError::Inside(error.to_string()))?
        }
    };
    let accounts = source.loyalty(customer).await?;
    let purchases = all!(page => source.purchases(customer, ever, nothing, &page).await);
    let lists = all!(page => source.lists(customer, nothing, &page).await);
    let lists: Vec<_> = lists.into_iter().map(|kept| kept.list).collect();
    let promotions = all!(page => source.promotions(customer, now, &page).await);
    Ok(json!({
        "schema": SCHEMA,
        "exported_at": now,
        "profile": profile,
        "loyalty": values(&accounts)?,
        "purchases": values(&purchases)?,
        "lists": values(&lists)?,
        "promotions": values(&promotions)?,
    }))
}

fn inside(error: &impl std::fmt::Display) -> PageError {
    PageError::Inside(error.to_string())
}

/// The same as two columns: the name of each value, and the value.
fn table(whole: &Value) -> Result<String, PageError> {
    let mut rows = Vec::new();
    flatten(whole, String::new(), &mut rows);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["name", "value"]).map_err(|error| inside(&error))?;
    for (name, value) in rows {
        writer.write_record([name, calm(value)]).map_err(|error| inside(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| inside(&error))?;
    String::from_utf8(bytes).map_err(|error| inside(&error))
}

/// A value that no program for tables takes for a formula.
fn calm(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value }
}

fn flatten(value: &Value, name: String, rows: &mut Vec<(String, String)>) {
    let below = |member: &str| {
        if name.is_empty() { member.to_owned() } else { format!("{name}.{member}") }
    };
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(value, below(member), rows);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                flatten(item, below(&n.to_string()), rows);
            }
        }
        Value::Null => {}
        Value::String(text) => rows.push((name, text.clone())),
        other => rows.push((name, other.to_string())),
    }
}

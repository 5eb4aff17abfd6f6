//! A statement in other forms: its lines as CSV, and a page to be printed.

use super::breakdown::{ApiUsage, NotBilled, by_api, not_billed};
use super::model::{Drawn, Section, Statement, StatementLine, UsageLine};
use super::view::{Reached, Shown};

/// The columns of the lines as CSV.
const COLUMNS: [&str; 26] = [
    "statement_id",
    "period_id",
    "period_start",
    "period_end",
    "partner_id",
    "app_id",
    "line",
    "kind",
    "reason_code",
    "corrects_period",
    "adjustment_id",
    "grant_id",
    "section",
    "plan_version",
    "charge",
    "meter",
    "tier_from",
    "tier_up_to",
    "quantity",
    "packages",
    "unit_price",
    "amount_exact",
    "amount",
    "currency",
    "state",
    "as_of",
];

/// The lines of a statement as CSV (RFC 4180), one for each, and one of kind `not_billed` for each rule by which calls are
/// not charged. Numbers have a point before their decimals; what is null is an empty cell.
pub(super) fn csv(shown: &Shown, reached: Reached) -> Result<Vec<u8>, csv::Error> {
    let statement = &shown.statement;
    let mut rows =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    rows.write_record(COLUMNS)?;
    let head = [
        statement.id.to_string(),
        statement.period_id.to_string(),
        statement.from.to_string(),
        statement.to.to_string(),
        statement.partner_id.to_string(),
        statement.app_id.to_string(),
    ];
    let tail = match reached.of(shown) {
        Some(reached) => ["provisional".to_owned(), reached.through.to_string()],
        None => ["final".to_owned(), String::new()],
    };
    let free = not_billed(&statement.usage);
    let lines = statement.lines.iter().map(|line| line_cells(statement, line));
    for cells in lines.chain(free.iter().map(|free| free_cells(statement, free))) {
        rows.write_record(head.iter().chain(&cells).chain(&tail))?;
    }
    rows.into_inner().map_err(|error| error.into_error().into())
}

/// The cells of a line, between those that all have.
fn line_cells(statement: &Statement, line: &StatementLine) -> [String; 18] {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let held = line.section.and_then(|n| statement.sections.get((n as usize).checked_sub(1)?));
    let plan = held.map(|held| format!("{}@{}", held.plan_id, held.plan_version));
    [
        line.line.to_string(),
        line.kind.clone(),
        line.reason_code.clone().unwrap_or_default(),
        line.corrects_period.map(|period| period.to_string()).unwrap_or_default(),
        line.adjustment_id.map(|adjustment| adjustment.to_string()).unwrap_or_default(),
        line.grant_id.map(|grant| grant.to_string()).unwrap_or_default(),
        number(line.section.map(u64::from)),
        plan.unwrap_or_default(),
        line.charge.clone().unwrap_or_default(),
        line.meter.clone().unwrap_or_default(),
        number(line.tier_from),
        number(line.tier_up_to),
        line.quantity.clone(),
        number(line.packages),
        line.unit_price.clone().unwrap_or_default(),
        line.amount_exact.clone(),
        line.amount.clone(),
        statement.currency.clone(),
    ]
}

/// The cells of calls that are not charged: the rule as the reason, and nothing owed.
fn free_cells(statement: &Statement, free: &NotBilled) -> [String; 18] {
    let mut cells = [const { String::new() }; 18];
    for (at, text) in [
        (1, "not_billed"),
        (2, &free.rule),
        (9, "requests"),
        (12, &free.requests.to_string()),
        (15, "0"),
        (16, "0"),
        (17, &statement.currency),
    ] {
        text.clone_into(&mut cells[at]);
    }
    cells
}

/// Text as it stands in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// One row of cells, the first `words` of which are words and the others numbers.
fn row(tag: &str, words: usize, cells: &[String]) -> String {
    let cell = |(n, cell): (usize, &String)| {
        let class = if n < words { "" } else { " class=\"n\"" };
        format!("<{tag}{class}>{}</{tag}>", escaped(cell))
    };
    format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
}

/// The statement as one HTML page without anything to be loaded or run, laid out to be printed. `partner` and `app` are
/// their names.
#[must_use]
pub(super) fn html(shown: &Shown, reached: Reached, (partner, app): (&str, &str)) -> String {
    let Statement { id, lines, usage, sections, currency, total, credits, .. } = &shown.statement;
    let Statement { partner_id, app_id, from, to, time_zone, .. } = &shown.statement;
    let state = state(shown, reached);
    let (partner, app, time_zone) = (escaped(partner), escaped(app), escaped(time_zone));
    let heads = |words, names: &[&str]| {
        row("th", words, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    let held = sections.iter().zip(1..).map(section_row).collect::<String>();
    let lines = lines.iter().map(|line| line_row(line, credits)).collect::<String>();
    let credits = credit_table(credits, currency);
    let apis = by_api(usage).iter().map(api_row).collect::<String>();
    let free = not_billed(usage).iter().map(free_row).collect::<String>();
    let used = usage.iter().map(usage_row).collect::<String>();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{id}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>Statement {id}</h1>\n<p>{state}</p>\n\
         <dl><dt>Partner</dt><dd>{partner} ({partner_id})</dd><dt>App</dt><dd>{app} ({app_id})</dd>\
         <dt>Period</dt><dd>{from} to {to} ({time_zone})</dd></dl>\n\
         <table><caption>Lines, in {currency}</caption><thead>{}</thead><tbody>\n{lines}</tbody>\
         <tfoot><tr><th colspan=\"7\">Total</th><td class=\"n\">{total}</td></tr></tfoot></table>\n\
         {credits}\
         <table><caption>Price lists</caption><thead>{}</thead><tbody>\n{held}</tbody></table>\n\
         <table><caption>Calls by part of the API</caption><thead>{}</thead><tbody>\n{apis}</tbody></table>\n\
         <table><caption>Not charged, because</caption><thead>{}</thead><tbody>\n{free}</tbody></table>\n\
         <table><caption>What was counted</caption><thead>{}</thead><tbody>\n{used}</tbody></table>\n\
         </body></html>\n",
        heads(5, &LINE_HEADS),
        heads(2, &["Section", "Plan", "Seconds", "Of seconds"]),
        heads(1, &["API", "Calls", "Charged", "Records", "Bytes"]),
        heads(2, &["Rule", "Because", "Calls"]),
        heads(4, &USAGE_HEADS),
    )
}

/// How the statement stands, in a sentence or two.
fn state(shown: &Shown, reached: Reached) -> String {
    match (&shown.digest, reached.of(shown)) {
        (Some(digest), _) => format!("Final. SHA-256 {digest}"),
        (None, reached) => {
            let complete = |it: Reached| {
                let (through, behind) = (it.through, it.lag_ms());
                format!(
                    " Every call answered up to {through} is counted, {behind} ms before this page."
                )
            };
            let complete = reached.map(complete).unwrap_or_default();
            format!("Provisional: the period is open.{complete}")
        }
    }
}

const LINE_HEADS: [&str; 8] =
    ["Section", "Kind", "Charge", "Meter", "Tier", "Quantity", "Unit price", "Amount"];
const USAGE_HEADS: [&str; 8] =
    ["Operation", "Outcome", "Rule", "Charged", "Status", "Calls", "Records", "Bytes"];

fn section_row((held, n): (&Section, u32)) -> String {
    let plan = format!("{}@{}", held.plan_id, held.plan_version);
    row("td", 2, &[n.to_string(), plan, held.seconds.clone(), held.of_seconds.clone()])
}

/// What credits have paid, and what is left of them; nothing where none has.
fn credit_table(credits: &[Drawn], currency: &str) -> String {
    if credits.is_empty() {
        return String::new();
    }
    let drawn = |it: &Drawn| {
        let cells =
            [it.grant_id.to_string(), it.source.to_string(), it.amount.clone(), it.left.clone()];
        row("td", 2, &cells)
    };
    let heads = row("th", 2, &["Credit", "Source", "Drawn", "Left"].map(str::to_owned));
    let rows = credits.iter().map(drawn).collect::<String>();
    format!(
        "<table><caption>Credits, in {currency}</caption><thead>{heads}</thead><tbody>\n{rows}</tbody></table>\n"
    )
}

fn line_row(line: &StatementLine, credits: &[Drawn]) -> String {
    let tier = match (line.tier_from, line.tier_up_to) {
        (Some(from), Some(up_to)) => format!("{} to {up_to}", from.saturating_add(1)),
        (Some(from), None) => format!("from {}", from.saturating_add(1)),
        _ => String::new(),
    };
    let corrects = line.corrects_period.map(|period| format!(" of {period}"));
    let why = line.reason_code.as_ref();
    let why = why.map(|code| format!("{}{}", code.replace('_', " "), corrects.unwrap_or_default()));
    let drawn = credits.iter().find(|drawn| Some(drawn.grant_id) == line.grant_id);
    let credit = drawn.map(|drawn| drawn.source.to_string());
    let charge = line.charge.clone().or(why).or(credit).unwrap_or_default();
    let cells = [
        line.section.map(|section| section.to_string()).unwrap_or_default(),
        line.kind.replace('_', " "),
        charge,
        line.meter.clone().unwrap_or_default(),
        tier,
        line.quantity.clone(),
        line.unit_price.clone().unwrap_or_default(),
        line.amount.clone(),
    ];
    row("td", 5, &cells)
}

fn usage_row(used: &UsageLine) -> String {
    let cells = [
        used.operation.clone(),
        used.outcome.replace('_', " "),
        used.rule.clone(),
        if used.billable { "charged" } else { "free" }.to_owned(),
        used.status.to_string(),
        used.requests.to_string(),
        used.records.to_string(),
        used.bytes.to_string(),
    ];
    row("td", 4, &cells)
}

fn api_row(used: &ApiUsage) -> String {
    let cells = [
        used.api.unwrap_or("none").to_owned(),
        used.requests.to_string(),
        used.billable_requests.to_string(),
        used.records.to_string(),
        used.bytes.to_string(),
    ];
    row("td", 1, &cells)
}

fn free_row(free: &NotBilled) -> String {
    row("td", 2, &[free.rule.clone(), free.because.to_owned(), free.requests.to_string()])
}

/// How the page looks, on screens and on paper.
const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:60rem;color:#111}\
    table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}\
    th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #ccc}.n{text-align:right;font-variant-numeric:tabular-nums}\
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{font-weight:600}dd{margin:0}\
    @media print{body{margin:0}tr{break-inside:avoid}thead{display:table-header-group}}";

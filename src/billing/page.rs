//! A statement as a page to be printed.

mod words;

use super::breakdown::{ApiUsage, NotBilled, by_api, not_billed};
use super::model::{Drawn, Section, Statement, StatementLine, UsageLine};
use super::view::{Reached, Shown};
use words::Words;

/// Languages that pages are written in.
pub const LANGUAGES: [&str; 2] = ["en", "fr"];

/// Whom a page names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// Who bills, in lines; empty where that is not said.
    pub(super) issuer: &'a str,
    /// The partner.
    pub(super) partner: &'a str,
    /// The app.
    pub(super) app: &'a str,
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

/// The statement as one HTML page without anything to be loaded or run, laid out to be printed, in one of [`LANGUAGES`].
#[must_use]
pub(super) fn html(shown: &Shown, reached: Reached, names: Names<'_>, language: &str) -> String {
    let words = Words::of(language);
    let Statement { id, lines, usage, sections, currency, total, credits, .. } = &shown.statement;
    let held: Vec<_> = sections.iter().zip(1..).map(|held| section_row(held, words)).collect();
    let apis: Vec<_> = by_api(usage).iter().map(|used| api_row(used, words)).collect();
    let free: Vec<_> = not_billed(usage).iter().map(|free| free_row(free, words)).collect();
    let used: Vec<_> = usage.iter().map(|used| usage_row(used, words)).collect();
    let body = [
        head(shown, names, words),
        format!(
            "<table><caption>{} {currency}</caption><thead>{}</thead><tbody>\n{}</tbody>\
             <tfoot><tr><th colspan=\"7\">{}</th><td class=\"n\">{}</td></tr></tfoot></table>\n",
            words.lines_in,
            heads(5, &words.line_heads),
            lines.iter().map(|line| line_row(line, credits, words)).collect::<String>(),
            words.total,
            words.number(total),
        ),
        credit_table(credits, currency, words),
        table(words.price_lists, &heads(2, &words.section_heads), &held),
        table(words.by_api, &heads(1, &words.api_heads), &apis),
        table(words.not_charged, &heads(2, &words.free_heads), &free),
        table(words.counted, &heads(4, &words.usage_heads), &used),
    ];
    format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{id}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>{} {id}</h1>\n<p>{}</p>\n{}</body></html>\n",
        words.language,
        words.statement,
        state(shown, reached, words),
        body.concat(),
    )
}

/// Who bills whom for which time.
fn head(shown: &Shown, names: Names<'_>, words: &Words) -> String {
    let Statement { partner_id, app_id, from, to, time_zone, .. } = &shown.statement;
    let (partner, app) = (escaped(names.partner), escaped(names.app));
    let from_whom = match names.issuer {
        "" => String::new(),
        issuer => format!("<dt>{}</dt><dd>{}</dd>", words.issuer, escaped(issuer)),
    };
    format!(
        "<dl>{from_whom}<dt>{}</dt><dd>{partner} ({partner_id})</dd><dt>{}</dt><dd>{app} ({app_id})</dd>\
         <dt>{}</dt><dd>{} ({})</dd></dl>\n",
        words.partner,
        words.app,
        words.period,
        (words.span)(&from.to_string(), &to.to_string()),
        escaped(time_zone),
    )
}

fn heads(words: usize, names: &[&str]) -> String {
    row("th", words, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

fn table(caption: &str, heads: &str, rows: &[String]) -> String {
    let rows = rows.concat();
    format!(
        "<table><caption>{caption}</caption><thead>{heads}</thead><tbody>\n{rows}</tbody></table>\n"
    )
}

/// How the statement stands, in a sentence or two.
fn state(shown: &Shown, reached: Reached, words: &Words) -> String {
    match (&shown.digest, reached.of(shown)) {
        (Some(digest), _) => {
            let excepted = match shown.exceptions.len() {
                0 => String::new(),
                some => format!(" {}", (words.excepted)(some)),
            };
            format!("{} SHA-256 {digest}{excepted}", words.is_final)
        }
        (None, reached) => {
            let counted = |it: Reached| {
                format!(
                    " {}",
                    (words.counted_to)(&it.through.to_string(), &it.lag_ms().to_string())
                )
            };
            let counted = reached.map(counted).unwrap_or_default();
            format!("{}{counted}", words.provisional)
        }
    }
}

fn section_row((held, n): (&Section, u32), words: &Words) -> String {
    let plan = format!("{}@{}", held.plan_id, held.plan_version);
    let [seconds, of] = [&held.seconds, &held.of_seconds].map(|number| words.number(number));
    row("td", 2, &[n.to_string(), plan, seconds, of])
}

/// What credits have paid, and what is left of them; nothing where none has.
fn credit_table(credits: &[Drawn], currency: &str, words: &Words) -> String {
    if credits.is_empty() {
        return String::new();
    }
    let drawn = |it: &Drawn| {
        let [amount, left] = [&it.amount, &it.left].map(|number| words.number(number));
        row("td", 2, &[it.grant_id.to_string(), words.word(&it.source.to_string()), amount, left])
    };
    let rows: Vec<_> = credits.iter().map(drawn).collect();
    table(&format!("{} {currency}", words.credits_in), &heads(2, &words.credit_heads), &rows)
}

fn line_row(line: &StatementLine, credits: &[Drawn], words: &Words) -> String {
    let tier =
        match (line.tier_from.map(|from| from.saturating_add(1).to_string()), line.tier_up_to) {
            (Some(from), Some(up_to)) => (words.span)(&from, &up_to.to_string()),
            (Some(from), None) => (words.from)(&from),
            _ => String::new(),
        };
    let corrects = line.corrects_period.map(|period| format!(" ({period})"));
    let why = line.reason_code.as_ref();
    let why = why.map(|code| format!("{}{}", code.replace('_', " "), corrects.unwrap_or_default()));
    let drawn = credits.iter().find(|drawn| Some(drawn.grant_id) == line.grant_id);
    let credit = drawn.map(|drawn| words.word(&drawn.source.to_string()));
    let charge = line.charge.clone().or(why).or(credit).unwrap_or_default();
    let cells = [
        line.section.map(|section| section.to_string()).unwrap_or_default(),
        words.word(&line.kind),
        charge,
        line.meter.as_deref().map(|meter| words.word(meter)).unwrap_or_default(),
        tier,
        words.number(&line.quantity),
        line.unit_price.as_deref().map(|price| words.number(price)).unwrap_or_default(),
        words.number(&line.amount),
    ];
    row("td", 5, &cells)
}

fn usage_row(used: &UsageLine, words: &Words) -> String {
    let cells = [
        used.operation.clone(),
        words.word(&used.outcome),
        used.rule.clone(),
        words.word(if used.billable { "charged" } else { "free" }),
        used.status.to_string(),
        used.requests.to_string(),
        used.records.to_string(),
        used.bytes.to_string(),
    ];
    row("td", 4, &cells)
}

fn api_row(used: &ApiUsage, words: &Words) -> String {
    let cells = [
        used.api.map_or_else(|| words.word("none"), ToOwned::to_owned),
        used.requests.to_string(),
        used.billable_requests.to_string(),
        used.records.to_string(),
        used.bytes.to_string(),
    ];
    row("td", 1, &cells)
}

fn free_row(free: &NotBilled, words: &Words) -> String {
    let because = words.because(&free.rule).unwrap_or(free.because).to_owned();
    row("td", 2, &[free.rule.clone(), because, free.requests.to_string()])
}

/// How the page looks, on screens and on paper.
const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:60rem;color:#111}\
    table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}\
    th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #ccc}.n{text-align:right;font-variant-numeric:tabular-nums}\
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{font-weight:600}dd{margin:0;white-space:pre-line}\
    @media print{body{margin:0}tr{break-inside:avoid}thead{display:table-header-group}}";

//! What mails about alerts say, in French to who reads French, in English to all others.

mod leak;
mod spend;

use super::model::{Alert, Detail, FoundSecret, Kind, QuotaUse, UnusualHour};
use crate::access::mails::Draft;
use crate::access::model::{App, Key, Partner};
use crate::access::operation::OPERATIONS;
use crate::kernel::language::LanguageTag;
use crate::kernel::readable;
use jiff::tz::TimeZone;
use lettre::message::Mailbox;

/// What an alert is about.
pub(super) struct Subject<'a> {
    pub(super) alert: &'a Alert,
    /// None of an admin token.
    pub(super) partner: Option<&'a Partner>,
    /// None where all apps of the partner are counted together.
    pub(super) app: Option<&'a App>,
    /// Where a key is counted alone or was found.
    pub(super) key: Option<&'a Key>,
    /// What an admin token is called that was found.
    pub(super) token: Option<String>,
    /// The time zone of the times in the mail.
    pub(super) zone: &'a TimeZone,
}

/// Who reads a mail.
#[derive(Clone, Copy)]
pub(super) enum Reader<'a> {
    /// Somebody at the partner, by name.
    Partner(&'a str),
    /// Somebody at the retailer.
    Retailer,
}

/// Whether somebody reads French.
pub(super) fn is_french(language: &LanguageTag) -> bool {
    language.as_str().split('-').next() == Some("fr")
}

/// The mail about an alert.
pub(super) fn draft(of: &Subject<'_>, reader: Reader<'_>, french: bool, to: Mailbox) -> Draft {
    let whose = if french { of.whose_in_french() } else { of.whose_in_english() };
    let (title, what) = match (&of.alert.detail, french) {
        (Detail::Leak(found), false) => leak::in_english((of, found), &whose, reader),
        (Detail::Leak(found), true) => leak::in_french((of, found), &whose, reader),
        (Detail::Quota(quota), false) => quota_in_english(quota, (&whose, of.zone)),
        (Detail::Quota(quota), true) => quota_in_french(quota, (&whose, of.zone)),
        (Detail::Hour(hour), false) => hour_in_english(of.alert.kind, hour, (&whose, of.zone)),
        (Detail::Hour(hour), true) => hour_in_french(of.alert.kind, hour, (&whose, of.zone)),
        (Detail::Spend(of_budget), false) => spend::in_english(of_budget, (&whose, of.zone)),
        (Detail::Spend(of_budget), true) => spend::in_french(of_budget, (&whose, of.zone)),
    };
    let (greeting, end) = match (reader, french) {
        (Reader::Partner(name), false) => {
            (format!("Hello {name},"), "GET /v1/usage and GET /v1/usage/alerts tell more.")
        }
        (Reader::Partner(name), true) => {
            (format!("Bonjour {name},"), "GET /v1/usage et GET /v1/usage/alerts en disent plus.")
        }
        (Reader::Retailer, false) => ("Hello,".to_owned(), "GET /admin/v1/alerts tells more."),
        (Reader::Retailer, true) => ("Bonjour,".to_owned(), "GET /admin/v1/alerts en dit plus."),
    };
    let id = of.alert.id;
    Draft { to, title, body: format!("{greeting}\n\n{what}\n\n{end} ({id})\n") }
}

impl Subject<'_> {
    /// The name of the partner.
    fn owner(&self) -> &str {
        self.partner.map_or("", |partner| partner.name.as_str())
    }

    fn whose_in_english(&self) -> String {
        let partner = self.owner();
        match (self.app, self.key) {
            (Some(app), Some(key)) => {
                format!("Key \"{}\" ({}) of \"{}\" ({partner})", key.spec.name, key.id, app.name)
            }
            (Some(app), None) => format!("\"{}\" ({partner})", app.name),
            (None, _) => partner.to_owned(),
        }
    }

    fn whose_in_french(&self) -> String {
        let partner = self.owner();
        match (self.app, self.key) {
            (Some(app), Some(key)) => {
                format!("La clé « {} » ({}) de « {} » ({partner})", key.spec.name, key.id, app.name)
            }
            (Some(app), None) => format!("« {} » ({partner})", app.name),
            (None, _) => partner.to_owned(),
        }
    }
}

/// Which calls a quota counts, in the shorter way to say it.
enum Counted<'a> {
    All,
    Some(Vec<&'a str>),
    AllBut(Vec<&'a str>),
}

impl<'a> Counted<'a> {
    fn of(quota: &'a QuotaUse) -> Self {
        let Some(names) = &quota.operations else { return Self::All };
        // What is never billed no quota counts.
        let others = OPERATIONS.iter().filter(|known| !known.is_free()).map(|known| known.id);
        let others: Vec<&str> = others.filter(|id| !names.iter().any(|name| name == id)).collect();
        if others.is_empty() {
            Self::All
        } else if others.len() < names.len() {
            Self::AllBut(others)
        } else {
            Self::Some(names.iter().map(String::as_str).collect())
        }
    }
}

/// `a, b and c`.
fn listed(names: &[&str], and: &str) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} {and} {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn quota_in_english(of: &QuotaUse, (whose, zone): (&str, &TimeZone)) -> (String, String) {
    let QuotaUse { limit, percent, quota, used, period_start, period_end, .. } = of;
    let [start, end] = [period_start, period_end].map(|at| readable::in_english(*at, zone));
    let [used, quota] = [used, &quota.to_string()].map(|n| readable::number_in_english(n));
    let (whose_calls, then) = match Counted::of(of) {
        Counted::All => ("its calls".to_owned(), ""),
        Counted::Some(names) => {
            (format!("its calls of {}", listed(&names, "and")), "; all others go on")
        }
        Counted::AllBut(names) => (format!("its calls but those of {}", listed(&names, "and")), ""),
    };
    let follows = if *percent < 100 {
        format!("At 100%, {whose_calls} are refused until the period ends{then}.")
    } else {
        format!("Now {whose_calls} are refused until the period ends{then}.")
    };
    (
        format!("{percent}% of the quota \"{limit}\" is used"),
        format!(
            "{whose} has used {percent}% of the quota \"{limit}\" or more: {used} of {quota} units, in the \
             period from {start} until {end}. {follows}"
        ),
    )
}

fn quota_in_french(of: &QuotaUse, (whose, zone): (&str, &TimeZone)) -> (String, String) {
    let QuotaUse { limit, percent, quota, used, period_start, period_end, .. } = of;
    let [start, end] = [period_start, period_end].map(|at| readable::in_french(*at, zone));
    let unit = if used.starts_with("0.") || used.starts_with("1.") { "unité" } else { "unités" };
    let [used, quota] = [used, &quota.to_string()].map(|n| readable::number_in_french(n));
    let (which, then) = match Counted::of(of) {
        Counted::All => (String::new(), ""),
        Counted::Some(names) => {
            (format!(" de {}", listed(&names, "et")), " ; tous les autres restent admis")
        }
        Counted::AllBut(names) => (format!(", sauf ceux de {},", listed(&names, "et")), ""),
    };
    let follows = if *percent < 100 {
        format!("À 100 %, ses appels{which} seront refusés jusqu'à la fin de la période{then}.")
    } else {
        format!("Ses appels{which} sont refusés jusqu'à la fin de la période{then}.")
    };
    (
        format!("{percent} % du quota « {limit} » sont utilisés"),
        format!(
            "{whose} a utilisé au moins {percent} % du quota « {limit} » : {used} {unit} sur {quota}, dans la \
             période du {start} au {end}. {follows}"
        ),
    )
}

fn hour_in_english(
    kind: Kind,
    of: &UnusualHour,
    (whose, zone): (&str, &TimeZone),
) -> (String, String) {
    let UnusualHour { hour, calls, count, usual } = of;
    let hour = readable::in_english(*hour, zone);
    let [calls, count, usual] =
        [calls, count, usual].map(|n| readable::number_in_english(&n.to_string()));
    let (title, what) = match kind {
        Kind::Silence => ("An app is silent", "made no call".to_owned()),
        Kind::ManyErrors => {
            ("Many errors", format!("had {count} errors (4xx and 5xx) in {calls} calls"))
        }
        Kind::ManyRefusals => {
            ("Many refusals", format!("was refused {count} of {calls} calls (401, 403 and 429)"))
        }
        _ => ("An unusual number of calls", format!("made {count} calls")),
    };
    let what = format!(
        "{whose} {what} in the hour from {hour}. {usual} would have been usual. You are told once, when it begins."
    );
    (title.to_owned(), what)
}

fn hour_in_french(
    kind: Kind,
    of: &UnusualHour,
    (whose, zone): (&str, &TimeZone),
) -> (String, String) {
    let UnusualHour { hour, calls, count, usual } = of;
    let hour = readable::in_french(*hour, zone);
    let [calls, count, usual] =
        [calls, count, usual].map(|n| readable::number_in_french(&n.to_string()));
    let (title, what) = match kind {
        Kind::Silence => ("Une application se tait", "n'a fait aucun appel".to_owned()),
        Kind::ManyErrors => {
            ("Beaucoup d'erreurs", format!("a eu {count} erreurs (4xx et 5xx) sur {calls} appels"))
        }
        Kind::ManyRefusals => (
            "Beaucoup de refus",
            format!("s'est vu refuser {count} appels sur {calls} (401, 403 et 429)"),
        ),
        _ => ("Un nombre d'appels inhabituel", format!("a fait {count} appels")),
    };
    let what = format!(
        "{whose} {what} dans l'heure du {hour}. D'habitude, il y en a {usual}. Vous l'apprenez une fois, au début."
    );
    (title.to_owned(), what)
}

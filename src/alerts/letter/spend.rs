//! What mails about budgets say.

use super::super::model::SpendUse;
use crate::kernel::readable;
use jiff::tz::TimeZone;

pub(super) fn in_english(of: &SpendUse, (whose, zone): (&str, &TimeZone)) -> (String, String) {
    let SpendUse { budget, currency, spent, period_start, period_end, .. } = of;
    let [start, end] = [period_start, period_end].map(|at| readable::in_english(*at, zone));
    let period = format!("in the billing period from {start} until {end}");
    let (title, what) = match (&of.threshold, &of.projected) {
        (Some(threshold), _) => {
            let share = of.percent.map(|percent| format!(", {percent}% of the budget"));
            let share = share.unwrap_or_default();
            (
                format!("{threshold} {currency} are spent{share}"),
                format!(
                    "{whose} has come to {spent} {currency} {period}. The budget is {budget} {currency}."
                ),
            )
        }
        (None, projected) => {
            let projected = projected.as_deref().unwrap_or_default();
            (
                "A budget will be passed".to_owned(),
                format!(
                    "{whose} is expected to come to {projected} {currency} {period}, and has come to {spent} \
                     {currency} by now. The budget is {budget} {currency}."
                ),
            )
        }
    };
    (title, format!("{what} Nothing is refused because of a budget."))
}

pub(super) fn in_french(of: &SpendUse, (whose, zone): (&str, &TimeZone)) -> (String, String) {
    let SpendUse { budget, currency, spent, period_start, period_end, .. } = of;
    let [start, end] = [period_start, period_end].map(|at| readable::in_french(*at, zone));
    let period = format!("dans la période de facturation du {start} au {end}");
    let [budget, spent] = [budget, spent].map(|amount| amount.replace('.', ","));
    let (title, what) = match (&of.threshold, &of.projected) {
        (Some(threshold), _) => {
            let share = of.percent.map(|percent| format!(", soit {percent} % du budget"));
            let (threshold, share) = (threshold.replace('.', ","), share.unwrap_or_default());
            (
                format!("{threshold} {currency} sont dépensés{share}"),
                format!(
                    "{whose} en est à {spent} {currency} {period}. Le budget est de {budget} {currency}."
                ),
            )
        }
        (None, projected) => {
            let projected = projected.as_deref().unwrap_or_default().replace('.', ",");
            (
                "Un budget sera dépassé".to_owned(),
                format!(
                    "{whose} devrait arriver à {projected} {currency} {period}, et en est à {spent} {currency} \
                     pour l'instant. Le budget est de {budget} {currency}."
                ),
            )
        }
    };
    (title, format!("{what} Aucun appel n'est refusé à cause d'un budget."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::{BillingPeriodId, BudgetId};

    #[test]
    fn the_period_is_told_in_the_time_zone_of_mails() {
        let of = SpendUse {
            budget_id: BudgetId(1),
            budget: "500.00".to_owned(),
            currency: "EUR".to_owned(),
            percent: Some(80),
            threshold: Some("400.00".to_owned()),
            spent: "401.25".to_owned(),
            projected: None,
            period_id: BillingPeriodId(1),
            period_start: "2026-10-31T23:00:00Z".parse().unwrap(),
            period_end: "2026-11-30T23:00:00Z".parse().unwrap(),
            time_zone: "UTC".to_owned(),
        };
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let whose = ("Your app", &paris);
        let english = in_english(&of, whose).1;
        let from = "from 1 November 2026, 00:00 CET until 1 December 2026, 00:00 CET";
        assert!(english.contains(from), "{english}");
        let french = in_french(&of, whose).1;
        let from = "du 1er novembre 2026 à 0 h 00 (CET) au 1er décembre 2026 à 0 h 00 (CET)";
        assert!(french.contains(from), "{french}");
        for mail in [&english, &french] {
            assert!(!mail.contains("UTC"), "{mail}");
        }
    }
}

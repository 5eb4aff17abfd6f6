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

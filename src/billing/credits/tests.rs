//! What drawing promises, of any grants and statements.

use super::asked::{Asked, Source};
use super::draw::{Draw, Pot, Purse};
use super::model::{Due, Grant};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, CreditGrantId, PartnerId};
use crate::limit::Bounds;
use crate::rating::Exact;
use proptest::prelude::*;

/// So many cents.
fn cents(cents: i64) -> Exact {
    let sign = if cents < 0 { "-" } else { "" };
    let size = cents.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100).parse().unwrap()
}

const CURRENCIES: [&str; 2] = ["EUR", "USD"];

/// A grant of cents with a priority, an app, a span of effect and a currency.
type Given = (i64, u8, Option<u64>, (i64, Option<i64>), usize);

fn grant(id: u64, (amount, priority, app, (from, lasts), currency): Given) -> Grant {
    let asked = Asked {
        partner_id: PartnerId(1),
        app_id: app.map(AppId),
        source: Source::Promotional,
        amount: cents(amount).text(2),
        currency: CURRENCIES[currency].to_owned(),
        priority,
        effective_from: None,
        expires_at: lasts.map(|lasts| Micros(from + lasts)),
        reference: None,
        note: "A gift".parse().unwrap(),
    };
    let (made_by, made_at) = ("adm".to_owned(), Micros(0));
    Grant { id: CreditGrantId(id), asked, effective_from: Micros(from), made_by, made_at }
}

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let given = (
        1i64..900,
        0u8..3,
        prop::option::of(0u64..3),
        (0i64..8, prop::option::of(1i64..5)),
        prop::sample::select(vec![0usize, 0, 0, 1]),
    );
    prop::collection::vec(given, 0..7)
        .prop_map(|all| all.into_iter().zip(0..).map(|(given, id)| grant(id, given)).collect())
}

/// A statement of an app for a period, of cents in a currency.
type Stated = (i64, u64, i64, usize);

/// Statements in the order in which they draw.
fn statements() -> impl Strategy<Value = Vec<Stated>> {
    let stated = (0i64..8, 0u64..3, -300i64..900, prop::sample::select(vec![0usize, 0, 0, 1]));
    prop::collection::vec(stated, 0..12).prop_map(|mut all| {
        all.sort_by_key(|(start, app, _, currency)| (*start, *app, *currency));
        all
    })
}

fn due((start, app, amount, currency): Stated) -> Due<'static> {
    Due {
        app: AppId(app),
        period: Bounds { start: Micros(start), end: Micros(start + 1) },
        currency: CURRENCIES[currency],
        amount: cents(amount),
    }
}

/// A purse in which so much was drawn of each grant already.
fn purse(grants: &[Grant], drawn: &[Exact]) -> Purse {
    let left = |(grant, drawn): (&Grant, &Exact)| Pot {
        grant: grant.clone(),
        left: grant.amount().unwrap().minus(*drawn).unwrap(),
    };
    Purse::of(grants.iter().zip(drawn).map(left).collect())
}

/// The grants that statements draw on, with how much and what is left, one after the other.
fn drawn(
    grants: &[Grant],
    booked: &[Exact],
    statements: &[Stated],
) -> Vec<Vec<(CreditGrantId, Exact, Exact)>> {
    let mut purse = purse(grants, booked);
    let each = |stated: &Stated| {
        let draws = purse.draw(&due(*stated)).unwrap();
        let told = |draw: &Draw| (purse.grant(draw).unwrap().id, draw.amount, draw.left);
        draws.iter().map(told).collect()
    };
    statements.iter().map(each).collect()
}

fn plus(sums: &mut [Exact], draws: &[(CreditGrantId, Exact, Exact)]) {
    for (grant, amount, _) in draws {
        let sum = &mut sums[usize::try_from(grant.0).unwrap()];
        *sum = sum.plus(*amount).unwrap();
    }
}

proptest! {
    #[test]
    fn no_grant_pays_more_than_it_is_nor_a_statement_more_than_it_comes_to(
        grants in grants(), statements in statements(),
    ) {
        let mut sums = vec![Exact::ZERO; grants.len()];
        for (stated, draws) in statements.iter().zip(drawn(&grants, &sums.clone(), &statements)) {
            let due = due(*stated);
            let mut paying: Vec<&Grant> = grants.iter().filter(|grant| grant.pays(&due)).collect();
            paying.sort_by_key(|grant| grant.rank());
            // They stand in their order, and each but the last is drawn to its end.
            let mut unpaid = due.amount.max(Exact::ZERO);
            let mut expected = Vec::new();
            for grant in paying {
                let left = grant.amount().unwrap().minus(sums[grant.id.0 as usize]).unwrap();
                let amount = left.min(unpaid);
                if amount > Exact::ZERO {
                    unpaid = unpaid.minus(amount).unwrap();
                    expected.push((grant.id, amount, left.minus(amount).unwrap()));
                }
            }
            prop_assert_eq!(&draws, &expected);
            plus(&mut sums, &draws);
            let paid = Exact::sum(draws.iter().map(|(_, amount, _)| *amount)).unwrap();
            prop_assert!(paid <= due.amount.max(Exact::ZERO));
        }
        for (grant, sum) in grants.iter().zip(&sums) {
            prop_assert!(*sum <= grant.amount().unwrap());
        }
    }

    /// A close draws what all that is open before it leaves, so it draws what was shown, whichever is closed first.
    #[test]
    fn in_whichever_order_periods_are_closed_each_draws_what_was_shown(
        grants in grants(),
        (statements, order) in statements().prop_flat_map(|all| {
            let order = Just((0..all.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(all), order)
        }),
    ) {
        let mut booked = vec![Exact::ZERO; grants.len()];
        let amounts = |draws: &[(CreditGrantId, Exact, Exact)]| {
            draws.iter().map(|(grant, amount, _)| (*grant, *amount)).collect::<Vec<_>>()
        };
        let shown = drawn(&grants, &booked, &statements);
        let mut open: Vec<usize> = (0..statements.len()).collect();
        for closed in order {
            let before: Vec<usize> = open.iter().copied().filter(|n| *n <= closed).collect();
            let some: Vec<Stated> = before.iter().map(|n| statements[*n]).collect();
            let draws = drawn(&grants, &booked, &some).pop().unwrap();
            prop_assert_eq!(amounts(&draws), amounts(&shown[closed]));
            plus(&mut booked, &draws);
            open.retain(|n| *n != closed);
        }
    }
}

#[test]
fn a_grant_pays_for_periods_that_its_span_touches() {
    let of = |from: i64, lasts: Option<i64>| grant(0, (100, 0, None, (from, lasts), 0));
    let month = |start: i64, end: i64| Due {
        period: Bounds { start: Micros(start), end: Micros(end) },
        ..due((0, 0, 100, 0))
    };
    let period = month(10, 20);
    for (from, lasts, pays) in [
        (0, Some(10), false),
        (0, Some(11), true),
        (19, Some(1), true),
        (20, None, false),
        (19, None, true),
        (0, None, true),
    ] {
        assert_eq!(of(from, lasts).pays(&period), pays, "{from} {lasts:?}");
    }
}

//! Nine months of a real shop: its customers as apps, each order line a call, with changes of plans and prices, monthly
//! closes, and each line of each statement as it comes out by hand.
//!
//! Of some customers here; of all with `COMPTOIR_TEST_CUSTOMERS=all`.

mod orders;
mod plans;

use super::credits::{CREDITS, grant_to};
use super::slow::{Credit, Line, Q, Section, Used, bill, draw};
use super::{at, close, edit, id, periods, until_complete};
use crate::support::TestApp;
use crate::support::ledger::journalled;
use comptoir::access::Environment;
use comptoir::billing::reconcile::reconcile;
use comptoir::billing::view::{Whose, of_period};
use comptoir::kernel::Micros;
use comptoir::kernel::id::KeyId;
use comptoir::metering::{Event, Outcome};
use orders::{Order, orders};
use plans::{OFFERS, Period, Plan, Tenure, Version, decimals, periods_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A customer as an app of its own partner.
struct Customer {
    partner: String,
    app: String,
    tenures: Vec<Tenure>,
    orders: Vec<Order>,
    credits: Vec<Credit>,
}

/// The shop as an installation.
struct Shop {
    app: TestApp,
    plans: Vec<Plan>,
    customers: Vec<Customer>,
}

impl Shop {
    async fn open(of: Vec<Vec<Order>>) -> Self {
        let app = TestApp::builder().fixed_clock("2010-11-30T12:00:00Z").start().await;
        let mut plans = Vec::new();
        for (n, prices) in OFFERS.iter().enumerate() {
            let prices: Value = serde_json::from_str(prices).unwrap();
            let limits = json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }]);
            let body = json!({ "name": format!("offer {n}"), "limits": limits, "prices": prices });
            let made = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
            let first = Version { number: 1, at: app.clock.now(), at_once: true, prices };
            plans.push(Plan { id: id(&made), versions: vec![first] });
        }
        let mut customers = Vec::new();
        for (n, orders) in of.into_iter().enumerate() {
            let plan = n % plans.len();
            let body = json!({ "name": format!("customer {n}") });
            let partner = id(&app.admin_ok("POST", "/admin/v1/partners", Some(body)).await);
            let body = json!({ "partner_id": partner, "plan_id": plans[plan].id, "name": "app" });
            let made = id(&app.admin_ok("POST", "/admin/v1/apps", Some(body)).await);
            let tenures = vec![Tenure { plan, from: app.clock.now() }];
            customers.push(Customer { partner, app: made, tenures, orders, credits: Vec::new() });
        }
        Self { app, plans, customers }
    }

    /// Other prices for a plan, at once or from the next period on.
    async fn price(&mut self, (plan, at_once): (usize, bool), change: impl Fn(&mut Value)) {
        let plan = &mut self.plans[plan];
        let Version { number, mut prices, .. } = plan.versions.last().unwrap().clone();
        change(&mut prices);
        let from = if at_once { "now" } else { "next_period" };
        edit(&self.app, &plan.id, json!({ "prices": prices, "prices_from": from })).await;
        let at = self.app.clock.now();
        plan.versions.push(Version { number: number + 1, at, at_once, prices });
    }

    /// Has the customers of a plan go to another.
    async fn move_all(&mut self, from: usize, to: usize) {
        let now = self.app.clock.now();
        let of_plan = |c: &&mut Customer| c.tenures.last().is_some_and(|last| last.plan == from);
        for customer in self.customers.iter_mut().filter(of_plan) {
            let url = format!("/admin/v1/apps/{}/subscriptions", customer.app);
            let body = json!({ "plan_id": self.plans[to].id });
            let asked = self.app.admin_ok("POST", &url, Some(body)).await;
            if asked["state"] != "active" {
                let approve = format!("/admin/v1/subscriptions/{}/approve", id(&asked));
                let moved = self.app.admin_ok("POST", &approve, Some(json!({}))).await;
                assert_eq!(moved["state"], "active", "{moved}");
            }
            customer.tenures.push(Tenure { plan: to, from: now });
        }
    }

    /// Gives a customer in three some credit for a time, and half of these have paid some in advance for the years to come.
    async fn give(&mut self, (amount, paid): (&str, &str), expires_at: &str) {
        let now = self.app.clock.now().0;
        for (n, customer) in self.customers.iter_mut().enumerate().filter(|(n, _)| n % 3 == 0) {
            let plan = &self.plans[customer.tenures.last().unwrap().plan];
            let currency = plan.versions.last().unwrap().prices["currency"].as_str().unwrap();
            let given = json!({ "currency": currency, "expires_at": expires_at });
            let prepaid = json!({ "currency": currency, "source": "prepaid", "priority": 60 });
            let until: Micros = expires_at.parse().unwrap();
            let asked = [(amount, 50, given, Some(until.0)), (paid, 60, prepaid, None)];
            for (amount, priority, further, expires) in
                asked.into_iter().take(if n % 2 == 0 { 2 } else { 1 })
            {
                let id = grant_to(&self.app, &customer.partner, amount, further).await;
                let (currency, left) = (currency.to_owned(), Q::read(amount));
                customer.credits.push(Credit { id, priority, currency, from: now, expires, left });
            }
        }
    }

    /// What is left of all credits, with what was drawn of them, is what was given.
    async fn check_credits(&self) {
        let mut drawn = Q::ZERO;
        for credit in self.customers.iter().flat_map(|it| &it.credits) {
            let shown = self.app.admin_ok("GET", &format!("{CREDITS}/{}", credit.id), None).await;
            let of = |name: &str| Q::read(shown["credit"][name].as_str().unwrap());
            let all = of("drawn") + of("provisional") + of("left") + of("lapsed");
            assert_eq!(all, credit.left, "{shown}");
            drawn = drawn + of("drawn");
        }
        assert!(drawn > Q::ZERO, "credits were drawn");
    }

    /// The orders up to an instant that were not yet made, as calls.
    async fn call(&self, (from, to): (Micros, Micros)) -> usize {
        let mut events = Vec::new();
        for customer in &self.customers {
            let made = customer.orders.iter().filter(|order| from <= order.at && order.at < to);
            events.extend(made.map(|order| self.event(customer, order)));
        }
        let count = events.len();
        journalled((&self.app.db, self.app.clock.now()), 4_095, events.into_iter()).await;
        count
    }

    fn event(&self, customer: &Customer, order: &Order) -> Event {
        let tenure = customer.tenures.iter().rfind(|tenure| tenure.from <= order.at).unwrap();
        let plan = &self.plans[tenure.plan];
        let version = plan.versions.iter().rfind(|version| version.at <= order.at).unwrap();
        let operation = comptoir::access::operation::by_id(order.operation).unwrap();
        let (status, outcome) =
            if order.charged { (200, Outcome::Served) } else { (404, Outcome::ClientError) };
        Event {
            started_at: order.at,
            duration_us: 90,
            partner: customer.partner.parse().unwrap(),
            app: customer.app.parse().unwrap(),
            key: KeyId(1),
            plan: plan.id.parse().unwrap(),
            plan_version: version.number,
            environment: Environment::Live,
            operation: operation.code,
            status,
            outcome,
            weight_milli: order.used.weight_milli.try_into().unwrap(),
            records: order.used.records.try_into().unwrap(),
            bytes: order.used.bytes.try_into().unwrap(),
        }
    }

    /// Closes all periods that can be closed.
    async fn close(&self) -> Vec<String> {
        let mut closed = Vec::new();
        for period in periods(&self.app).await {
            let closable: Micros = period["closable_at"].as_str().unwrap().parse().unwrap();
            if closable <= self.app.clock.now() {
                let period = id(&period);
                until_complete(&self.app, &period).await;
                let answer = close(&self.app, &period).await;
                assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
                closed.push(period);
            }
        }
        closed
    }

    /// What each statement of the closed periods must be.
    fn expected(&self, until: Micros) -> BTreeMap<Name, Expected> {
        let mut all = BTreeMap::new();
        for customer in &self.customers {
            let mut of_customer: Vec<(Name, Expected)> = Vec::new();
            for period in periods_of(&customer.tenures, &self.plans, until) {
                for (currency, sections) in self.sections(customer, &period) {
                    let calls = sections.iter().map(|(_, calls)| calls).sum();
                    let sections: Vec<Section> = sections.into_iter().map(|(it, _)| it).collect();
                    let half_up = sections[0].prices["rounding"] == "half_up";
                    let (lines, exact, total) = bill(&sections, decimals(&currency), half_up);
                    let name = (customer.app.clone(), period.from, period.to, currency);
                    of_customer.push((name, Expected { lines, exact, total, calls }));
                }
            }
            of_customer.sort_by_key(|((_, from, to, currency), _)| (*to, *from, currency.clone()));
            let mut credits = customer.credits.clone();
            for ((_, from, to, currency), it) in &mut of_customer {
                for line in draw(&mut credits, (from.0, to.0), currency, it.total) {
                    (it.exact, it.total) = (it.exact + line.amount, it.total + line.amount);
                    it.lines.push(line);
                }
            }
            all.extend(of_customer);
        }
        all
    }

    /// The sections of a period by currency, each with the calls in it.
    fn sections(
        &self,
        customer: &Customer,
        period: &Period,
    ) -> BTreeMap<String, Vec<(Section, usize)>> {
        let mut of: BTreeMap<String, Vec<(Section, usize)>> = BTreeMap::new();
        for piece in &period.pieces {
            let prices = self.plans[piece.plan].versions[piece.version].prices.clone();
            let whole = period.of.1.0 - period.of.0.0;
            let share = Q::new((piece.to.0 - piece.from.0).into(), whole.into());
            let mut used: BTreeMap<&'static str, Used> = BTreeMap::new();
            let within = |order: &&Order| piece.from <= order.at && order.at < piece.to;
            let made = customer.orders.iter().filter(within);
            for order in made.clone().filter(|order| order.charged) {
                let sum = used.entry(order.operation).or_default();
                sum.requests += 1;
                sum.records += order.used.records;
                sum.bytes += order.used.bytes;
                sum.weight_milli += order.used.weight_milli;
            }
            let of_whole = Q::new((period.to.0 - period.from.0).into(), whole.into());
            let currency = prices["currency"].as_str().unwrap().to_owned();
            let used = used.into_iter().collect();
            let section = Section { prices, share, of_whole, used };
            of.entry(currency).or_default().push((section, made.count()));
        }
        of
    }
}

/// App, start, end and currency of a statement.
type Name = (String, Micros, Micros, String);

struct Expected {
    lines: Vec<Line>,
    exact: Q,
    total: Q,
    calls: usize,
}

/// What was compared of a month in a currency.
#[derive(Default)]
struct Compared {
    statements: usize,
    lines: usize,
    calls: usize,
    total: Option<Q>,
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_months_of_a_real_shop_come_out_as_by_hand() {
    let Some(of) = orders() else { return };
    let mut shop = Shop::open(of).await;
    let (mut closed, mut called) = (Vec::new(), 0);
    let mut since: Micros = "2010-12-01T00:00:00Z".parse().unwrap();
    shop.give(("10", "75"), "2011-02-10T00:00:00Z").await;
    for month in 1..=9_u32 {
        match month {
            3 => {
                at(&shop.app, "2011-02-14T10:00:00Z");
                shop.price((5, true), |prices| prices["fee"] = json!("31.50")).await;
            }
            4 => {
                at(&shop.app, "2011-03-10T09:30:00Z");
                shop.price((0, false), |prices| {
                    prices["charges"][0]["included"] = json!(20);
                    prices["discount_percent"] = json!("7.25");
                })
                .await;
            }
            // In the middle of a month to another currency: in the same days, and in those of another time zone.
            6 => {
                at(&shop.app, "2011-05-17T13:20:11Z");
                shop.move_all(0, 4).await;
                shop.move_all(1, 3).await;
                shop.give(("33", "100"), "2011-07-04T12:00:00Z").await;
            }
            _ => {}
        }
        let until: Micros = format!("2011-{month:02}-01T00:00:00Z").parse().unwrap();
        called += shop.call((since, until)).await;
        since = until;
        at(&shop.app, &format!("2011-{month:02}-03T00:00:00Z"));
        closed.extend(shop.close().await);
    }
    let now = shop.app.clock.now();
    let mut expected = shop.expected(since);
    let mut table: BTreeMap<(String, String), Compared> = BTreeMap::new();
    for period in &closed {
        compare(&shop.app, period, &mut expected, &mut table).await;
        let found = reconcile(&shop.app.db, period.parse().unwrap(), None, now).await.unwrap();
        assert!(found.agrees, "{:?}", found.differences);
    }
    let missing: Vec<&Name> = expected.keys().filter(|name| name.2 <= since).collect();
    assert_eq!(missing, Vec::<&Name>::new(), "no statement was made of these");
    println!("END     CURRENCY  STATEMENTS  LINES   CALLS  TOTAL, AS BY HAND");
    for ((end, currency), it) in &table {
        let Compared { statements, lines, calls, total } = it;
        let total = total.map_or(0.0, Q::about);
        println!("{end} {currency:8}  {statements:10}  {lines:5}  {calls:6}  {total:.3}");
    }
    let compared: usize = table.values().map(|it| it.calls).sum();
    println!(
        "{called} calls of {} customers, {compared} in {} closed periods",
        shop.customers.len(),
        closed.len()
    );
    assert!(compared > 1_000);
    shop.check_credits().await;
}

/// Compares each statement of a closed period with what it must be, which is taken out.
async fn compare(
    app: &TestApp,
    period: &str,
    expected: &mut BTreeMap<Name, Expected>,
    table: &mut BTreeMap<(String, String), Compared>,
) {
    let asked = (period.parse().unwrap(), Whose::default());
    let shown = of_period(&app.db, asked.0, asked.1, ("", 100_000), app.clock.now()).await.unwrap();
    assert!(!shown.is_empty());
    for statement in shown.into_iter().map(|shown| shown.statement) {
        let name = (
            statement.app_id.to_string(),
            statement.from,
            statement.to,
            statement.currency.clone(),
        );
        let by_hand = expected.remove(&name).unwrap_or_else(|| panic!("{name:?}"));
        let told = serde_json::to_value(&statement).unwrap();
        let lines: Vec<Line> = told["lines"].as_array().unwrap().iter().map(Line::told).collect();
        assert_eq!(lines, by_hand.lines, "{name:?}");
        assert_eq!(Q::read(&statement.exact), by_hand.exact, "{name:?}");
        assert_eq!(Q::read(&statement.total), by_hand.total, "{name:?}");
        let calls: i64 = statement.usage.iter().map(|used| used.requests).sum();
        assert_eq!(usize::try_from(calls).unwrap(), by_hand.calls, "{name:?}");
        let row = (statement.to.to_string()[..7].to_owned(), statement.currency);
        let row = table.entry(row).or_default();
        row.statements += 1;
        row.lines += lines.len();
        row.calls += by_hand.calls;
        row.total = Some(row.total.unwrap_or(Q::ZERO) + by_hand.total);
    }
}

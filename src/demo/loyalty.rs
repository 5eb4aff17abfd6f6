//! Loyalty accounts: a ledger of points whose sum is the balance.

use super::customers::{Customer, id};
use super::purchases::Purchase;
use super::rng::Rng;
use super::{DAY, Dates};
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Points for opening an account.
const WELCOME: i64 = 50;
/// Points that make one voucher.
const VOUCHER: i64 = 500;
/// Points wait this long before they count.
const PENDING: i64 = 3 * DAY;

/// One movement of points; redeemed and refunded ones are negative.
struct Entry {
    kind: &'static str,
    points: i64,
    at: Micros,
    purchase: Option<String>,
    text: &'static str,
}

/// The account of a customer with these purchases, oldest first.
pub(super) fn line(customer: &Customer, purchases: &[Purchase], dates: &Dates) -> Value {
    let is_pending = |purchase: &&Purchase| purchase.at.0 + PENDING > dates.now.0;
    let pending: i64 = purchases.iter().filter(is_pending).map(|p| p.points).sum();
    let entries = entries(customer, purchases, dates);
    let balance: i64 = entries.iter().map(|entry| entry.points).sum();
    let earned: i64 = entries.iter().filter(|e| e.kind == "earn").map(|e| e.points).sum();
    let year = dates.now.timestamp().to_zoned(TimeZone::UTC).year();
    let last_day = format!("{year:04}-12-31");
    let (tier, tier_name) = match earned {
        ..800 => ("classique", "Classique"),
        800..2_500 => ("argent", "Argent"),
        _ => ("or", "Or"),
    };
    let expiring = (balance >= 200).then(|| json!({"amount": "100", "expires_at": last_day}));
    let account = id("loy", &customer.id);
    let transactions = entries.iter().enumerate().map(|(n, entry)| entry.json(&account, n));
    json!({
        "id": account,
        "customer_id": customer.id,
        "program": {"id": "aubier-et-vous", "name": "Aubier & Vous"},
        "membership_number_masked": format!("••••{:04}", Rng::of("card", &account).below(10_000)),
        "tier": {"id": tier, "name": tier_name, "valid_through": last_day},
        "balances": [{
            "currency": {"code": "PTS", "name": "points"},
            "available": balance.to_string(), "pending": pending.to_string(),
            "expiring": expiring.iter().collect::<Vec<_>>(),
        }],
        "transactions": transactions.collect::<Vec<_>>(),
    })
}

/// All movements in their order: points are earned, go back with returned goods, become vouchers.
fn entries(customer: &Customer, purchases: &[Purchase], dates: &Dates) -> Vec<Entry> {
    let welcome = Entry {
        kind: "adjust",
        points: WELCOME,
        at: customer.created_at,
        purchase: None,
        text: "Points de bienvenue",
    };
    let mut moves = vec![welcome];
    for purchase in purchases.iter().filter(|p| p.at.0 + PENDING <= dates.now.0) {
        let of = |kind, points, at, text| Entry {
            kind,
            points,
            at,
            purchase: Some(purchase.id.clone()),
            text,
        };
        moves.push(of("earn", purchase.points, Micros(purchase.at.0 + PENDING), "Achat"));
        if let Some((at, points)) = purchase.refund {
            // Never before the points themselves.
            let at = at.max(Micros(purchase.at.0 + PENDING));
            moves.push(of("refund", -points, at, "Retour d'articles"));
        }
    }
    moves.sort_by_key(|entry| entry.at);
    let (mut entries, mut balance) = (Vec::new(), 0);
    for entry in moves {
        let at = Micros(entry.at.0 + HOUR);
        balance += entry.points;
        entries.push(entry);
        // Some points stay, so that a later return does not make the balance negative.
        if balance >= 2 * VOUCHER && at <= dates.now {
            let text = "Bon d'achat de 5 €";
            balance -= VOUCHER;
            entries.push(Entry { kind: "redeem", points: -VOUCHER, at, purchase: None, text });
        }
    }
    entries.sort_by_key(|entry| entry.at);
    entries
}

impl Entry {
    fn json(&self, account: &str, n: usize) -> Value {
        json!({
            "id": id("ltx", &format!("{account} {n}")),
            "type": self.kind,
            "points": self.points.to_string(),
            "purchase_id": self.purchase,
            "description": self.text,
            "occurred_at": self.at.to_string(),
        })
    }
}

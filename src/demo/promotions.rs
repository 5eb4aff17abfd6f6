//! Promotions: three waves of sales, one after the other, and those that stand all the time.

use super::Dates;
use super::families::{Department, Shelf, departments};
use super::prices::{self, EPOCHS, Event, MEMBER_PERCENT};
use super::products::items;
use super::rng::Rng;
use serde_json::{Value, json};

/// The promotion that gives members their price.
pub(super) const MEMBER_PRICES: &str = "prix-membres";

/// A promotion without end in sight.
struct Standing {
    code: &'static str,
    title: &'static str,
    kind: &'static str,
    value: &'static str,
    min_quantity: u32,
    members_only: bool,
    tier: Option<&'static str>,
    category: Option<&'static str>,
    brand: Option<&'static str>,
    coupon: Option<&'static str>,
}

const STANDING: [Standing; 8] = [
    Standing::new("yaourts-3-pour-2", "2 yaourts achetés = le 3e offert", "buy_x_get_y", "1")
        .needs(3)
        .category("yaourts"),
    Standing::new("lessive-2e-moitie", "2e lessive à moitié prix", "percent_off", "50")
        .needs(2)
        .category("lessives"),
    Standing::new("marche-points-doubles", "Points doublés au marché", "points", "2")
        .members()
        .category("fruits-legumes"),
    Standing::new("delmaure-points-triples", "Points triplés sur Delmaure", "points", "3")
        .members()
        .brand("Chocolaterie Delmaure"),
    Standing::new("outillage-lot", "15 € de remise pour deux outils Forgeval", "bundle", "15.00")
        .needs(2)
        .brand("Forgeval"),
    Standing::new("mode-membres-or", "5 % sur la mode pour les membres Or", "percent_off", "5")
        .members()
        .tier("or")
        .category("mode"),
    Standing::new("jouets-10", "10 € de remise sur les jouets", "amount_off", "10.00")
        .category("jouets")
        .coupon("JOUETS10"),
    Standing::new("table-5", "5 € de remise sur les arts de la table", "amount_off", "5.00")
        .category("arts-table")
        .coupon("TABLE5"),
];

impl Standing {
    const fn new(
        code: &'static str,
        title: &'static str,
        kind: &'static str,
        value: &'static str,
    ) -> Self {
        let (tier, category, brand, coupon) = (None, None, None, None);
        let (min_quantity, members_only) = (1, false);
        Self { code, title, kind, value, min_quantity, members_only, tier, category, brand, coupon }
    }

    const fn needs(self, min_quantity: u32) -> Self {
        Self { min_quantity, ..self }
    }

    const fn members(self) -> Self {
        Self { members_only: true, ..self }
    }

    const fn tier(self, tier: &'static str) -> Self {
        Self { tier: Some(tier), ..self }
    }

    const fn category(self, code: &'static str) -> Self {
        Self { category: Some(code), ..self }
    }

    const fn brand(self, name: &'static str) -> Self {
        Self { brand: Some(name), ..self }
    }

    const fn coupon(self, code: &'static str) -> Self {
        Self { coupon: Some(code), ..self }
    }

    fn line(&self, dates: &Dates) -> Value {
        json!({
            "code": self.code, "title": self.title, "type": self.kind, "value": self.value,
            "conditions": {
                "min_quantity": self.min_quantity, "min_spend": null,
                "member_only": self.members_only, "tier_ids": self.tier.iter().collect::<Vec<_>>(),
            },
            "applies_to": {
                "skus": [],
                "category_codes": self.category.iter().collect::<Vec<_>>(),
                "brands": self.brand.iter().collect::<Vec<_>>(),
            },
            "store_codes": ["*"], "channels": ["online", "in_store"],
            "audience": if self.members_only { "member" } else { "public" },
            "coupon_code": self.coupon,
            "valid_from": dates.starts[0].to_string(),
            "valid_through": dates.standing_until().to_string(),
        })
    }
}

/// Codes of the standing promotions without a coupon that a product takes part in.
pub(super) fn standing_for(
    department: &Department,
    shelf: &Shelf,
    brand: &str,
) -> Vec<&'static str> {
    let taken = |p: &&Standing| {
        p.coupon.is_none()
            && (p.brand == Some(brand)
                || p.category.is_some_and(|c| c == department.code || c == shelf.code))
    };
    STANDING.iter().filter(taken).map(|p| p.code).collect()
}

/// The code of a wave's sale in a department.
pub(super) fn wave_code(wave: usize, department: &str) -> String {
    format!("vague-{}-{department}", wave + 1)
}

/// The reduction in percent of a wave's sale in a department.
pub(super) fn wave_percent(wave: usize, department: &str) -> i64 {
    *Rng::of("wave", &wave_code(wave, department)).pick(&[10, 15, 20, 25, 30])
}

/// The promotion lines.
pub(super) fn lines(dates: &Dates) -> Vec<Value> {
    let waves = (0..EPOCHS).flat_map(|wave| {
        departments().iter().filter_map(move |department| wave_line(dates, wave, department))
    });
    let members = members_line(dates);
    let standing = STANDING.iter().map(|promotion| promotion.line(dates));
    waves.chain([members]).chain(standing).collect()
}

/// The sale of a department in a wave; `None` where no product of it is reduced.
fn wave_line(dates: &Dates, wave: usize, department: &Department) -> Option<Value> {
    let reduced = items().iter().filter(|item| {
        item.department.code == department.code && prices::event(item) == Event::Sale(wave)
    });
    let skus: Vec<&str> = reduced.map(|item| item.sku.as_str()).collect();
    let percent = wave_percent(wave, department.code);
    (!skus.is_empty()).then(|| {
        json!({
            "code": wave_code(wave, department.code),
            "title": format!("−{percent} % sur une sélection {}", department.name),
            "type": "percent_off", "value": percent.to_string(),
            "conditions": {
                "min_quantity": 1, "min_spend": null, "member_only": false, "tier_ids": [],
            },
            "applies_to": {"skus": skus, "category_codes": [], "brands": []},
            "store_codes": ["*"], "channels": ["online", "in_store"], "audience": "public",
            "coupon_code": null,
            "valid_from": dates.starts[wave].to_string(),
            "valid_through": dates.through(wave).to_string(),
        })
    })
}

/// The promotion behind the prices of members.
fn members_line(dates: &Dates) -> Value {
    let skus = items().iter().filter(|item| prices::event(item) == Event::MemberPrice);
    json!({
        "code": MEMBER_PRICES, "title": "Prix membres", "type": "percent_off",
        "value": MEMBER_PERCENT.to_string(),
        "conditions": {"min_quantity": 1, "min_spend": null, "member_only": true, "tier_ids": []},
        "applies_to": {
            "skus": skus.map(|item| item.sku.as_str()).collect::<Vec<_>>(),
            "category_codes": [], "brands": [],
        },
        "store_codes": ["*"], "channels": ["online", "in_store"], "audience": "member",
        "coupon_code": null,
        "valid_from": dates.starts[0].to_string(),
        "valid_through": dates.standing_until().to_string(),
    })
}

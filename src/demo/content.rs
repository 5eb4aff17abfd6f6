//! Net content: what a shelf label such as `6 x 1,5 l` holds, and the price per unit of it.

use serde_json::{Value, json};

/// How much one pack holds, in thousandths of its base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// Thousandths of a kilogram, litre, metre or piece.
    pub(super) thousandths: i64,
    /// UN/CEFACT Recommendation 20 code of the base unit: `KGM`, `LTR`, `MTR` or `C62`.
    pub(super) unit: &'static str,
}

/// One kilogram: the content of goods that are sold by weight.
pub(super) const KILOGRAM: Content = Content { thousandths: 1_000, unit: "KGM" };

/// Thousandths in a French number with at most three decimals: `1,5` is 1500.
fn thousandths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once(',').unwrap_or((text, ""));
    if decimals.len() > 3 {
        return None;
    }
    let decimals: i64 = format!("{decimals:0<3}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 1_000 + decimals)
}

impl Content {
    /// The content that a label states; `None` for a label that states none, such as a size.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        let words: Vec<&str> = label.split_whitespace().collect();
        for (i, pair) in words.windows(2).enumerate() {
            let measure = match pair[1] {
                "kg" => Some(("KGM", 1_000)),
                "g" => Some(("KGM", 1)),
                "l" => Some(("LTR", 1_000)),
                "cl" => Some(("LTR", 10)),
                "ml" => Some(("LTR", 1)),
                "m" => Some(("MTR", 1_000)),
                _ => None,
            };
            if let Some((unit, factor)) = measure {
                let each = thousandths(pair[0])? * factor / 1_000;
                let packs = match i.checked_sub(2).map(|at| &words[at..i]) {
                    Some([count, "x"]) => count.parse().ok()?,
                    _ => 1,
                };
                return Some(Self { thousandths: each * packs, unit });
            }
        }
        let counted = words.windows(2).filter(|pair| pair[0] == "de");
        let pieces = counted.filter_map(|pair| pair[1].parse::<i64>().ok()).product::<i64>();
        (pieces > 1).then(|| Self { thousandths: pieces * 1_000, unit: "C62" })
    }

    /// The content as the API writes it: below one kilogram or litre in grams or millilitres.
    pub(super) fn json(self) -> Value {
        let (value, unit) = match self.unit {
            "KGM" if self.thousandths < 1_000 => (self.thousandths * 1_000, "GRM"),
            "LTR" if self.thousandths < 1_000 => (self.thousandths * 1_000, "MLT"),
            unit => (self.thousandths, unit),
        };
        json!({"value": decimal(value), "unit_code": unit})
    }

    /// The price in cents of one base unit, half a cent up, for a pack that costs `cents`.
    pub(super) fn unit_price(self, cents: i64) -> i64 {
        half_up(cents * 1_000, self.thousandths)
    }
}

/// `amount / divisor` to the nearest whole, halves up; for amounts of zero and more.
pub(super) fn half_up(amount: i64, divisor: i64) -> i64 {
    (2 * amount + divisor) / (2 * divisor)
}

/// Thousandths as a decimal text without needless zeros: 1750 is `1.75`.
pub(super) fn decimal(thousandths: i64) -> String {
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_state_their_content() {
        let of = |label| Content::of_label(label).map(|c| (c.thousandths, c.unit));
        assert_eq!(of("75 cl"), Some((750, "LTR")));
        assert_eq!(of("6 x 1,5 l"), Some((9_000, "LTR")));
        assert_eq!(of("lot de 3 x 400 g"), Some((1_200, "KGM")));
        assert_eq!(of("4 tranches 160 g"), Some((160, "KGM")));
        assert_eq!(of("3,5 g"), Some((3, "KGM")));
        assert_eq!(of("boîte de 25 sachets"), Some((25_000, "C62")));
        assert_eq!(of("lot de 3 x paquet de 72"), Some((216_000, "C62")));
        assert_eq!(of("25 m"), Some((25_000, "MTR")));
        for none in ["XL", "140 x 200", "coffret 16 pièces", "noir", "", "24 cm"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn unit_prices_round_half_up() {
        let pack = Content { thousandths: 750, unit: "LTR" };
        assert_eq!(pack.unit_price(895), 1_193);
        assert_eq!(Content { thousandths: 400, unit: "KGM" }.unit_price(1), 3);
        assert_eq!(pack.json(), json!({"value": "750", "unit_code": "MLT"}));
        assert_eq!(decimal(1_750), "1.75");
        assert_eq!(decimal(216_000), "216");
    }
}

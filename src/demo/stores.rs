//! The forty stores: real French towns, invented streets, telephone numbers reserved for fiction.

use super::calendar;
use super::rng::{self, Rng};
use crate::kernel::Micros;
use crate::kernel::gtin::check_digit;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// How a store sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Hypermarket,
    Supermarket,
    DepartmentStore,
    Convenience,
}
use Format::{Convenience, DepartmentStore, Hypermarket, Supermarket};

/// Town, postal code, latitude and longitude in ten-thousandths of a degree, format.
type Place = (&'static str, &'static str, i32, i32, Format);

/// The first one also runs the online shop.
const PLACES: [Place; 40] = [
    ("Paris", "75009", 48_8738, 2_3320, DepartmentStore),
    ("Lyon", "69002", 45_7580, 4_8350, DepartmentStore),
    ("Marseille", "13001", 43_2965, 5_3764, DepartmentStore),
    ("Toulouse", "31000", 43_6045, 1_4440, DepartmentStore),
    ("Bordeaux", "33000", 44_8410, -5740, DepartmentStore),
    ("Lille", "59000", 50_6370, 3_0630, DepartmentStore),
    ("Nantes", "44000", 47_2130, -1_5590, DepartmentStore),
    ("Strasbourg", "67000", 48_5830, 7_7480, DepartmentStore),
    ("Nice", "06000", 43_7010, 7_2680, DepartmentStore),
    ("Rouen", "76000", 49_4410, 1_0930, DepartmentStore),
    ("Rennes", "35000", 48_1120, -1_6790, Hypermarket),
    ("Montpellier", "34000", 43_6080, 3_8790, Hypermarket),
    ("Dijon", "21000", 47_3220, 5_0410, Hypermarket),
    ("Orléans", "45000", 47_9030, 1_9090, Hypermarket),
    ("Clermont-Ferrand", "63000", 45_7770, 3_0870, Hypermarket),
    ("Metz", "57000", 49_1190, 6_1760, Hypermarket),
    ("Caen", "14000", 49_1830, -3700, Hypermarket),
    ("Avignon", "84000", 43_9490, 4_8060, Hypermarket),
    ("Grenoble", "38000", 45_1880, 5_7240, Supermarket),
    ("Tours", "37000", 47_3940, 6850, Supermarket),
    ("Angers", "49000", 47_4710, -5520, Supermarket),
    ("Reims", "51100", 49_2580, 4_0320, Supermarket),
    ("Nancy", "54000", 48_6920, 6_1840, Supermarket),
    ("Le Mans", "72000", 48_0060, 1990, Supermarket),
    ("Brest", "29200", 48_3900, -4_4860, Supermarket),
    ("Limoges", "87000", 45_8330, 1_2610, Supermarket),
    ("Poitiers", "86000", 46_5800, 3400, Supermarket),
    ("Besançon", "25000", 47_2380, 6_0240, Supermarket),
    ("Annecy", "74000", 45_8990, 6_1290, Supermarket),
    ("Perpignan", "66000", 42_6980, 2_8950, Supermarket),
    ("Pau", "64000", 43_2950, -3700, Supermarket),
    ("La Rochelle", "17000", 46_1600, -1_1510, Supermarket),
    ("Amiens", "80000", 49_8940, 2_3020, Supermarket),
    ("Paris", "75011", 48_8590, 2_3790, Convenience),
    ("Paris", "75015", 48_8420, 2_2920, Convenience),
    ("Paris", "75018", 48_8920, 2_3440, Convenience),
    ("Lyon", "69003", 45_7600, 4_8500, Convenience),
    ("Marseille", "13006", 43_2870, 5_3810, Convenience),
    ("Villeurbanne", "69100", 45_7660, 4_8800, Convenience),
    ("Boulogne-Billancourt", "92100", 48_8350, 2_2410, Convenience),
];

const STREETS: [&str; 12] = [
    "rue des Tilleuls",
    "place du Vieux-Marché",
    "avenue des Aubiers",
    "rue du Comptoir",
    "boulevard des Maraîchers",
    "rue de la Halle",
    "cours des Tanneurs",
    "quai des Merciers",
    "rue des Drapiers",
    "allée des Vergers",
    "avenue du Pont-Neuf",
    "place des Épiciers",
];

/// One store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) code: String,
    pub(super) format: Format,
    pub(super) key: u64,
    place: &'static Place,
}

/// All stores; the first one runs the online shop.
pub(super) fn stores() -> &'static [Store] {
    static STORES: LazyLock<Vec<Store>> = LazyLock::new(|| {
        let numbered = PLACES.iter().enumerate().map(|(i, place)| {
            let code = format!("{:04}", 101 + i);
            Store { format: place.4, key: rng::key("store", &code), code, place }
        });
        numbered.collect()
    });
    &STORES
}

/// The store lines; special opening hours reach a year ahead of `now`.
pub(super) fn lines(now: Micros) -> Vec<Value> {
    let holidays = calendar::holidays(now);
    stores().iter().map(|store| store.line(&holidays)).collect()
}

impl Store {
    /// Prices of daily shopping in percent of the recommended ones.
    pub(super) fn price_percent(&self) -> i64 {
        match self.format {
            Hypermarket => 100,
            Supermarket => 100 + (self.key % 2 * 2) as i64,
            DepartmentStore => 104,
            Convenience => 108,
        }
    }

    /// Whether goods can be ordered ahead and collected here.
    pub(super) fn has_collect(&self) -> bool {
        self.format != Convenience
    }

    fn line(&self, holidays: &[calendar::Holiday]) -> Value {
        let &(city, postal_code, latitude, longitude, _) = self.place;
        let mut rng = Rng::of("address", &self.code);
        let street = format!("{} {}", rng.between(1, 140), rng.pick(&STREETS));
        let body = format!("9520001{:05}", self.code.parse::<u32>().unwrap_or(0));
        let degrees = |ten_thousandths: i32| f64::from(ten_thousandths) / 1e4;
        json!({
            "store_code": self.code,
            "gln": format!("{body}{}", check_digit(body.as_bytes())),
            "name": self.name(),
            "type": match self.format {
                Hypermarket => "hypermarket",
                Supermarket => "supermarket",
                DepartmentStore => "department_store",
                Convenience => "convenience",
            },
            "address": {
                "street_address": street, "postal_code": postal_code, "address_locality": city,
                "address_country": "FR",
            },
            "geo": {"latitude": degrees(latitude), "longitude": degrees(longitude)},
            "time_zone": "Europe/Paris",
            "telephone": self.telephone(),
            "opening_hours": self.opening_hours(),
            "special_opening_hours":
                holidays.iter().map(|&holiday| self.on_holiday(holiday)).collect::<Vec<_>>(),
            "services": self.services(),
        })
    }

    fn name(&self) -> String {
        let &(city, postal_code, ..) = self.place;
        let sign = match self.format {
            Hypermarket => "Aubier Grand Marché",
            Supermarket => "Aubier Marché",
            DepartmentStore => super::RETAILER,
            Convenience => "Aubier Minute",
        };
        let same_town = PLACES.iter().filter(|place| place.0 == city).count() > 1;
        match postal_code.get(3..) {
            Some("01") if same_town => format!("{sign} {city} 1er"),
            Some(district) if same_town => {
                format!("{sign} {city} {}e", district.trim_start_matches('0'))
            }
            _ => format!("{sign} {city}"),
        }
    }

    /// A number that the regulator keeps for fiction, by the region's zone.
    fn telephone(&self) -> String {
        let &(_, postal_code, latitude, longitude, _) = self.place;
        let zone = match &postal_code[..2] {
            "75" | "92" => "19900",
            _ if longitude > 3_5000 && latitude > 46_5000
                || longitude > 1_9000 && latitude > 49_0000 =>
            {
                "35301"
            }
            _ if longitude > 2_5000 => "46571",
            _ if latitude > 47_0000 => "26191",
            _ => "53649",
        };
        format!("+33{zone}{:04}", self.key % 10_000)
    }

    fn opening_hours(&self) -> Vec<Value> {
        const WEEK: [&str; 6] =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
        let (opens, closes, sunday) = match self.format {
            Hypermarket => ("08:30", "20:30", Some(("09:00", "12:30"))),
            Supermarket => ("08:30", "20:00", Some(("09:00", "13:00"))),
            DepartmentStore if self.place.0 == "Paris" => {
                ("10:00", "20:00", Some(("11:00", "19:00")))
            }
            DepartmentStore => ("10:00", "19:30", None),
            Convenience => ("07:30", "21:30", Some(("08:30", "20:30"))),
        };
        let day = |name: &str, opens: &str, closes: &str| json!({"day_of_week": name, "opens": opens, "closes": closes});
        let week = WEEK.iter().map(|name| day(name, opens, closes));
        week.chain(sunday.map(|(opens, closes)| day("sunday", opens, closes))).collect()
    }

    fn on_holiday(&self, holiday: calendar::Holiday) -> Value {
        let date = holiday.date.to_string();
        if holiday.all_close || self.format == DepartmentStore {
            json!({"date": date, "closed": true})
        } else {
            json!({"date": date, "closed": false, "opens": "09:00", "closes": "13:00"})
        }
    }

    fn services(&self) -> Vec<&'static str> {
        let mut rng = Rng::of("services", &self.code);
        let (always, sometimes): (&[&str], &[&str]) = match self.format {
            Hypermarket => (
                &["click_collect", "drive", "fishmonger", "butcher", "bakery", "parking"],
                &["fuel", "ev_charging", "optician", "photo"],
            ),
            Supermarket => {
                (&["click_collect", "bakery", "parking"], &["drive", "fishmonger", "butcher"])
            }
            DepartmentStore => (
                &["click_collect", "gift_wrap", "personal_shopper", "tax_refund"],
                &["restaurant", "alterations", "home_delivery"],
            ),
            Convenience => (&["parcel_point"], &["bakery", "home_delivery"]),
        };
        let chosen = sometimes.iter().filter(|_| rng.chance(55));
        always.iter().chain(chosen).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_have_names_and_numbers_of_their_own() {
        let names: std::collections::HashSet<String> = stores().iter().map(Store::name).collect();
        assert_eq!(names.len(), stores().len());
        assert!(
            names.contains("Maison Aubier Marseille 1er") && names.contains("Aubier Marché Pau")
        );
        for store in stores() {
            let number = store.telephone();
            let fiction = ["+3319900", "+3326191", "+3335301", "+3346571", "+3353649"];
            assert!(number.len() == 12 && fiction.iter().any(|zone| number.starts_with(zone)));
        }
    }

    #[test]
    fn stores_stand_in_metropolitan_france() {
        for &(city, _, latitude, longitude, _) in &PLACES {
            assert!((42_0000..51_0000).contains(&latitude), "{city}");
            assert!((-5_0000..8_5000).contains(&longitude), "{city}");
        }
    }
}

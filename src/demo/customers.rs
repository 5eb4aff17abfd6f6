//! Two hundred people who do not exist.

use super::rng::{self, Rng};
use super::stores::stores;
use super::{DAY, Dates};
use crate::kernel::{Micros, base62};
use jiff::civil::date;
use serde_json::{Value, json};

const CUSTOMERS: usize = 200;

#[rustfmt::skip]
const GIVEN: [&str; 40] = [
    "Camille", "Léa", "Manon", "Inès", "Chloé", "Jade", "Louise", "Emma", "Sarah", "Nadia",
    "Françoise", "Monique", "Sylvie", "Élodie", "Aurélie", "Fatou", "Claire", "Hélène", "Maëlle",
    "Agnès", "Lucas", "Hugo", "Nathan", "Karim", "Antoine", "Julien", "Mathieu", "Thomas",
    "Romain", "Yanis", "Gérard", "Michel", "Philippe", "Benoît", "Loïc", "Mamadou", "Étienne",
    "Rémi", "Olivier", "Théo",
];

#[rustfmt::skip]
const FAMILY: [&str; 40] = [
    "Aubert", "Baron", "Benali", "Bonnet", "Bourgeois", "Brunet", "Carpentier", "Chevalier",
    "Colin", "Da Silva", "Delmas", "Diallo", "Dufour", "Faure", "Fontaine", "Garnier", "Girard",
    "Guérin", "Haddad", "Hamon", "Jacquet", "Joly", "Lacroix", "Lambert", "Le Gall", "Lemaire",
    "Leroux", "Marchand", "Masson", "Meunier", "Moreau", "Nguyen", "Noël", "Perrin", "Poirier",
    "Rey", "Roussel", "Tessier", "Vasseur", "Vidal",
];

/// One customer.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) key: u64,
    given: &'static str,
    family: &'static str,
    number: usize,
    /// Place of the home store in the list of stores.
    pub(super) store: usize,
    pub(super) created_at: Micros,
}

/// An id of the kind `prefix` for what `name` names.
pub(super) fn id(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", base62::encode(rng::key(prefix, name), base62::U64_WIDTH))
}

/// All customers.
pub(super) fn customers(dates: &Dates) -> Vec<Customer> {
    (1..=CUSTOMERS)
        .map(|number| {
            let name = format!("customer {number}");
            let mut rng = Rng::of("customer", &name);
            Customer {
                id: id("cus", &name),
                key: rng.next(),
                given: rng.pick::<&str>(&GIVEN),
                family: rng.pick::<&str>(&FAMILY),
                number,
                store: rng.below(stores().len() as u64) as usize,
                // Before the first purchase, which is at most 400 days old.
                created_at: Micros(dates.now.0 - rng.between(402, 2_600) * DAY),
            }
        })
        .collect()
}

impl Customer {
    /// The customer's line.
    pub(super) fn line(&self) -> Value {
        let mut rng = Rng::pair(self.key, 1);
        let born = date(
            rng.between(1944, 2006) as i16,
            rng.between(1, 12) as i8,
            rng.between(1, 28) as i8,
        );
        let domain = *rng.pick(&["example.com", "example.org"]);
        let locale = if rng.chance(92) { "fr-FR" } else { *rng.pick(&["en-GB", "fr-BE", "de-DE"]) };
        json!({
            "id": self.id,
            "given_name": self.given,
            "family_name": self.family,
            "email": format!("{}.{}{}@{domain}", plain(self.given), plain(self.family), self.number),
            "email_verified": rng.chance(88),
            "birth_date": born.to_string(),
            "locale": locale,
            "home_store_code": stores()[self.store].code,
            "created_at": self.created_at.to_string(),
        })
    }
}

/// A name as mail addresses spell it: small letters without accents or spaces.
fn plain(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|c| match c {
            'é' | 'è' | 'ê' | 'ë' => Some('e'),
            'î' | 'ï' => Some('i'),
            'ç' => Some('c'),
            _ => c.is_ascii_lowercase().then_some(c),
        })
        .collect()
}

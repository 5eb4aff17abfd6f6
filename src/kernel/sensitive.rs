//! Categories of goods that reveal more than their price: left out unless the customer lets them in.

use super::set::WordSet;
use crate::kernel::word::{read_words, words};

words! {
    /// A category whose purchases can reveal health, belief or intimate life.
    pub enum SensitiveCategory {
        /// Medicines and care.
        Pharmacy = "pharmacy",
        /// Alcoholic drinks.
        Alcohol = "alcohol",
        /// Tobacco and what replaces it.
        Tobacco = "tobacco",
        /// Intimate goods.
        Intimate = "intimate",
        /// What babies and pregnancies need.
        Baby = "baby",
        /// Food for who is ill or does not bear something: where the retailer counts it.
        Dietary = "dietary",
        /// Food and goods of a religion: where the retailer counts them.
        Religious = "religious",
    }
}
read_words!(SensitiveCategory);

/// A set of categories.
pub type SensitiveCategories = WordSet<SensitiveCategory>;

impl SensitiveCategories {
    /// Those that are sensitive everywhere. A retailer can add to them, and take none out.
    #[must_use]
    pub fn everywhere() -> Self {
        use SensitiveCategory::{Alcohol, Baby, Intimate, Pharmacy, Tobacco};
        [Pharmacy, Alcohol, Tobacco, Intimate, Baby].into_iter().collect()
    }
}

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
    }
}
read_words!(SensitiveCategory);

/// Categories that are left out of lines and of totals.
pub type ExcludedCategories = WordSet<SensitiveCategory>;

impl ExcludedCategories {
    /// What is left out where nobody says otherwise: all of them.
    #[must_use]
    pub fn by_default() -> Self {
        Self::all()
    }
}

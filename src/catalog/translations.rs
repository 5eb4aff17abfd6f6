//! The texts of a resource in other languages than the retailer's own.

use super::check::{self, NAME};
use super::fault::Fault;
use super::model::parts::{Description, web_address};
use crate::kernel::language::LanguageTag;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most languages of a resource beside the retailer's own.
const MOST: usize = 50;

/// Texts by the tag of their language.
pub(crate) type Translations<T> = BTreeMap<LanguageTag, T>;

/// The texts of a product in another language. What is absent stays in the retailer's own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductTexts {
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Axton smoothing filler 1.75 l")]
    name: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    /// Its page in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://www.example.com/en/p/82311569")]
    link: Option<String>,
}

/// The texts of a category in another language.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryTexts {
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Fillers")]
    name: Option<String>,
}

/// The texts of a promotion in another language.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromotionTexts {
    /// What it promises.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Buy one, get 25% off")]
    title: Option<String>,
}

/// Texts of one language, as a feed says them.
pub(super) trait Texts: Sized {
    /// The texts, trimmed and bounded, or what is wrong with them; none where all are empty.
    fn checked(self) -> Result<Option<Self>, Fault>;
}

impl Texts for ProductTexts {
    fn checked(self) -> Result<Option<Self>, Fault> {
        let field = "translations";
        let texts = Self {
            name: check::optional(field, self.name, NAME)?,
            description: self.description.map(Description::checked).transpose()?,
            link: self.link.map(|link| web_address(field, &link)).transpose()?,
        };
        let is_there = texts.name.is_some() || texts.description.is_some() || texts.link.is_some();
        Ok(is_there.then_some(texts))
    }
}

impl Texts for CategoryTexts {
    fn checked(self) -> Result<Option<Self>, Fault> {
        let name = check::optional("translations", self.name, NAME)?;
        Ok(name.is_some().then_some(Self { name }))
    }
}

impl Texts for PromotionTexts {
    fn checked(self) -> Result<Option<Self>, Fault> {
        let title = check::optional("translations", self.title, NAME)?;
        Ok(title.is_some().then_some(Self { title }))
    }
}

/// The texts of all languages; a language that has none is left out.
pub(super) fn checked<T: Texts>(given: BTreeMap<String, T>) -> Result<Translations<T>, Fault> {
    let mut all = Translations::new();
    for (tag, texts) in given {
        let language: LanguageTag = check::parsed("translations", &tag)?;
        let Some(texts) = texts.checked()? else { continue };
        if all.insert(language, texts).is_some() {
            let message = "comes twice; give each language once";
            return Err(Fault::new("translations", &tag, "repeated", message));
        }
    }
    if all.len() > MOST {
        let message = format!("are in at most {MOST} languages");
        return Err(Fault::new("translations", "", "too_many", message));
    }
    Ok(all)
}

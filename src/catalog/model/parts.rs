//! The parts of a product that go out as they come in, and what must hold of them.

use crate::catalog::check::{self, DESCRIPTION, Decimal, NAME, WORD};
use crate::catalog::fault::Fault;
use crate::kernel::id::BrandId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A code that names the product, as it was scanned or supplied.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identifier {
    /// What kind of code: `EAN`, `UPC`, `ISBN`, `supplier`.
    #[serde(rename = "type")]
    #[schema(example = "EAN")]
    kind: String,
    /// The code.
    #[schema(example = "3276550063551")]
    value: String,
}

/// A description in one or more forms.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    /// Without mark-up.
    #[schema(
        required = true,
        example = "Enduit de lissage prêt à l'emploi, blanc, pour intérieur."
    )]
    plain: Option<String>,
    /// As HTML.
    #[schema(
        required = true,
        example = "<p>Enduit de lissage prêt à l'emploi, blanc, pour intérieur.</p>"
    )]
    html: Option<String>,
}

/// A brand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Brand {
    /// Its id, derived from its name in lower case.
    #[schema(value_type = String, example = "brd_3Xk9sW0pLm7")]
    pub(super) id: BrandId,
    /// Its name.
    #[schema(example = "Axton")]
    name: String,
}

/// What distinguishes a variant within its item group.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantAttribute {
    /// The property.
    #[schema(example = "color")]
    name: String,
    /// Its value.
    #[schema(example = "blanc")]
    value: String,
}

/// An image.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Image {
    /// Where it is.
    #[schema(example = "https://media.example.com/82311569-front.jpg")]
    url: String,
    /// What it shows: `front`, `back`, `detail`, `lifestyle`.
    #[schema(required = true, example = "front")]
    role: Option<String>,
    /// Width in pixels.
    #[schema(required = true, example = 1500)]
    width: Option<u32>,
    /// Height in pixels.
    #[schema(required = true, example = 1500)]
    height: Option<u32>,
    /// What it shows, in words.
    #[schema(required = true, example = "Pot d'enduit de 1,75 l, face avant")]
    alt: Option<String>,
}

/// A property that not all products have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Property {
    /// Stable name of the property.
    #[schema(example = "energy_class")]
    property_id: String,
    /// The group of properties that it stands in, where the retailer makes groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Consommation")]
    section: Option<String>,
    /// Its name in words.
    #[schema(required = true, example = "Classe énergétique")]
    name: Option<String>,
    /// Its value.
    #[schema(example = "A")]
    value: String,
    /// UN/CEFACT unit code, for a measure.
    #[schema(required = true, example = json!(null))]
    unit_code: Option<String>,
}

/// What customers think.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rating {
    /// The mean as an exact decimal.
    #[schema(value_type = String, example = "4.79")]
    rating_value: Decimal,
    /// The best rating there is.
    #[schema(required = true, example = 5)]
    best_rating: Option<u32>,
    /// How many reviews there are.
    #[schema(required = true, example = 33)]
    review_count: Option<u64>,
}

impl Description {
    pub(in crate::catalog) fn checked(self) -> Result<Self, Fault> {
        Ok(Self {
            plain: check::optional("description.plain", self.plain, DESCRIPTION)?,
            html: check::optional("description.html", self.html, DESCRIPTION)?,
        })
    }
}

impl Brand {
    /// The brand of this name; an empty name is none.
    pub(super) fn named(name: Option<String>) -> Result<Option<Self>, Fault> {
        let name = check::optional("brand.name", name, NAME)?;
        Ok(name.map(|name| Self { id: BrandId::derived(&name.to_lowercase()), name }))
    }
}

impl Rating {
    pub(super) fn checked(self) -> Result<Self, Fault> {
        let value = self.rating_value.scaled(4).filter(|value| *value >= 0);
        let most = self.best_rating.map_or(i64::MAX, |best| i64::from(best) * 10_000);
        if value.is_some_and(|value| value <= most) {
            return Ok(self);
        }
        let message = "must be a decimal from 0 to best_rating with at most 4 decimals";
        let given = &self.rating_value.0;
        Err(Fault::new("aggregate_rating.rating_value", given, "out_of_range", message))
    }
}

/// Images that a partner can fetch.
pub(super) fn images(images: Vec<Image>) -> Result<Vec<Image>, Fault> {
    for image in &images {
        web_address("images.url", &image.url)?;
    }
    check::list("images", images)
}

/// An absolute web address; anything else (`javascript:`, a local path) must not reach a partner.
pub(in crate::catalog) fn web_address(field: &'static str, value: &str) -> Result<String, Fault> {
    let web = value.starts_with("https://") || value.starts_with("http://");
    if web && !value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return check::text(field, value, WORD);
    }
    Err(Fault::new(field, value, "malformed", "must be an address that begins with https://"))
}

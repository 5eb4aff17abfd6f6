//! The documents as they leave, for the API's description. Every field says by `x-scope` which scopes release it; that
//! comes of the one table by which documents are cut, so the two cannot say otherwise.

use crate::catalog::offers::Channel;
use crate::customers::model::{
    CustomerListKind, ListItemSource, LoyaltyMove, PersonalPromotionKind, PersonalPromotionState,
};
use utoipa::ToSchema;

/// An amount of a currency.
#[derive(Debug, ToSchema)]
pub struct CustomerMoneyOut {
    /// The amount as an exact decimal.
    #[schema(example = "12.49")]
    pub amount: String,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// A postal address.
#[derive(Debug, ToSchema)]
pub struct CustomerAddressOut {
    /// Street, number and what else stands above the town.
    #[schema(example = json!(["1 rue du Port"]))]
    pub lines: Option<Vec<String>>,
    /// Postal code.
    #[schema(example = "44000")]
    pub postal_code: Option<String>,
    /// Town.
    #[schema(example = "Nantes")]
    pub city: Option<String>,
    /// Region, as the post of the country writes it.
    #[schema(example = "Pays de la Loire")]
    pub region: Option<String>,
    /// ISO 3166-1 alpha-2 code of the country.
    #[schema(example = "FR")]
    pub country: Option<String>,
}

/// What a customer eats and does not bear.
#[derive(Debug, ToSchema)]
pub struct CustomerPreferencesOut {
    /// Diets, in the retailer's words.
    #[schema(example = json!(["vegetarian"]))]
    pub diets: Option<Vec<String>>,
    /// Allergens to be avoided, in the retailer's words.
    #[schema(example = json!(["nuts"]))]
    pub allergens: Option<Vec<String>>,
}

/// Who a customer is. What no scope releases is not there.
#[derive(Debug, ToSchema)]
pub struct CustomerProfileOut {
    /// Given name.
    #[schema(example = "Camille")]
    pub given_name: Option<String>,
    /// Language and country, as BCP 47 writes them.
    #[schema(example = "fr-FR")]
    pub locale: Option<String>,
    /// The retailer's code of the store that the customer goes to.
    #[schema(example = "0001")]
    pub home_store_code: Option<String>,
    /// E-mail address.
    #[schema(example = "camille@example.com")]
    pub email: Option<String>,
    /// Whether the address was proved to be the customer's.
    #[schema(example = true)]
    pub email_verified: Option<bool>,
    /// Telephone number.
    #[schema(example = "+33240000000")]
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<CustomerAddressOut>,
    /// Band of ages: `under_18`, `18_24`, `25_34`, `35_44`, `45_54`, `55_64` or `65_plus`.
    #[schema(example = "35_44")]
    pub age_band: Option<String>,
    /// Whether the customer is of age; null where it is not known.
    #[schema(example = true)]
    pub over_18: Option<bool>,
    /// Diet and allergens.
    pub preferences: Option<CustomerPreferencesOut>,
}

/// A program that customers are members of.
#[derive(Debug, ToSchema)]
pub struct LoyaltyProgramOut {
    /// The retailer's id of it.
    #[schema(example = "club")]
    pub id: Option<String>,
    /// Its name.
    #[schema(example = "Le Club")]
    pub name: Option<String>,
}

/// How far a member has come.
#[derive(Debug, ToSchema)]
pub struct LoyaltyTierOut {
    /// The retailer's id of it.
    #[schema(example = "gold")]
    pub id: Option<String>,
    /// Its name.
    #[schema(example = "Or")]
    pub name: Option<String>,
    /// The last day on which it holds.
    #[schema(example = "2026-12-31")]
    pub valid_through: Option<String>,
}

/// What is counted.
#[derive(Debug, ToSchema)]
pub struct LoyaltyUnitOut {
    /// Its code.
    #[schema(example = "PTS")]
    pub code: Option<String>,
    /// Its name.
    #[schema(example = "points")]
    pub name: Option<String>,
}

/// What is lost on a day unless it is spent before.
#[derive(Debug, ToSchema)]
pub struct ExpiringPointsOut {
    /// How much, as an exact decimal.
    #[schema(example = "120")]
    pub amount: Option<String>,
    /// The last day on which it can be spent.
    #[schema(example = "2026-12-31")]
    pub expires_at: Option<String>,
}

/// How much of one unit a member has.
#[derive(Debug, ToSchema)]
pub struct LoyaltyBalanceOut {
    /// What is counted.
    pub currency: Option<LoyaltyUnitOut>,
    /// What can be spent now, as an exact decimal.
    #[schema(example = "1200")]
    pub available: Option<String>,
    /// What was earned and does not count yet.
    #[schema(example = "40")]
    pub pending: Option<String>,
    /// What is lost, and when.
    pub expiring: Option<Vec<ExpiringPointsOut>>,
}

/// What a customer has in a loyalty program.
#[derive(Debug, ToSchema)]
pub struct CustomerLoyaltyOut {
    /// Names the account to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub id: Option<String>,
    /// The program.
    pub program: Option<LoyaltyProgramOut>,
    /// The number on the card.
    #[schema(example = "1234563021")]
    pub membership_number: Option<String>,
    /// The number on the card with most of it hidden.
    #[schema(example = "••••3021")]
    pub membership_number_masked: Option<String>,
    /// How far the customer has come.
    pub tier: Option<LoyaltyTierOut>,
    /// How much of each unit there is.
    pub balances: Option<Vec<LoyaltyBalanceOut>>,
}

/// A movement of a loyalty account.
#[derive(Debug, ToSchema)]
pub struct LoyaltyMoveOut {
    /// Names the movement to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub id: Option<String>,
    /// Why.
    #[schema(rename = "type")]
    pub kind: Option<LoyaltyMove>,
    /// How much, as an exact decimal; negative where it was taken.
    #[schema(example = "12")]
    pub points: Option<String>,
    /// The purchase by which, as `/v1/customer/purchases` names it to you.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub purchase_id: Option<String>,
    /// The retailer's words for it.
    #[schema(example = "Achat")]
    pub description: Option<String>,
    /// When.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub occurred_at: Option<String>,
}

/// A product in a list.
#[derive(Debug, ToSchema)]
pub struct CustomerListItemOut {
    /// Names the item to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub item_id: Option<String>,
    /// The retailer's own code of the product.
    #[schema(example = "82311569")]
    pub sku: Option<String>,
    /// GTIN of the product, in 14 digits.
    #[schema(example = "03276550063551")]
    pub gtin: Option<String>,
    /// How many pieces.
    #[schema(example = 2)]
    pub quantity: Option<u32>,
    /// The customer's own words.
    #[schema(example = "le grand")]
    pub note: Option<String>,
    /// When it came into the list.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub added_at: Option<String>,
    /// How it came there.
    pub source: Option<ListItemSource>,
    /// The retailer's code of the store where it was added.
    #[schema(example = "0001")]
    pub store_code: Option<String>,
}

/// A list of products. What no scope releases is not there.
#[derive(Debug, ToSchema)]
pub struct CustomerListOut {
    /// Names the list to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub id: Option<String>,
    /// What it is for.
    #[schema(rename = "type")]
    pub kind: Option<CustomerListKind>,
    /// What the customer calls it.
    #[schema(example = "Semaine")]
    pub name: Option<String>,
    /// What is in it.
    pub items: Option<Vec<CustomerListItemOut>>,
}

/// A promotion of one customer.
#[derive(Debug, ToSchema)]
pub struct CustomerPromotionOut {
    /// Names the promotion to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub id: Option<String>,
    /// The retailer's code of the campaign.
    #[schema(example = "P-1")]
    pub code: Option<String>,
    /// What it says.
    #[schema(example = "-10 % sur les fromages")]
    pub title: Option<String>,
    /// What it gives.
    #[schema(rename = "type")]
    pub kind: Option<PersonalPromotionKind>,
    /// Percent or points, where it gives these.
    #[schema(example = "10")]
    pub value: Option<String>,
    /// The amount, where it gives one.
    pub amount: Option<CustomerMoneyOut>,
    /// What is shown at the till.
    #[schema(example = "CPN-1")]
    pub coupon_code: Option<String>,
    /// The retailer's own codes of the products that it is for; none for all.
    #[schema(example = json!(["82311569"]))]
    pub skus: Option<Vec<String>>,
    /// GTINs of the products that it is for; none for all.
    #[schema(example = json!(["03276550063551"]))]
    pub gtins: Option<Vec<String>>,
    /// The retailer's codes of the stores where it counts; none for all.
    #[schema(example = json!(["0001"]))]
    pub store_codes: Option<Vec<String>>,
    /// Where it counts; none for everywhere.
    pub channels: Option<Vec<Channel>>,
    /// How far the customer is with it.
    pub state: Option<PersonalPromotionState>,
    /// From when it counts; null for always.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub valid_from: Option<String>,
    /// When it ends; null for never.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub valid_through: Option<String>,
}

/// A customer's loyalty accounts.
#[derive(Debug, ToSchema)]
pub struct PageOfCustomerLoyalty {
    /// What is on this page.
    pub items: Vec<CustomerLoyaltyOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/loyalty")]
    pub own: String,
}

/// A page of movements.
#[derive(Debug, ToSchema)]
pub struct PageOfLoyaltyMoves {
    /// What is on this page.
    pub items: Vec<LoyaltyMoveOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/loyalty/transactions")]
    pub own: String,
}

/// A page of lists.
#[derive(Debug, ToSchema)]
pub struct PageOfCustomerLists {
    /// What is on this page.
    pub items: Vec<CustomerListOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/lists")]
    pub own: String,
}

/// A page of promotions.
#[derive(Debug, ToSchema)]
pub struct PageOfCustomerPromotions {
    /// What is on this page.
    pub items: Vec<CustomerPromotionOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/promotions")]
    pub own: String,
}

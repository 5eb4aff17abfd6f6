//! What the file may say. The types that read it are the types that its JSON Schema is made of.

use crate::access::Environment;
use crate::access::model::{Cidr, Name, Status, StockDisclosure};
use crate::access::offers::{Approval, Description};
use crate::access::partners::{Contact, Contract};
use crate::access::plan::{
    DataDoc, LimitDoc, PlanData, PlanLimits, PlanPrices, PlanWeights, PricesDoc, data_change,
    prices_change, when_degraded_change,
};
use crate::access::scope::Scope;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::WhenDegraded;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{PartialSchema as _, ToSchema};

/// The version of the file's form.
pub const VERSION: u32 = 1;

/// A member that was given; `null` takes away what is there.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Partners with their apps and keys, and the plans that these are on.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The version of this form: 1.
    #[schema(minimum = 1, maximum = 1, example = 1)]
    pub version: u32,
    /// Plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanEntry>,
    /// Partners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partners: Vec<PartnerEntry>,
}

/// A plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanEntry {
    /// The plan meant, where it is to be renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "pln_2mQx17fGhIj")]
    pub id: Option<PlanId>,
    /// Its name, by which apps refer to it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Standard")]
    pub name: Name,
    /// Its limits.
    #[schema(value_type = Vec<LimitDoc>, min_items = 1, max_items = 8)]
    pub limits: PlanLimits,
    /// How much of a quantity in stock its apps may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "band")]
    pub stock_disclosure: Option<StockDisclosure>,
    /// Units that calls weigh, by operation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, f64>>, example = json!({"list_products": 2.5}))]
    pub weights: Option<PlanWeights>,
    /// What its apps meet while several nodes cannot count together.
    #[serde(
        default,
        deserialize_with = "when_degraded_change",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(example = "share")]
    pub when_degraded: Option<WhenDegraded>,
    /// What it costs; null for a plan that costs nothing.
    #[serde(default, deserialize_with = "prices_change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<Option<PlanPrices>>,
    /// What of the data its apps may read; null for everything.
    #[serde(default, deserialize_with = "data_change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DataDoc>)]
    pub data: Option<Arc<PlanData>>,
    /// What becomes of who asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "manual")]
    pub approval: Option<Approval>,
    /// Whether everybody may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub public: Option<bool>,
    /// What everybody may read of it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1_000, example = "For comparison sites")]
    pub description: Option<Option<Description>>,
}

/// A partner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerEntry {
    /// The partner meant, where it is to be renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    pub id: Option<PartnerId>,
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Ateliers Vaugirard")]
    pub name: Name,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "active")]
    pub status: Option<Switched>,
    /// What your own system calls it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "C-1042")]
    pub external_ref: Option<Option<Name>>,
    /// Whom to talk to, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub contacts: Option<Vec<Contact>>,
    /// The contract.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Contract>)]
    pub contract: Option<Option<Contract>>,
    /// Its apps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<AppEntry>,
}

/// An app of the partner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppEntry {
    /// The app meant, where it is to be renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub id: Option<AppId>,
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Price comparator")]
    pub name: Name,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "active")]
    pub status: Option<Switched>,
    /// The plan that it subscribes to, by its name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Standard")]
    pub plan: Name,
    /// The plan that it subscribes to later.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NextPlan>)]
    pub next_plan: Option<Option<NextPlan>>,
    /// Its keys, without their secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyEntry>,
}

/// A change of plan at an instant. It stands for the plan of the app from then on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NextPlan {
    /// The plan, by its name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Premium")]
    pub plan: Name,
    /// From when on.
    #[schema(value_type = String, format = DateTime, example = "2027-01-01T00:00:00Z")]
    pub starts_at: Micros,
}

/// A key of the app, or a client. A key that is not there is made, and its text shown once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// The key meant, where it is to be renamed or its name is not its alone. A client (OAuth) is meant so and no
    /// other way: a file makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "key_0Ab12Cd34Ef")]
    pub id: Option<KeyId>,
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "production")]
    pub name: Name,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "active")]
    pub status: Option<Switched>,
    /// `live`, as where it is left out, or `test`. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "live")]
    pub environment: Option<Environment>,
    /// What it may do; everything but what is about customers where a new key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Option<Vec<Scope>>,
    /// Where it may be used from; anywhere where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100, example = json!(["192.0.2.0/24"]))]
    pub cidrs: Option<Vec<Cidr>>,
    /// When it ends.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Option<Micros>>,
}

/// Whether something may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switched {
    /// It may.
    Active,
    /// Not until it is resumed.
    Suspended,
}

impl Switched {
    /// The same as what the program works with.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::Suspended => Status::Suspended,
        }
    }

    /// What a status is in the file; `None` for what is over.
    #[must_use]
    pub fn of(status: Status) -> Option<Self> {
        match status {
            Status::Active => Some(Self::Active),
            Status::Suspended => Some(Self::Suspended),
            Status::Revoked => None,
        }
    }
}

/// The JSON Schema of the file.
#[must_use]
pub fn schema() -> Value {
    let mut named = Vec::new();
    File::schemas(&mut named);
    let named: serde_json::Map<String, Value> = named
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    let mut schema = serde_json::to_value(File::schema()).unwrap_or_default();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Access to Comptoir");
    schema["$defs"] = Value::Object(named);
    let text = schema.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or_default()
}

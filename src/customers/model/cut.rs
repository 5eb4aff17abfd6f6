//! Cutting a document to what the customer has agreed to.

use super::fields::{CustomerDocument, FieldForm, FieldScope};
use crate::consent::scope::OAuthScopes;
use serde_json::{Map, Value};

/// The fields that some scopes open.
struct OpenedFields(Vec<FieldScope>);

/// What of a document may be told to who has these scopes. A field that is in no table is not, nor what stands where the
/// table says that something else does.
#[must_use]
pub fn cut(document: CustomerDocument, whole: &Value, granted: OAuthScopes) -> Value {
    let is_open = |field: &&FieldScope| field.opened_by.iter().any(|scope| granted.has(*scope));
    let opened = OpenedFields(document.fields().iter().filter(is_open).copied().collect());
    opened.told("", whole).unwrap_or_else(|| Value::Object(Map::new()))
}

impl OpenedFields {
    /// The field at a path.
    fn field(&self, path: &str) -> Option<FieldForm> {
        self.0.iter().find(|field| field.path == path).map(|field| field.form)
    }

    /// Whether the path is that of a field, or on the way to one.
    fn reaches(&self, path: &str) -> bool {
        let below = |field: &FieldScope| {
            field
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        path.is_empty() || self.0.iter().any(below)
    }

    fn told(&self, path: &str, whole: &Value) -> Option<Value> {
        if !self.reaches(path) {
            return None;
        }
        match (whole, self.field(path)) {
            (Value::Null, _) => Some(Value::Null),
            (Value::Array(items), _) => {
                Some(items.iter().filter_map(|item| self.told(path, item)).collect())
            }
            (Value::Object(fields), Some(FieldForm::Money)) => money(fields),
            (Value::Object(fields), _) => self.object(path, fields),
            (scalar, Some(FieldForm::Plain)) => Some(scalar.clone()),
            (_, Some(FieldForm::Money) | None) => None,
        }
    }

    /// The fields that are told; `None` where none is.
    fn object(&self, path: &str, fields: &Map<String, Value>) -> Option<Value> {
        let mut told = Map::new();
        for (name, value) in fields {
            // Such a name would be taken for a way to another field.
            if name.is_empty() || name.contains('.') {
                continue;
            }
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(value) = self.told(&below, value) {
                told.insert(name.clone(), value);
            }
        }
        (!told.is_empty()).then_some(Value::Object(told))
    }
}

/// An amount and its currency, and nothing beside.
fn money(fields: &Map<String, Value>) -> Option<Value> {
    let text = |name: &str| {
        let value = fields.get(name).filter(|value| value.is_string())?;
        Some((name.to_owned(), value.clone()))
    };
    Some(Value::Object([text("amount")?, text("currency")?].into_iter().collect()))
}

//! Objects written as objects. Derived readers also take `["x"]` for `{"name":"x"}`, by the order of
//! the fields, which nobody means and which would turn that order into a contract.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A value that was written as an object, `{…}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, `{…}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    struct Named {
        name: String,
    }

    #[test]
    fn only_an_object_is_an_object() {
        let read = |text| serde_json::from_str::<Object<Named>>(text);
        assert_eq!(read(r#"{"name":"x"}"#).unwrap().0.name, "x");
        for no in [r#"["x"]"#, r#""x""#, "null", "1", "{}", r#"[{"name":"x"}]"#] {
            assert!(read(no).is_err(), "{no}");
        }
    }
}

//! Reads the file. What is wrong with it is told with its line.

use super::file::{File, VERSION, schema};
pub use crate::kernel::faults::{Place, Step};
use crate::kernel::{Object, faults};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault of the value at a place.
    #[must_use]
    pub fn at(text: &str, place: &[Step], message: &str) -> Self {
        Self { line: line_of(text, place), message: format!("{}: {message}", shown(place)) }
    }
}

fn shown(place: &[Step]) -> String {
    let mut shown = String::new();
    for step in place {
        match step {
            Step::Member(name) if shown.is_empty() => shown.push_str(name),
            Step::Member(name) => shown = format!("{shown}.{name}"),
            Step::Entry(index) => shown = format!("{shown}[{index}]"),
        }
    }
    shown
}

/// The file in a text; all that is wrong with its form otherwise, by its lines.
pub fn read(text: &str) -> Result<File, Vec<Fault>> {
    let document = serde_norway::Deserializer::from_str(text);
    let file: File = serde_path_to_error::deserialize(document).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.into_inner());
        let line = inner.location().map_or(0, |place| place.line());
        // The library ends its messages with the place, which stands in front of ours.
        let message = inner.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said);
        let said = message.strip_prefix(&format!("{path}: ")).unwrap_or(message);
        let repeats = said.starts_with("duplicate field");
        let said = faults::Told::of(said).message;
        let message = if path == "." { said } else { format!("{path}: {said}") };
        all_of(text, Fault { line, message }, repeats)
    })?;
    if file.version != VERSION {
        let message = format!("must be {VERSION}, the version that this program reads");
        return Err(vec![Fault::at(text, &[Step::named("version")], &message)]);
    }
    Ok(file)
}

/// All that is wrong with a text, of which one fault is known.
fn all_of(text: &str, first: Fault, repeats: bool) -> Vec<Fault> {
    let document = serde_norway::from_str(text);
    let all = document.map_or_else(|_| Vec::new(), |it| faults::faults::<Object<File>>(it, schema));
    let mut told: Vec<Fault> =
        all.iter().map(|fault| Fault::at(text, &fault.place, &fault.told().message)).collect();
    // What is no YAML, or stands there twice, is known to the text alone.
    if all.is_empty() || repeats {
        told.push(first);
    }
    told.sort_by_key(|fault| fault.line);
    told
}

/// The line of a value, or of what it should stand in. The library tells places in errors alone, so the way to
/// the value is walked and ended with one.
fn line_of(text: &str, place: &[Step]) -> usize {
    let found = Seek(place).deserialize(serde_norway::Deserializer::from_str(text));
    found.err().and_then(|error| error.location()).map_or(0, |place| place.line())
}

struct Seek<'a>(&'a [Step]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Ends the walk at a value of a kind.
macro_rules! here {
    ($($visit:ident: $kind:ty),*) => {$(
        fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<(), E> {
            Err(E::custom("here"))
        }
    )*};
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    here!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom("here"))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Some((Step::Member(wanted), rest)) = self.0.split_first() {
            while let Some(name) = map.next_key::<String>()? {
                if name == **wanted {
                    return map.next_value_seed(Seek(rest));
                }
                map.next_value::<IgnoredAny>()?;
            }
        }
        Err(A::Error::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Some((Step::Entry(wanted), rest)) = self.0.split_first() {
            for _ in 0..*wanted {
                list.next_element::<IgnoredAny>()?;
            }
            list.next_element_seed(Seek(rest))?;
        }
        Err(A::Error::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\nplans:\n  - name: A\n    limits:\n      - {name: d, quota: 5, window_s: 60}\n  - name: B\n    limits:\n      - {name: d, quota: 5, window_s: 60}\npartners:\n  - name: P\n    apps:\n      - name: X\n        plan: A\n";

    #[test]
    fn a_place_is_found_by_its_line() {
        use Step::Entry;
        let named = Step::named;
        let places: [(&[Step], usize); 6] = [
            (&[], 1),
            (&[named("version")], 1),
            (&[named("plans"), Entry(1), named("name")], 6),
            (&[named("partners"), Entry(0), named("apps"), Entry(0), named("plan")], 13),
            (&[named("partners"), Entry(0), named("contract")], 10),
            (&[named("plans"), Entry(0), named("limits"), Entry(0)], 5),
        ];
        for (place, line) in places {
            assert_eq!(line_of(TEXT, place), line, "{place:?}");
        }
    }

    #[test]
    fn a_fault_has_its_line_and_says_what_is_known() {
        for (old, new, line, said) in [
            ("plan: A", "plann: A", 13, "plann: is not known here; did you mean `plan`?"),
            ("quota: 5, window_s: 60}\n  -", "quota: x, window_s: 60}\n  -", 5, "quota"),
            ("version: 1", "version: 2", 1, "version: must be 1"),
            ("  - name: P", "  - nme: P", 10, "nme"),
            ("partners:", "partners: [", 0, ""),
        ] {
            let faults = read(&TEXT.replacen(old, new, 1)).unwrap_err();
            let named = faults.iter().find(|fault| fault.message.contains(said)).unwrap();
            assert!(line == 0 || named.line == line, "{faults:?}");
        }
    }

    #[test]
    fn all_faults_are_told_by_their_lines() {
        let text = TEXT.replacen("window_s: 60", "windows: 60", 1).replace("plan: A", "plann: A");
        let text = text.replacen("  - name: P", "  - status: idle", 1);
        let faults = read(&text).unwrap_err();
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [5, 5, 10, 10, 12, 13], "{faults:?}");
        let twice = read(&TEXT.replacen("version: 1", "version: 1\nversion: 1", 1)).unwrap_err();
        // Of the whole file: the library tells where what holds both begins.
        assert_eq!((twice.len(), twice[0].line), (1, 1), "{twice:?}");
    }
}

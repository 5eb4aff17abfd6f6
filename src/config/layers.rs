//! The layers of settings, flattened to dotted keys; the last one to set a key wins.

use super::problem::{Origin, Problem};
use super::setting::FromSetting;
use super::show;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// What variables of ours begin with.
const PREFIX: &str = "COMPTOIR__";
/// What keys begin with of which there are several: `login.idp.NAME.issuer`.
pub(super) const IDP: &str = "login.idp.";
/// What stands in the place of the name where a setting is meant for all of them.
pub(super) const UNNAMED: &str = "default";

/// A value as text, whatever its layer wrote it as; lists are joined by commas.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// How a setting is written in TOML, as its default is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Text,
    List,
    Numbers,
}

/// A setting that was read, for [`super::Config::show`].
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) key: String,
    pub(super) form: Form,
    /// The value with its secrets hidden.
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// All values, and what is wrong with them so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<String, (Form, Value)>,
    taken: Vec<Taken>,
    problems: Vec<Problem>,
}

impl Layers {
    /// The bottom layer, which says what keys there are.
    pub(super) fn new(defaults: &str) -> Self {
        let mut layers = Self::default();
        match flatten(defaults) {
            Ok(entries) => {
                for Entry { key, text, form, .. } in entries {
                    layers.values.insert(key, (form, Value { text, origin: Origin::Default }));
                }
            }
            Err((line, message)) => layers.problem(format!("default.toml:{line}"), message),
        }
        layers
    }

    /// Lays a TOML file on top.
    pub(super) fn file(&mut self, path: &Path) {
        let entries = match std::fs::read_to_string(path) {
            Ok(text) => flatten(&text),
            Err(error) => {
                let remedy = format!("cannot be read: {error}");
                return self.problem(path.display().to_string(), remedy);
            }
        };
        let origin = |line| Origin::File { path: path.to_owned(), line };
        match entries {
            Ok(entries) => {
                for Entry { key, text, line, .. } in entries {
                    self.set(&key, text, origin(line));
                }
            }
            Err((line, message)) => self.problem(origin(line).to_string(), message),
        }
    }

    /// Lays the variables on top.
    pub(super) fn environment(&mut self, env: &BTreeMap<String, String>) {
        for (name, text) in env.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let known = self.values.keys().find(|key| variable(key) == *name).cloned();
            match known.or_else(|| self.named(name)) {
                Some(key) => self.set(&key, text.clone(), Origin::Variable(name.clone())),
                None => {
                    let known = self.values.keys().map(|key| variable(key));
                    let remedy = unknown(name, known);
                    self.problem(name.clone(), remedy);
                }
            }
        }
    }

    fn set(&mut self, key: &str, text: String, origin: Origin) {
        if let Some((_, value)) = self.values.get_mut(key) {
            *value = Value { text, origin };
        } else if let Some(form) = self.form_of_named(key) {
            self.values.insert(key.to_owned(), (form, Value { text, origin }));
        } else {
            let remedy = unknown(key, self.values.keys().cloned());
            self.problem(format!("{origin}  {key}"), remedy);
        }
    }

    /// How a setting of a named provider is written: as that of all of them; none where it is no such setting.
    fn form_of_named(&self, key: &str) -> Option<Form> {
        let (name, setting) = key.strip_prefix(IDP)?.split_once('.')?;
        let usual = self.values.get(&format!("{IDP}{UNNAMED}.{setting}"))?;
        is_name(name).then_some(usual.0)
    }

    /// The key of a named provider that a variable sets, where it is one.
    fn named(&self, variable: &str) -> Option<String> {
        let key = variable.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
        self.form_of_named(&key).map(|_| key)
    }

    /// The names of the providers of which something is set; what else there is of them is then set as for all.
    pub(super) fn name_idps(&mut self) -> Vec<String> {
        let of_idp = |key: &String| Some(key.strip_prefix(IDP)?.split_once('.')?.0.to_owned());
        let names: BTreeSet<String> = self.values.keys().filter_map(of_idp).collect();
        let unnamed = format!("{IDP}{UNNAMED}.");
        let usual = self.values.iter().filter_map(|(key, (form, value))| {
            Some((key.strip_prefix(&unnamed)?.to_owned(), *form, value.clone()))
        });
        let usual: Vec<_> = usual.collect();
        let names: Vec<String> = names.into_iter().filter(|name| name != UNNAMED).collect();
        for name in &names {
            for (setting, form, value) in &usual {
                let key = format!("{IDP}{name}.{setting}");
                self.values.entry(key).or_insert_with(|| (*form, value.clone()));
            }
        }
        names
    }

    /// Reads a setting, once. `None` after a problem, which is kept.
    pub(super) fn take<T: FromSetting>(&mut self, key: &str) -> Option<T> {
        let Some((form, Value { text, origin })) = self.values.get(key).cloned() else {
            self.problem(format!("default.toml  {key}"), "has no default".to_owned());
            return None;
        };
        let shown = T::show(&text);
        let parsed = T::parse(&text);
        self.taken.push(Taken { key: key.to_owned(), form, text: shown, origin });
        match parsed {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(key, &why);
                None
            }
        }
    }

    /// Records what is wrong with a setting that was taken.
    pub(super) fn fault(&mut self, key: &str, why: &str) {
        let place =
            self.taken.iter().find(|taken| taken.key == key).map(|taken| match &taken.origin {
                Origin::Variable(name) => format!("{name} = {:?}", taken.text),
                origin => format!("{origin}  {key} = {}", show::literal(taken)),
            });
        self.problem(place.unwrap_or_else(|| key.to_owned()), why.to_owned());
    }

    fn problem(&mut self, place: String, remedy: String) {
        self.problems.push(Problem { place, remedy });
    }

    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// The variable that sets a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// Whether a text can be the name of a provider: it stands in addresses and in the names of variables.
fn is_name(text: &str) -> bool {
    (1..=30).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// What to say of a name that is no setting.
fn unknown(given: &str, known: impl Iterator<Item = String>) -> String {
    // What all variables begin with says nothing of how near two of them are.
    let told = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let given = told(given);
    let nearest = known
        .map(|name| (strsim::normalized_damerau_levenshtein(&given, &told(&name)), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, name)) => format!("is no setting; did you mean {name}?"),
        None => "is no setting; `comptoir config show` lists them all".to_owned(),
    }
}

/// A key of a TOML text, with its value as text.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) form: Form,
    pub(super) line: usize,
}

/// Every key of a TOML text, from its top; or the line where it is no TOML, and why.
pub(super) fn flatten(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line(at), format!("is not TOML: {}", error.message()))
    })?;
    let mut entries = Vec::new();
    descend(table.get_ref(), "", &line, &mut entries);
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn descend(
    table: &DeTable<'_>,
    prefix: &str,
    line: &impl Fn(usize) -> usize,
    entries: &mut Vec<Entry>,
) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => descend(inner, &format!("{key}."), line, entries),
            value => {
                let (form, text) = (form(value), written(value));
                entries.push(Entry { key, text, form, line: line(name.span().start) });
            }
        }
    }
}

fn form(value: &DeValue<'_>) -> Form {
    match value {
        DeValue::Array(items) => match items.iter().next().map(toml::Spanned::get_ref) {
            Some(DeValue::Integer(_)) => Form::Numbers,
            _ => Form::List,
        },
        DeValue::String(_) => Form::Text,
        _ => Form::Bare,
    }
}

fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Integer(number) => {
            let value = i64::from_str_radix(number.as_str(), number.radix());
            value.map_or_else(|_| number.as_str().to_owned(), |value| value.to_string())
        }
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(at) => at.to_string(),
        DeValue::Array(items) => {
            items.iter().map(|item| written(item.get_ref())).collect::<Vec<_>>().join(",")
        }
        DeValue::Table(_) => "{…}".to_owned(),
    }
}

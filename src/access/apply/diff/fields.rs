//! What changes in a value, field by field: nobody finds a number in two whole documents.

use crate::access::apply::steps::Changed;
use serde_json::{Map, Value};

/// Notes what changes between two values of a member, each part under its path; an empty `member` is the whole.
pub(super) fn changed(member: &str, from: &Value, to: &Value, into: &mut Vec<Changed>) {
    if from == to {
        return;
    }
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => in_object(member, from, to, into),
        (Value::Array(old), Value::Array(new)) => match (names(old), names(new)) {
            (Some(olds), Some(news)) => in_list(member, (old, &olds), (new, &news), into),
            _ => push(member, from, to, into),
        },
        _ => push(member, from, to, into),
    }
}

/// Notes what a member of something new is made with. What is empty says nothing.
pub(super) fn new(member: &str, to: &Value, into: &mut Vec<Changed>) {
    match to {
        Value::Null => {}
        Value::Array(list) if list.is_empty() => {}
        Value::Object(members) if member.is_empty() => {
            members.iter().for_each(|(name, to)| new(name, to, into));
        }
        Value::Object(members) if members.is_empty() => {}
        to => push(member, &Value::Null, to, into),
    }
}

fn push(member: &str, from: &Value, to: &Value, into: &mut Vec<Changed>) {
    into.push(Changed { member: member.to_owned(), from: from.clone(), to: to.clone() });
}

fn below(member: &str, name: &str) -> String {
    if member.is_empty() { name.to_owned() } else { format!("{member}.{name}") }
}

fn in_object(
    member: &str,
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    into: &mut Vec<Changed>,
) {
    let added = to.keys().filter(|name| !from.contains_key(*name));
    for name in from.keys().chain(added) {
        let at = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or_default();
        changed(&below(member, name), &at(from), &at(to), into);
    }
}

/// Entries that have a name are the same where the name is.
fn in_list(
    member: &str,
    (old, olds): (&[Value], &[&str]),
    (new, news): (&[Value], &[&str]),
    into: &mut Vec<Changed>,
) {
    let before = into.len();
    let added = news.iter().filter(|name| !olds.contains(name));
    for name in olds.iter().chain(added) {
        let at = |entries: &[Value], names: &[&str]| {
            let place = names.iter().position(|other| other == name);
            place.and_then(|place| entries.get(place)).cloned().unwrap_or_default()
        };
        changed(&below(member, name), &at(old, olds), &at(new, news), into);
    }
    if into.len() == before {
        // The same in another order.
        push(member, &Value::from(olds.to_vec()), &Value::from(news.to_vec()), into);
    }
}

/// The names of a list's entries, where all have one of their own.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> =
        list.iter().map(|entry| entry.get("name")?.as_str()).collect::<Option<_>>()?;
    let is_own = |(at, name): (usize, &&str)| !names.iter().take(at).any(|other| other == name);
    names.iter().enumerate().all(is_own).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(from: &Value, to: &Value) -> Vec<String> {
        let mut into = Vec::new();
        changed("", from, to, &mut into);
        into.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_number_is_found_where_it_stands() {
        let limits = |list: Value| json!({ "limits": list, "stock": "exact" });
        let day = |quota: u32| json!({ "name": "day", "quota": quota, "period": "day" });
        let burst = json!({ "name": "burst", "quota": 5, "window_s": 1 });
        let old = limits(json!([burst, day(5)]));
        assert_eq!(told(&old, &limits(json!([burst, day(7)]))), ["limits.day.quota 5 -> 7"]);
        assert_eq!(told(&old, &limits(json!([day(5)]))), [format!("limits.burst {burst} -> none")]);
        assert_eq!(
            told(&old, &limits(json!([day(5), burst]))),
            [r#"limits ["burst","day"] -> ["day","burst"]"#]
        );
        assert_eq!(
            told(&json!({ "a": ["x"] }), &json!({ "a": ["y"], "b": 1 })),
            [r#"a ["x"] -> ["y"]"#, "b none -> 1"]
        );
        assert!(told(&old, &old).is_empty());
    }
}

//! What is to be done, as people and programs are told.

use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// What a step does, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Makes what is not there.
    Create,
    /// Changes what is there.
    Update,
    /// Suspends what the file does not name.
    Prune,
    /// Closes a plan that the file does not name.
    Close,
}

/// A member that changes, or that something new is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name in the file; of what is in it, the path, as in `limits.day.quota`.
    pub member: String,
    /// What it is.
    pub from: Value,
    /// What it shall be.
    pub to: Value,
}

/// A step.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What it does.
    pub op: Kind,
    /// To what: `plan Standard`, `key Ateliers / Comparator / production`.
    pub what: String,
    /// What changes.
    pub changes: Vec<Changed>,
}

/// All steps, in the order in which they are done.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Shown(pub Vec<Step>);

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::Null => "none".to_owned(),
            value => value.to_string(),
        };
        write!(f, "{} {} -> {}", self.member, shown(&self.from), shown(&self.to))
    }
}

impl fmt::Display for Shown {
    /// What is to be done: a line for each thing, one below for each field; the same for the same difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("Nothing to change.");
        }
        self.lines(f, |op| match op {
            Kind::Create => "+",
            Kind::Update => "~",
            Kind::Prune | Kind::Close => "-",
        })?;
        let [made, changed, pruned, closed] = self.counts();
        write!(f, "{made} to make, {changed} to change, {pruned} to suspend")?;
        if closed > 0 {
            write!(f, ", {closed} to close")?;
        }
        f.write_str(".")
    }
}

/// The same once it is done.
#[derive(Debug)]
pub struct Done<'a>(pub &'a Shown);

impl fmt::Display for Done<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lines(f, |op| match op {
            Kind::Create => "made",
            Kind::Update => "changed",
            Kind::Prune => "suspended",
            Kind::Close => "closed",
        })?;
        let [made, changed, pruned, closed] = self.0.counts();
        write!(f, "Done: {made} made, {changed} changed, {pruned} suspended")?;
        if closed > 0 {
            write!(f, ", {closed} closed")?;
        }
        f.write_str(".")
    }
}

impl Shown {
    fn lines(&self, f: &mut fmt::Formatter<'_>, word: fn(Kind) -> &'static str) -> fmt::Result {
        for step in &self.0 {
            writeln!(f, "{} {}", word(step.op), step.what)?;
            for changed in &step.changes {
                writeln!(f, "    {changed}")?;
            }
        }
        Ok(())
    }

    /// How many are made, changed, suspended and closed.
    fn counts(&self) -> [usize; 4] {
        [Kind::Create, Kind::Update, Kind::Prune, Kind::Close]
            .map(|op| self.0.iter().filter(|step| step.op == op).count())
    }
}

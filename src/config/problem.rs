//! What is wrong with the settings, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing wrong: where, what was given, and what is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File and line, or the variable; with the key, and the value unless it is secret.
    pub place: String,
    /// What is allowed, or what to do.
    pub remedy: String,
}

/// Everything that is wrong with the settings, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// The problems, in the order of the settings.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "1 problem in the settings:")?,
            n => writeln!(f, "{n} problems in the settings:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  {}\n    {}\n", problem.place, problem.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

//! `--name value` arguments.

use std::collections::BTreeMap;
use std::str::FromStr;

/// What is wrong with a command line or its files.
pub type Fault = Box<dyn std::error::Error>;

/// The arguments of a program, each given once.
#[derive(Debug)]
pub struct Args(BTreeMap<String, String>);

impl Args {
    /// Reads `--name value` pairs; any other word, and a name that is not `known`, is a fault.
    pub fn parse(words: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, Fault> {
        let mut given = BTreeMap::new();
        let mut words = words;
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").filter(|name| known.contains(name));
            let Some(name) = name else {
                return Err(
                    format!("`{word}` is not known; there are --{}", known.join(" --")).into()
                );
            };
            let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
            if given.insert(name.to_owned(), value).is_some() {
                return Err(format!("--{name} is given twice").into());
            }
        }
        Ok(Self(given))
    }

    /// The text of an argument, where it was given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of an argument, or `default`.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T, Fault> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{name} cannot be `{text}`").into()),
        }
    }

    /// The text of an argument that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name).ok_or_else(|| format!("--{name} is missing").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, Fault> {
        Args::parse(words.iter().map(|w| (*w).to_owned()), &["port", "ids"])
    }

    #[test]
    fn reads_pairs_and_refuses_the_rest() {
        let args = parse(&["--port", "80"]).unwrap();
        assert_eq!(args.value("port", 0u16).unwrap(), 80);
        assert_eq!(args.value("ids", 3).unwrap(), 3);
        assert!(args.required("ids").is_err());
        for bad in
            [&["--port"][..], &["port", "1"], &["--what", "1"], &["--port", "1", "--port", "2"]]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}

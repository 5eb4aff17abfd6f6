//! Parameters of addresses and forms of the pages: by name, each once.

use super::error::PageError;
use url::form_urlencoded;

/// Most bytes of a form.
pub(super) const FORM_MOST: usize = 16 * 1024;

/// The parameters of an address or form.
#[derive(Debug)]
pub(super) struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// Reads them. One that is there twice is an error: two readers might hear two things.
    pub(super) fn read(text: &[u8]) -> Result<Self, PageError> {
        let given: Vec<(String, String)> = form_urlencoded::parse(text).into_owned().collect();
        let mut names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(PageError::Request("a parameter is there more than once".to_owned()));
        }
        Ok(Self(given))
    }

    /// The value of one, where it has any.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// What stands behind a beginning in the names that are there.
    pub(super) fn behind<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |(name, _)| name.strip_prefix(beginning))
    }
}

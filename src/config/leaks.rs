//! Settings of reports of leaked keys: what is done, and whose reports are believed.

use super::is_protected;
use super::layers::Layers;
use super::setting::FromSetting;
use super::values::FilePath;
use std::path::PathBuf;

/// What is done to a key that was found where everybody can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakAction {
    /// No reports are taken.
    Off,
    /// It can read only, once a second.
    Quarantine,
    /// It ends for good.
    Revoke,
}

impl LeakAction {
    /// The word in settings and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Quarantine => "quarantine",
            Self::Revoke => "revoke",
        }
    }
}

impl FromSetting for LeakAction {
    fn parse(text: &str) -> Result<Self, String> {
        let all = [Self::Off, Self::Quarantine, Self::Revoke];
        let found = all.into_iter().find(|action| action.as_str() == text);
        found.ok_or_else(|| "must be one of off, quarantine, revoke".to_owned())
    }
}

/// Where the public keys are that reports are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReporterKeys {
    /// At a web address.
    Url(String),
    /// In a file.
    File(PathBuf),
}

/// Reports of leaked keys.
#[derive(Debug, Clone)]
pub struct Leaks {
    /// What is done.
    pub action: LeakAction,
    /// Whose reports are believed; always said where any are taken.
    pub keys: Option<ReporterKeys>,
}

impl Leaks {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let action = layers.take::<LeakAction>("leaks.action");
        let url = layers.take::<Address>("leaks.keys_url");
        let file = layers.take::<FilePath>("leaks.keys_file");
        let (action, Address(url)) = (action?, url?);
        let file: Option<PathBuf> = file?.into();
        let keys = match (url.is_empty(), file) {
            (true, None) => None,
            (false, None) => Some(ReporterKeys::Url(url)),
            (true, Some(file)) => Some(ReporterKeys::File(file)),
            (false, Some(_)) => {
                let why = "must be empty where leaks.keys_url is set: set one of the two";
                layers.fault("leaks.keys_file", why);
                return None;
            }
        };
        if action != LeakAction::Off && keys.is_none() {
            let why = "must be off where neither leaks.keys_url nor leaks.keys_file says whose \
                       reports are believed";
            layers.fault("leaks.action", why);
            return None;
        }
        Some(Self { action, keys })
    }
}

struct Address(String);

impl FromSetting for Address {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || is_protected(text) {
            return Ok(Self(text.to_owned()));
        }
        let why = "must be an address with https (http only on this machine), or be empty: whoever can change \
                   the list can have every key stopped";
        Err(why.to_owned())
    }
}

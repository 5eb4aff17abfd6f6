//! The types of settings: words, places, addresses.

use super::setting::{FromSetting, Seconds};
use crate::kernel::language::LanguageTag;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Declares a setting that is one of a few words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl FromSetting for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(match [$($word),*].as_slice() {
                        [only] => format!("must be {only}"),
                        words => format!("must be one of {}", words.join(", ")),
                    }),
                }
            }
        }
    };
}

pub(super) use words;

words! {
    /// Where limits are counted.
    LimitBackend {
        /// In this process.
        Local = "local",
        /// In Redis, which is asked about each call.
        Strict = "strict",
        /// In Redis, from which nodes take batches.
        Leased = "leased",
    }
}

words! {
    /// What an answered call survives.
    Durability {
        /// A crash of the program; the disk is synced on a timer.
        Process = "process",
        /// A power cut as well: each answer waits until the disk has its record.
        Power = "power",
        /// Nothing: no call is recorded or billed. For measurements only.
        Off = "off",
    }
}

words! {
    /// What the program's own log holds.
    LogLevel {
        /// Nothing.
        Off = "off",
        /// What needs a person.
        Error = "error",
        /// And what may soon.
        Warn = "warn",
        /// And what the program is doing.
        Info = "info",
        /// And how.
        Debug = "debug",
        /// And everything its libraries have to say.
        Trace = "trace",
    }
}

words! {
    /// How the program's own log is written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object in a line.
        Json = "json",
    }
}

/// Where each call is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// On standard output.
    Stdout,
    /// At the end of a file.
    File(PathBuf),
}

impl FromSetting for AccessLog {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("must be off, stdout, or the path of a file".to_owned()),
            "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Stdout),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

impl FromSetting for LanguageTag {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be a language tag such as fr or en-GB".to_owned())
    }
}

/// A directory.
#[derive(Debug)]
pub(super) struct DirPath(PathBuf);

impl FromSetting for DirPath {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("must be the path of a directory".to_owned()),
            path => Ok(Self(PathBuf::from(path))),
        }
    }
}

impl From<DirPath> for PathBuf {
    fn from(dir: DirPath) -> Self {
        dir.0
    }
}

/// The path of a file, or none.
pub(super) struct FilePath(Option<PathBuf>);

impl FromSetting for FilePath {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self((!text.is_empty()).then(|| PathBuf::from(text))))
    }
}

impl From<FilePath> for Option<PathBuf> {
    fn from(file: FilePath) -> Self {
        file.0
    }
}

/// Labels of a loyalty programme and its tier, or none.
pub(super) struct LoyaltyProgram(Option<String>);

impl FromSetting for LoyaltyProgram {
    fn parse(text: &str) -> Result<Self, String> {
        let is_label = |label: &str| {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            !label.is_empty() && label.chars().all(plain)
        };
        match text.split_once(':') {
            None if text.is_empty() => Ok(Self(None)),
            Some((program, tier)) if is_label(program) && is_label(tier) => {
                Ok(Self(Some(text.to_owned())))
            }
            _ => Err("must be the labels of a programme and its tier, such as my_programme:gold"
                .to_owned()),
        }
    }
}

/// Lines of text as they stand on paper.
pub(super) struct Letterhead(String);

impl FromSetting for Letterhead {
    fn parse(text: &str) -> Result<Self, String> {
        let is_printed = |c: char| c == '\n' || !c.is_control();
        if text.chars().count() <= 500 && text.chars().all(is_printed) {
            return Ok(Self(text.to_owned()));
        }
        Err("must be lines of text, up to 500 characters".to_owned())
    }
}

impl From<Letterhead> for String {
    fn from(text: Letterhead) -> Self {
        text.0
    }
}

impl From<LoyaltyProgram> for Option<String> {
    fn from(program: LoyaltyProgram) -> Self {
        program.0
    }
}

/// A time of day.
#[derive(Debug)]
pub(super) struct TimeOfDay(jiff::civil::Time);

impl FromSetting for TimeOfDay {
    fn parse(text: &str) -> Result<Self, String> {
        let time = jiff::civil::Time::strptime("%H:%M", text);
        time.map(Self).map_err(|_| "must be hours and minutes, such as 02:30".to_owned())
    }
}

impl From<TimeOfDay> for jiff::civil::Time {
    fn from(time: TimeOfDay) -> Self {
        time.0
    }
}

/// A time of day, or never.
#[derive(Debug)]
pub(super) struct DailyAt(Option<jiff::civil::Time>);

impl FromSetting for DailyAt {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let time = TimeOfDay::parse(text).map(|time| Self(Some(time.0)));
        time.map_err(|why| format!("{why}, or empty"))
    }
}

impl From<DailyAt> for Option<jiff::civil::Time> {
    fn from(time: DailyAt) -> Self {
        time.0
    }
}

/// A time zone by its IANA name.
#[derive(Debug)]
pub(super) struct Zone(jiff::tz::TimeZone);

impl FromSetting for Zone {
    fn parse(text: &str) -> Result<Self, String> {
        let zone = jiff::tz::TimeZone::get(text);
        zone.map(Self).map_err(|_| "must be a time zone of IANA, such as Europe/Paris".to_owned())
    }
}

impl From<Zone> for jiff::tz::TimeZone {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

/// Scheme and the rest of a web address that is safe to put in front of a path.
fn web_address(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'@' | b'"' | b'\\');
    let host = rest.split('/').next().unwrap_or_default();
    (!host.is_empty() && !host.starts_with(':') && rest.bytes().all(plain)).then_some(rest)
}

/// The beginning of a web address, without a slash at the end.
#[derive(Debug)]
pub(super) struct BaseUrl(String);

impl FromSetting for BaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let address = text.trim_end_matches('/');
        web_address(address)
            .map(|_| Self(address.to_owned()))
            .ok_or_else(|| "must be a web address, such as https://api.example.com".to_owned())
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

/// A web origin as browsers send it, or `*` for every origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Whether a page of this `Origin` header may call.
    #[must_use]
    pub fn admits(&self, header: &str) -> bool {
        self.0 == "*" || self.0 == header
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromSetting for Origin {
    fn parse(text: &str) -> Result<Self, String> {
        let origin = web_address(text).is_some_and(|rest| {
            !rest.contains('/') && !rest.bytes().any(|b| b.is_ascii_uppercase() || b == b'*')
        });
        if origin || text == "*" {
            return Ok(Self(text.to_owned()));
        }
        Err("must be scheme and host in lower case, such as https://shop.example, or *".to_owned())
    }
}

/// How much later each further try comes, in whole seconds.
#[derive(Debug)]
pub(super) struct Delays(Vec<Duration>);

impl FromSetting for Delays {
    fn parse(text: &str) -> Result<Self, String> {
        let delays = Vec::<Seconds<1, 604_800>>::parse(text)?;
        match delays.len() {
            1..=30 => Ok(Self(delays.into_iter().map(Duration::from).collect())),
            _ => {
                Err("must be a list of 1 to 30 times in seconds, such as [5, 300, 1800]".to_owned())
            }
        }
    }
}

impl From<Delays> for Vec<Duration> {
    fn from(delays: Delays) -> Self {
        delays.0
    }
}

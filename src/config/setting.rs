//! How a type reads itself from a setting: ranges and words live in the type, so none is forgotten.

use crate::kernel::SearchLanguage;
use crate::kernel::in_store::{InvalidPattern, Pattern};
use crate::kernel::word::UnknownWord;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

/// A type that a setting can have.
pub(super) trait FromSetting: Sized {
    /// The value of `text`; otherwise what is allowed, as the end of "the value …".
    fn parse(text: &str) -> Result<Self, String>;

    /// `text` as it may be shown.
    fn show(text: &str) -> String {
        text.to_owned()
    }
}

/// A whole number within bounds.
#[derive(Debug)]
pub(super) struct Within<const LEAST: u32, const MOST: u32>(u32);

/// A time in whole seconds.
#[derive(Debug)]
pub(super) struct Seconds<const LEAST: u32, const MOST: u32>(Duration);

/// A time in whole milliseconds.
#[derive(Debug)]
pub(super) struct Millis<const LEAST: u32, const MOST: u32>(Duration);

fn whole(text: &str, least: u32, most: u32, unit: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number{unit} from {least} to {most}"))
}

impl<const LEAST: u32, const MOST: u32> FromSetting for Within<LEAST, MOST> {
    fn parse(text: &str) -> Result<Self, String> {
        whole(text, LEAST, MOST, "").map(Self)
    }
}

impl<const LEAST: u32, const MOST: u32> FromSetting for Seconds<LEAST, MOST> {
    fn parse(text: &str) -> Result<Self, String> {
        let seconds = whole(text, LEAST, MOST, " of seconds")?;
        Ok(Self(Duration::from_secs(seconds.into())))
    }
}

impl<const LEAST: u32, const MOST: u32> FromSetting for Millis<LEAST, MOST> {
    fn parse(text: &str) -> Result<Self, String> {
        let millis = whole(text, LEAST, MOST, " of milliseconds")?;
        Ok(Self(Duration::from_millis(millis.into())))
    }
}

impl<const LEAST: u32, const MOST: u32> From<Within<LEAST, MOST>> for u32 {
    fn from(number: Within<LEAST, MOST>) -> Self {
        number.0
    }
}

impl<const LEAST: u32, const MOST: u32> From<Seconds<LEAST, MOST>> for Duration {
    fn from(time: Seconds<LEAST, MOST>) -> Self {
        time.0
    }
}

impl<const LEAST: u32, const MOST: u32> From<Millis<LEAST, MOST>> for Duration {
    fn from(time: Millis<LEAST, MOST>) -> Self {
        time.0
    }
}

impl FromSetting for bool {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be true or false".to_owned())
    }
}

impl FromSetting for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            "must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
        })
    }
}

impl FromSetting for IpNet {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be a CIDR block, such as 10.0.0.0/8 or fd00::/8".to_owned())
    }
}

impl FromSetting for lettre::message::Mailbox {
    fn parse(text: &str) -> Result<Self, String> {
        let form = "must be an e-mail address, such as Shop API <api@shop.example>";
        text.parse().map_err(|_| form.to_owned())
    }
}

impl FromSetting for Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: InvalidPattern| error.to_string())
    }
}

impl FromSetting for SearchLanguage {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: UnknownWord| error.to_string())
    }
}

impl<T: FromSetting> FromSetting for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for item in items {
            match T::parse(item) {
                Ok(value) => right.push(value),
                Err(why) => wrong.push(format!("`{item}` {why}")),
            }
        }
        if wrong.is_empty() { Ok(right) } else { Err(wrong.join("; ")) }
    }
}

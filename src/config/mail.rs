//! Settings of mails, and of the SMTP server that takes them.

use super::layers::Layers;
use super::secrets::{HIDDEN, either};
use super::setting::{FromSetting, Seconds, Within};
use super::values::{Zone, words};
use crate::kernel::secret::Secret;
use lettre::message::Mailbox;
use std::net::IpAddr;
use std::time::Duration;

words! {
    /// How the connection to the SMTP server is protected.
    SmtpTls {
        /// By TLS from its first byte.
        Required = "required",
        /// By TLS from STARTTLS on; without it, nothing is sent.
        Starttls = "starttls",
        /// Not at all.
        None = "none",
    }
}

/// Mails.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who they are from.
    pub from: Mailbox,
    /// The time zone of the times in them, and on the pages that they lead to.
    pub time_zone: jiff::tz::TimeZone,
    /// The server that takes them; none where they are files.
    pub smtp: Option<Smtp>,
}

/// An SMTP server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// User and password, where it wants them.
    pub login: Option<(String, Secret)>,
    /// Longest wait for it, for each message.
    pub timeout: Duration,
}

impl SmtpTls {
    /// The port where none is set.
    fn port(self) -> u16 {
        match self {
            Self::Required => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl Mail {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let from = layers.take("mail.from");
        let time_zone = layers.take::<Zone>("mail.time_zone");
        let smtp = Smtp::read(layers);
        Some(Self { from: from?, time_zone: time_zone?.into(), smtp: smtp? })
    }
}

impl Smtp {
    /// `Some(None)` where there is no server, `None` after a problem.
    fn read(layers: &mut Layers) -> Option<Option<Self>> {
        let host = layers.take::<Host>("mail.smtp.host");
        let port = layers.take::<Within<0, 65_535>>("mail.smtp.port");
        let tls: Option<SmtpTls> = layers.take("mail.smtp.tls");
        let user = layers.take::<Text>("mail.smtp.user");
        let password = either::<Password>(layers, "mail.smtp.password", "mail.smtp.password_file");
        let timeout = layers.take::<Seconds<1, 300>>("mail.smtp.timeout_s");
        let (Host(host), Text(user), tls, password) = (host?, user?, tls?, password?);
        let (port, timeout) = (u32::from(port?), timeout?.into());
        if host.is_empty() {
            return Some(None);
        }
        if user.is_empty() != password.is_none() {
            let why = "must be set where mail.smtp.password is, and only there";
            layers.fault("mail.smtp.user", why);
            return None;
        }
        if tls == SmtpTls::None && password.is_some() && !is_here(&host) {
            let why = "must be required or starttls where a password is sent to another machine";
            layers.fault("mail.smtp.tls", why);
            return None;
        }
        let port = u16::try_from(port).ok().filter(|port| *port > 0).unwrap_or(tls.port());
        let login = password.map(|Password(secret)| (user, secret));
        Some(Some(Self { host, port, tls, login, timeout }))
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The name of a host, its address, or nothing.
struct Host(String);

impl FromSetting for Host {
    fn parse(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
        if text.len() <= 253 && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err("must be the name of a host such as smtp.example.com, or its address".to_owned())
    }
}

/// Any text.
struct Text(String);

impl FromSetting for Text {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// The password of the user.
struct Password(Secret);

impl FromSetting for Password {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(Secret::new(text.to_owned())))
    }

    fn show(_: &str) -> String {
        HIDDEN.to_owned()
    }
}

//! Settings of alerts: when usage is told of, and to whom.

use super::layers::Layers;
use super::secrets::{HIDDEN, either};
use super::setting::{FromSetting, Millis, Within};
use super::values::words;
use crate::kernel::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Most thresholds.
const MOST_THRESHOLDS: usize = 10;
/// Bytes of a secret that signs (Standard Webhooks 1.0.0).
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;

words! {
    /// Contacts of a partner that get mails.
    ContactRole {
        /// Who is asked about keys and errors.
        Technical = "technical",
        /// Who is asked about usage and invoices.
        Billing = "billing",
        /// Who is asked about personal data.
        Privacy = "privacy",
        /// Who is asked about the contract.
        Legal = "legal",
    }
}

impl ContactRole {
    /// The word of the contacts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technical => "technical",
            Self::Billing => "billing",
            Self::Privacy => "privacy",
            Self::Legal => "legal",
        }
    }
}

/// Alerts.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Percent of a quota at which it is told, in ascending order.
    pub thresholds: Vec<u32>,
    /// Time between looks at quotas and hours.
    pub poll: Duration,
    /// Times by which an hour is above what is usual to be told; 0 for never.
    pub anomaly_factor: u32,
    /// Calls in an hour below which nothing is told of it.
    pub anomaly_minimum: u32,
    /// Contacts of a partner that get mails.
    pub mail_contacts: Vec<ContactRole>,
    /// Who at the retailer gets mails of all partners.
    pub mail_to: Vec<Mailbox>,
    /// Where alerts of all partners are posted.
    pub webhook: Option<AlertWebhook>,
    /// Days for which alerts are kept.
    pub keep_days: u32,
}

/// A receiver of the retailer's own.
#[derive(Debug, Clone)]
pub struct AlertWebhook {
    /// Its address.
    pub url: String,
    /// The secret that signs what is posted there, as text: `whsec_` and Base64.
    pub secret: Secret,
}

impl Alerts {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let thresholds = layers.take::<Thresholds>("alerts.thresholds");
        let poll = layers.take::<Millis<10, 60_000>>("alerts.poll_ms");
        let anomaly_factor = layers.take::<Within<0, 1_000>>("alerts.anomaly_factor");
        let anomaly_minimum = layers.take::<Within<1, 1_000_000_000>>("alerts.anomaly_minimum");
        let mail_contacts = layers.take("alerts.mail_contacts");
        let mail_to = layers.take("alerts.mail_to");
        let webhook = AlertWebhook::read(layers);
        let keep_days = layers.take::<Within<1, 3_650>>("alerts.keep_days");
        Some(Self {
            thresholds: thresholds?.0,
            poll: poll?.into(),
            anomaly_factor: anomaly_factor?.into(),
            anomaly_minimum: anomaly_minimum?.into(),
            mail_contacts: mail_contacts?,
            mail_to: mail_to?,
            webhook: webhook?,
            keep_days: keep_days?.into(),
        })
    }
}

impl AlertWebhook {
    /// `Some(None)` where there is none, `None` after a problem.
    fn read(layers: &mut Layers) -> Option<Option<Self>> {
        let url = layers.take::<Address>("alerts.webhook_url");
        let secret =
            either::<SigningText>(layers, "alerts.webhook_secret", "alerts.webhook_secret_file");
        let (Address(url), secret) = (url?, secret?);
        match (url.is_empty(), secret) {
            (true, _) => Some(None),
            (false, Some(SigningText(secret))) => Some(Some(Self { url, secret })),
            (false, None) => {
                let why = "must be set where alerts.webhook_url is: whsec_ and what \
                           `openssl rand -base64 32` gives";
                layers.fault("alerts.webhook_secret", why);
                None
            }
        }
    }
}

/// Percentages, each once and in ascending order.
struct Thresholds(Vec<u32>);

impl FromSetting for Thresholds {
    fn parse(text: &str) -> Result<Self, String> {
        let all = Vec::<Within<1, 1_000>>::parse(text)?;
        let mut all: Vec<u32> = all.into_iter().map(u32::from).collect();
        all.sort_unstable();
        all.dedup();
        if (1..=MOST_THRESHOLDS).contains(&all.len()) {
            return Ok(Self(all));
        }
        Err("must be a list of 1 to 10 percentages, such as [50, 80, 100]".to_owned())
    }
}

/// A web address, or nothing.
pub(super) struct Address(pub(super) String);

impl FromSetting for Address {
    fn parse(text: &str) -> Result<Self, String> {
        let is_web = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if text.is_empty() || is_web {
            return Ok(Self(text.to_owned()));
        }
        Err("must be a web address such as https://ops.shop.example/comptoir, or be empty"
            .to_owned())
    }
}

/// The secret of a receiver.
pub(super) struct SigningText(pub(super) Secret);

impl FromSetting for SigningText {
    fn parse(text: &str) -> Result<Self, String> {
        let decoded = text.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
        if decoded.is_some_and(|bytes| SECRET_BYTES.contains(&bytes.len())) {
            return Ok(Self(Secret::new(text.to_owned())));
        }
        Err("must be whsec_ and 24 to 64 bytes in Base64, such as `openssl rand -base64 32` gives"
            .to_owned())
    }

    fn show(_: &str) -> String {
        HIDDEN.to_owned()
    }
}

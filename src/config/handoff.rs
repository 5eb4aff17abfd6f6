//! Settings of the hand-off of usage to the systems of others.

use super::alerts::{Address, SigningText};
use super::layers::Layers;
use super::secrets::{SecretText, either};
use super::setting::{FromSetting, Millis, Seconds, Within};
use super::values::BaseUrl;
use crate::kernel::secret::Secret;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longest name of a meter: that of Stripe's event names.
const LONGEST_NAME: usize = 100;
/// Longest name of a charge that price lists have.
const LONGEST_CHARGE: usize = 40;

/// The hand-off of usage.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// Time between looks for what is to be sent.
    pub poll: Duration,
    /// Time after which the totals of open periods are handed off anew.
    pub every: Duration,
    /// Stripe; none where no secret is set.
    pub stripe: Option<BillingSystem>,
    /// Lago; none where no secret is set.
    pub lago: Option<BillingSystem>,
    /// Where events are sent to; none where no address is set.
    pub events: Option<EventReceiver>,
}

/// A billing system that takes totals.
#[derive(Debug, Clone)]
pub struct BillingSystem {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// The secret that it knows us by.
    pub secret: Secret,
    /// What it counts each charge as.
    pub meters: Vec<ChargeMeter>,
}

/// `CHARGE=NAME`: a charge of the price lists, and what it is counted as elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeMeter {
    /// The charge.
    pub charge: String,
    /// Its name there.
    pub name: String,
}

/// A receiver of events.
#[derive(Debug, Clone)]
pub struct EventReceiver {
    /// Its address.
    pub url: String,
    /// The secret that signs what is sent there, as text: `whsec_` and Base64.
    pub secret: Secret,
    /// What it knows us by, where it asks for it.
    pub token: Option<Secret>,
    /// Most events of a message.
    pub batch: u32,
}

impl Handoff {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let poll = layers.take::<Millis<10, 60_000>>("handoff.poll_ms");
        let every = layers.take::<Seconds<60, 86_400>>("handoff.every_s");
        let stripe = [
            "handoff.stripe.url",
            "handoff.stripe.secret",
            "handoff.stripe.secret_file",
            "handoff.stripe.meters",
        ];
        let lago = [
            "handoff.lago.url",
            "handoff.lago.secret",
            "handoff.lago.secret_file",
            "handoff.lago.metrics",
        ];
        let (stripe, lago) =
            (BillingSystem::read(layers, stripe), BillingSystem::read(layers, lago));
        let events = EventReceiver::read(layers);
        Some(Self {
            poll: poll?.into(),
            every: every?.into(),
            stripe: stripe?,
            lago: lago?,
            events: events?,
        })
    }
}

impl BillingSystem {
    /// `Some(None)` where there is none, `None` after a problem.
    fn read(
        layers: &mut Layers,
        [url, secret, secret_file, meters]: [&'static str; 4],
    ) -> Option<Option<Self>> {
        let at = layers.take::<BaseUrl>(url);
        let text = either::<SecretText>(layers, secret, secret_file);
        let named = layers.take::<Vec<ChargeMeter>>(meters);
        let (at, text, named) = (at?, text?, named?);
        let Some(SecretText(secret)) = text else { return Some(None) };
        let mut seen = BTreeSet::new();
        let twice = named.iter().find(|one| {
            !seen.insert(format!("charge {}", one.charge))
                || !seen.insert(format!("name {}", one.name))
        });
        if named.is_empty() || twice.is_some() {
            let why = "must name at least one charge, and each charge and each name once: totals under one name \
                       would replace each other";
            layers.fault(meters, why);
            return None;
        }
        Some(Some(Self { url: at.into(), secret, meters: named }))
    }
}

impl EventReceiver {
    /// `Some(None)` where there is none, `None` after a problem.
    fn read(layers: &mut Layers) -> Option<Option<Self>> {
        let url = layers.take::<Address>("handoff.events.url");
        let secret =
            either::<SigningText>(layers, "handoff.events.secret", "handoff.events.secret_file");
        let token =
            either::<SecretText>(layers, "handoff.events.token", "handoff.events.token_file");
        let batch = layers.take::<Within<1, 1_000>>("handoff.events.batch");
        let (Address(url), secret, token) = (url?, secret?, token?);
        let (token, batch) = (token.map(|SecretText(token)| token), u32::from(batch?));
        match (url.is_empty(), secret) {
            (true, _) => Some(None),
            (false, Some(SigningText(secret))) => Some(Some(Self { url, secret, token, batch })),
            (false, None) => {
                let why = "must be set where handoff.events.url is: whsec_ and what \
                           `openssl rand -base64 32` gives";
                layers.fault("handoff.events.secret", why);
                None
            }
        }
    }
}

impl FromSetting for ChargeMeter {
    fn parse(text: &str) -> Result<Self, String> {
        let plain = |name: &str| {
            (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
        };
        // As price lists take it: of a charge that none can have, nothing would ever be handed off.
        let is_charge = |name: &str| {
            (1..=LONGEST_CHARGE).contains(&name.len())
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        let parts = text.split_once('=').map(|(charge, name)| (charge.trim(), name.trim()));
        match parts.filter(|(charge, name)| is_charge(charge) && plain(name)) {
            Some((charge, name)) => Ok(Self { charge: charge.to_owned(), name: name.to_owned() }),
            None => Err(format!(
                "must be CHARGE=NAME, such as calls=api_calls, where CHARGE has 1 to {LONGEST_CHARGE} of a-z, 0-9, `_` and `-`, as \
                 in price lists"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_what_price_lists_can_have() {
        let [longest, too_long] = [LONGEST_CHARGE, LONGEST_CHARGE + 1].map(|n| "a".repeat(n));
        for right in ["calls", "api_calls-2", "7", longest.as_str()] {
            let meter = ChargeMeter::parse(&format!(" {right} = API.calls "));
            assert_eq!(meter.unwrap().charge, right);
        }
        for wrong in ["Calls", "[\"unit", "a b", "é", "", too_long.as_str()] {
            let error = ChargeMeter::parse(&format!("{wrong}=api_calls")).unwrap_err();
            assert!(error.contains("1 to 40 of a-z"), "{wrong:?}: {error}");
        }
    }
}

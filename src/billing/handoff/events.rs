//! Every event of the ledger as a CloudEvent, in batches over HTTP.
//!
//! Events come in the order of their numbers in exports, from a position that the receiver's row keeps: at least once,
//! and the id of a repetition is the same. A batch is a JSON array (CloudEvents 1.0.2, HTTP protocol binding §3.3, and
//! JSON event format §4), as OpenMeter takes it at `POST /api/v1/events`, and is signed after Standard Webhooks.

use super::Handoffs;
use super::model::Sink;
use super::store;
use crate::billing::export::Asked;
use crate::billing::export::event_row::USAGE_EVENTS;
use crate::billing::export::page::page;
use crate::billing::export::row::Row;
use crate::config::EventReceiver;
use crate::hooks::SigningSecret;
use crate::kernel::clock::SECOND;
use crate::metering::walk::ExportSeq;
use crate::outbound::Called;
use crate::storage::StoreError;
use anyhow::Context as _;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::atomic::Ordering;

/// The media type of a batch.
const BATCH: &str = "application/cloudevents-batch+json";
/// What events are called.
const TYPE: &str = "gw.api_request.v1";

/// Who gets every event.
#[derive(Debug)]
pub(super) struct Receiver {
    settings: EventReceiver,
    secret: SigningSecret,
}

impl Receiver {
    /// The receiver of the settings.
    pub(super) fn new(settings: &EventReceiver) -> anyhow::Result<Self> {
        let secret = SigningSecret::given(settings.secret.reveal());
        let secret = secret.context("`handoff.events.secret` cannot be used")?;
        Ok(Self { settings: settings.clone(), secret })
    }
}

/// An event (CloudEvents 1.0.2 §3), with the extension `sequence`.
#[derive(Debug, Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    /// The id that the caller got with the answer.
    id: &'a str,
    /// The process that has answered.
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The app.
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    dataschema: String,
    /// Its number in exports, with zeros before it so that texts compare as numbers do.
    sequence: String,
    /// Its row.
    data: &'a RawValue,
}

/// The rows as a batch.
fn batch(rows: &[Row]) -> serde_json::Result<String> {
    let mut data = Vec::with_capacity(rows.len());
    for row in rows {
        let mut text = String::new();
        row.texts.json(&USAGE_EVENTS, &mut text);
        data.push(RawValue::from_string(text)?);
    }
    let events: Vec<CloudEvent<'_>> =
        rows.iter().zip(&data).map(|(row, data)| event(row, data)).collect();
    serde_json::to_string(&events)
}

fn event<'a>(row: &'a Row, data: &'a RawValue) -> CloudEvent<'a> {
    let cell = |name| USAGE_EVENTS.place(name).map_or("", |place| row.texts.get(place));
    CloudEvent {
        specversion: "1.0",
        id: cell("event_id"),
        source: format!("/gw/{}/{}", cell("node"), cell("epoch")),
        kind: TYPE,
        subject: cell("app_id"),
        time: cell("occurred_at"),
        datacontenttype: "application/json",
        dataschema: format!("urn:comptoir:{}", USAGE_EVENTS.name),
        sequence: format!("{:0>19}", cell("export_seq")),
        data,
    }
}

impl Handoffs {
    /// Sends the events behind the receiver's position, batch after batch, until all are sent or it does not take them.
    pub(super) async fn send_events(
        &self,
        to: &Receiver,
        stopped: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        let (sink, settings) = (Sink::Events, &to.settings);
        let corrupt = |error| StoreError::corrupt("usage_segments", error);
        while !stopped() && self.hold(sink).await? {
            let standing = self.standing(sink).await?;
            if standing.next_at > self.clock.now() {
                return Ok(());
            }
            let after = ExportSeq(standing.position);
            let asked = Asked { after, ..Asked::default() };
            let page = page(&self.db, asked, settings.batch as usize).await?;
            let mut answer = None;
            if !page.rows.is_empty() {
                let (id, now) = (format!("evb_{}_{}", after.0, page.next), self.clock.now());
                let body = batch(&page.rows).map_err(corrupt)?;
                let mut headers = to.secret.headers(&id, now.0 / SECOND, &body).to_vec();
                let token = settings.token.as_ref();
                headers.extend(
                    token.map(|token| ("authorization", format!("Bearer {}", token.reveal()))),
                );
                let (called, _) = self.caller.ask(&settings.url, (BATCH, &headers), body).await;
                match called {
                    Called::Answered(status @ 200..=299, _) => answer = Some(status),
                    _ => return self.rest(sink, &called, None).await,
                }
                self.taken.fetch_add(page.rows.len() as u64, Ordering::Relaxed);
            }
            if page.next > after.0 {
                let mut tx = self.db.begin().await?;
                store::moved(&mut tx, sink, page.next).await?;
                if answer.is_some() {
                    store::answered(&mut tx, sink, answer, Some(self.clock.now())).await?;
                }
                tx.commit().await?;
            }
            if !page.has_more() {
                return Ok(());
            }
        }
        Ok(())
    }
}

//! A store in memory: its document, and what filters and answers need of it.

use super::geo::Point;
use super::hours::{SpecialHours, WeeklyHours};
use super::model::{Gln, is_online};
use super::schedule::{Schedule, Stretch};
use super::view::StoreQuery;
use crate::catalog::search::folded;
use crate::http::answer::digest;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::StoreId;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;

/// What is read from a store's document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Traits {
    store_code: Option<String>,
    gln: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    services: Option<Vec<String>>,
    address: Option<Address>,
    geo: Option<Geo>,
    time_zone: Option<String>,
    opening_hours: Option<Vec<WeeklyHours>>,
    special_opening_hours: Option<Vec<SpecialHours>>,
    updated_at: Option<Micros>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Address {
    postal_code: Option<String>,
    address_locality: Option<String>,
    address_country: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Geo {
    latitude: f64,
    longitude: f64,
}

/// A store as it is stored, ready to be served.
#[derive(Debug)]
pub struct StoreRecord {
    pub(super) id: StoreId,
    body: Bytes,
    etag: u64,
    code: Option<String>,
    pub(super) gln: Option<String>,
    kind: Option<String>,
    services: Vec<String>,
    address: Address,
    /// Where it is; a web shop is nowhere, whatever its document says.
    pub(super) point: Option<Point>,
    schedule: Option<Schedule>,
    updated_at: Option<Micros>,
    /// The stretch that was asked for last: nearly all questions are about now.
    stretch: Mutex<Option<Stretch>>,
}

/// What a store's document says beside what is stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Metres from the place that was asked for.
    pub distance_m: Option<u32>,
    /// The lines of a basket, finished JSON.
    pub basket: Option<&'a [u8]>,
}

impl StoreRecord {
    /// A store from its document.
    pub fn read(id: StoreId, body: &str) -> Result<Self, serde_json::Error> {
        let traits: Traits = serde_json::from_str(body)?;
        let body = Bytes::copy_from_slice(body.as_bytes());
        let schedule = traits.time_zone.and_then(|zone| {
            let weekly = traits.opening_hours.unwrap_or_default();
            Schedule::new(&zone, &weekly, &traits.special_opening_hours.unwrap_or_default())
        });
        let is_online = traits.kind.as_deref().is_some_and(is_online);
        let place = traits.geo.filter(|_| !is_online);
        Ok(Self {
            id,
            etag: digest(&body),
            body,
            code: traits.store_code,
            gln: traits.gln,
            kind: traits.kind,
            services: traits.services.unwrap_or_default(),
            address: traits.address.unwrap_or_default(),
            point: place.map(|geo| Point::new(geo.latitude, geo.longitude)),
            schedule,
            updated_at: traits.updated_at,
            stretch: Mutex::new(None),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The document as it is stored, and its digest.
    pub(super) fn stored(&self) -> (Bytes, u64) {
        (self.body.clone(), self.etag)
    }

    /// Whether it has this postal code, of this country where one is named.
    pub(super) fn lies_in(&self, country: Option<&str>, postal_code: &str) -> bool {
        let same = |own: &Option<String>, asked: &str| {
            own.as_ref().is_some_and(|own| folded(own) == folded(asked))
        };
        country.is_none_or(|country| same(&self.address.address_country, country))
            && same(&self.address.postal_code, postal_code)
    }

    /// Whether the filters of a query hold.
    pub(super) fn is_taken_by(&self, query: &StoreQuery) -> bool {
        let same = |asked: &Option<String>, own: &Option<String>| {
            let folded = |text: &String| folded(text);
            asked.is_none() || asked.as_ref().map(folded) == own.as_ref().map(folded)
        };
        let among = |asked: &[String], own: Option<&String>| {
            let is_own = |own: &String| {
                let own = folded(own);
                asked.iter().any(|one| folded(one) == own)
            };
            asked.is_empty() || own.is_some_and(is_own)
        };
        let has_code = query.codes.is_empty()
            || self.code.as_ref().is_some_and(|own| query.codes.contains(own));
        let is_it = |gln: &Gln| self.gln.as_deref() == Some(gln.as_str());
        let has_gln = query.glns.is_empty() || query.glns.iter().any(is_it);
        has_code
            && has_gln
            && among(&query.kinds, self.kind.as_ref())
            && same(&query.country, &self.address.address_country)
            && among(&query.cities, self.address.address_locality.as_ref())
            && same(&query.postal_code, &self.address.postal_code)
            && query.services.iter().all(|service| self.services.contains(service))
            && query.updated_since.is_none_or(|since| self.updated_at.is_some_and(|at| at >= since))
            && query.open_at.is_none_or(|at| self.stretch(at).is_some_and(|stretch| stretch.open))
    }

    fn stretch(&self, at: Micros) -> Option<Stretch> {
        let schedule = self.schedule.as_ref()?;
        if let Some(held) = self.stretch.lock().filter(|stretch| stretch.holds(at)) {
            return Some(held);
        }
        let found = schedule.at(at);
        *self.stretch.lock() = found;
        found
    }

    /// Seconds for which what is told of it at an instant will hold, at most an hour.
    #[must_use]
    pub fn holds_for_s(&self, now: Micros) -> u32 {
        const HOUR: i64 = 3_600;
        let until = self.stretch(now).map_or(i64::MAX, |stretch| stretch.until.0);
        (until.saturating_sub(now.0) / SECOND).clamp(0, HOUR) as u32
    }

    /// The document with what follows from the time and the question.
    #[must_use]
    pub fn document(&self, now: Micros, beside: Beside<'_>) -> Vec<u8> {
        let mut document = Vec::with_capacity(self.body.len() + 160);
        document.extend_from_slice(&self.body);
        if document.pop() != Some(b'}') {
            return self.body.to_vec();
        }
        let mut add = |name: &str, value: &[u8]| {
            // A stored document always has members, one made for a test may be empty.
            if document.len() > 1 {
                document.push(b',');
            }
            document.push(b'"');
            document.extend_from_slice(name.as_bytes());
            document.extend_from_slice(b"\":");
            document.extend_from_slice(value);
        };
        let stretch = self.stretch(now);
        let change = |open: bool| {
            let stretch = stretch.filter(|stretch| stretch.changes && stretch.open == open);
            stretch.map_or_else(|| "null".to_owned(), |stretch| format!("\"{}\"", stretch.until))
        };
        add(
            "open_now",
            match stretch.map(|stretch| stretch.open) {
                Some(true) => b"true",
                Some(false) => b"false",
                None => b"null",
            },
        );
        add("closes_at", change(true).as_bytes());
        add("opens_at", change(false).as_bytes());
        if let Some(distance) = beside.distance_m {
            add("distance_m", itoa::Buffer::new().format(distance).as_bytes());
        }
        if let Some(basket) = beside.basket {
            add("basket", basket);
        }
        document.push(b'}');
        document
    }
}

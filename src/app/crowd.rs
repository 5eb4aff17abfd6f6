//! How many connections each address has to the public listener: one that takes them all keeps the others out.

use crate::access::throttle::asker;
use crate::config::Server;
use crate::telemetry::{Metrics, Tally};
use ipnet::IpNet;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;

/// What is answered to a connection too many, which sends nothing that is read.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 10\r\n\
    content-length: 0\r\n\r\n";

/// The connections by address.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Most of an address; 0 is any.
    most: u32,
    /// Those whose connections are those of many.
    proxies: Vec<IpNet>,
    here: Arc<Here>,
    metrics: Arc<Metrics>,
}

type Here = Mutex<HashMap<IpAddr, u32>>;

/// An address has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crowded;

/// The place of a connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    here: Arc<Here>,
    address: IpAddr,
}

impl Crowd {
    /// Nobody is here yet.
    pub(super) fn new(settings: &Server, metrics: &Arc<Metrics>) -> Self {
        Self {
            most: settings.max_connections_per_address,
            proxies: settings.trusted_proxies.clone(),
            here: Arc::default(),
            metrics: Arc::clone(metrics),
        }
    }

    /// A place for a connection; none where its address is not counted.
    pub(super) fn enter(&self, peer: Option<IpAddr>) -> Result<Option<Place>, Crowded> {
        let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return Ok(None) };
        if self.most == 0 || self.proxies.iter().any(|proxies| proxies.contains(&peer)) {
            return Ok(None);
        }
        let address = asker(Some(peer));
        let mut here = self.here.lock();
        let number = here.entry(address).or_insert(0);
        if *number >= self.most {
            return Err(Crowded);
        }
        *number += 1;
        Ok(Some(Place { here: Arc::clone(&self.here), address }))
    }

    /// Ends a connection too many.
    pub(super) fn turn_away(&self, stream: TcpStream) {
        self.metrics.add(Tally::ConnectionsRefused, 1);
        // Nothing was written before, so there is room; who is gone misses nothing.
        let _ = stream.into_std().and_then(|mut stream| stream.write(TOO_MANY));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut here = self.here.lock();
        if let Entry::Occupied(mut number) = here.entry(self.address) {
            *number.get_mut() -= 1;
            if *number.get() == 0 {
                number.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn places_are_free_again_and_those_of_proxies_are_not_counted() {
        let settings = [
            ("COMPTOIR__SERVER__MAX_CONNECTIONS_PER_ADDRESS", "2"),
            ("COMPTOIR__SERVER__TRUSTED_PROXIES", "10.0.0.0/8"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = Config::load(None, &settings.into()).unwrap();
        let crowd = Crowd::new(&config.server, &Arc::new(Metrics::new(&[])));
        let enter = |address: &str| crowd.enter(Some(address.parse().unwrap()));
        let first = enter("192.0.2.1").unwrap();
        let second = enter("::ffff:192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.1").err(), Some(Crowded));
        let others = ["192.0.2.2", "2001:db8::1"].map(|address| enter(address).unwrap());
        let network = enter("2001:db8::2").unwrap();
        assert_eq!(enter("2001:db8::3").err(), Some(Crowded));
        assert!(enter("10.0.0.1").unwrap().is_none());
        drop(first);
        let again = enter("192.0.2.1").unwrap();
        assert!(again.is_some());
        drop((second, others, network, again));
        assert!(crowd.here.lock().is_empty());
    }
}

//! Products, categories, offers and promotions.
//!
//! What a feed says becomes a finished document once, at the edge: ids derived from the retailer's
//! codes, money exact, GTINs normalised. The same content twice changes nothing: a digest stands
//! beside each document, and versions and the change log move only when it differs. The view holds
//! exactly the rows that are not deleted, and serves their bodies as they are stored.

pub mod api;
pub mod categories;
pub mod check;
pub mod digital_link;
pub mod document;
pub mod fault;
pub mod known;
pub mod model;
pub mod offers;
pub mod promotions;
pub mod search;
pub mod service;
pub mod shape;
pub mod store;
pub(crate) mod translations;
pub mod view;

pub use digital_link::DigitalLinks;
pub use document::{Document, Line};
pub use fault::{Fate, Fault};
pub use known::{Known, Names};

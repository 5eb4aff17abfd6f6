//! Values with one meaning everywhere: ids, money, GTINs, pages, time, secrets, keyed hashes.
//!
//! Nothing here does I/O or knows a framework. A value that exists is valid: parsing is the only
//! way in.

pub mod base62;
pub mod clock;
pub mod faults;
pub mod given;
pub mod gtin;
mod hex;
pub mod id;
pub mod in_store;
pub mod language;
pub mod mac;
pub mod money;
pub mod object;
pub mod page;
pub mod ranked;
pub mod readable;
pub mod seal;
pub mod search_language;
pub mod secret;
pub mod sensitive;
mod sentence;
pub mod set;
pub mod word;

pub use clock::{Clock, Micros};
pub use given::given;
pub use gtin::Gtin;
pub use hex::hex;
pub use money::{Amount, Currency, Money};
pub use object::Object;
pub use search_language::SearchLanguage;
pub use sentence::sentence;

//! Why a call was refused, so that partner and admin can look it up.
//!
//! Every 401, 403 and 429 of the partner API carries a refusal id. The id *is* the explanation, sealed: what
//! was asked, by whom, which rule refused it, and how each limit stood at that moment. So every node that
//! has the pepper can open it, at any time, however many calls a client has made in vain; a flood of refused calls
//! writes nothing. The history counts refusals by minute, see [`Tally`].

pub mod api;
pub mod limit_state;
pub mod query;
pub mod reason;
pub mod reduced;
pub mod refusal;
pub mod seal;
pub mod stop;
pub mod store;
pub mod tally;
mod tokens;

pub use reason::Reason;
pub use reduced::{Reduced, Shortage};
pub use refusal::{LimitKind, LimitState, Refusal, Who};
pub use seal::Sealer;
pub use tally::Tally;

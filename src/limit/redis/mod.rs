//! Counters that all nodes share, in Redis: `limits.backend = "strict"` and `"leased"`.
//!
//! **strict.** One script for each call asks all of its limits, by Redis's clock, and writes nothing when
//! one refuses (`take.lua`). What is admitted over all nodes is exact.
//!
//! **leased.** A node takes units in batches and grants from them without asking. With a batch of at most
//! B units of a limit and n nodes:
//! *in any stretch of time, at most `granted + n * B` units are admitted, where `granted` is what one exact
//! counter would have admitted in it; of a quota's period, never more than the quota.*
//! Proof: every unit that is admitted was taken from the shared counter before, once. The counter gives out no
//! more in the stretch than it would admit; what is admitted beyond that was taken before the stretch and
//! lay unspent at its beginning, and a node holds at most B unspent units of a limit: a lease is made greater by
//! one question at a time (`Remote::gate`), and only shrinks meanwhile; where it lacks what a call needs, to at
//! most what the call needs and B more less what it lacked, and the call's need is spent at once; where a quarter
//! is left, beside the calls, by at most what it lacked of B when it was asked. A quota's units are taken in
//! a period and are void after it, so that nothing unspent is carried into the next. ∎
//! B is the smallest of `limits.lease`, a tenth of the limit over the nodes, and one call's need at least. By
//! the same measure a node may refuse early, until unspent units come back ([`IDLE`]). Limits of concurrency
//! are split over the nodes: `most / n` each, one at least.
//!
//! **A node that is killed** (`kill -9`) gives nothing back: of each quota, what it had leased and not spent (B at
//! most) and, in both modes, what its calls under way had taken beyond their cost stays used in Redis until the
//! period ends; rates drain, and places come free by themselves. So a kill can cost a customer units, B and the
//! calls under way for each quota, and never gives any away. It cannot be told from outside what of a dead node's
//! units was spent: its journal, which knows, may be on a machine that is gone. What the ledger has (alerts,
//! bills, `GET /v1/usage` of what was billed) is exact all the same.
//!
//! **Periods.** A quota's period is found by the node's clock, which also dates the event of the call: so a bill and
//! the limit never disagree about the period of a call. Of a node whose clock is wrong by d, calls within d of a period's
//! end count in the other one, where they are counted once and never beyond its quota. Rates and leases go by Redis's clock.
//!
//! **Beside it**, each node counts as if it were alone (the accounts of [`LocalLimiter`]) and takes in
//! what Redis says. So it refuses by itself what is known to be over a limit, tells Redis what is known of
//! a counter that was lost, and knows how far the limits are when Redis is gone.
//!
//! Where Redis has lost its memory, the first call of a node tells it what that node knows: of rates what it last
//! heard, of quotas the most of what it last heard, what the ledger has and what it has admitted itself. So nothing
//! is reset; what is not known is what *other* nodes have admitted since the first node to ask last heard of the
//! limit. It cannot be told later: of a counter that is there, a lower use is the rule, since units come back. So a
//! Redis that comes back with an *older* memory (a dump, a replica that was behind) is believed, but for what is in
//! the ledger: what was admitted after that memory and is not in the ledger yet, a fold interval's worth, may be
//! admitted once more, also of a quota that was used up.
//!
//! **Redis away.** Each node grants its share: of what was left by last knowledge, one part in n (`reserve`). A
//! quota that is used up by that knowledge is refused as one; only what the share refuses is for lack of capacity.
//! Of each limit, *n nodes admit at most as much above it as this: for each node one part in n of what the others
//! had admitted, when Redis went away, since that node last heard of the limit.* It hears with each answer of Redis;
//! without one, of quotas from the ledger, a fold interval behind. A limit that grants fewer units than there are
//! nodes admits one for each node.
//! Proof, for a quota Q of which T was used when Redis went away: node i knows of h_i, and of all that it has
//! admitted itself, since the answers to its own calls hold them; so T - h_i is what others admitted since it heard:
//! the newest answer by Redis's clock counts, in whichever order they come.
//! It grants (Q - h_i) / n. All grant Q - (h_1 + .. + h_n) / n, which with T is Q and the sum of (T - h_i) / n. A
//! call whose answer from Redis is lost is judged by the share, and is no part of T. For a rate, read what is full
//! for Q and what is owed for T; both drain alike. ∎
//! A call holds of a share what it took, until it has ended; then what it costs (`share`). So what a share has granted
//! is at most (Q - h_i) / n of what is under way or billed, and calls that cost nothing use none of it up. What calls
//! that were under way when it began do not cost is not added to it.
//!
//! The proof is for nodes that are the same throughout. A quota's share keeps the n with which it began, so that a node
//! that is not seen any more, and may have granted its part, makes no other's greater. What it leaves out: a node that
//! starts, or starts again, while Redis is away knows nothing but the ledger, and grants (Q - ledger) / n on top of what
//! the others hold; shares that begin under different n, as nodes come and go, add up to more or less than one whole;
//! and a rate's share goes by the n of the moment. Of quotas, the ledger ends that a fold interval later: what is used
//! up by it is refused everywhere.
//! In `leased`, what Redis tells of a quota holds what all nodes have leased: each spends its lease beside its share,
//! as it would have; so the bound is the same, and the quota is known to be used up by the ledger alone.
//!
//! Plans with `when_degraded: refuse` are refused instead. When Redis is there again, each node tells it what it has
//! admitted meanwhile: of rates by itself; of quotas what it knows, and what others have admitted by the ledger, which
//! all nodes follow. Nodes do not find at once that Redis is back, and the ledger is behind; so the share of a quota
//! binds its node for some seconds more (`reserve`), beside Redis, and what it refuses of a quota that is known to be
//! used up is refused as used up; calls that are under way at once may pass it together. What a share had granted and
//! the ledger has not by then may be granted once more: nothing, where folding works and its interval is the default.
//! Where Redis is away from some nodes only, the others hear of what these grant by the ledger, and up to a fold
//! interval of that comes on top. What calls of a share that are under way when Redis is told of them do not cost stays
//! used there, as with a node that was killed.

mod conclude;
mod give;
mod lease;
mod limiter;
mod lines;
mod remote;
mod reserve;
mod share;
#[cfg(test)]
mod tests;
mod wire;

pub use give::Hold;
pub use lease::IDLE;
pub use limiter::{Counts, Mode, Shared};
pub use remote::Remote;

#[cfg(doc)]
use super::LocalLimiter;

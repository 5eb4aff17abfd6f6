//! `comptoir usage lost`.

use super::super::desk::ACTOR;
use super::super::table::{row, say_row};
use crate::access::service::By;
use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::metering::runs::{self, Loss};
use crate::storage::Db;

/// Which run, and why it is given up.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The node, as `comptoir doctor` names it.
    node: NodeId,
    /// The number of the run.
    epoch: u64,
    /// Why nobody can bring in what it had recorded.
    #[arg(long)]
    reason: Reason,
    /// A time at which its process was surely gone (RFC 3339): billing periods that begin later are not touched. Now,
    /// where it is left out.
    #[arg(long, value_name = "TIME")]
    gone_at: Option<Micros>,
}

pub(super) async fn run(db: &Db, now: Micros, args: Args) -> anyhow::Result<()> {
    let Args { node, epoch, reason, gone_at } = args;
    let by = By::new(ACTOR, now);
    let run = runs::lose(db, &by, (node, epoch), Loss { reason, gone_at }).await?;
    let headings = "NODE RUN STANDING COMPLETE_THROUGH GONE_AT MISSING_FROM";
    let gone_at = run.ended.map(|(at, _)| at.to_string()).unwrap_or_default();
    say_row(headings, row![node, epoch, "lost", run.through, gone_at, run.next_seq])
}

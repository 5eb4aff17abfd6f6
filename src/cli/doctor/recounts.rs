//! Whether the sums by hour were those of the events when they were last counted again.

use crate::billing::nightly::{self, Recounting};
use crate::config::Config;
use crate::storage::Db;

/// Most differences that are named.
const NAMED: usize = 5;

/// What came of the last recount.
pub(super) async fn recount(config: &Config, db: &Db) -> anyhow::Result<((), String)> {
    let Some(last) = nightly::last(db).await? else {
        let off = config.metering.recount_at.is_none();
        let why = if off { "off (`metering.recount_at`)" } else { "none yet" };
        return Ok(((), why.to_owned()));
    };
    let Recounting { ended_at, node, from, to, events, differences, first, .. } = last;
    let named = first.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    anyhow::ensure!(
        differences == 0,
        "{differences} sums by hour or segments were not as the events have them when {node} counted again at {ended_at}: \
         find out who has written to the database, and look at what it comes to with `comptoir usage reconcile --all-open`; \
         no period with such hours can be closed: {named}"
    );
    let off = if config.metering.recount_at.is_none() { "; it is off now" } else { "" };
    Ok((
        (),
        format!("{events} events from {from} to {to} were those of their hours at {ended_at}{off}"),
    ))
}

//! What was paid in advance, as a purchase among what is billed.
//!
//! A payment is on no statement, and a grant that is for all apps of a partner belongs to no period. So it is told once,
//! with the statement that draws on it first: the first to be closed, or while none is, the first in the order of drawing.

use super::asked::Source;
use super::store;
use crate::billing::lines;
use crate::billing::model::{Drawn, Statement, StatementLine};
use crate::rating::{Exact, TooLarge};
use crate::storage::{StoreError, Tx};

/// The payments that a statement is the first to draw on, each as a line with the number of the one that draws.
pub(in crate::billing) async fn prepaid(
    tx: &mut Tx,
    statement: &Statement,
) -> Result<Vec<StatementLine>, StoreError> {
    let mut found = Vec::new();
    for drawn in statement.credits.iter().filter(|drawn| drawn.source == Source::Prepaid) {
        let Some(grant) = store::find(tx, drawn.grant_id).await? else { continue };
        let is_first = match store::first_draw(tx, grant.id).await? {
            Some(first) => first == statement.id,
            None => is_untouched_by(drawn, grant.amount()?)?,
        };
        let draws = statement.lines.iter().find(|line| line.grant_id == Some(grant.id));
        if let Some(draws) = draws.filter(|_| is_first) {
            let amount = grant.amount()?.text(grant.decimals());
            found.push(lines::payment(grant.id, draws.line, amount));
        }
    }
    Ok(found)
}

/// Whether nothing was drawn of a grant before.
fn is_untouched_by(drawn: &Drawn, granted: Exact) -> Result<bool, StoreError> {
    let read = |text: &str| text.parse::<Exact>().map_err(|_| TooLarge);
    let before = read(&drawn.left).and_then(|left| left.plus(read(&drawn.amount)?));
    Ok(before.map_err(|e| StoreError::corrupt("statements", e))? == granted)
}

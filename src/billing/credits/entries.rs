//! A grant as double entries: each thing that happened to it moves an amount from one account to another, so that what an
//! operation enters comes to nothing, and so does all.

use super::asked::Source;
use super::standing::Standing;
use crate::kernel::Micros;
use crate::kernel::word::words;
use crate::rating::{Exact, TooLarge};

words! {
    /// An account of the ledger of credits.
    #[schema(as = CreditAccount)]
    pub enum Account {
        /// What the partner may still draw: below zero, since it is owed to it.
        Credit = "credit",
        /// What was paid in advance, outside of statements.
        Cash = "cash",
        /// What was given.
        Promotions = "promotions",
        /// What statements would ask for without the credit.
        Receivable = "receivable",
        /// What lapsed, and is the retailer's.
        Breakage = "breakage",
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Names the operation, of which there is one: the grant, a statement that has drawn on it, or its lapse.
    pub operation: String,
    /// When it was booked.
    pub at: Micros,
    /// The account.
    pub account: Account,
    /// How much: debits above zero, credits below.
    pub amount: Exact,
}

/// The entries of a grant, two for each operation: what is booked, without what provisional statements draw.
pub fn entries(standing: &Standing) -> Result<Vec<Entry>, TooLarge> {
    let grant = &standing.grant;
    let source = match grant.asked.source {
        Source::Prepaid => Account::Cash,
        Source::Promotional => Account::Promotions,
    };
    let id = grant.id.to_string();
    let mut moved = vec![(id.clone(), grant.made_at, (source, Account::Credit), standing.granted)];
    for used in &standing.uses {
        if let Some(at) = used.booked_at {
            let accounts = (Account::Credit, Account::Receivable);
            moved.push((format!("{id}:{}", used.statement), at, accounts, used.amount));
        }
    }
    if standing.lapsed > Exact::ZERO {
        let at = standing.end.as_ref().map_or(grant.expiry(), |end| end.at);
        let accounts = (Account::Credit, Account::Breakage);
        moved.push((format!("{id}:lapse"), at, accounts, standing.lapsed));
    }
    let mut entries = Vec::with_capacity(moved.len() * 2);
    for (operation, at, (debit, credit), amount) in moved {
        let less = Exact::ZERO.minus(amount)?;
        for (account, amount) in [(debit, amount), (credit, less)] {
            entries.push(Entry { operation: operation.clone(), at, account, amount });
        }
    }
    Ok(entries)
}

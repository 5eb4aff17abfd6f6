//! What partners, apps and the retailer are called in exports. Names change; the rows of a closed period do not: partners and
//! apps are called as at its close, or as at the first export of one that was closed before closes kept that, and the retailer
//! as at the first export.

use super::ExportError;
use super::billed::Billed;
use super::content::Content;
use super::question::Question;
use crate::billing::model::Statement;
use crate::billing::names;
use crate::kernel::id::BillingPeriodId;
use crate::storage::{Db, StoreError, Tx};
use std::collections::BTreeMap;

/// What the retailer's name is kept under.
const RETAILER: &str = "retailer";

/// The names in an export.
#[derive(Debug)]
pub(super) struct Names {
    /// The closed period; none where names are as they are now.
    closed: Option<BillingPeriodId>,
    kept: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

/// Who a statement is of.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) retailer: String,
    pub(super) partner: String,
    pub(super) app: String,
}

impl Names {
    /// Those of a period, where an export has any.
    pub(super) async fn of(
        tx: &mut Tx,
        billed: &Billed,
        question: &Question,
        installation: Option<&str>,
    ) -> Result<Self, ExportError> {
        let closed = billed.close.as_ref().map(|_| billed.id);
        let mut made = Self { closed, kept: BTreeMap::new(), new: BTreeMap::new() };
        if !matches!(question.content, Content::Focus(_)) {
            return Ok(made);
        }
        if let Some(closed) = closed {
            made.kept = names::kept(tx, closed).await?;
        }
        match (made.kept.get(RETAILER), &question.issuer) {
            (Some(kept), Some(other)) if kept != other => {
                return Err(ExportError::OtherName(kept.clone()));
            }
            (Some(_), _) => {}
            (None, asked) => {
                let name = asked.as_deref().or(installation).unwrap_or(RETAILER);
                made.new.insert(RETAILER.to_owned(), name.to_owned());
            }
        }
        Ok(made)
    }

    fn get(&self, id: &str) -> Option<&String> {
        self.kept.get(id).or_else(|| self.new.get(id))
    }

    /// Who a statement is of; an app that is gone and was never exported has its id for a name.
    pub(super) async fn called(
        &mut self,
        tx: &mut Tx,
        statement: &Statement,
    ) -> Result<Called, StoreError> {
        let ids = [statement.partner_id.to_string(), statement.app_id.to_string()];
        if ids.iter().any(|id| self.get(id).is_none()) {
            let mut found = names::now(tx, &ids).await?;
            for id in &ids {
                let name = found.remove(id).unwrap_or_else(|| id.clone());
                self.new.entry(id.clone()).or_insert(name);
            }
        }
        let name = |id: &str| self.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let [partner, app] = ids.map(|id| name(&id));
        Ok(Called { retailer: name(RETAILER), partner, app })
    }

    /// Keeps those of a closed period that were new.
    pub(super) async fn keep(self, db: &Db) -> Result<(), ExportError> {
        match self.closed {
            Some(closed) if !self.new.is_empty() => {
                let mut tx = db.begin().await?;
                names::keep(&mut tx, closed, &self.new).await?;
                Ok(tx.commit().await?)
            }
            _ => Ok(()),
        }
    }
}

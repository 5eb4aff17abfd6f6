//! Looks for partners by what people know of them.

use crate::access::model::{Name, Partner, Status};
use crate::access::store::{Walk, list_partners};
use crate::storage::{Db, StoreError};
use tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, RawTokenizer, TextAnalyzer};

/// Partners read at once.
const BATCH: u32 = 500;

/// Which partners are meant: those that fit all that is there.
#[derive(Debug, Clone, Default)]
pub struct PartnerFilter {
    /// With this in their name, in the retailer's own name for them, or in name or address of a contact,
    /// whatever the case and the accents.
    pub text: Option<String>,
    /// In a state.
    pub status: Option<Status>,
}

/// The partners that a filter means, in the order of their ids. They are read and compared here, for the
/// engines do not agree on what letters are the same.
pub async fn find_partners(
    db: &Db,
    filter: &PartnerFilter,
    walk: &Walk,
) -> Result<Vec<Partner>, StoreError> {
    let mut folded = Folded::new();
    let text = filter.text.as_deref().map(|text| folded.of(text));
    let mut found = Vec::new();
    let mut next = Walk { after: walk.after.clone(), limit: walk.limit.max(BATCH) };
    loop {
        let batch = list_partners(db, &next).await?;
        let is_last = batch.len() < next.limit as usize;
        if let Some(last) = batch.last() {
            next.after = last.id.to_string();
        }
        found.extend(batch.into_iter().filter(|partner| {
            filter.status.is_none_or(|status| partner.status == status)
                && text.as_deref().is_none_or(|text| folded.has(partner, text))
        }));
        if is_last || found.len() >= walk.limit as usize {
            found.truncate(walk.limit as usize);
            return Ok(found);
        }
    }
}

/// Texts without case and accents.
struct Folded(TextAnalyzer);

impl Folded {
    fn new() -> Self {
        let all = TextAnalyzer::builder(RawTokenizer::default());
        Self(all.filter(LowerCaser).filter(AsciiFoldingFilter).build())
    }

    fn of(&mut self, text: &str) -> String {
        let mut folded = String::with_capacity(text.len());
        self.0.token_stream(text).process(&mut |token| folded.push_str(&token.text));
        folded
    }

    /// Whether a folded text is in what people know a partner by.
    fn has(&mut self, partner: &Partner, text: &str) -> bool {
        let contacts = &partner.profile.contacts;
        let contacts = contacts.iter().flat_map(|it| [it.name.as_str(), it.email.as_str()]);
        let reference = partner.profile.external_ref.iter().map(Name::as_str);
        let mut texts = [partner.name.as_str()].into_iter().chain(reference).chain(contacts);
        texts.any(|it| self.of(it).contains(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_make_no_difference() {
        let mut folded = Folded::new();
        assert_eq!(folded.of("Épicerie ŒUVRE 12"), folded.of("epicerie oeuvre 12"));
        assert_ne!(folded.of("a b"), folded.of("ab"));
    }
}

//! What can be done to what is known of a partner.

use super::model::{CONTACTS_MOST, PartnerPatch, Profile};
use super::store::{self, Note};
use crate::access::error::{AccessError, Kind};
use crate::access::model::{Name, Partner};
use crate::access::service::{By, change, get_partner};
use crate::access::store::{hold_partner, partner_exists, record};
use crate::access::text::Text;
use crate::kernel::id::PartnerId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use serde_json::json;

/// What a note may say.
pub type NoteText = Text<4_000>;

/// Changes what is known of a partner. What is the same already writes nothing.
pub async fn update_partner(
    db: &Db,
    by: &By<'_>,
    id: PartnerId,
    patch: PartnerPatch,
) -> Result<Partner, AccessError> {
    let mut tx = db.begin().await?;
    // Held, so that of two who change different parts of it neither undoes what the other did.
    let held = hold_partner(&mut tx, id).await?;
    let partner = held.ok_or_else(|| AccessError::not_found(Kind::Partner, id))?;
    let Profile { external_ref, contacts, contract } = partner.profile.clone();
    let profile = Profile {
        external_ref: patch.external_ref.unwrap_or(external_ref),
        contacts: patch.contacts.unwrap_or(contacts),
        contract: patch.contract.unwrap_or(contract),
    };
    let name = patch.name.unwrap_or_else(|| partner.name.clone());
    if name == partner.name && profile == partner.profile {
        return Ok(partner);
    }
    put(&mut tx, by, &partner, (&name, &profile)).await?;
    tx.commit().await?;
    get_partner(db, id).await
}

/// What cannot be of a profile.
pub(in crate::access) fn check(profile: &Profile) -> Result<(), AccessError> {
    if profile.contacts.len() > CONTACTS_MOST {
        let message = format!("takes at most {CONTACTS_MOST}, not {}", profile.contacts.len());
        return Err(AccessError::Field { field: "contacts", message });
    }
    if profile.contract.as_ref().is_some_and(|contract| contract.window().is_none()) {
        let message = "has its last day before its first".to_owned();
        return Err(AccessError::Field { field: "contract", message });
    }
    Ok(())
}

/// Stores name and profile of a partner in place of those that it has. The logs tell what kind of thing
/// changed, and nothing of a person.
pub(in crate::access) async fn put(
    tx: &mut Tx,
    by: &By<'_>,
    old: &Partner,
    (name, profile): (&Name, &Profile),
) -> Result<(), AccessError> {
    check(profile)?;
    let stored = store::update(tx, old.id, (name, profile), by.now).await;
    stored.map_err(|error| taken(error, old, name, profile))?;
    let mut detail = json!({});
    if *name != old.name {
        detail["name"] = json!(name);
    }
    if profile.external_ref != old.profile.external_ref {
        detail["external_ref"] = json!(profile.external_ref);
    }
    if profile.contacts != old.profile.contacts {
        let roles = profile.contacts.iter().map(|contact| contact.role.as_str());
        detail["contacts"] = json!(roles.collect::<Vec<_>>());
    }
    if profile.contract != old.profile.contract {
        detail["contract"] = json!(profile.contract);
    }
    let updated = change(Kind::Partner, old.id, "update", detail);
    let same_contract = profile.contract == old.profile.contract;
    record(tx, by, if same_contract { updated.only_described() } else { updated }).await
}

/// A conflict of the schema in words.
fn taken(error: StoreError, old: &Partner, name: &Name, profile: &Profile) -> AccessError {
    match (error, &profile.external_ref) {
        (StoreError::Conflict(_), reference) if *name == old.name => {
            let reference = reference.as_ref().map_or("", Name::as_str);
            let detail = format!("The reference `{reference}` belongs to another partner.");
            AccessError::Conflict(detail)
        }
        (StoreError::Conflict(_), _) => AccessError::Conflict(format!(
            "The name `{name}` or the reference belongs to another partner; choose another."
        )),
        (other, _) => other.into(),
    }
}

/// Writes a note about a partner. It is never changed.
pub async fn add_note(
    db: &Db,
    by: &By<'_>,
    id: PartnerId,
    note: &NoteText,
) -> Result<Note, AccessError> {
    let mut tx = db.begin().await?;
    if !store::lock(&mut tx, id).await? {
        return Err(AccessError::not_found(Kind::Partner, id));
    }
    let number = store::insert_note(&mut tx, id, (by.actor, note.as_str()), by.now).await?;
    record(&mut tx, by, change(Kind::Partner, id, "note", json!({ "number": number }))).await?;
    tx.commit().await?;
    let (author, body) = (by.actor.to_owned(), note.as_str().to_owned());
    Ok(Note { number, author, body, written_at: by.now.0 })
}

/// A partner's notes before a number, newest first.
pub async fn notes(
    db: &Db,
    id: PartnerId,
    before: i64,
    limit: u32,
) -> Result<Vec<Note>, AccessError> {
    if !partner_exists(db, id).await? {
        return Err(AccessError::not_found(Kind::Partner, id));
    }
    Ok(store::notes(db, id, before, limit).await?)
}

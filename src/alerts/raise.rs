//! Raising an alert: it, its mails and its messages in one transaction, or nothing of it.

use super::letter::{self, Reader, Subject};
use super::model::{Alert, Detail, FoundSecret, Kind};
use super::{Alerts, api, store};
use crate::access::AccessError;
use crate::access::keys::store::find_key;
use crate::access::leaks::store::token_name;
use crate::access::mails::{self, Draft};
use crate::access::model::Partner;
use crate::access::partners::model::Contact;
use crate::access::store::{find_app, find_partner};
use crate::config::ContactRole;
use crate::hooks::Notice;
use crate::kernel::word::Word as _;
use crate::storage::{StoreError, Tx};
use lettre::message::Mailbox;
use std::sync::atomic::Ordering;

impl Alerts {
    /// Tells all who are to be told of an alert, unless it was told before.
    pub async fn raise(&self, alert: &Alert) -> Result<(), AccessError> {
        let drafts = self.drafts(alert).await?;
        let mut tx = self.db.begin().await?;
        if !store::insert(&mut tx, alert, self.receiver.is_some()).await? {
            return Ok(());
        }
        self.notify(&mut tx, alert).await?;
        for draft in &drafts {
            mails::put_alert(&mut tx, &alert.id.to_string(), draft, alert.raised_at).await?;
        }
        tx.commit().await?;
        self.raised.fetch_add(1, Ordering::Relaxed);
        tracing::info!(id = %alert.id, kind = %alert.kind, "an alert was raised");
        Ok(())
    }

    /// Writes the messages to subscriptions of the app, or of all apps of the partner.
    async fn notify(&self, tx: &mut Tx, alert: &Alert) -> Result<(), StoreError> {
        let apps = match (alert.whose.app, alert.whose.partner) {
            (Some(app), _) => vec![app],
            (None, Some(partner)) => store::apps(tx, partner).await?,
            (None, None) => Vec::new(),
        };
        let payload = api::message(alert)?;
        let (event, id) = (alert.kind.event(), alert.id.to_string());
        for app in apps {
            let notice = Notice { app, event, id: &id, payload: &payload };
            self.hooks.tell(tx, &notice).await?;
        }
        Ok(())
    }

    /// The mails about an alert: to contacts of the partner, and to the retailer's people.
    async fn drafts(&self, alert: &Alert) -> Result<Vec<Draft>, AccessError> {
        let partner = match alert.whose.partner {
            Some(partner) => find_partner(&self.db, partner).await?,
            None => None,
        };
        let app = match alert.whose.app {
            Some(app) => find_app(&self.db, app, alert.raised_at).await?,
            None => None,
        };
        let key = match alert.whose.key {
            Some(key) => find_key(&self.db, key, alert.raised_at).await?,
            None => None,
        };
        let token = self.token_name(alert).await?;
        let (partner, app, key) = (partner.as_ref(), app.as_ref(), key.as_ref());
        let subject = Subject { alert, partner, app, key, token, zone: &self.zone };
        let mut drafts: Vec<Draft> = Vec::new();
        for contact in partner.into_iter().flat_map(|partner| self.contacts(alert, partner)) {
            let reader = Reader::Partner(contact.name.as_str());
            let french = contact.language.as_ref().is_some_and(letter::is_french);
            // It was an address when it was stored.
            let Ok(address) = contact.email.as_str().parse() else { continue };
            let to = Mailbox::new(Some(contact.name.to_string()), address);
            if drafts.iter().all(|draft| draft.to.email != to.email) {
                drafts.push(letter::draft(&subject, reader, french, to));
            }
        }
        let french = letter::is_french(&self.language);
        for to in &self.settings.mail_to {
            drafts.push(letter::draft(&subject, Reader::Retailer, french, to.clone()));
        }
        Ok(drafts)
    }

    /// What the admin token is called that was found.
    async fn token_name(&self, alert: &Alert) -> Result<Option<String>, StoreError> {
        match &alert.detail {
            Detail::Leak(FoundSecret { token_id: Some(id), .. }) => token_name(&self.db, *id).await,
            _ => Ok(None),
        }
    }

    /// The contacts that are told by mail. What is unusual, or was found, concerns who looks after the software.
    fn contacts<'a>(
        &'a self,
        alert: &Alert,
        partner: &'a Partner,
    ) -> impl Iterator<Item = &'a Contact> {
        let of_all = matches!(alert.kind, Kind::Threshold | Kind::Spend | Kind::SpendProjected);
        let told = move |role: &&ContactRole| of_all || **role == ContactRole::Technical;
        let roles = self.settings.mail_contacts.iter().filter(told);
        let roles: Vec<&str> = roles.map(|role| role.as_str()).collect();
        partner.profile.contacts.iter().filter(move |it| roles.contains(&it.role.as_str()))
    }
}

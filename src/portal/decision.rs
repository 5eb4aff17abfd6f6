//! Writing what a customer has decided: the request is taken, the consent is moved and the code is kept in one transaction,
//! or nothing of it is.

use super::answer::lead_with;
use super::asked::Asking;
use super::consent::SeenRequest;
use super::error::PageError;
use super::sessions::LoggedIn;
use super::state::Portal;
use crate::authz::authorize::granted;
use crate::authz::exchange::CodeRecord;
use crate::authz::grant::CustomerLogin;
use crate::authz::handles::{AuthorizationCode, Handle};
use crate::authz::issued::IssuedTo;
use crate::authz::request::AuthorizationRequest;
use crate::authz::store::{codes, requests};
use crate::consent::ask::ConsentApproval;
use crate::consent::change::ConsentChange;
use crate::consent::live::GrantPointer;
use crate::consent::own::OwnedByCustomer;
use crate::consent::purpose::NoticeLanguage;
use crate::consent::record::ConsentRecord;
use crate::consent::refused::ChangeRefused;
use crate::consent::store::apply::apply;
use crate::consent::store::{ledger, read, subjects};
use crate::consent::subject::{PairwiseSub, SubjectKey, SubjectRef};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use crate::storage::Tx;
use actix_web::HttpResponse;
use zeroize::Zeroizing;

/// A consent in the customer's hands.
pub(super) fn own(
    record: &ConsentRecord,
    subject: SubjectRef,
) -> Result<OwnedByCustomer<'_>, ChangeRefused> {
    OwnedByCustomer::of(record, subject).ok_or(ChangeRefused::OtherParties)
}

/// A consent that is asked for: as it is there, or as it begins.
struct BegunConsent {
    /// What writes it where it is not there yet.
    first: Option<ConsentChange>,
    record: ConsentRecord,
}

impl Portal {
    /// The customer agrees. The address with the code, or why the answer does not count.
    pub(super) async fn grant(
        &self,
        seen: &SeenRequest,
        approval: ConsentApproval,
        language: NoticeLanguage,
    ) -> Result<Result<Secret, ChangeRefused>, PageError> {
        let (now, subject) = (self.now(), seen.who.session.subject);
        let settings = self.settings.consent;
        let mut tx = self.db.begin().await?;
        let sub = self.known_as(&mut tx, seen, now).await?;
        let of = seen.asking.of_customer((self, &seen.asked), (subject, sub), language);
        let ceiling = seen.asking.ceiling(&seen.asked, self);
        let begun = match &seen.before {
            Some(before) => BegunConsent { first: None, record: before.clone() },
            None => match self.begun(&mut tx, seen, (sub, language)).await? {
                Ok(begun) => begun,
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let mine = match own(&begun.record, subject) {
            Ok(mine) => mine,
            Err(refused) => return Ok(Err(refused)),
        };
        let change = match &seen.before {
            Some(_) => mine.renew(&of, &ceiling, approval, now),
            None => mine.approve(approval, settings, now),
        };
        match change {
            Ok(change) => {
                let request = self.take(&mut tx, &seen.asking, now).await?;
                let by = (&change.record, &seen.who.session.login);
                let code = self.put_code(&mut tx, &request, by, now).await?;
                if let Some(first) = &begun.first {
                    apply(&mut tx, first).await?;
                }
                apply(&mut tx, &change).await?;
                tx.commit().await?;
                self.consents.nudge();
                Ok(Ok(granted(&request.back, &code, self.issuer())))
            }
            Err(ChangeRefused::Tampered(how)) => {
                if let Some(first) = &begun.first {
                    apply(&mut tx, first).await?;
                }
                ledger::note(&mut tx, &mine.tampered(how, now)).await?;
                tx.commit().await?;
                tracing::warn!(grant = %begun.record.grant_id, "an answer was sent that no screen allows");
                Err(PageError::Tampered)
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// The customer does not agree.
    pub(super) async fn deny(&self, seen: &SeenRequest) -> Result<(), PageError> {
        let (now, subject) = (self.now(), seen.who.session.subject);
        let refused = |error: ChangeRefused| PageError::NotNow(error.to_string());
        let mut tx = self.db.begin().await?;
        let sub = self.known_as(&mut tx, seen, now).await?;
        self.take(&mut tx, &seen.asking, now).await?;
        if let Some(before) = &seen.before {
            let event = own(before, subject).map_err(refused)?.renewal_denied(now);
            ledger::note(&mut tx, &event).await?;
        } else {
            let begun = self.begun(&mut tx, seen, (sub, NoticeLanguage::Fr)).await?;
            let begun = begun.map_err(refused)?;
            let change = own(&begun.record, subject).and_then(|mine| mine.deny(now));
            if let Some(first) = &begun.first {
                apply(&mut tx, first).await?;
            }
            apply(&mut tx, &change.map_err(refused)?).await?;
        }
        tx.commit().await?;
        self.consents.nudge();
        Ok(())
    }

    /// How the partner knows the customer, who is the one that has logged in.
    async fn known_as(
        &self,
        tx: &mut Tx,
        seen: &SeenRequest,
        now: Micros,
    ) -> Result<PairwiseSub, PageError> {
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut key[..])?;
        let mut name = [0u8; 16];
        getrandom::fill(&mut name)?;
        let fresh = SubjectKey::new(*key);
        let subject = subjects::refer(tx, &seen.who.customer, &fresh, now).await?;
        // Whoever was forgotten since they logged in is somebody else now.
        if subject != seen.who.session.subject {
            return Err(PageError::NotNow("the customer is forgotten".to_owned()));
        }
        let at = (&seen.asking.partner.sector, subject);
        Ok(subjects::sub_of(tx, at, PairwiseSub::random(name), now).await?)
    }

    /// The consent that is asked for: it is there where an answer was tried before that counted for nothing.
    async fn begun(
        &self,
        tx: &mut Tx,
        seen: &SeenRequest,
        (sub, language): (PairwiseSub, NoticeLanguage),
    ) -> Result<Result<BegunConsent, ChangeRefused>, PageError> {
        let id = self.grant_of(&seen.asking);
        if let Some(record) = read::current_in(tx, id).await? {
            return Ok(Ok(BegunConsent { first: None, record }));
        }
        let subject = seen.who.session.subject;
        let of = seen.asking.of_customer((self, &seen.asked), (subject, sub), language);
        let ceiling = seen.asking.ceiling(&seen.asked, self);
        let until = seen.asking.pushed.expires_at;
        let first = ConsentRecord::request(id, &of, &ceiling, until, self.now());
        Ok(first.map(|first| BegunConsent { record: first.record.clone(), first: Some(first) }))
    }

    /// Takes a request: of two answers one counts.
    async fn take(
        &self,
        tx: &mut Tx,
        asking: &Asking,
        now: Micros,
    ) -> Result<AuthorizationRequest, PageError> {
        let rows = requests::take(tx, asking.reference.hash(), now).await?;
        let untaken = asking.pushed.clone().decide(&asking.request().client_id, now)?;
        untaken.taken(rows).map_err(|_| PageError::Answered)
    }

    /// Keeps a code by which the client gets tokens of a consent.
    async fn put_code(
        &self,
        tx: &mut Tx,
        request: &AuthorizationRequest,
        (record, login): (&ConsentRecord, &CustomerLogin),
        now: Micros,
    ) -> Result<Handle<AuthorizationCode>, PageError> {
        let gone = || PageError::NotNow("the customer is forgotten".to_owned());
        let code = Handle::<AuthorizationCode>::random(getrandom::fill)?;
        let life = i64::from(self.settings.authz.code_ttl_s) * SECOND;
        let kept = CodeRecord {
            to: IssuedTo {
                client_id: request.client_id.clone(),
                profile: request.profile,
                key: request.dpop_jkt,
                consent: GrantPointer {
                    grant_id: record.grant_id,
                    version: record.version,
                    client: record.parties.client_id,
                    sub: record.known_as.sub().ok_or_else(gone)?,
                },
                issued_at: now,
            },
            redirect_uri: request.back.redirect_uri.clone(),
            challenge: request.challenge,
            login: login.clone(),
            nonce: request.nonce.clone(),
            expires_at: Micros(now.0.saturating_add(life)),
            used: false,
        };
        if codes::put(tx, code.hash(), &kept).await? { Ok(code) } else { Err(gone()) }
    }

    /// Answers a request by a consent that allows all of it already.
    pub(super) async fn code_by(
        &self,
        asking: &Asking,
        who: &LoggedIn,
        record: &ConsentRecord,
    ) -> Result<HttpResponse, PageError> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let request = self.take(&mut tx, asking, now).await?;
        let code = self.put_code(&mut tx, &request, (record, &who.session.login), now).await?;
        tx.commit().await?;
        Ok(lead_with(&granted(&request.back, &code, self.issuer())))
    }
}

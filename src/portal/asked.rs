//! What a partner asks a customer for: the request, with the words of its purpose and of the notice.

use super::error::PageError;
use super::partner::AskingPartner;
use super::state::Portal;
use crate::authz::authorize::AuthorizeError;
use crate::authz::handles::{Handle, HandleKind as _, RequestUri};
use crate::authz::par::{self, PushedRequest};
use crate::authz::request::AuthorizationRequest;
use crate::authz::store::requests;
use crate::consent::ask::{ConsentAsked, ConsentCeiling};
use crate::consent::details::CustomerDataDetails;
use crate::consent::purpose::{NoticeDocument, NoticeLanguage, PurposeDocument, PurposeId};
use crate::consent::record::ConsentConditions;
use crate::consent::refused::ChangeRefused;
use crate::consent::store::documents;
use crate::consent::subject::{PairwiseSub, SubjectRef};
use crate::storage::StoreError;
use url::Url;

/// A pushed request that is open, and who has pushed it.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// What stands for it in addresses.
    pub(super) reference: Handle<RequestUri>,
    /// What is stored of it.
    pub(super) pushed: PushedRequest,
    /// Who asks.
    pub(super) partner: AskingPartner,
}

/// What is asked for, in words and in detail.
#[derive(Debug, Clone)]
pub(super) struct AskedFor {
    /// What for.
    pub(super) purpose: PurposeDocument,
    /// What the customer is told.
    pub(super) notice: NoticeDocument,
    /// In detail.
    pub(super) details: CustomerDataDetails,
}

/// Why a request is not shown to a customer who has logged in.
#[derive(Debug)]
pub(super) enum NotAsked {
    /// The partner hears of it.
    Refused(AuthorizeError),
    /// The customer does.
    Page(PageError),
}

impl From<PageError> for NotAsked {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl From<StoreError> for NotAsked {
    fn from(error: StoreError) -> Self {
        Self::Page(error.into())
    }
}

/// What a partner hears of a request that no customer can agree to.
pub(super) fn refusal_of(refused: &ChangeRefused) -> AuthorizeError {
    match refused {
        ChangeRefused::Beyond(_) | ChangeRefused::Nothing | ChangeRefused::OfflineOnce => {
            AuthorizeError::InvalidScope
        }
        ChangeRefused::TooLong(_)
        | ChangeRefused::History(_)
        | ChangeRefused::Retention(_)
        | ChangeRefused::OtherPurpose => AuthorizeError::InvalidAuthorizationDetails,
        ChangeRefused::OtherClient | ChangeRefused::Client => AuthorizeError::UnauthorizedClient,
        ChangeRefused::OtherParties | ChangeRefused::Move(_) => AuthorizeError::InvalidGrantId,
        _ => AuthorizeError::ServerError,
    }
}

/// The reference that stands in a path.
pub(super) fn reference(text: &str) -> Result<Handle<RequestUri>, PageError> {
    let whole = format!("{}{text}", RequestUri::PREFIX);
    Ok(Handle::read(&whole).map_err(|_| par::unknown())?)
}

impl Asking {
    /// The request.
    pub(super) fn request(&self) -> &AuthorizationRequest {
        &self.pushed.request
    }

    /// What stands for it in a path.
    pub(super) fn in_path(&self) -> &str {
        let text = self.reference.text().reveal();
        text.strip_prefix(RequestUri::PREFIX).unwrap_or(text)
    }

    /// By what sessions and forms are bound to it.
    pub(super) fn bound(&self) -> String {
        self.reference.hash().to_string()
    }

    /// The origin of the address that the answer goes to.
    pub(super) fn origin(&self) -> Option<String> {
        let url = Url::parse(self.request().back.redirect_uri.as_str()).ok()?;
        Some(url.origin().ascii_serialization())
    }

    /// The host of it, as it is shown.
    pub(super) fn host(&self) -> String {
        let url = Url::parse(self.request().back.redirect_uri.as_str()).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What limits what can be agreed to.
    pub(super) fn ceiling<'a>(&self, asked: &'a AskedFor, portal: &Portal) -> ConsentCeiling<'a> {
        ConsentCeiling {
            purpose: &asked.purpose,
            client: self.partner.consent_client(),
            settings: portal.settings.consent,
        }
    }

    /// What a customer is asked.
    pub(super) fn of_customer(
        &self,
        (portal, asked): (&Portal, &AskedFor),
        (subject, sub): (SubjectRef, PairwiseSub),
        language: NoticeLanguage,
    ) -> ConsentAsked {
        ConsentAsked {
            parties: portal.parties(&self.partner, subject),
            sub,
            service: self.partner.app_name.clone(),
            scopes: self.request().scopes,
            details: asked.details.clone(),
            conditions: portal.conditions(),
            notice: asked.notice.clone(),
            notice_lang: language,
        }
    }
}

impl Portal {
    /// An open request, of the client that the address names where it names one.
    pub(super) async fn asking(
        &self,
        reference: Handle<RequestUri>,
        client_id: Option<&str>,
    ) -> Result<Asking, PageError> {
        let found = requests::find(&self.db, &self.requests, reference.hash()).await?;
        let pushed = found.ok_or_else(par::unknown)?;
        let owner = pushed.request.client_id.clone();
        let client_id = client_id.unwrap_or(&owner);
        if pushed.decided && client_id == owner {
            return Err(PageError::Answered);
        }
        pushed.of(client_id, self.now())?;
        let partner = self.partner(client_id).await?;
        Ok(Asking { reference, pushed, partner })
    }

    /// On which conditions customers agree.
    pub(super) fn conditions(&self) -> ConsentConditions {
        ConsentConditions {
            deletion_on_withdrawal: true,
            jurisdiction: self.settings.controller.jurisdiction.clone(),
            transfer_countries: Vec::new(),
            rights_url: self.settings.controller.rights_url.clone(),
            withdrawal_url: format!("{}/me/consents", self.issuer()),
        }
    }

    /// What a request asks for.
    pub(super) async fn asked_for(&self, asking: &Asking) -> Result<AskedFor, NotAsked> {
        let request = asking.request();
        let purpose = self.purpose_of(asking).await?;
        let notice = self.notice().await?;
        let details = match &request.authorization_details {
            Some(details) => details.clone(),
            None => {
                let consent = self.settings.consent;
                CustomerDataDetails::of_scopes(request.scopes, &purpose, consent)
            }
        };
        Ok(AskedFor { purpose, notice, details })
    }

    /// The notice that customers are shown.
    pub(super) async fn notice(&self) -> Result<NoticeDocument, PageError> {
        let id = &self.about.notice_id;
        let published = documents::notice(&self.db, id).await?;
        let missing =
            || PageError::Inside(format!("no notice `{id}` (portal.notice_id) is published"));
        Ok(published.ok_or_else(missing)?.document)
    }

    /// The purpose that a request names, in its details or beside them; where it names none, the only one of the program.
    async fn purpose_of(&self, asking: &Asking) -> Result<PurposeDocument, NotAsked> {
        let request = asking.request();
        let app = asking.partner.client.app;
        let in_details = request.authorization_details.as_ref().map(|details| &details.purpose_id);
        let named = match (in_details, &request.purpose_id) {
            (Some(one), Some(other)) if one != other => {
                return Err(NotAsked::Refused(AuthorizeError::InvalidRequest));
            }
            (in_details, beside) => in_details.or(beside.as_ref()).cloned(),
        };
        let unknown = || NotAsked::Refused(AuthorizeError::InvalidRequest);
        let name: PurposeId = match named {
            Some(name) => name,
            None => {
                let all = documents::purposes_of(&self.db, app).await?;
                let mut names = all.into_iter().map(|it| it.document.purpose_id);
                let first = names.next().ok_or_else(unknown)?;
                if names.any(|other| other != first) {
                    return Err(unknown());
                }
                first
            }
        };
        let published = documents::purpose(&self.db, app, &name).await?;
        Ok(published.ok_or_else(unknown)?.document)
    }
}

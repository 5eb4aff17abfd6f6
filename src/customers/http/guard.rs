//! The one guard of customers' data: who calls, by whose consent, and within which limits.
//!
//! What it gives cannot be had otherwise: the token is one of the issuer's and shown with its key, the proof is used for the
//! first time on any node, the client is registered, its app is within its limits, and the consent is in force by what the
//! node knows, or by its row where that is too old. Where nothing can be known, nothing is answered.

use super::refused;
use super::state::CustomerApi;
use crate::access::caller;
use crate::access::directory::KeyRecord;
use crate::access::keys::model::KeyKind;
use crate::access::operation::{Op, Operation, op};
use crate::authz::access_token::AccessClaims;
use crate::authz::client::{AuthzClient, ClientAuth, SecurityProfile};
use crate::authz::dpop::DpopError;
use crate::authz::htu::Htu;
use crate::authz::presented::{self, AskedRights, ShownHeaders, TokenAbout};
use crate::consent::decide::{ConsentRead, ConsentedRead, ReadAnswer, ReadRefused};
use crate::consent::scope::OAuthScope;
use crate::consent::standing::{ConsentClient, CustomerStanding, Standings};
use crate::consent::store::subjects::{ConsentCustomer, customer_by};
use crate::consent::subject::ScopedIds;
use crate::http::arrival::CameAsHead;
use crate::http::{ApiError, ApiResult, Code, JsonBody};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use utoipa::ToSchema;

/// Where the proof of a token's key stands.
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// An operation about a customer.
pub(super) trait CustomerOp: Op {
    /// The scopes that open it: one of them will do, and what is answered is cut to those that there are.
    const ANY_OF: &'static [OAuthScope];
}

macro_rules! opened {
    ($($op:ident: $($scope:ident)|+;)*) => {
        $(impl CustomerOp for op::$op {
            const ANY_OF: &'static [OAuthScope] = &[$(OAuthScope::$scope),+];
        })*

        /// The scopes of which an operation needs one; none of an operation that is about no customer.
        #[must_use]
        pub fn scopes_of(operation: &Operation) -> &'static [OAuthScope] {
            $(if operation.code == op::$op::OPERATION.code {
                return op::$op::ANY_OF;
            })*
            &[]
        }
    };
}

opened! {
    GetCustomerProfile: ProfileBasicRead | ProfileContactRead | ProfileAddressRead | ProfileAgeBandRead | PreferencesRead;
    ListCustomerLoyalty: LoyaltyBasicRead | LoyaltyCardRead | LoyaltyHistoryRead;
    ListCustomerLoyaltyTransactions: LoyaltyHistoryRead;
    GetCustomerPurchaseSummary: PurchasesSummaryRead;
    ListCustomerPurchases: PurchasesOrdersRead | PurchasesItemsRead | PurchasesReceiptsRead;
    GetCustomerPurchase: PurchasesOrdersRead | PurchasesItemsRead | PurchasesReceiptsRead;
    ListCustomerLists: ListsRead;
    GetCustomerList: ListsRead;
    CreateCustomerList: ListsWrite;
    UpdateCustomerList: ListsWrite;
    AddCustomerListItem: ListsWrite;
    ListCustomerPromotions: OffersRead | OffersActivate;
}

/// A call about a customer that may be answered.
pub(super) struct CustomerCall<O> {
    pub(super) api: web::Data<CustomerApi>,
    /// What may be told.
    pub(super) read: ConsentedRead,
    /// Of whom.
    pub(super) whose: ConsentCustomer,
    /// The ids that the partner knows what is the customer's by.
    pub(super) ids: ScopedIds,
    /// To whom.
    pub(super) partner: PartnerId,
    /// To which of their programs.
    pub(super) app: AppId,
    /// When the call was judged.
    pub(super) at: Micros,
    operation: PhantomData<O>,
}

impl<O> std::fmt::Debug for CustomerCall<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomerCall").field("read", &self.read).finish_non_exhaustive()
    }
}

impl<O: CustomerOp> FromRequest for CustomerCall<O> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admitted(&request).await })
    }
}

/// The same with what the call sends, which is read only once the call may be answered.
#[derive(Debug)]
pub(super) struct CustomerWrite<O, T> {
    /// The call.
    pub(super) call: CustomerCall<O>,
    /// Its body.
    pub(super) body: T,
}

impl<O: CustomerOp, T: DeserializeOwned + ToSchema + 'static> FromRequest for CustomerWrite<O, T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let call = admitted(&request).await?;
            let JsonBody(body) = JsonBody::<T>::from_request(&request, &mut payload).await?;
            Ok(Self { call, body })
        })
    }
}

/// Judges a call. Whoever has proved to be a client is held to the limits of its app before the consent is looked at, so that
/// looking for consents is not free of limits.
async fn admitted<O: CustomerOp>(request: &HttpRequest) -> ApiResult<CustomerCall<O>> {
    let api = request.app_data::<web::Data<CustomerApi>>().cloned();
    let api = api.filter(|api| api.authz.settings.is_on()).ok_or_else(|| {
        ApiError::new(Code::UnknownPath, "There is nothing about customers on this server.")
    })?;
    let now = api.authz.clock.now();
    let claims = shown(&api, request, now).await?;
    let (key, position) = api.key_of(&claims.client_id, now).ok_or_else(refused::unsure)?;
    let client = client_of(&api, &key, position).await?;
    let registered = registered(&claims, client);
    let asked = presented::asked(&claims, &registered);
    let asked = asked.map_err(|error| refused::of_oauth(&api, &error, now))?;
    caller::judge_as(request, O::OPERATION, &key, now).await?;
    let read = consented::<O>(&api, &asked, client).await?;
    let whose = customer_by(&api.authz.db, read.grant_id(), read.sub()).await;
    let whose = whose.map_err(|error| refused::unknown(&error))?;
    let whose = whose.ok_or_else(|| refused::ended(&api))?;
    let ids = ScopedIds::of(&api.ids, &whose.sector);
    let (partner, app) = (key.partner, key.app);
    Ok(CustomerCall { read, whose, ids, partner, app, at: now, operation: PhantomData, api })
}

/// The app of a client's key as consents are judged by it, at the position at which the key stands as it does.
async fn client_of(api: &CustomerApi, key: &KeyRecord, position: i64) -> ApiResult<ConsentClient> {
    let found = match key.kind {
        KeyKind::Client => api.clients.get(&api.authz.db, key.app, position).await,
        KeyKind::Key => Ok(None),
    };
    let found = found.map_err(|error| refused::unknown(&error))?;
    found.ok_or_else(|| {
        let why = "the client of the token is not registered for customers any more";
        refused::invalid_token(api, Code::InvalidToken, why)
    })
}

/// The client of a token. How it proves itself and where it sends customers have no part in a read.
fn registered(claims: &AccessClaims, client: ConsentClient) -> AuthzClient {
    AuthzClient {
        id: claims.client_id.clone(),
        app: client.id,
        auth: ClientAuth::None,
        profile: SecurityProfile::Fapi2,
        redirect_uris: Vec::new(),
        scopes: client.scopes,
    }
}

/// The method as the client has sent it, for which its proof is made.
fn method(request: &HttpRequest) -> &str {
    if request.extensions().contains::<CameAsHead>() { "HEAD" } else { request.method().as_str() }
}

/// All values of a header.
fn values<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a [u8]> {
    request.headers().get_all(name).map(HeaderValue::as_bytes).collect()
}

/// What the token of a call says, if it is shown as it must be. A proof that was shown is used, whatever becomes of the call.
async fn shown(api: &CustomerApi, request: &HttpRequest, now: Micros) -> ApiResult<AccessClaims> {
    let (authorization, dpop) = (values(request, &AUTHORIZATION), values(request, &DPOP));
    let headers = ShownHeaders { authorization: &authorization, dpop: &dpop };
    let address = Htu::of(api.authz.issuer(), request.path());
    let address = address.ok_or_else(|| refused::of_oauth(api, &DpopError::Address.into(), now))?;
    let keys = api.authz.keys.verifiers();
    let rules = api.authz.token_rules(&keys);
    let judged = presented::judge(headers, (method(request), &address), &rules, now);
    let judged = judged.map_err(|error| refused::of_oauth(api, &error, now))?;
    let unspent = judged.ok_or_else(|| refused::no_token(api))?;
    let token = api.authz.replays.spend(unspent, now).await;
    let token = token.map_err(|failed| refused::of_protocol(api, &failed, now))?;
    Ok(token.claims)
}

/// What the consent behind a token allows of an operation now. Nothing but [`ConsentRead::decide`] says so; it is asked for
/// each of the scopes that open the operation, until one is there.
async fn consented<O: CustomerOp>(
    api: &CustomerApi,
    asked: &AskedRights<'_>,
    client: ConsentClient,
) -> ApiResult<ConsentedRead> {
    let TokenAbout::Grant(pointer) = asked.about else {
        return Err(match asked.about {
            TokenAbout::Client => refused::scope(api, O::ANY_OF),
            _ => refused::ended(api),
        });
    };
    let settings = api.authz.settings.consent;
    let known = api.authz.consents.known_for(
        (&api.authz.db, &api.authz.clock),
        (&pointer, asked.issued_at),
        settings.stale_after(),
    );
    let known = known.await;
    // Of a customer whose account is barred, all consents are suspended in the ledger.
    let standings = Standings { client, customer: CustomerStanding::Open };
    let now = api.authz.clock.now();
    for scope in O::ANY_OF {
        let read = ConsentRead {
            pointer,
            issued_at: asked.issued_at,
            token_scopes: asked.scopes,
            needs: (*scope).into(),
        };
        match read.decide(&known, standings, settings, now) {
            Ok(read) => return Ok(read),
            Err(ReadRefused::Scopes { .. }) => {}
            Err(why) => return Err(told(api, why, O::ANY_OF)),
        }
    }
    Err(refused::scope(api, O::ANY_OF))
}

/// What a partner is told of a refusal.
fn told(api: &CustomerApi, why: ReadRefused, any_of: &[OAuthScope]) -> ApiError {
    match why.answer(any_of.iter().copied().collect()) {
        ReadAnswer::Unavailable => refused::unsure(),
        ReadAnswer::InvalidToken => refused::ended(api),
        ReadAnswer::InsufficientScope(_) => refused::scope(api, any_of),
    }
}

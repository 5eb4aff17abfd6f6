//! The one guard of customers' data: who calls, by whose consent, and within which limits.
//!
//! What it gives cannot be had otherwise: the token is one of the issuer's and shown with its key, the proof is used for the
//! first time on any node, the client is registered, its app is within its limits, and the consent is in force by what the
//! node knows, or by its row where that is too old. Where nothing can be known, nothing is answered.

use super::refused;
use super::state::CustomerApi;
use crate::access::caller;
use crate::access::operation::{Op, Operation, op};
use crate::authz::access_token::{AccessClaims, Between};
use crate::authz::clients;
use crate::authz::dpop::DpopError;
use crate::authz::htu::Htu;
use crate::authz::presented::{self, AskedRights, ShownHeaders, TokenAbout, TokenRules};
use crate::authz::store::used;
use crate::consent::decide::{ConsentRead, ConsentedRead, ReadAnswer, ReadRefused};
use crate::consent::scope::OAuthScope;
use crate::consent::standing::{ConsentClient, CustomerStanding, Standings};
use crate::consent::store::subjects::{ConsentCustomer, customer_by};
use crate::consent::subject::ScopedIds;
use crate::http::{ApiError, ApiResult, Code, JsonBody};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, web};
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
    let api = request.app_data::<web::Data<CustomerApi>>().cloned().ok_or_else(|| {
        ApiError::new(Code::UnknownPath, "There is nothing about customers on this server.")
    })?;
    let now = api.clock.now();
    let claims = shown(&api, request, now).await?;
    let registered = clients::find(&api.db, &claims.client_id, now).await;
    let registered = registered.map_err(|error| refused::unknown(&error))?;
    let registered = registered.ok_or_else(|| {
        let why = "the client of the token is not registered any more";
        refused::invalid_token(&api, Code::InvalidToken, why)
    })?;
    let client = &registered.client;
    let asked = presented::asked(&claims, client);
    let asked = asked.map_err(|error| refused::of_oauth(&api, &error, now))?;
    let key = api.key_of(&client.id, now).ok_or_else(refused::unsure)?;
    caller::judge_as(request, O::OPERATION, &key, now).await?;
    let read = consented::<O>(&api, &asked, registered.consent_client()).await?;
    let whose = customer_by(&api.db, read.grant_id(), read.sub()).await;
    let whose = whose.map_err(|error| refused::unknown(&error))?;
    let whose = whose.ok_or_else(|| refused::ended(&api))?;
    let ids = ScopedIds::of(&api.ids, &whose.sector);
    let (partner, app) = (registered.partner, client.app);
    Ok(CustomerCall { read, whose, ids, partner, app, at: now, operation: PhantomData, api })
}

/// All values of a header.
fn values<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a [u8]> {
    request.headers().get_all(name).map(HeaderValue::as_bytes).collect()
}

/// What the token of a call says, if it is shown as it must be. A proof that was shown is used, whatever becomes of the call.
async fn shown(api: &CustomerApi, request: &HttpRequest, now: Micros) -> ApiResult<AccessClaims> {
    let (authorization, dpop) = (values(request, &AUTHORIZATION), values(request, &DPOP));
    let headers = ShownHeaders { authorization: &authorization, dpop: &dpop };
    let address = Htu::of(&api.base, request.path());
    let address = address.ok_or_else(|| refused::of_oauth(api, &DpopError::Address.into(), now))?;
    let keys = api.verifiers(now).await.map_err(|error| refused::unknown(&error))?;
    let rules = TokenRules {
        keys: &keys,
        between: Between { issuer: &api.base, audience: &api.base },
        nonces: &api.nonces,
        needs_nonce: api.needs_nonce(),
        customers: api.profile,
    };
    let judged = presented::judge(headers, (request.method().as_str(), &address), &rules, now);
    let judged = judged.map_err(|error| refused::of_oauth(api, &error, now))?;
    let unspent = judged.ok_or_else(|| refused::no_token(api))?;
    let is_new = match unspent.mark() {
        Some(mark) => {
            used::note(&api.db, mark, now).await.map_err(|error| refused::unknown(&error))?
        }
        None => true,
    };
    let token = unspent.noted(is_new).map_err(|error| refused::of_oauth(api, &error, now))?;
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
    let settings = api.settings.consent;
    let known = api.consents.known_for(
        (&api.db, &api.clock),
        (&pointer, asked.issued_at),
        settings.stale_after(),
    );
    let known = known.await;
    // Of a customer whose account is barred, all consents are suspended in the ledger.
    let standings = Standings { client, customer: CustomerStanding::Open };
    let now = api.clock.now();
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

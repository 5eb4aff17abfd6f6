//! The judgement of a call: who, may they, within limits. Plain functions over a small view of the
//! request, so that any front can ask without a second copy of the rules.

use super::Scopes;
use super::authenticate::{self, Held, Unproven};
use super::directory::{KeyRecord, Keyring, Standing, Unusable};
use super::operation::Operation;
use super::plan::taken_milli;
use super::signed::Signer;
use super::terms::Level;
use super::token::Tokens;
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::limit::{Admission, Ask, Decision, MustAsk, Permit, Verdict};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What of a request decides about it.
#[derive(Debug, Clone, Default)]
pub struct CallView<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a [u8]>,
    /// The `X-API-Key` header.
    pub api_key: Option<&'a [u8]>,
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The `X-Forwarded-For` header, all its lines as one list: a proxy may add its own line behind
    /// one that the client forged.
    pub forwarded_for: Option<Cow<'a, [u8]>>,
    /// Path and query, where they hold a signature and the operation takes one in place of a key.
    pub signed: Option<(&'a str, &'a str)>,
}

/// A call that may be answered. What it takes from the limits has been taken.
#[derive(Debug)]
pub struct Admitted {
    /// The key it was made with.
    pub key: Arc<KeyRecord>,
    /// What this call may do: what the key may, and no more than its access token.
    pub scopes: Scopes,
    /// The limits after it.
    pub decision: Decision,
    /// What it holds of them until it has ended.
    pub permit: Option<Permit>,
}

/// What is known of a call that nothing has refused.
#[derive(Debug)]
pub enum Judgement {
    /// It may be answered.
    Admitted(Admitted),
    /// The counters that nodes share have to be asked.
    Pending(Pending),
}

/// A call about whose limits others have to be asked.
#[derive(Debug)]
pub struct Pending {
    held: Held,
    operation: &'static Operation,
    ask: Ask,
}

/// A call that may not be answered. Nothing has been taken from the limits.
#[derive(Debug)]
pub struct Refused {
    /// The key, where the call proved to hold it, or a secret of it that does not work now.
    pub key: Option<Arc<KeyRecord>>,
    /// Why that secret does not.
    pub secret: Option<Unusable>,
    /// The limits, where they were the reason.
    pub decision: Option<Box<Decision>>,
    /// What to tell the caller.
    pub error: ApiError,
    /// Whether the key is whole and not known here, so that it may have been made just now.
    pub may_be_new: bool,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { key: None, secret: None, decision: None, error, may_be_new: false }
    }
}

impl From<Unproven> for Refused {
    fn from(Unproven { error, of, may_be_new }: Unproven) -> Self {
        let (key, secret) = of.unzip();
        Self { key, secret, may_be_new, ..Self::from(error) }
    }
}

/// Judges calls.
#[derive(Debug)]
pub struct Gate {
    keyring: Arc<Keyring>,
    trusted_proxies: Box<[IpNet]>,
    signer: Signer,
    tokens: Tokens,
}

impl Gate {
    /// A gate over a keyring. `X-Forwarded-For` is believed from these proxies only.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>, trusted_proxies: Vec<IpNet>) -> Self {
        let signer = Signer::new(keyring.pepper());
        let tokens = Tokens::new(keyring.pepper());
        Self { keyring, trusted_proxies: trusted_proxies.into(), signer, tokens }
    }

    /// Whether any proxy is believed.
    #[must_use]
    pub fn has_proxies(&self) -> bool {
        !self.trusted_proxies.is_empty()
    }

    /// The keyring.
    #[must_use]
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// What issues access tokens and reads them.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The address that a request comes from, where that can be told.
    #[must_use]
    pub fn client_of(&self, request: &actix_web::HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr().map(|address| address.ip());
        let forwarded = super::caller::forwarded_for(self, request.headers());
        client_address(peer, forwarded.as_deref(), &self.trusted_proxies)
    }

    /// A path as an address that works as `key` until an instant, for operations that take one.
    #[must_use]
    pub fn sign(&self, path: &str, key: &KeyRecord, until: Micros) -> String {
        self.signer.sign(path, key, until)
    }

    /// Judges a call of an operation and, if it may pass, takes its weight from the limits, or says that
    /// for those [`Gate::ask`] has to be awaited.
    pub fn admit(
        &self,
        operation: &'static Operation,
        call: &CallView<'_>,
        now: Micros,
    ) -> Result<Judgement, Refused> {
        let refused = |(error, key)| Refused { key, ..Refused::from(error) };
        let Held { key, scopes } = match call.signed {
            // A key that is shown counts: whoever sends it everywhere sends it here too.
            Some(address) if call.authorization.is_none() && call.api_key.is_none() => {
                authenticate::can_judge(&self.keyring).map_err(|error| refused((error, None)))?;
                let key = self.signer.key_of(address, &self.keyring.current(), now);
                key.map(Held::from).map_err(refused)?
            }
            _ => {
                let taken = (operation.takes_basic(), now);
                authenticate::caller(&self.keyring, &self.tokens, call, taken)
                    .map_err(Refused::from)?
            }
        };
        if let Err(error) = self.authorise((&key, scopes), operation, Some(call), now) {
            return Err(refused((error, Some(key))));
        }
        self.take(Held { key, scopes }, operation, now)
    }

    /// The same of a call that has proved by other means that it is made by the app of a key: where the key may be used
    /// from does not count, since it was not used.
    pub fn admit_as(
        &self,
        key: &Arc<KeyRecord>,
        operation: &'static Operation,
        now: Micros,
    ) -> Result<Judgement, Refused> {
        let refused = |error| Refused { key: Some(Arc::clone(key)), ..Refused::from(error) };
        authenticate::can_judge(&self.keyring).map_err(refused)?;
        self.authorise((key, key.scopes), operation, None, now).map_err(refused)?;
        self.take(Held::from(Arc::clone(key)), operation, now)
    }

    /// Takes the weight of a call that may be made from the limits, where that can be said at once.
    fn take(
        &self,
        Held { key, scopes }: Held,
        operation: &'static Operation,
        now: Micros,
    ) -> Result<Judgement, Refused> {
        let weight_milli = taken_milli(&key.granted.terms.weights, operation);
        let ask = Ask { operation: operation.code, weight_milli, free: operation.is_free(), now };
        match self.keyring.limiter().check(&key.subject, &key.granted.terms, &ask) {
            Ok(admission) => within_limits(Held { key, scopes }, admission, (operation, now))
                .map(Judgement::Admitted),
            Err(MustAsk) => {
                Ok(Judgement::Pending(Pending { held: Held { key, scopes }, operation, ask }))
            }
        }
    }

    /// Asks the counters that nodes share about a call that has passed everything else.
    pub async fn ask(&self, pending: Pending) -> Result<Admitted, Refused> {
        let Pending { held, operation, ask } = pending;
        let (subject, terms) = (&held.key.subject, &held.key.granted.terms);
        let admission = self.keyring.limiter().ask(subject, terms, &ask).await;
        within_limits(held, admission, (operation, ask.now))
    }

    fn authorise(
        &self,
        (key, scopes): (&KeyRecord, Scopes),
        operation: &'static Operation,
        call: Option<&CallView<'_>>,
        now: Micros,
    ) -> Result<(), ApiError> {
        if key.standing == Standing::Quarantined && operation.method != "GET" {
            let detail = "The key is in quarantine and can only read, once a second, until the \
                          retailer has looked at it: use another one, or ask the retailer.";
            return Err(ApiError::new(Code::Quarantined, detail));
        }
        let barred = self.standing(key, call, now).err();
        let slow = barred.is_some() || key.standing == Standing::Quarantined;
        let open = operation.is_open_to_barred() && key.standing != Standing::Revoked;
        if let Some(error) = barred.filter(|_| !open) {
            return Err(error);
        }
        match operation.scope {
            Some(scope) if !scopes.has(scope) => {
                let detail = format!("The key lacks the scope `{}`.", scope.as_str());
                let error = ApiError::new(Code::InsufficientScope, detail);
                Err(error.required_scope(scope.as_str()))
            }
            // What may do next to nothing must not drain the limits of its app.
            _ if slow => key.pace(now).map_err(|seconds| too_fast(key, seconds)),
            _ => Ok(()),
        }
    }

    /// Whether a key may be used at all, now and from where the call comes from; where it was not shown, from anywhere.
    fn standing(
        &self,
        key: &KeyRecord,
        call: Option<&CallView<'_>>,
        now: Micros,
    ) -> Result<(), ApiError> {
        match key.standing {
            Standing::Good | Standing::Quarantined => {}
            Standing::Frozen(what) => return Err(frozen(key, what)),
            Standing::BeforeContract | Standing::AfterContract => return Err(no_contract(key)),
            Standing::Suspended(what) => {
                let detail = format!("{what} is suspended: ask the retailer.");
                return Err(ApiError::new(Code::Suspended, detail));
            }
            Standing::Revoked => {
                let detail = "The key was revoked and will not work again: use another one.";
                return Err(ApiError::new(Code::RevokedKey, detail));
            }
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            let detail = "The key has reached its expiry: ask for a new one.";
            return Err(ApiError::new(Code::ExpiredKey, detail));
        }
        let is_elsewhere = |call| !key.cidrs.is_empty() && !self.address_allowed(key, call);
        if call.is_some_and(is_elsewhere) {
            let detail = "The key's allow-list does not hold the address of this call.";
            return Err(ApiError::new(Code::AddressNotAllowed, detail));
        }
        Ok(())
    }

    fn address_allowed(&self, key: &KeyRecord, call: &CallView<'_>) -> bool {
        self.client_address(call).is_some_and(|client| holds(&key.cidrs, client))
    }

    /// The address that a call comes from, behind the proxies that are believed.
    #[must_use]
    pub fn client_address(&self, call: &CallView<'_>) -> Option<IpAddr> {
        client_address(call.peer, call.forwarded_for.as_deref(), &self.trusted_proxies)
    }

    /// Why a key may not be used from where a call comes from now, whatever the operation; `None` where
    /// it may.
    pub fn barred(&self, key: &KeyRecord, call: &CallView<'_>, now: Micros) -> Option<ApiError> {
        self.standing(key, Some(call), now).err()
    }
}

/// The address that made the call: the peer, or, where the peer is a trusted proxy, the last
/// address in `X-Forwarded-For` that is not one (earlier ones are the client's own claim).
#[must_use]
pub fn client_address(
    peer: Option<IpAddr>,
    forwarded_for: Option<&[u8]>,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !holds(trusted, peer) {
        return Some(peer);
    }
    let Some(forwarded) = forwarded_for else { return Some(peer) };
    for hop in forwarded.rsplit(|b| *b == b',') {
        // A hop that is no address ends the trail: what stands before it cannot be believed.
        let hop = hop_address(hop)?.to_canonical();
        if !holds(trusted, hop) {
            return Some(hop);
        }
    }
    Some(peer)
}

/// The address in a hop: alone, or with a port, as some gateways send it. An IPv6 address with a port stands in
/// brackets; without them, all of it is the address.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

fn frozen(key: &KeyRecord, what: Level) -> ApiError {
    let said = key.frozen.0.as_deref().map(|reason| format!(" The retailer says: {reason}"));
    let detail =
        format!("{what} was frozen by the retailer: ask the retailer.{}", said.unwrap_or_default());
    ApiError::new(Code::Frozen, detail)
}

/// When the first record behind this one holds that is not before the contract.
fn contract_begins(key: &KeyRecord) -> Micros {
    let mut at = key;
    while let Some(next) =
        at.next.as_deref().filter(|next| next.standing == Standing::BeforeContract)
    {
        at = next;
    }
    at.until
}

fn no_contract(key: &KeyRecord) -> ApiError {
    let detail = match key.standing {
        Standing::BeforeContract => {
            let begins = contract_begins(key);
            format!("The partner's contract with the retailer begins at {begins}, not before.")
        }
        _ => {
            "The partner's contract with the retailer is over: ask the retailer for another.".into()
        }
    };
    ApiError::new(Code::NoContract, detail)
}

fn too_fast(key: &KeyRecord, seconds: u64) -> ApiError {
    let (detail, limit) = match key.standing {
        Standing::Quarantined => {
            ("The key is in quarantine and is answered once a second.", "quarantine")
        }
        _ => ("The key is barred and is told why once a second.", "barred"),
    };
    ApiError::new(Code::KeySlowed, detail).limited(vec![limit.to_owned()], Some(seconds))
}

/// What the limits say of a call with a key that may make it. What tells of limits is answered beyond them once a second,
/// and then takes nothing from them: who has to wait learns why.
fn within_limits(
    Held { key, scopes }: Held,
    admission: Admission,
    (operation, now): (&Operation, Micros),
) -> Result<Admitted, Refused> {
    let Admission { decision, permit } = admission;
    if decision.allowed() || (operation.tells_of_limits() && key.pace(now).is_ok()) {
        return Ok(Admitted { key, scopes, decision, permit });
    }
    let error = over_limit(&key, &decision);
    Err(Refused { key: Some(key), decision: Some(Box::new(decision)), ..Refused::from(error) })
}

fn over_limit(key: &KeyRecord, decision: &Decision) -> ApiError {
    let limits = &key.granted.terms.limits;
    let violated: Vec<String> = decision.violated(limits).map(str::to_owned).collect();
    let which = violated.join(", ");
    let retry_after = decision.retry_after_s().map(u64::from);
    if decision.is_reduced() {
        let detail = if decision.is_by_plan() {
            "The store in which the parts of the service count limits together cannot be reached for a moment, and \
             your plan grants nothing while that is so. That does not say that it is exceeded. Try again in some \
             seconds."
                .to_owned()
        } else if decision.is_degraded() {
            "The parts of the service cannot count limits together for a moment, so that each grants a share of \
             what was left, and this call is more than is left of this share. That does not say that your plan is \
             exceeded. Try again in some seconds."
                .to_owned()
        } else {
            format!(
                "Nothing of the limit {which} is free here now: other parts of the service hold, or have used by now, \
                 what was left of it, and give back within seconds what they do not need. Try again then."
            )
        };
        return ApiError::new(Code::ReducedCapacity, detail).limited(violated, retry_after);
    }
    let detail = match (decision.verdict(), retry_after) {
        (Verdict::Busy, _) => format!(
            "As many calls are under way as the limit {which} of the plan lets be. Try again when one \
             of them has ended; when that is, only they know."
        ),
        (_, Some(seconds)) => format!(
            "The limit {which} of the plan is reached. Wait {seconds} s before the next call."
        ),
        (_, None) => format!(
            "One call of this operation weighs more than the whole limit {which} of the plan."
        ),
    };
    ApiError::new(Code::QuotaExceeded, detail).limited(violated, retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: Option<&str>) -> Option<String> {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client_address(peer.parse().ok(), forwarded.map(str::as_bytes), &trusted)
            .map(|a| a.to_string())
    }

    #[test]
    fn a_forwarded_address_is_believed_from_a_trusted_proxy_only() {
        assert_eq!(client("192.0.2.1", Some("198.51.100.7")).as_deref(), Some("192.0.2.1"));
        assert_eq!(client("10.1.1.1", Some("198.51.100.7")).as_deref(), Some("198.51.100.7"));
        let spoofed = client("10.1.1.1", Some("203.0.113.9, 198.51.100.7, 10.2.2.2"));
        assert_eq!(spoofed.as_deref(), Some("198.51.100.7"));
        assert_eq!(client("10.1.1.1", Some("203.0.113.9, nonsense")), None);
        assert_eq!(client("::ffff:10.1.1.1", Some("2001:db8::1")).as_deref(), Some("2001:db8::1"));
    }

    #[test]
    fn a_forwarded_address_may_have_a_port() {
        for (forwarded, address) in [
            ("192.0.2.9:4711", "192.0.2.9"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[::ffff:192.0.2.9]:443", "192.0.2.9"),
            ("203.0.113.9, 192.0.2.9:1, 10.2.2.2:50000", "192.0.2.9"),
            ("203.0.113.9, [2001:db8::7]:1, [fd00::1]:2", "2001:db8::7"),
        ] {
            assert_eq!(
                client("10.1.1.1", Some(forwarded)).as_deref(),
                Some(address),
                "{forwarded}"
            );
        }
        for hostile in [
            "192.0.2.9:",
            "192.0.2.9:65536",
            "192.0.2.9:+80",
            "192.0.2.9:-1",
            "192.0.2.9:80:80",
            "192.0.2.9 :80",
            ":80",
            "[192.0.2.9]:80",
            "[2001:db8::7",
            "2001:db8::7]:443",
            "[2001:db8::7]443",
            "[[2001:db8::7]]:443",
            "[]:443",
            "[]",
            "[2001:db8::7%eth0]:443",
            "localhost:80",
            "",
        ] {
            // What stands before it cannot be believed either.
            let trail = format!("203.0.113.9, {hostile}");
            assert_eq!(client("10.1.1.1", Some(&trail)), None, "{hostile}");
        }
    }
}

//! The one table of error codes: each with its status, its stable text and its title.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)*) => {
        /// Every error code of the APIs. The text is a contract: it never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, for the documents and the tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text in `code`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The human title, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    /// A parameter is unknown, malformed or out of range; `errors` names each.
    InvalidParameter = 400 "invalid_parameter" "A parameter is not valid";
    /// The body is not what the operation takes; `errors` points at each fault.
    InvalidBody = 400 "invalid_body" "The body is not valid";
    /// The cursor is not one of this list with these filters.
    InvalidCursor = 400 "invalid_cursor" "The cursor is not valid here";
    /// No key came with the call.
    MissingKey = 401 "missing_key" "A key is required";
    /// The key is not one of ours, or its text was damaged on the way.
    InvalidKey = 401 "invalid_key" "The key is not valid";
    /// The key was valid until its expiry.
    ExpiredKey = 401 "expired_key" "The key has expired";
    /// The key was revoked.
    RevokedKey = 401 "revoked_key" "The key has been revoked";
    /// The access token is not one of ours, is over, or was damaged on the way.
    InvalidToken = 401 "invalid_token" "The access token is not valid";
    /// No access token came with a call that is about a customer; a key is none.
    MissingToken = 401 "missing_token" "An access token is required";
    /// The consent behind the access token has ended, or never was: ask the customer again.
    ConsentEnded = 401 "consent_ended" "The consent has ended";
    /// The proof of the token's key (DPoP) is missing, does not hold, or was used before.
    InvalidDpopProof = 401 "invalid_dpop_proof" "The proof of the key does not hold";
    /// The proof of the token's key needs the nonce of the header `DPoP-Nonce`.
    UseDpopNonce = 401 "use_dpop_nonce" "The proof needs a nonce";
    /// The key is in quarantine, and the operation is not for looking.
    Quarantined = 403 "quarantined" "The key is in quarantine";
    /// The session has ended, or never was.
    SessionEnded = 401 "session_ended" "The session has ended";
    /// Login, password or code is not right.
    InvalidLogin = 401 "invalid_login" "The login is not right";
    /// The account has one-time codes, and none came with the login.
    SecondFactorRequired = 401 "second_factor_required" "A code is required";
    /// The key, its app, its subscription to a plan or its partner is suspended.
    Suspended = 403 "suspended" "Access is suspended";
    /// The key, its app or its partner is frozen.
    Frozen = 403 "frozen" "Access is frozen";
    /// The partner's contract has not begun, or is over.
    NoContract = 403 "no_contract" "There is no contract at present";
    /// The call came from an address that the key does not allow.
    AddressNotAllowed = 403 "address_not_allowed" "The key may not be used from this address";
    /// The signed address is not as it was given out.
    InvalidSignature = 403 "invalid_signature" "The address is not signed by this server";
    /// The signed address worked for a time that is over.
    ExpiredSignature = 403 "expired_signature" "The address has expired";
    /// The report is not signed by a key that is trusted, or was changed on the way.
    UnsignedReport = 403 "unsigned_report" "The report is not signed";
    /// The key lacks the operation's scope, named in `required_scope`.
    InsufficientScope = 403 "insufficient_scope" "The key lacks a scope";
    /// The roles of the admin who called have not the right that the operation needs.
    InsufficientRole = 403 "insufficient_role" "Your roles do not allow this";
    /// The account must be set up before it can be used.
    SetupRequired = 403 "setup_required" "The account must be set up first";
    /// Another person has to decide, and in a session.
    SecondPersonRequired = 403 "second_person_required" "A second person is required";
    /// The call comes from the page of another site, or does not show that it does not.
    CrossSite = 403 "cross_site" "The call comes from another site";
    /// The app's plan does not include the data that was asked for.
    NotInPlan = 403 "not_in_plan" "The plan does not include this";
    /// There is no such path.
    UnknownPath = 404 "unknown_path" "There is nothing at this path";
    /// The resource does not exist.
    NotFound = 404 "not_found" "There is no such resource";
    /// The path exists, but not with this method.
    MethodNotAllowed = 405 "method_not_allowed" "The method is not allowed here";
    /// The body stood still for longer than it may.
    BodyTooSlow = 408 "body_too_slow" "The body did not come in time";
    /// The write contradicts what is there.
    Conflict = 409 "conflict" "The request conflicts with what is there";
    /// The first call with this `Idempotency-Key` has not been answered yet.
    IdempotencyInProgress = 409 "idempotency_in_progress" "The first call with this key is under way";
    /// The resource existed and was deleted.
    Gone = 410 "gone" "The resource has been deleted";
    /// The position is older than what the change log holds.
    PositionExpired = 410 "position_expired" "The position is too old";
    /// What was to be changed has changed since it was looked at.
    PreconditionFailed = 412 "precondition_failed" "It has changed since";
    /// The write must say in `If-Match` which version it was made from.
    PreconditionRequired = 428 "precondition_required" "Say which version was seen";
    /// The body is larger than the operation takes.
    BodyTooLarge = 413 "body_too_large" "The body is too large";
    /// The body's media type is not one that the operation takes.
    UnsupportedMediaType = 415 "unsupported_media_type" "The media type is not supported";
    /// The range lies behind the end of the file.
    RangeNotSatisfiable = 416 "range_not_satisfiable" "The range is not satisfiable";
    /// The code is not a GTIN; `errors` says which digit would be right.
    InvalidGtin = 422 "invalid_gtin" "The GTIN is not valid";
    /// The code is an in-store code and names no product outside one retailer.
    InStoreCode = 422 "in_store_code" "The code is an in-store code";
    /// This `Idempotency-Key` came with another call: each write needs its own.
    IdempotencyKeyReused = 422 "idempotency_key_reused" "The key came with another call";
    /// A rate or quota of the plan is used up for now.
    QuotaExceeded = 429 "quota_exceeded" "The plan's limit is reached";
    /// A limit that the operation has beside the plan, named in `violated-policies`, is reached; none of the plan's is.
    OperationLimited = 429 "operation_limited" "The operation's own limit is reached";
    /// Too many attempts to log in; the next one has to wait.
    TooManyAttempts = 429 "too_many_attempts" "Too many attempts";
    /// Too much was asked for without a key from one address.
    TooManyRequests = 429 "too_many_requests" "Too many requests from this address";
    /// A key that is in quarantine or barred is answered once a second; no limit of the plan is reached.
    KeySlowed = 429 "key_slowed" "The key is answered once a second";
    /// Limits are counted with less than full capacity, or other parts of the service hold what is left of one, and
    /// the call is more than can be granted meanwhile; the plan is not known to be exceeded.
    ReducedCapacity = 429 "temporary_reduced_capacity" "The service has less capacity for a moment";
    /// A defect on our side.
    Internal = 500 "internal" "Something went wrong on our side";
    /// A part that the call needs is away; it may be tried again.
    Unavailable = 503 "unavailable" "The service cannot answer now";
    /// This node has not heard of changes to keys for too long, so it says neither yes nor no.
    AccessStale = 503 "access_stale" "Access cannot be judged now";
    /// This node's clock is too far from the others' to judge and record by it.
    ClockSkewed = 503 "clock_skewed" "The clock is wrong here";
    /// The search index is being made; everything else is answered meanwhile.
    SearchNotReady = 503 "search_not_ready" "Search is not ready yet";
    /// The call could not be recorded, so it was not served.
    MeteringUnavailable = 503 "metering_unavailable" "The call cannot be metered now";
}

impl Code {
    /// The problem type: a stable URI for each code.
    #[must_use]
    pub fn type_uri(self) -> String {
        match self {
            // The type that draft-ietf-httpapi-ratelimit-headers-11 §5 registers.
            Self::QuotaExceeded => {
                "https://iana.org/assignments/http-problem-types#quota-exceeded".into()
            }
            Self::ReducedCapacity => {
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity".into()
            }
            _ => format!("urn:comptoir:problem:{}", self.as_str().replace('_', "-")),
        }
    }
}

//! What goes wrong with an object storage, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What went wrong with an object or a file.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The storage, with what.
    #[error("{at}: {fault}")]
    Storage {
        /// Its address.
        at: String,
        /// What went wrong.
        fault: Fault,
    },
    /// A file of this machine.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it was when it was written.
    #[error("{} has changed since it was written: look after the disk", .0.display())]
    Changed(PathBuf),
}

/// What went wrong with a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The settings have no key.
    NoCredentials,
    /// The storage does not know the key.
    UnknownKey,
    /// The key is another.
    WrongSecret,
    /// What goes with a lent key has ended, or is not of it.
    WrongToken,
    /// The clocks differ.
    Skew,
    /// The key may not do that.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket is in another region, where that was told.
    OtherRegion(Option<String>),
    /// The storage does not know what it was asked.
    NotImplemented,
    /// The storage's certificate is none that this machine trusts, or there is none.
    Untrusted,
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The connection was cut.
    BrokenOff,
    /// The object is there already, or another request has it in hand.
    There,
    /// It fails, or has no time.
    Failing(u16, String),
    /// It refuses for another reason.
    Refused(u16, String),
    /// A name that no key can have.
    Name,
    /// More than memory is given for.
    TooLong,
    /// The storage says what its API does not.
    Nonsense(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => {
                "no key is set for object storage: set object_storage.access_key_id and object_storage.secret_access_key"
            }
            Self::UnknownKey => {
                "the storage does not know object_storage.access_key_id: check it, and object_storage.endpoint"
            }
            Self::WrongSecret => {
                "object_storage.secret_access_key does not belong to object_storage.access_key_id"
            }
            Self::WrongToken => {
                "object_storage.session_token has ended or belongs to another key: get a new one"
            }
            Self::Skew => {
                "the clock of this machine is too far from that of the storage: set it right"
            }
            Self::Denied => {
                "the key may not do that: it needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and \
                 s3:AbortMultipartUpload on what is in it"
            }
            Self::NoBucket => "there is no such bucket: make it, or name another",
            Self::OtherRegion(None) => {
                "the bucket is in another region: set object_storage.region to it"
            }
            Self::OtherRegion(Some(region)) => {
                return write!(
                    f,
                    "the bucket is in another region: set object_storage.region to {region}"
                );
            }
            Self::NotImplemented => "the storage does not know such a request",
            Self::Untrusted => {
                "no trusted connection: this machine does not trust the certificate of object_storage.endpoint, or it \
                 speaks no TLS"
            }
            Self::Unreachable => "the storage cannot be reached: check object_storage.endpoint",
            Self::Timeout => {
                "the storage did not answer in time (object_storage.timeout_s): try again later"
            }
            Self::BrokenOff => "the connection to the storage was cut: try again later",
            Self::There => "it is there already, or something else writes it",
            Self::Failing(status, code) => {
                return write!(f, "the storage fails ({status} {code}): try again later");
            }
            Self::Refused(status, code) => return write!(f, "the storage refuses ({status} {code})"),
            Self::Name => "it is no name of an object",
            Self::TooLong => "it is longer than it can be: something else has put it there",
            Self::Nonsense(what) => return write!(f, "the storage did not answer as S3 does: {what}"),
        })
    }
}

impl Error for Fault {}

impl Fault {
    /// What a status and a code of the API mean; none where it is for the library to say.
    pub(super) fn of_answer(status: u16, code: &str, region: Option<String>) -> Option<Self> {
        let known = match code {
            "InvalidAccessKeyId" => Self::UnknownKey,
            "SignatureDoesNotMatch" => Self::WrongSecret,
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => Self::WrongToken,
            "RequestTimeTooSkewed" => Self::Skew,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Self::Denied,
            "NoSuchBucket" => Self::NoBucket,
            "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => {
                Self::OtherRegion(region)
            }
            "AuthorizationHeaderMalformed" if region.is_some() => Self::OtherRegion(region),
            "NotImplemented" => Self::NotImplemented,
            // It waited for a body that did not come.
            "RequestTimeout" => Self::Timeout,
            _ => return Self::of_status(status, code, region),
        };
        Some(known)
    }

    fn of_status(status: u16, code: &str, region: Option<String>) -> Option<Self> {
        match status {
            200..=299 | 304 | 404 | 409 | 412 => None,
            300..=399 => Some(Self::OtherRegion(region)),
            // A request for the head alone has no code.
            400 if region.is_some() => Some(Self::OtherRegion(region)),
            401 | 403 => Some(Self::Denied),
            501 => Some(Self::NotImplemented),
            408 | 429 | 500..=599 => Some(Self::Failing(status, code.to_owned())),
            _ => Some(Self::Refused(status, code.to_owned())),
        }
    }

    /// Whether the request may have been done all the same.
    pub(super) fn leaves_open(&self) -> bool {
        matches!(
            self,
            Self::There | Self::Timeout | Self::BrokenOff | Self::Failing(..) | Self::Nonsense(_)
        )
    }

    /// What an error of the library means: the fault that our client has put into it, or what it is.
    pub(super) fn of_error(error: &object_store::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        let mut last = String::new();
        while let Some(one) = cause {
            if let Some(fault) = one.downcast_ref::<Self>() {
                return fault.clone();
            }
            last = one.to_string();
            cause = one.source();
        }
        match error {
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. } => Self::There,
            object_store::Error::NotFound { .. } => Self::Refused(404, "not found".to_owned()),
            _ => Self::Nonsense(last),
        }
    }
}

impl ObjectError {
    pub(super) fn of(at: String, fault: Fault) -> Self {
        Self::Storage { at, fault }
    }

    /// What went wrong with the storage.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Storage { fault, .. } => Some(fault),
            Self::File { .. } | Self::Changed(_) => None,
        }
    }
}

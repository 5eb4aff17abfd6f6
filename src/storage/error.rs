//! What can go wrong in the database, as the rest of the program sees it.

use std::fmt::Display;
use std::str::FromStr;

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A uniqueness or reference rule of the schema refused the write.
    #[error("the database refused the write: {0}")]
    Conflict(#[source] sqlx::Error),
    /// No connection, a lost connection, a lock that did not come free, or one that two waited for at once: it may be
    /// otherwise in a moment.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// There is no way to the server.
    #[error(
        "PostgreSQL does not answer at {at} ({why}): check that it runs there and lets this machine in, and that \
         `database.url` names the right host and port"
    )]
    Unreached {
        /// Its host and port, or the socket.
        at: String,
        /// What is known of the reason.
        why: String,
    },
    /// The disk under the database is full.
    #[error("the disk under the database is full: {0}")]
    Full(#[source] sqlx::Error),
    /// A stored value that cannot be what it should be.
    #[error("a stored value of {table} is damaged: {detail}")]
    Corrupt {
        /// The table that holds it.
        table: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The schema could not be brought to this version.
    #[error("the schema could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Nothing may be done to a schema that is not understood.
    #[error("the database's schema is of a newer comptoir ({theirs} > {ours}): upgrade this one")]
    Newer {
        /// The version of the database.
        theirs: i64,
        /// The newest version that this program knows.
        ours: i64,
    },
    /// Only who owns the schema can bring it to this version.
    #[error(
        "the database's schema is that of version {theirs}, or what keeps its rows is, and this comptoir's is {ours}: run \
         `comptoir migrate` as the owner of the schema, whose role `database.url` does not name"
    )]
    NotOwner {
        /// The version of the database.
        theirs: i64,
        /// The newest version that this program knows.
        ours: i64,
    },
    /// Anything else: a defect of this program.
    #[error("an unexpected database error: {0}")]
    Other(#[source] sqlx::Error),
}

impl StoreError {
    /// No answer in a time after which there is none to be expected.
    #[must_use]
    pub fn late() -> Self {
        Self::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
    }

    /// Whether the server has ended the transaction for the sake of another one (PostgreSQL, class 40: of two that wait
    /// for each other it ends one): the same, begun anew, may go well.
    #[must_use]
    pub fn gave_way(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(cause)) = self else { return false };
        cause.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
    }

    /// Whether no connection came: others have all of them, and may wait for what this one holds.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// A damaged value of `table`.
    pub fn corrupt(table: &'static str, detail: impl Display) -> Self {
        Self::Corrupt { table, detail: detail.to_string() }
    }
}

/// What a stored text of `table` says.
pub fn parsed<T>(table: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| StoreError::corrupt(table, format!("`{text}`: {error}")))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        let kind = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                return Self::Unavailable(error);
            }
            sqlx::Error::Database(cause) => {
                // SQLite: BUSY 5, LOCKED 6, FULL 13 (extended codes in the upper bytes).
                // PostgreSQL: classes 08 connection, 40 given up for another transaction, 53 resources, 57
                // intervention; 53100 disk full; 55P03 a lock, 25006 a primary that is one no more.
                let code = cause.code().unwrap_or_default().into_owned();
                let sqlite = code.parse::<u32>().map(|n| n & 0xff);
                match (sqlite, code.get(..2)) {
                    _ if code == "53100" => return Self::Full(error),
                    (Ok(13), _) if code.len() < 5 => return Self::Full(error),
                    (Ok(5 | 6), _) if code.len() < 5 => return Self::Unavailable(error),
                    _ if code == "55P03" || code == "25006" => return Self::Unavailable(error),
                    (_, Some("08" | "40" | "53" | "57")) if code.len() == 5 => {
                        return Self::Unavailable(error);
                    }
                    _ => cause.kind(),
                }
            }
            _ => ErrorKind::Other,
        };
        match kind {
            ErrorKind::Other => Self::Other(error),
            _ => Self::Conflict(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::error::{DatabaseError, ErrorKind};
    use std::borrow::Cow;

    /// What a server says.
    #[derive(Debug)]
    struct Said(&'static str);

    impl Display for Said {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Said {}

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn what_may_go_well_in_a_moment_is_no_defect() {
        let read = |code| StoreError::from(sqlx::Error::Database(Box::new(Said(code))));
        for code in ["40P01", "40001", "55P03", "25006", "57P01", "53300", "5", "261"] {
            assert!(matches!(read(code), StoreError::Unavailable(_)), "{code}");
        }
        assert!(matches!(read("53100"), StoreError::Full(_)));
        for code in ["42703", "22021", "1"] {
            assert!(matches!(read(code), StoreError::Other(_)), "{code}");
        }
    }
}

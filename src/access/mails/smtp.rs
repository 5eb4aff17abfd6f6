//! The SMTP server that takes mails.
//!
//! What it says is told without its words: they may repeat addresses. The code of an answer (RFC 5321) and its
//! enhanced code (RFC 3463) say as much.

use crate::config::{self, SmtpTls};
use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::fmt;
use std::future::Future;
use tokio::time::timeout;

/// A connection that is open between messages.
pub(super) type Line = Option<AsyncSmtpConnection>;

/// How mails come to the server.
pub struct Smtp {
    settings: config::Smtp,
    /// None where the connection is not protected.
    tls: Option<TlsParameters>,
    /// What this program calls itself.
    name: ClientId,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The server takes none now.
    #[error("{0}")]
    Away(String),
    /// It takes this one later, or that is not known.
    #[error("{0}")]
    Later(String),
    /// It never takes this one.
    #[error("{0}")]
    Never(String),
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Smtp {
    /// The server of the settings, for mails of this sender.
    pub fn new(settings: &config::Smtp, from: &Mailbox) -> Result<Self, Error> {
        let protected = settings.tls != SmtpTls::None;
        let tls = protected.then(|| TlsParameters::new(settings.host.clone())).transpose()?;
        let name = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { settings: settings.clone(), tls, name })
    }

    /// Microseconds that it may take for a connection and a message.
    pub(super) fn patience(&self) -> i64 {
        i64::try_from(self.settings.timeout.as_micros()).unwrap_or(i64::MAX).saturating_mul(2)
    }

    /// Opens a connection and closes it.
    pub async fn try_out(&self) -> Result<(), NotTaken> {
        let mut line = self.open().await?;
        // What is said to a farewell changes nothing.
        let _ = timeout(self.settings.timeout, line.quit()).await;
        Ok(())
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, NotTaken> {
        let config::Smtp { host, port, tls, login, .. } = &self.settings;
        let wrapped = self.tls.clone().filter(|_| *tls == SmtpTls::Required);
        let patience = Some(self.settings.timeout);
        let opened = self.in_time(async {
            let server = (host.as_str(), *port);
            let connect = AsyncSmtpConnection::connect_tokio1;
            let mut line = connect(server, patience, &self.name, wrapped, None).await?;
            if let Some(tls) = self.tls.clone().filter(|_| *tls == SmtpTls::Starttls) {
                line.starttls(tls, &self.name).await?;
            }
            if let Some((user, password)) = login {
                let shown = Credentials::new(user.clone(), password.reveal().to_owned());
                line.auth(DEFAULT_MECHANISMS, &shown).await?;
            }
            Ok(line)
        });
        // Whatever is wrong is so for all messages.
        opened.await.map_err(|(why, _)| NotTaken::Away(why))
    }

    /// Sends a message over a connection, which is opened where it is not.
    pub(super) async fn send(&self, line: &mut Line, message: &Message) -> Result<(), NotTaken> {
        let mut open = match line.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let bytes = message.formatted();
        let sent = self.in_time(open.send(message.envelope(), &bytes)).await;
        match sent {
            Ok(_) => {
                *line = Some(open);
                Ok(())
            }
            Err((why, true)) => Err(NotTaken::Never(why)),
            Err((why, false)) => Err(NotTaken::Later(why)),
        }
    }

    /// Closes a connection.
    pub(super) async fn close(&self, line: Line) {
        if let Some(mut line) = line {
            let _ = timeout(self.settings.timeout, line.quit()).await;
        }
    }

    /// What comes of a conversation within the time for it, or why nothing, and whether that is for good.
    async fn in_time<T>(
        &self,
        conversation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, (String, bool)> {
        match timeout(self.settings.timeout, conversation).await {
            Ok(ended) => ended.map_err(|error| (in_words(&error), error.is_permanent())),
            Err(_) => Err(("did not answer in time".to_owned(), false)),
        }
    }
}

/// What went wrong, without the server's words.
fn in_words(error: &Error) -> String {
    let Some(code) = error.status() else { return error.to_string() };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    match said.split_whitespace().next().filter(|word| is_enhanced(word)) {
        Some(enhanced) => format!("answered {code} {enhanced}"),
        None => format!("answered {code}"),
    }
}

/// Whether a word is an enhanced code, such as 5.1.1.
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let number =
        |part: &&str| matches!(part.len(), 1..=3) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_server_says_only_codes_are_told() {
        for (word, told) in [
            ("5.1.1", true),
            ("4.7.100", true),
            ("5.1", false),
            ("ann@b.example", false),
            ("1.2.x", false),
        ] {
            assert_eq!(is_enhanced(word), told, "{word}");
        }
    }
}

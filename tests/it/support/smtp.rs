//! An SMTP server of a test's own, which takes messages or refuses them as it is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A message as it was taken.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: String,
    /// User and password, where these were shown.
    pub(crate) login: Option<(String, String)>,
    pub(crate) text: String,
}

impl Mail {
    /// The text with its soft line breaks and escapes taken out.
    pub(crate) fn plain(&self) -> String {
        let text = self.text.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, more)) = rest.split_first() {
            let code = (*first == b'=').then(|| std::str::from_utf8(more.get(..2)?).ok()).flatten();
            match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &more[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = more;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// What the server says in place of yes: to whom it is to go, or to the whole message.
#[derive(Debug, Clone)]
pub(crate) enum No {
    ToRecipient(&'static str),
    ToMessage(&'static str),
}

pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    taken: mpsc::UnboundedReceiver<Mail>,
    answers: Arc<Mutex<VecDeque<No>>>,
}

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        Self::start_at(0).await
    }

    /// The same at a port.
    pub(crate) async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, taken) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let held = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answers) = (sender.clone(), Arc::clone(&held));
                // A client that hangs up is no fault of the server's.
                tokio::spawn(async move { converse(stream, sender, answers).await.ok() });
            }
        });
        Self { port, taken, answers }
    }

    /// Says this to the next messages, one each, and then takes what comes.
    pub(crate) fn refuse(&self, answers: &[No]) {
        self.answers.lock().extend(answers.iter().cloned());
    }

    /// The next message that is taken.
    pub(crate) async fn next(&mut self) -> Mail {
        let mail = tokio::time::timeout(Duration::from_secs(20), self.taken.recv()).await;
        mail.expect("a mail in time").expect("a server")
    }

    /// How many were taken and not looked at.
    pub(crate) fn waiting(&self) -> usize {
        self.taken.len()
    }
}

/// What stands between angle brackets.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// User and password of `AUTH PLAIN` (RFC 4616).
fn login(line: &str) -> Option<(String, String)> {
    let shown = STANDARD.decode(line.strip_prefix("AUTH PLAIN ")?).ok()?;
    let shown = String::from_utf8(shown).ok()?;
    let mut parts = shown.split('\0').skip(1).map(str::to_owned);
    Some((parts.next()?, parts.next()?))
}

async fn converse(
    stream: TcpStream,
    sender: mpsc::UnboundedSender<Mail>,
    answers: Arc<Mutex<VecDeque<No>>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 test").await?;
    let (mut from, mut to, mut shown) = (String::new(), String::new(), None);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let asked = std::mem::take(&mut line);
        let asked = asked.trim_end();
        let verb = asked.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say(&mut stream, "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
            "AUTH" => {
                shown = login(asked);
                say(&mut stream, "235 2.7.0 welcome").await?;
            }
            "MAIL" => {
                from = address(asked);
                say(&mut stream, "250 2.1.0 yes").await?;
            }
            "RCPT" => {
                to = address(asked);
                let no = answers.lock().pop_front_if(|no| matches!(no, No::ToRecipient(_)));
                match no {
                    Some(No::ToRecipient(no)) => say(&mut stream, no).await?,
                    _ => say(&mut stream, "250 2.1.5 yes").await?,
                }
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let text = message(&mut stream).await?;
                let no = answers.lock().pop_front();
                match no {
                    Some(No::ToMessage(no)) => say(&mut stream, no).await?,
                    _ => {
                        let (from, to) = (from.clone(), to.clone());
                        let _ = sender.send(Mail { from, to, login: shown.clone(), text });
                        say(&mut stream, "250 2.0.0 taken").await?;
                    }
                }
            }
            "QUIT" => {
                say(&mut stream, "221 2.0.0 bye").await?;
                return Ok(());
            }
            _ => say(&mut stream, "250 2.0.0 yes").await?,
        }
    }
    Ok(())
}

/// The lines up to the one that is a dot alone.
async fn message(from: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn say(to: &mut BufReader<TcpStream>, words: &str) -> std::io::Result<()> {
    to.get_mut().write_all(format!("{words}\r\n").as_bytes()).await
}

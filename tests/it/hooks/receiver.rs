//! A receiver of webhooks that can be as bad as receivers are.

use parking_lot::Mutex;
use serde_json::Value;
use standardwebhooks::Webhook;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A message as it arrived.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    signature: String,
    pub(crate) text: String,
    /// All headers, their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Message {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let expected =
            Webhook::new(secret).unwrap().sign(&self.id, self.timestamp, self.text.as_bytes());
        let expected = expected.unwrap();
        self.signature.split(' ').any(|one| one == expected)
    }
}

/// How a receiver takes a message once it has read it.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// It answers with a status and some header lines.
    Answers(u16, String),
    /// It says nothing for as long as the sender waits.
    Silent,
    /// It hangs up in the middle of the answer's head.
    HangsUp,
    /// It takes the message, and its answer has no end.
    Endless,
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    pub(crate) url: String,
    arrived: mpsc::UnboundedReceiver<Message>,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// The same at an address.
    pub(crate) async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, arrived) = mpsc::unbounded_channel();
        let manner = Arc::new(Mutex::new(Manner::Answers(204, String::new())));
        let held = Arc::clone(&manner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, manner) = (sender.clone(), Arc::clone(&held));
                // A sender that hangs up is no fault of the receiver's.
                tokio::spawn(async move { converse(stream, sender, manner).await.ok() });
            }
        });
        let url = format!("http://127.0.0.1:{port}/hook");
        Self { port, url, arrived, manner }
    }

    pub(crate) fn answer(&self, status: u16) {
        self.take(Manner::Answers(status, String::new()));
    }

    pub(crate) fn take(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    pub(crate) async fn next(&mut self) -> Message {
        let message = tokio::time::timeout(Duration::from_secs(20), self.arrived.recv()).await;
        message.expect("a message in time").expect("a receiver")
    }

    /// How many have arrived and were not looked at.
    pub(crate) fn waiting(&self) -> usize {
        self.arrived.len()
    }

    /// What has arrived and was not looked at.
    pub(crate) fn so_far(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.arrived.try_recv().ok()).collect()
    }
}

/// Reads messages from a connection, one after the other, and takes each in the manner of the moment.
async fn converse(
    stream: TcpStream,
    sender: mpsc::UnboundedSender<Message>,
    manner: Arc<Mutex<Manner>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream).await? {
        let manner = manner.lock().clone();
        let _ = sender.send(request.into());
        let to = stream.get_mut();
        match manner {
            Manner::Answers(status, headers) => {
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n{headers}\r\n");
                let none = matches!(status, 204 | 304);
                let answer =
                    if none { answer.replace("content-length: 0\r\n", "") } else { answer };
                to.write_all(answer.as_bytes()).await?;
            }
            Manner::Silent => {
                // Until the sender hangs up.
                let _ = to.read(&mut [0]).await?;
                return Ok(());
            }
            Manner::HangsUp => {
                to.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await?;
                return Ok(());
            }
            Manner::Endless => {
                to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    to.write_all(&[b"10000\r\n", [b'x'; 65_536].as_slice(), b"\r\n"].concat())
                        .await?;
                }
            }
        }
    }
    Ok(())
}

/// A request as it arrived.
pub(crate) struct Request {
    /// Method, path and version.
    pub(crate) line: String,
    /// The headers, their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Request {
    /// One request; none where the sender has hung up.
    pub(crate) async fn read(from: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let (mut request_line, mut headers) = (String::new(), BTreeMap::new());
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => {
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
                None if line.trim_end().is_empty() => break,
                None => line.trim_end().clone_into(&mut request_line),
            }
        }
        let mut text = vec![0; headers["content-length"].parse().unwrap()];
        from.read_exact(&mut text).await?;
        let text = String::from_utf8(text).unwrap();
        Ok(Some(Self { line: request_line, headers, text }))
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        let Request { headers, text, .. } = request;
        Self {
            id: headers["webhook-id"].clone(),
            timestamp: headers["webhook-timestamp"].parse().unwrap(),
            signature: headers["webhook-signature"].clone(),
            text,
            headers,
        }
    }
}

//! A retailer's own system that knows its customers, as good or as bad as a test wants it.

use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    /// Method, path and query.
    pub(super) line: String,
    /// Headers, their names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

#[derive(Debug, Default)]
struct Known {
    /// Answers by method and path.
    answers: BTreeMap<String, (u16, String)>,
    arrived: Vec<Arrived>,
}

/// The system.
pub(super) struct Retailer {
    pub(super) url: String,
    known: Arc<Mutex<Known>>,
}

impl Retailer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/crm", listener.local_addr().unwrap());
        let known = Arc::new(Mutex::new(Known::default()));
        let held = Arc::clone(&known);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let known = Arc::clone(&held);
                // Whoever hangs up is no fault of this one's.
                tokio::spawn(async move { converse(stream, &known).await.ok() });
            }
        });
        Self { url, known }
    }

    /// Answers a method and a path below the base from now on.
    pub(super) fn answer(&self, what: &str, status: u16, document: &Value) {
        let (method, path) = what.split_once(' ').unwrap();
        let what = format!("{method} /crm{path}");
        self.known.lock().answers.insert(what, (status, document.to_string()));
    }

    /// What has arrived since this was asked last.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.known.lock().arrived)
    }
}

async fn converse(stream: TcpStream, known: &Mutex<Known>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await?;
            let Some((name, value)) = header.trim().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0u8; length.unwrap_or(0)];
        stream.read_exact(&mut body).await?;
        let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
        let path = line.split('?').next().unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        let (status, document) = {
            let mut known = known.lock();
            known.arrived.push(Arrived { line, headers, body });
            known.answers.get(&path).cloned().unwrap_or_else(|| (404, "{}".to_owned()))
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", document.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(document.as_bytes()).await?;
        stream.flush().await?;
    }
}

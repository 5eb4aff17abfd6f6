//! A partner's receiver of security event tokens.

use crate::hooks::receiver::Request;
use comptoir::access::oauth::jws::{Jws, JwsRules};
use comptoir::authz::store::keys::{KeySigns, all};
use comptoir::storage::Db;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(super) struct SetReceiver {
    pub(super) url: String,
    arrived: mpsc::UnboundedReceiver<Request>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl SetReceiver {
    /// One that takes what comes.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (sender, arrived) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new((202, String::new())));
        let held = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answer) = (sender.clone(), Arc::clone(&held));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Ok(Some(request)) = Request::read(&mut stream).await {
                        let _ = sender.send(request);
                        let (status, body) = answer.lock().clone();
                        let length = body.len();
                        let text = format!(
                            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                        );
                        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, arrived, answer }
    }

    pub(super) fn answer(&self, status: u16, body: &str) {
        *self.answer.lock() = (status, body.to_owned());
    }

    /// The next token that is posted here.
    pub(super) async fn next(&mut self) -> String {
        let request = tokio::time::timeout(Duration::from_secs(20), self.arrived.recv()).await;
        let request = request.expect("a token in time").expect("a receiver");
        assert_eq!(request.headers["content-type"], "application/secevent+jwt");
        assert!(request.line.starts_with("POST /events "), "{}", request.line);
        request.text
    }
}

/// What a token says, which the published keys have signed.
pub(super) async fn said(db: &Db, token: &str) -> Value {
    const RULES: JwsRules = JwsRules {
        types: &["secevent+jwt"],
        may_lack_type: false,
        has_key: false,
        length_most: 20_000,
    };
    let jws = Jws::read(token, &RULES).unwrap();
    let keys = all(db, KeySigns::Tokens).await.unwrap();
    let mut verifiers = keys.iter().filter_map(|key| key.times.public.verifier());
    let holds = verifiers.any(|verifier| jws.check(&verifier).is_ok());
    assert!(holds, "a key of tokens has signed it");
    jws.claims().unwrap()
}

/// The words of the events in a token.
pub(super) fn kinds(claims: &Value) -> Vec<String> {
    let events = claims["events"].as_object().unwrap();
    let mut words: Vec<String> =
        events.keys().map(|uri| uri.rsplit('/').next().unwrap().to_owned()).collect();
    words.sort_unstable();
    words
}

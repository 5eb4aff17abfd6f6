//! Calls whose answers are read: to systems of the retailer that speak a contract of ours.

use super::{Caller, FORBIDDEN, JSON, RetryAfter, word};

/// A call whose answer is read.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a> {
    /// `GET`, `PUT` and so on.
    pub method: &'a str,
    /// Where to.
    pub url: &'a str,
    /// What goes along: names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// A JSON document that is sent.
    pub body: Option<&'a str>,
    /// Most bytes of the answer.
    pub most: usize,
}

/// The answer to such a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedAnswer {
    /// Its status.
    pub status: u16,
    /// When whoever was called wants to be called again.
    pub wait: Option<RetryAfter>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The answer is longer than it may be.
const TOO_LONG: &str = "too_long";

impl Caller {
    /// Makes a call, and reads what is answered; why there is no answer, in one word.
    pub async fn fetch(&self, call: &Fetch<'_>) -> Result<FetchedAnswer, &'static str> {
        let url = self.rules.check(call.url).map_err(|_| FORBIDDEN)?;
        let method: reqwest::Method = call.method.parse().map_err(|_| FORBIDDEN)?;
        let mut request = self.http.request(method, url).header("accept", JSON);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = call.body {
            request = request.header("content-type", JSON).body(body.to_owned());
        }
        let mut answer = request.send().await.map_err(|error| word(&error))?;
        let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.and_then(RetryAfter::read);
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(|error| word(&error))? {
            if body.len() + more.len() > call.most {
                return Err(TOO_LONG);
            }
            body.extend_from_slice(&more);
        }
        Ok(FetchedAnswer { status, wait, body })
    }
}

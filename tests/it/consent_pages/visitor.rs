//! A customer with a browser: cookies, forms, and no script.

use super::Shop;
use crate::support::TestApp;
use reqwest::header::HeaderMap;
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

/// A page that a customer sees, or where they are led.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    /// Where it leads.
    pub(super) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.headers["location"].to_str().unwrap()
    }

    /// The same as an address.
    pub(super) fn place(&self) -> Url {
        self.location().parse().unwrap()
    }

    /// The value of a field of its form.
    pub(super) fn field(&self, name: &str) -> String {
        let begins = format!("name=\"{name}\" value=\"");
        let (_, behind) = self.body.split_once(&begins).unwrap_or_else(|| panic!("{}", self.body));
        behind.split_once('"').unwrap().0.to_owned()
    }

    /// Where the form goes that has a text in it.
    pub(super) fn form(&self) -> String {
        let (_, behind) = self.body.split_once("action=\"").unwrap();
        behind.split_once('"').unwrap().0.to_owned()
    }
}

/// A customer with a browser.
#[derive(Clone)]
pub(super) struct Visitor {
    http: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
    pub(super) language: &'static str,
    pub(super) accept: &'static str,
    pub(super) origin: Option<String>,
}

impl Visitor {
    pub(super) fn new(app: &TestApp) -> Self {
        Self {
            http: app.http.clone(),
            base: app.public_url(""),
            cookies: BTreeMap::new(),
            language: "en",
            accept: "text/html",
            origin: Some(app.public_url("")),
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Seen {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let request = request.header("cookie", cookies).header("accept", self.accept);
        let answer = request.header("accept-language", self.language).send().await.unwrap();
        for set in answer.headers().get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Seen { status, headers, body: answer.text().await.unwrap() }
    }

    pub(super) async fn get(&mut self, path: &str) -> Seen {
        let request = self.http.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self.http.post(format!("{}{path}", self.base));
        let mut request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        self.send(request.body(form.finish())).await
    }

    /// A cookie of the jar.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Takes a cookie of somebody else.
    pub(super) fn take_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Follows a request to the login, logs in at the provider as a customer with further claims, and comes to the screen.
    pub(super) async fn screen_for(
        &mut self,
        shop: &Shop,
        claims: &[(&str, serde_json::Value)],
    ) -> Seen {
        let begun = self.get(&shop.request(&[])).await;
        let back = self.log_in(shop, begun.location(), claims).await;
        assert!(back.location().starts_with("/consent/"), "{}", back.location());
        let screen = back.location().to_owned();
        self.get(&screen).await
    }

    /// Goes on from a place of ours as far as the login, through it, and on to where it leads.
    pub(super) async fn log_in(
        &mut self,
        shop: &Shop,
        place: &str,
        claims: &[(&str, serde_json::Value)],
    ) -> Seen {
        let mut seen = self.get(place).await;
        while seen.location().starts_with('/') {
            let next = seen.location().to_owned();
            seen = self.get(&next).await;
        }
        let callback = shop.let_in(&seen.place(), claims);
        let back = self.get(&callback).await;
        if back.status != 303 {
            return back;
        }
        let next = back.location().to_owned();
        self.get(&next).await
    }
}

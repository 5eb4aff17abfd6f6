//! `comptoir demo`, as a newcomer runs it.

use super::program::{Place, Running};
use crate::support::process::wait_until;
use std::net::TcpListener;
use std::path::PathBuf;

/// Headers and address of a call.
type Call = (Vec<(String, String)>, String);

/// A call that the demo proposes.
fn proposed(line: &str) -> Option<Call> {
    let quoted = line.trim().strip_prefix("curl -s -H ")?.split('\'');
    let mut quoted: Vec<&str> = quoted.skip(1).step_by(2).collect();
    let url = quoted.pop()?.to_owned();
    let headers = quoted.into_iter().map(|header| header.split_once(": "));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Some((headers.map(|header| header.map(owned)).collect::<Option<_>>()?, url))
}

fn welcome(running: &Running) -> (Vec<String>, Vec<Call>) {
    let lines = running.read_until("Stop with Ctrl-C");
    let calls: Vec<_> = lines.iter().filter_map(|line| proposed(line)).collect();
    assert_eq!(calls.len(), 10, "{lines:?}");
    (lines, calls)
}

/// The file that the demo proposes to move, and where to.
fn moved(lines: &[String]) -> (PathBuf, PathBuf) {
    let line = lines.iter().find(|line| line.trim().starts_with("mv ")).unwrap();
    let mut quoted = line.split('\'').skip(1).step_by(2).map(PathBuf::from);
    (quoted.next().unwrap(), quoted.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_opens_answers_and_comes_back_the_same() {
    let place = Place::new().await;
    let killed = place.start(&["demo"]);
    killed.read_until("  products");
    assert_eq!(killed.stop("-KILL"), None);

    let first = place.start(&["demo"]);
    let (lines, calls) = welcome(&first);
    let shows = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(shows("Admin token   cpt_admin_") && shows("/docs/"), "{lines:?}");
    let http = reqwest::Client::new();
    for (headers, url) in &calls {
        let request = http.get(url);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status == 200 && body.len() > 200, "{url}: {status} {body}");
    }
    let (headers, offers) = calls.last().unwrap();
    let (sample, folder) = moved(&lines);
    let name = sample.file_name().unwrap().to_owned();
    std::fs::rename(&sample, folder.join(&name)).unwrap();
    wait_until("the file is imported", || folder.join("done").exists());
    let said = place.ok(&["feed", "sources"]);
    assert!(said.starts_with("prices  offers stock google-local-inventory"), "{said}");
    let until = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let request =
            headers.iter().fold(http.get(offers), |r, (name, value)| r.header(name, value));
        let text = request.send().await.unwrap().text().await.unwrap();
        if text.contains(r#""amount":"1.11","currency":"EUR""#) {
            break;
        }
        assert!(std::time::Instant::now() < until, "{text}");
        crate::support::pause().await;
    }
    // Half of the price histories of a day, of which one was called above.
    let (headers, history) = calls.iter().find(|(_, url)| url.contains("price-history")).unwrap();
    for _ in 0..4 {
        let request =
            headers.iter().fold(http.get(history), |r, (name, value)| r.header(name, value));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let outbox = sample.parent().unwrap().join("outbox");
    let mails = || {
        let files = std::fs::read_dir(&outbox).into_iter().flatten().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect()
    };
    wait_until("the partner is told", || {
        let mails: Vec<String> = mails();
        let to = |to: &str| mails.iter().any(|mail| mail.contains(to) && mail.contains("history"));
        to("technique@prixmalin.example") && to("factures@prixmalin.example")
    });
    let error = place.fails(1, &["demo"]);
    assert!(error.contains("another comptoir is running on"), "{error}");
    assert_eq!(first.stop("-INT"), Some(0));

    let second = place.start(&["demo"]);
    let (lines, again) = welcome(&second);
    assert!(!lines.iter().any(|line| line.contains("Seeding")), "{lines:?}");
    let keys = |calls: &[Call]| calls.iter().map(|c| c.0.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(&calls));
    assert_eq!(second.stop("-TERM"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said_before_anything_is_made() {
    let mut place = Place::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    place.set("SERVER__PUBLIC_LISTEN", &taken.local_addr().unwrap().to_string());
    let error = place.fails(1, &["demo"]);
    assert!(
        error.contains("cannot listen on") && error.contains("server.public_listen"),
        "{error}"
    );
    assert!(place.files().is_empty(), "{:?}", place.files());
    let error = place.fails(1, &["serve"]);
    assert!(error.contains("server.public_listen"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_directory_has_one_server() {
    let place = Place::new().await;
    let (running, ..) = place.serve();
    let error = place.fails(1, &["serve"]);
    assert!(error.contains("another comptoir is running"), "{error}");
    assert_eq!(running.stop("-TERM"), Some(0));
}

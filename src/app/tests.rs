//! A program whose journal can be held up.

use super::Comptoir;
use crate::access::model::KeySpec;
use crate::access::service::{By, create_app, create_key, create_partner, create_plan};
use crate::access::{Environment, Scopes};
use crate::config::Config;
use crate::kernel::{Clock, Micros};
use crate::limit::{Limit, Limits};
use crate::metering::Journal;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Opens a Comptoir that syncs its journal before each answer, with a key.
async fn open(dir: &std::path::Path) -> (Comptoir, String) {
    let settings = [
        ("SERVER__DATA_DIR", dir.display().to_string()),
        ("SERVER__PUBLIC_LISTEN", "127.0.0.1:0".to_owned()),
        ("SERVER__ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
        ("SERVER__WORKERS", "1".to_owned()),
        ("METERING__DURABILITY", "power".to_owned()),
    ];
    let settings: BTreeMap<String, String> =
        settings.into_iter().map(|(name, value)| (format!("COMPTOIR__{name}"), value)).collect();
    let config = Config::load(None, &settings).unwrap();
    let comptoir = Comptoir::open(config, Clock::System).await.unwrap();
    let (db, by) = (&comptoir.db, By::new("tests", Clock::System.now()));
    let limits = Limits::new(vec![Limit::rate("burst".parse().unwrap(), 1_000, 1)]).unwrap();
    let partner = create_partner(db, &by, "Ann".parse().unwrap()).await.unwrap();
    let plan = create_plan(db, &by, "Plan".parse().unwrap(), limits.into()).await.unwrap();
    let app = create_app(db, &by, partner.id, plan.id, "App".parse().unwrap()).await.unwrap().id;
    let spec = KeySpec {
        app,
        environment: Environment::Live,
        name: "key".parse().unwrap(),
        scopes: Scopes::usual(),
        cidrs: Vec::new(),
        expires_at: None::<Micros>,
    };
    let key = create_key(db, &by, comptoir.keyring.pepper(), spec).await.unwrap();
    comptoir.keyring.follow(db, Clock::System.now()).await.unwrap();
    (comptoir, key.text.reveal().to_owned())
}

fn journal(comptoir: &Comptoir) -> Arc<Journal> {
    Arc::clone(comptoir.book.journal.as_ref().expect("a journal"))
}

#[tokio::test(flavor = "multi_thread")]
async fn under_power_an_answer_leaves_after_the_sync_and_none_where_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (comptoir, key) = open(dir.path()).await;
    let (begun, begins) = mpsc::channel();
    let (go, goes) = mpsc::channel::<io::Result<()>>();
    journal(&comptoir).before_sync().set(move || {
        begun.send(()).unwrap();
        goes.recv().unwrap()
    });
    let (ready, at) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(
        comptoir
            .serve(|addresses| ready.send(addresses).unwrap(), async { stopped.await.unwrap() }),
    );
    let at = at.await.unwrap();
    let client = reqwest::Client::new();
    // Recorded like any other, and no product is needed for it.
    let call = || {
        let url = format!("http://{}/v1/products?limit=1", at.public);
        tokio::spawn(client.get(url).bearer_auth(&key).send())
    };
    let mut answer = call();
    begins.recv().unwrap();
    assert!(timeout(Duration::from_millis(50), &mut answer).await.is_err(), "it waits");
    go.send(Ok(())).unwrap();
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-request-cost"));

    // What the answer is depends on how the sync ends.
    let answer = call();
    begins.recv().unwrap();
    go.send(Err(io::Error::other("the disk is broken"))).unwrap();
    let refused = answer.await.unwrap().unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["x-request-cost"], "0", "it is not recorded as answered");
    let text = refused.text().await.unwrap();
    assert!(text.contains("metering_unavailable"), "{text}");
    // And none is taken after it, though no sync is asked for.
    assert_eq!(call().await.unwrap().unwrap().status(), 503);
    let url = format!("http://{}/readyz", at.admin);
    loop {
        let report = client.get(&url).send().await.unwrap();
        if report.status() == 503 {
            let text = report.text().await.unwrap();
            assert!(text.contains("disk has failed"), "{text}");
            break;
        }
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}

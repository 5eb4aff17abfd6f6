//! The demo's OpenID provider, with customers who can be logged in as: where the settings say nothing about customers.

use crate::authz::settings::{ControllerSettings, CustomersUse, IdpSettings};
use crate::config::Config;
use crate::consent::purpose::{NoticeDocument, NoticeText};
use crate::consent::store::documents::publish_notice;
use crate::customers::store::put_seed;
use crate::demo::RETAILER;
use crate::demo::provider::{CLIENT_ID, STRONG_ACR, seed_people, serve};
use crate::kernel::Clock;
use crate::storage::Db;
use actix_web::dev::Server;
use anyhow::Context as _;
use std::net::{Ipv4Addr, TcpListener};

/// What the provider is called here.
const NAME: &str = "demo";
/// The setting in the database that says that its customers are there.
const SEEDED: &str = "demo people";

/// A provider that is open, and where it is.
pub(super) struct DemoLogin {
    /// What serves it.
    pub(super) server: Server,
    /// Its issuer.
    pub(super) issuer: String,
}

/// Opens the provider and has the gateway know it, unless the settings say themselves where customers log in.
pub(super) fn open(config: &mut Config, clock: &Clock) -> anyhow::Result<Option<DemoLogin>> {
    if config.customers.is_on() {
        return Ok(None);
    }
    let ports = [config.server.public_listen, config.server.admin_listen].map(|at| at.port());
    let behind = ports.into_iter().max().and_then(|port| port.checked_add(1));
    let wanted = if ports.contains(&0) { 0 } else { behind.unwrap_or(0) };
    let here = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = here(wanted).or_else(|_| here(0));
    let listener = listener.context("the demo's OpenID provider has no port on this machine")?;
    let base = &config.server.public_url;
    let redirect_uri = format!("{base}/login/callback/{NAME}");
    let in_production = config.customers.in_production();
    let (server, issuer) = serve(listener, redirect_uri, in_production, clock.clone())?;
    let rights_url = format!("{base}/me");
    let customers = &mut config.customers;
    customers.authz.customers = CustomersUse::Sandbox;
    customers.controller = ControllerSettings {
        name: RETAILER.to_owned(),
        address: "1 rue des Halles, 31000 Toulouse".to_owned(),
        contact: "donnees@aubier.example".to_owned(),
        jurisdiction: "FR".to_owned(),
        rights_url,
    };
    customers.login.idp = vec![IdpSettings {
        name: NAME.to_owned(),
        title: RETAILER.to_owned(),
        issuer: issuer.clone(),
        client_id: CLIENT_ID.to_owned(),
        step_up_acr: vec![STRONG_ACR.to_owned()],
        ..IdpSettings::default()
    }];
    Ok(Some(DemoLogin { server, issuer }))
}

/// Stores those of its customers who are not there yet, and what customers are told before they decide.
pub(super) async fn put(db: &Db, config: &Config, clock: &Clock) -> anyhow::Result<()> {
    if db.setting(SEEDED).await?.is_some() {
        return Ok(());
    }
    let text = |fr: &str, en: &str| NoticeText { fr: fr.to_owned(), en: en.to_owned() };
    let notice = NoticeDocument {
        notice_id: config.portal.notice_id.clone(),
        version: 1,
        title: text("Vos données restent les vôtres", "Your data stays yours"),
        text: text(
            "Nous ne transmettons que ce que vous acceptez, à ce partenaire seulement, jusqu'à la date que vous choisissez. \
             Vous voyez chaque lecture et vous pouvez arrêter à tout moment.",
            "We hand over what you agree to and nothing else, to this partner alone, until the day that you choose. You see \
             each time that something was read, and you can stop at any time.",
        ),
    };
    let now = clock.now();
    let mut tx = db.begin().await?;
    put_seed(&mut tx, &seed_people(now), &[], &[], &[]).await?;
    publish_notice(&mut tx, &notice, now).await?;
    tx.setting_or(SEEDED, "seeded").await?;
    Ok(tx.commit().await?)
}

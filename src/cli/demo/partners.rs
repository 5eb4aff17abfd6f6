//! The demo's partners beside the one that its keys are for: what an admin finds to look at.

use crate::access::applications::model::Wish;
use crate::access::applications::service::{list, write_down};
use crate::access::offers::{Approval, Offer, set_offer};
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{add_note, notes, update_partner};
use crate::access::service::{
    By, Walk, create_app, create_partner, create_plan, list_partners, list_plans,
};
use crate::kernel::id::PlanId;
use crate::limit::Limits;
use crate::storage::Db;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The partner of the demo's keys, and another one.
const PARTNERS: [&str; 2] = ["Prix Malin", "Ateliers Vaugirard"];

fn read<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(value)?)
}

fn patch(name: &str) -> anyhow::Result<PartnerPatch> {
    let (reference, mail) = match name {
        "Prix Malin" => ("C-1001", "prixmalin.example"),
        _ => ("C-1042", "vaugirard.example"),
    };
    let contacts = json!([
        { "role": "technical", "name": "Camille Robin", "email": format!("technique@{mail}"), "language": "fr" },
        { "role": "billing", "name": "Comptabilité", "email": format!("factures@{mail}"), "phone": "+33 1 99 00 00 00" },
    ]);
    let contract = json!({
        "reference": format!("2026-{reference}"), "starts_on": "2026-01-01", "ends_on": "2099-12-31",
        "time_zone": "Europe/Paris", "notice": "Trois mois avant la fin d'un trimestre",
    });
    Ok(PartnerPatch {
        name: None,
        external_ref: Some(Some(reference.parse()?)),
        contacts: Some(read(contacts)?),
        contract: Some(Some(read(contract)?)),
    })
}

/// Two partners with contacts and contract, two plans that are offered, and an application that waits. What is
/// there already stays: a first run may have been cut.
pub(super) async fn put(db: &Db, by: &By<'_>, discovery: &str) -> anyhow::Result<()> {
    let all = Walk { after: String::new(), limit: 200 };
    let plans = list_plans(db, &all).await?;
    let plan = plans.iter().find(|plan| plan.name.as_str() == discovery).map(|plan| plan.id);
    let Some(discovery) = plan else { return Ok(()) };
    let professional: PlanId = match plans.iter().find(|p| p.name.as_str() == "Professionnel") {
        Some(plan) => plan.id,
        None => {
            let limits = Limits::new(super::bursts(200)?.into())?;
            create_plan(db, by, "Professionnel".parse()?, limits.into()).await?.id
        }
    };
    for (plan, approval, said) in [
        (discovery, Approval::Auto, "Pour essayer, et pour les petits sites."),
        (professional, Approval::Manual, "Pour les comparateurs et les places de marché."),
    ] {
        let offer = Offer { approval, public: true, description: Some(said.parse()?) };
        set_offer(db, by, plan, &offer).await?;
    }
    for name in PARTNERS {
        let found = list_partners(db, &all).await?.into_iter().find(|p| p.name.as_str() == name);
        let partner = match found {
            Some(partner) => partner,
            None => {
                let partner = create_partner(db, by, name.parse()?).await?;
                create_app(db, by, partner.id, professional, "Catalogue".parse()?).await?;
                partner
            }
        };
        update_partner(db, by, partner.id, patch(name)?).await?;
        if notes(db, partner.id, i64::MAX, 1).await?.is_empty() {
            add_note(db, by, partner.id, &"Premier échange au salon de Lyon.".parse()?).await?;
        }
    }
    if list(db, None, &all).await?.is_empty() {
        write_down(db, by, wish(professional)?).await?;
    }
    Ok(())
}

fn wish(plan: PlanId) -> anyhow::Result<Wish> {
    Ok(Wish {
        organisation: "Bricolo".parse()?,
        contact_name: "Sacha Morel".parse()?,
        email: "sacha@bricolo.example".parse()?,
        language: Some("fr".parse()?),
        app_name: "Guide d'achat".parse()?,
        purpose: "Comparer les prix des outils dans un guide d'achat mis à jour chaque nuit."
            .parse()?,
        plan,
    })
}

//! What mails about a secret say that was found.

use super::{FoundSecret, Reader, Subject};
use crate::access::keys::model::KeyStatus;
use crate::access::model::Key;

/// Where it was found, as a sentence goes on.
fn place(found: &FoundSecret) -> String {
    match (found.url.as_str(), found.source.as_str()) {
        ("", "") => String::new(),
        ("", source) => format!(" ({source})"),
        (url, "") => format!(":\n\n{url}\n\n"),
        (url, source) => format!(":\n\n{url} ({source})\n\n"),
    }
}

/// A sentence behind a place.
fn behind(place: &str, sentence: &str) -> String {
    match place.ends_with('\n') {
        true => format!("{place}{sentence}"),
        false => format!("{place}. {sentence}"),
    }
}

pub(super) fn in_english(
    (of, found): (&Subject<'_>, &FoundSecret),
    whose: &str,
    reader: Reader<'_>,
) -> (String, String) {
    let (place, hint) = (place(found), &found.hint);
    let Some(key) = of.key else {
        let (name, id) = (of.token.as_deref().unwrap_or_default(), token_id(found));
        let what = behind(
            &place,
            "It is suspended, and so is every token that was made with it. Revoke it, make another one, look in \
             the audit log at what was done with it, and take the text out of where it was found.",
        );
        let title = "An admin token was found in public".to_owned();
        let start = format!(
            "Admin token \"{name}\" ({id}, it ends in {hint}) was found where everybody can read it"
        );
        return (title, format!("{start}{what}"));
    };
    let stands = match key.status {
        KeyStatus::Quarantined => "It is in quarantine: it can read, once a second.",
        KeyStatus::Suspended => "It is suspended.",
        KeyStatus::Revoked => "It was revoked and works no more.",
        KeyStatus::Active => "It still works.",
    };
    let to_do = match reader {
        Reader::Partner(_) if key.status == KeyStatus::Revoked => {
            "Ask us for a new key, and take the old one out of where it was found.".to_owned()
        }
        Reader::Partner(_) => {
            "Ask us to rotate it, put the new secret in the place of this one, and take this one \
                               out of where it was found."
                .to_owned()
        }
        Reader::Retailer => retailer_in_english(key),
    };
    let what = behind(&place, &format!("Its secret ends in {hint}. {stands} {to_do}"));
    let start = format!("{whose} was found where everybody can read it");
    ("A key was found in public".to_owned(), format!("{start}{what}"))
}

fn retailer_in_english(key: &Key) -> String {
    let id = key.id;
    match key.status {
        KeyStatus::Revoked => "Make a new key for the partner.".to_owned(),
        _ => format!(
            "Rotate it (comptoir key rotate {id} --overlap-s 0, or POST /admin/v1/keys/{id}/rotate), give the \
             partner the new secret, then resume it."
        ),
    }
}

pub(super) fn in_french(
    (of, found): (&Subject<'_>, &FoundSecret),
    whose: &str,
    reader: Reader<'_>,
) -> (String, String) {
    let (place, hint) = (place(found), &found.hint);
    let place = place.strip_prefix(':').map_or(place.clone(), |rest| format!(" :{rest}"));
    let Some(key) = of.key else {
        let (name, id) = (of.token.as_deref().unwrap_or_default(), token_id(found));
        let what = behind(
            &place,
            "Il est suspendu, ainsi que tous ceux qui ont été créés avec lui. Révoquez-le, créez-en un autre, \
             vérifiez dans le journal d'audit ce qui a été fait avec, et retirez le texte de l'endroit où il se \
             trouve.",
        );
        let title = "Un jeton d'administration a été trouvé en public".to_owned();
        let start = format!(
            "Le jeton d'administration « {name} » ({id}, il finit par {hint}) a été trouvé là où tout le monde \
             peut le lire"
        );
        return (title, format!("{start}{what}"));
    };
    let stands = match key.status {
        KeyStatus::Quarantined => "Elle est en quarantaine : elle peut lire, une fois par seconde.",
        KeyStatus::Suspended => "Elle est suspendue.",
        KeyStatus::Revoked => "Elle est révoquée et ne fonctionne plus.",
        KeyStatus::Active => "Elle fonctionne encore.",
    };
    let to_do = match reader {
        Reader::Partner(_) if key.status == KeyStatus::Revoked => {
            "Demandez-nous une nouvelle clé, et retirez l'ancienne de l'endroit où elle se trouve."
                .to_owned()
        }
        Reader::Partner(_) => {
            "Demandez-nous de la renouveler, mettez le nouveau secret à la place de celui-ci, et \
                               retirez celui-ci de l'endroit où il se trouve."
                .to_owned()
        }
        Reader::Retailer => retailer_in_french(key),
    };
    let what = behind(&place, &format!("Son secret finit par {hint}. {stands} {to_do}"));
    let start = format!("{whose} a été trouvée là où tout le monde peut la lire");
    ("Une clé a été trouvée en public".to_owned(), format!("{start}{what}"))
}

fn retailer_in_french(key: &Key) -> String {
    let id = key.id;
    match key.status {
        KeyStatus::Revoked => "Créez une nouvelle clé pour le partenaire.".to_owned(),
        _ => format!(
            "Renouvelez-la (comptoir key rotate {id} --overlap-s 0, ou POST /admin/v1/keys/{id}/rotate), donnez le \
             nouveau secret au partenaire, puis réactivez-la."
        ),
    }
}

fn token_id(found: &FoundSecret) -> String {
    found.token_id.map(|id| id.to_string()).unwrap_or_default()
}

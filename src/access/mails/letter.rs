//! What mails say, in French to who asks for French, in English to all others.

use super::{Letter, NotSent, Post};
use crate::access::applications::Application;
use crate::access::applications::links::Step;
use crate::kernel::Micros;
use crate::kernel::id::MailId;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use std::time::{Duration, UNIX_EPOCH};

/// The message (RFC 5322) of a letter.
pub(super) fn message(
    post: &Post,
    (id, letter): (MailId, Letter),
    to: &Application,
    now: Micros,
) -> Result<Vec<u8>, NotSent> {
    let french = to.wish.language.as_ref().is_some_and(|tag| tag.is_of("fr"));
    let (subject, body) =
        if french { french_text(post, letter, to) } else { english_text(post, letter, to) };
    let address =
        to.wish.email.as_str().parse().map_err(|_| std::io::Error::other("no address"))?;
    let at = UNIX_EPOCH + Duration::from_micros(now.0.max(0).unsigned_abs());
    let message = Message::builder()
        .from(post.from.clone())
        .to(Mailbox::new(Some(to.wish.contact_name.to_string()), address))
        .subject(subject)
        .date(at)
        .message_id(Some(format!("<{id}@{}>", post.from.email.domain())))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(body)?;
    Ok(message.formatted())
}

fn english_text(post: &Post, letter: Letter, to: &Application) -> (&'static str, String) {
    let (name, app) = (&to.wish.contact_name, &to.wish.app_name);
    let link = |step| post.links.address(step, to);
    let until = |step| post.links.ends(step, to);
    match letter {
        Letter::Verify => (
            "Confirm your application",
            format!(
                "Hello {name},\n\nyou have applied for access for \"{app}\" ({}). Confirm your address, or \
                 nobody will look at it:\n\n{}\n\nThe link works once, until {}. To take the application \
                 back:\n\n{}\n\nIf you have not applied, do nothing: the application is then forgotten.\n",
                to.wish.organisation,
                link(Step::Verify),
                until(Step::Verify),
                link(Step::Withdraw)
            ),
        ),
        Letter::Approved => (
            "Your application is approved",
            format!(
                "Hello {name},\n\nyour application for \"{app}\" is approved. Your first key is shown once, \
                 here:\n\n{}\n\nThe link works until {}. Keep the key like a password.\n",
                link(Step::Claim),
                until(Step::Claim)
            ),
        ),
        Letter::Rejected => (
            "Your application is not approved",
            format!(
                "Hello {name},\n\nyour application for \"{app}\" is not approved:\n\n{}\n",
                to.reason.as_deref().unwrap_or_default()
            ),
        ),
    }
}

fn french_text(post: &Post, letter: Letter, to: &Application) -> (&'static str, String) {
    let (name, app) = (&to.wish.contact_name, &to.wish.app_name);
    let link = |step| post.links.address(step, to);
    let until = |step| post.links.ends(step, to);
    match letter {
        Letter::Verify => (
            "Confirmez votre demande",
            format!(
                "Bonjour {name},\n\nvous avez demandé un accès pour « {app} » ({}). Confirmez votre adresse, \
                 sans quoi la demande ne sera pas lue :\n\n{}\n\nLe lien fonctionne une fois, jusqu'au {}. \
                 Pour retirer la demande :\n\n{}\n\nSi vous n'avez rien demandé, ne faites rien : la demande \
                 sera oubliée.\n",
                to.wish.organisation,
                link(Step::Verify),
                until(Step::Verify),
                link(Step::Withdraw)
            ),
        ),
        Letter::Approved => (
            "Votre demande est acceptée",
            format!(
                "Bonjour {name},\n\nvotre demande pour « {app} » est acceptée. Votre première clé est montrée \
                 une seule fois, ici :\n\n{}\n\nLe lien fonctionne jusqu'au {}. Gardez la clé comme un mot de \
                 passe.\n",
                link(Step::Claim),
                until(Step::Claim)
            ),
        ),
        Letter::Rejected => (
            "Votre demande n'est pas acceptée",
            format!(
                "Bonjour {name},\n\nvotre demande pour « {app} » n'est pas acceptée :\n\n{}\n",
                to.reason.as_deref().unwrap_or_default()
            ),
        ),
    }
}

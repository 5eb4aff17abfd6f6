//! What mails say, in French to who asks for French, in English to all others.

use super::{Draft, Letter, Post};
use crate::access::applications::Application;
use crate::access::applications::links::Step;
use lettre::Address;
use lettre::address::AddressError;
use lettre::message::Mailbox;

/// What a letter says to whom.
pub(super) fn draft(post: &Post, letter: Letter, to: &Application) -> Result<Draft, AddressError> {
    let french = to.wish.language.as_ref().is_some_and(|tag| tag.is_of("fr"));
    let (title, body) =
        if french { french_text(post, letter, to) } else { english_text(post, letter, to) };
    let address: Address = to.wish.email.as_str().parse()?;
    let to = Mailbox::new(Some(to.wish.contact_name.to_string()), address);
    Ok(Draft { to, title: title.to_owned(), body })
}

fn english_text(post: &Post, letter: Letter, to: &Application) -> (&'static str, String) {
    let (name, app) = (&to.wish.contact_name, &to.wish.app_name);
    let link = |step| post.links.address(step, to);
    let until = |step| post.links.until(step, to, false);
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
    let until = |step| post.links.until(step, to, true);
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

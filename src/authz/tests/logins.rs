//! What a customer has to do before a request is answered.

use super::{NOW, NOW_S, login, push};
use crate::authz::authorize::AuthorizeError;
use crate::authz::grant::CustomerLogin;
use crate::authz::login::{LoginWanted, NextStep, Visit, next_step};
use crate::authz::request::Prompt;
use crate::authz::settings::IdpSettings;

const LOGIN_REQUIRED: NextStep = NextStep::Refuse(AuthorizeError::LoginRequired);
const CONSENT_REQUIRED: NextStep = NextStep::Refuse(AuthorizeError::ConsentRequired);
const UNMET: NextStep = NextStep::Refuse(AuthorizeError::UnmetAuthentication);

/// A login of so many seconds ago.
fn ago(seconds: i64) -> CustomerLogin {
    CustomerLogin { auth_time: NOW_S - seconds, ..login() }
}

fn wanted(acr_values: &[&str], max_age_s: Option<u32>, prompt: &[Prompt]) -> NextStep {
    let acr_values = acr_values.iter().map(|acr| (*acr).to_owned()).collect();
    NextStep::LogIn(LoginWanted { acr_values, max_age_s, prompt: prompt.to_vec() })
}

/// What comes next for a request with these parameters.
fn step(changes: &[(&str, &str)], visit: Visit<'_>) -> NextStep {
    next_step(&push(changes).unwrap(), visit, &IdpSettings::default(), NOW)
}

const fn visit(login: Option<&CustomerLogin>) -> Visit<'_> {
    Visit { login, for_this: false, is_consented: false }
}

#[test]
fn who_is_not_logged_in_does_that_first() {
    assert_eq!(step(&[], visit(None)), wanted(&[], None, &[]));
    assert_eq!(step(&[("prompt", "none")], visit(None)), LOGIN_REQUIRED);
    assert_eq!(step(&[], visit(Some(&login()))), NextStep::Ask);
}

#[test]
fn a_login_is_as_fresh_as_it_must_be() {
    for (seconds, is_fresh) in [(0, true), (60, true), (61, false)] {
        let known = ago(seconds);
        let next = step(&[("max_age", "60")], visit(Some(&known)));
        let expected = if is_fresh { NextStep::Ask } else { wanted(&[], Some(60), &[]) };
        assert_eq!(next, expected, "{seconds}");
        let silent = step(&[("max_age", "60"), ("prompt", "none")], visit(Some(&known)));
        let expected = if is_fresh { CONSENT_REQUIRED } else { LOGIN_REQUIRED };
        assert_eq!(silent, expected, "{seconds}");
    }
    // With 0 it is asked for anew, and once: also where the customer then takes a while.
    let known = ago(0);
    assert_eq!(step(&[("max_age", "0")], visit(Some(&known))), wanted(&[], Some(0), &[]));
    let after = ago(300);
    let after = Visit { for_this: true, ..visit(Some(&after)) };
    assert_eq!(step(&[("max_age", "0")], after), NextStep::Ask);
}

#[test]
fn who_is_to_log_in_anew_does_whatever_is_known_of_them() {
    let known = login();
    for (prompt, all) in [
        ("login", &[Prompt::Login][..]),
        ("select_account", &[Prompt::SelectAccount]),
        ("login consent", &[Prompt::Login]),
    ] {
        assert_eq!(step(&[("prompt", prompt)], visit(Some(&known))), wanted(&[], None, all));
        let after = Visit { for_this: true, ..visit(Some(&known)) };
        assert_eq!(step(&[("prompt", prompt)], after), NextStep::Ask, "{prompt}");
    }
}

#[test]
fn a_login_is_as_strong_as_it_must_be() {
    let (known, none) = (login(), CustomerLogin { acr: None, ..login() });
    let asks = ("acr_values", "urn:loa:3 urn:loa:2");
    assert_eq!(step(&[asks], visit(Some(&known))), NextStep::Ask);
    let stronger = ("acr_values", "urn:loa:3");
    for known in [&known, &none] {
        assert_eq!(step(&[stronger], visit(Some(known))), wanted(&["urn:loa:3"], None, &[]));
        assert_eq!(step(&[stronger, ("prompt", "none")], visit(Some(known))), LOGIN_REQUIRED);
        // Asked for it, and not able: to ask again would never end.
        assert_eq!(step(&[stronger], Visit { for_this: true, ..visit(Some(known)) }), UNMET);
    }
}

#[test]
fn the_retailer_wants_what_it_wants_beside_the_request() {
    let idp = |required: &[&str], max_age_s| IdpSettings {
        required_acr: required.iter().map(|acr| (*acr).to_owned()).collect(),
        max_age_s,
        ..IdpSettings::default()
    };
    let known = login();
    let step = |changes: &[(&str, &str)], idp: &IdpSettings| {
        next_step(&push(changes).unwrap(), visit(Some(&known)), idp, NOW)
    };
    assert_eq!(step(&[], &idp(&["urn:loa:2"], 60)), NextStep::Ask);
    assert_eq!(step(&[], &idp(&[], 59)), wanted(&[], Some(59), &[]));
    assert_eq!(step(&[("max_age", "30")], &idp(&[], 3_600)), wanted(&[], Some(30), &[]));
    let strong = idp(&["urn:loa:3"], 0);
    assert_eq!(step(&[], &strong), wanted(&["urn:loa:3"], None, &[]));
    // Enough for the client, and not for the retailer; and the other way round.
    let asks = ("acr_values", "urn:loa:2 urn:loa:3");
    assert_eq!(step(&[asks], &strong), wanted(&["urn:loa:3"], None, &[]));
    let other = ("acr_values", "urn:loa:9");
    assert_eq!(step(&[other], &idp(&["urn:loa:2"], 0)), wanted(&["urn:loa:2"], None, &[]));
}

#[test]
fn nothing_new_is_released_without_asking() {
    let known = login();
    let consented = Visit { is_consented: true, ..visit(Some(&known)) };
    assert_eq!(step(&[], consented), NextStep::Answer);
    assert_eq!(step(&[("prompt", "none")], consented), NextStep::Answer);
    assert_eq!(step(&[("prompt", "consent")], consented), NextStep::Ask);
    assert_eq!(step(&[("prompt", "none")], visit(Some(&known))), CONSENT_REQUIRED);
}

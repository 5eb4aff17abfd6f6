//! The screen on which a customer decides: who asks, what for, which data with their own values, and until when.

use super::answer::PortalPage;
use super::asked::{AskedFor, Asking};
use super::html::Html;
use super::language::View;
use super::rows;
use super::samples::Sample;
use super::state::Portal;
use super::words::PageWords;
use crate::consent::details::AccessMode;
use crate::consent::hash::Hash32;
use crate::consent::name::is_hidden;
use crate::consent::purpose::{NoticeDocument, NoticeLanguage, PurposeDocument};
use crate::consent::record::{ConsentData, ConsentRecord, GrantId};
use crate::consent::refused::ChangeRefused;
use crate::consent::settings::ConsentSettings;
use crate::consent::subject::{PairwiseSub, SubjectRef};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use jiff::tz::TimeZone;

/// Days that are offered, where they are within what may be agreed to.
const OFFERED_DAYS: [u16; 4] = [1, 30, 90, 365];
/// What the name of a consent is derived for: a request that is decided about twice makes one.
const GRANT: &str = "comptoir consent of a request";

/// What stands on the screen.
#[derive(Debug, Clone)]
pub(super) struct Screen<'a> {
    /// The partner's name.
    pub(super) partner: &'a str,
    /// What its program is called.
    pub(super) app: &'a str,
    /// The host that the answer is sent to; empty where it is sent nowhere.
    pub(super) host: &'a str,
    /// Where to reach the partner, and where it says what it does with data.
    pub(super) reach: (&'a str, &'a str),
    /// What for.
    pub(super) purpose: &'a PurposeDocument,
    /// What the customer is told.
    pub(super) notice: &'a NoticeDocument,
    /// What is asked for.
    pub(super) data: &'a ConsentData,
    /// Days that may be agreed to at the most.
    pub(super) most_days: u16,
    /// What was agreed to before, where this is to stand in its place.
    pub(super) before: Option<&'a ConsentData>,
    /// The customer's own values; none of them on the screen whose hash is kept.
    pub(super) samples: &'a [Sample],
    /// The retailer's settings.
    pub(super) settings: ConsentSettings,
    /// Where the customer logs in more strongly; `None` where they have.
    pub(super) stronger: Option<&'a str>,
    /// Where to complain.
    pub(super) complain: &'a str,
    /// Where the form goes, and what it has to bring back.
    pub(super) form: (&'a str, &'a str),
    /// What was wrong with the last answer.
    pub(super) wrong: Option<&'static str>,
    /// The time.
    pub(super) now: Micros,
}

/// A day as a language writes it.
pub(super) fn day(at: Micros, language: NoticeLanguage) -> String {
    let date = at.timestamp().to_zoned(TimeZone::UTC).date();
    match language {
        NoticeLanguage::Fr => date.strftime("%d/%m/%Y").to_string(),
        NoticeLanguage::En => date.strftime("%-d %B %Y").to_string(),
    }
}

/// The consent as it would be asked for, and is not yet; or why nobody can agree to it.
pub(super) fn shown(
    portal: &Portal,
    (asking, asked): (&Asking, &AskedFor),
    subject: SubjectRef,
) -> Result<ConsentRecord, ChangeRefused> {
    // Nobody sees the name.
    let nobody = PairwiseSub::random([0; 16]);
    let of = asking.of_customer((portal, asked), (subject, nobody), NoticeLanguage::Fr);
    let ceiling = asking.ceiling(asked, portal);
    let (id, until) = (portal.grant_of(asking), asking.pushed.expires_at);
    Ok(ConsentRecord::request(id, &of, &ceiling, until, portal.now())?.record)
}

impl Portal {
    /// The consent that a request makes.
    pub(super) fn grant_of(&self, asking: &Asking) -> GrantId {
        let derived = self.pepper.derive(GRANT, &asking.bound());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&derived[..16]);
        GrantId::from_random(bytes)
    }
}

impl Screen<'_> {
    /// The hash of the screen without what is the customer's own, and without what works once: it proves the words, and
    /// tells nothing of the customer.
    pub(super) fn blank_hash(&self, view: &View<'_>) -> Hash32 {
        let stronger = self.stronger.map(|_| "");
        let blank = Screen { samples: &[], form: ("", ""), wrong: None, stronger, ..self.clone() };
        let view = View { elsewhere: None, chosen: None, ..*view };
        Hash32::of(blank.page(&view).html(&view))
    }

    /// The page.
    pub(super) fn page(&self, view: &View<'_>) -> PortalPage {
        let words = view.words;
        let mut body = Html::new();
        if let Some(wrong) = self.wrong {
            body.element(("<p class=\"wrong\" role=\"alert\">", "</p>\n"), wrong);
        }
        body.part(&self.who(words)).raw("<h2>").text(words.ask_purpose).raw("</h2>\n");
        body.paragraph(self.purpose.text.in_language(view.language));
        body.raw("<form method=\"post\" action=\"").text(self.form.0).raw("\">\n");
        body.hidden("csrf", self.form.1).hidden("shown_in", words.language);
        body.part(&rows::scopes(self, view)).part(&rows::categories(self, view));
        body.part(&self.terms(words)).part(&self.until(view));
        body.raw("<h2>").text(words.ask_notice).raw("</h2>\n<div class=\"notice\">");
        body.element(("<h3>", "</h3>"), self.notice.title.in_language(view.language));
        body.text(self.notice.text.in_language(view.language)).raw("</div>\n");
        body.raw("<p>").text(words.ask_stop).raw(" ").link("/me", words.ask_your_page);
        body.raw(".</p>\n<p>").text(words.ask_complain).raw(": ").text(self.complain);
        body.raw(". ").text(words.ask_authority).raw("</p>\n<div class=\"buttons\">\n");
        body.raw("<button name=\"decision\" value=\"deny\">").text(words.deny);
        body.raw("</button>\n<button name=\"decision\" value=\"allow\">").text(words.allow);
        body.raw("</button>\n</div></form>\n");
        let seen: String = self.partner.chars().filter(|c| !is_hidden(*c)).collect();
        PortalPage::new(format!("{} {seen}?", words.ask_title), body)
    }

    /// Who asks.
    fn who(&self, words: &PageWords) -> Html {
        let mut who = Html::new();
        who.raw("<p><strong>").name(self.partner).raw("</strong> (").name(self.app).raw(") ");
        who.text(words.ask_who).raw("</p>\n<dl>");
        if !self.host.is_empty() {
            who.element(("<dt>", "</dt>"), words.ask_answers_go);
            who.raw("<dd><strong>").text(self.host).raw("</strong></dd>");
        }
        let (contact, privacy) = self.reach;
        who.element(("<dt>", "</dt>"), words.ask_contact).raw("<dd>").name(contact).raw("</dd>");
        who.element(("<dt>", "</dt>"), words.ask_privacy).raw("<dd>");
        // Of any other address a browser could be made to run something.
        if privacy.starts_with("https://") {
            who.raw("<a rel=\"noreferrer noopener\" href=\"").text(privacy).raw("\">");
            who.text(privacy).raw("</a>");
        } else {
            who.name(privacy);
        }
        who.raw("</dd></dl>\n");
        who
    }

    /// How far back, how often, and for how long the partner keeps it.
    fn terms(&self, words: &PageWords) -> Html {
        let details = &self.data.authorization_details;
        let history = match details.history_months {
            0 => words.ask_history_none.to_owned(),
            months => format!("{months} {}", words.ask_months),
        };
        let often = match details.access {
            AccessMode::Once => words.ask_once,
            AccessMode::Recurring => words.ask_recurring,
        };
        let keeps = match details.retention_days {
            0 => words.ask_keeps_not.to_owned(),
            days => words.days(days),
        };
        let mut terms = Html::new();
        terms.raw("<dl>");
        for (name, value) in [
            (words.ask_history, history.as_str()),
            (words.ask_often, often),
            (words.ask_keeps, keeps.as_str()),
        ] {
            terms.element(("<dt>", "</dt>"), name).element(("<dd>", "</dd>"), value);
        }
        terms.raw("</dl>\n");
        terms
    }

    /// Days that are offered, and the one that is chosen unless another is.
    pub(super) fn offered_days(&self) -> (Vec<u16>, u16) {
        let most = self.most_days;
        let usual = self.settings.default_days.min(most);
        let mut days: Vec<u16> = OFFERED_DAYS.into_iter().filter(|days| *days < most).collect();
        days.extend([usual, most]);
        days.sort_unstable();
        days.dedup();
        (days, usual)
    }

    fn until(&self, view: &View<'_>) -> Html {
        let (offered, usual) = self.offered_days();
        let mut until = Html::new();
        until.element(("<fieldset><legend>", "</legend>\n"), view.words.ask_until);
        for days in offered {
            until.raw("<label><input type=\"radio\" name=\"days\" value=\"").text(days).raw("\"");
            until.raw(if days == usual { " checked>" } else { ">" });
            let end = Micros(self.now.0.saturating_add(i64::from(days) * DAY));
            until.raw("<span>").text(view.words.days(days)).raw(" (").text(view.words.me_until);
            until.raw(" ").text(day(end, view.language)).raw(")</span></label>\n");
        }
        until.raw("</fieldset>\n");
        until
    }
}

//! The rows of the screen: each kind of data, and each category of goods that is left out unless it is ticked.

use super::html::Html;
use super::language::View;
use super::scope_words::{category_words, scope_words};
use super::screen::Screen;
use crate::consent::scope::OAuthScope;

/// The kinds of data: locked where the purpose needs them, unticked where it can do without, and with a tick of their own
/// where they are sensitive.
pub(super) fn scopes(screen: &Screen<'_>, view: &View<'_>) -> Html {
    let mut rows = Html::new();
    rows.element(("<fieldset><legend>", "</legend>\n"), view.words.ask_what);
    for scope in screen.data.scopes.of_customers().iter() {
        rows.part(&row(screen, view, scope));
    }
    rows.raw("</fieldset>\n");
    rows
}

fn row(screen: &Screen<'_>, view: &View<'_>, scope: OAuthScope) -> Html {
    let words = view.words;
    let is_special = scope.needs().special_category;
    let is_required = screen.data.required.has(scope);
    let needs_more = scope.needs().step_up && screen.stronger.is_some();
    let mut row = Html::new();
    row.raw("<div class=\"row\">");
    if needs_more {
        row.raw("<div>").part(&title(screen, view, scope)).raw("</div>");
        row.part(&stronger(screen, view));
    } else {
        row.raw("<label><input type=\"checkbox\" ");
        if is_required {
            row.raw("checked disabled>");
        } else {
            row.raw("name=\"scope:").text(scope).raw("\" value=\"1\">");
        }
        row.raw("<span>").part(&title(screen, view, scope)).raw("</span></label>");
        if is_special {
            row.raw("<label><input type=\"checkbox\" name=\"explicit:").text(scope);
            row.raw("\" value=\"1\"><span>").text(words.ask_explicit).raw("</span></label>");
        }
    }
    if let Some((_, sample)) = screen.samples.iter().find(|(of, _)| *of == scope) {
        row.raw("<p class=\"sample\">").text(words.ask_yours).raw(" ");
        row.text(sample.as_deref().unwrap_or(words.ask_none)).raw("</p>");
    }
    row.raw("</div>\n");
    row
}

/// What a kind of data is called, what it means, and whether it can be left out.
fn title(screen: &Screen<'_>, view: &View<'_>, scope: OAuthScope) -> Html {
    let words = view.words;
    let [name, meaning] = scope_words(scope, view.language);
    let mut title = Html::new();
    title.element(("<strong>", "</strong> "), name);
    let necessity = match (screen.data.required.has(scope), scope.needs().special_category) {
        (true, _) => words.ask_needed,
        (false, true) => words.ask_own_tick,
        (false, false) => words.ask_optional,
    };
    title.element(("<span class=\"tag\">", "</span>"), necessity);
    if screen.before.is_some_and(|before| !before.scopes.has(scope)) {
        title.element((" <span class=\"tag\">", "</span>"), words.ask_added);
    }
    title.raw("<br>").text(meaning);
    title
}

/// Where the customer logs in more strongly; without a way there, that they would have to.
fn stronger(screen: &Screen<'_>, view: &View<'_>) -> Html {
    let mut stronger = Html::new();
    stronger.raw("<p class=\"sample\">");
    match screen.stronger {
        Some(place) if !place.is_empty() => stronger.link(place, view.words.ask_stronger),
        _ => stronger.text(view.words.ask_stronger),
    };
    stronger.raw("</p>");
    stronger
}

/// The categories of goods that are left out unless they are ticked, and those that are left out always.
pub(super) fn categories(screen: &Screen<'_>, view: &View<'_>) -> Html {
    let sensitive = screen.settings.sensitive_categories;
    let out = screen.data.authorization_details.exclude_categories;
    let offered = sensitive.without(out);
    let mut rows = Html::new();
    if !offered.is_empty() {
        rows.element(("<fieldset><legend>", "</legend>\n"), view.words.ask_left_out);
        if screen.stronger.is_some() {
            rows.part(&stronger(screen, view));
        }
        for category in offered.iter() {
            rows.raw("<label><input type=\"checkbox\" name=\"category:").text(category);
            rows.raw("\" value=\"1\"");
            rows.raw(if screen.stronger.is_some() { " disabled>" } else { ">" });
            rows.element(("<span>", "</span></label>\n"), category_words(category, view.language));
        }
        rows.raw("</fieldset>\n");
    }
    let always = sensitive.and(out);
    if !always.is_empty() {
        let names: Vec<&str> =
            always.iter().map(|category| category_words(category, view.language)).collect();
        rows.raw("<p>").text(view.words.ask_always_out).raw(": ").text(names.join(", "));
        rows.raw("</p>\n");
    }
    rows
}

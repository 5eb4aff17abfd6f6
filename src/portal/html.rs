//! Pages as text. What is written here is HTML only where it stands in the program itself: all else is escaped, so that
//! nothing that a partner, a customer or a provider says becomes a part of the page.

use crate::consent::name::is_hidden;
use std::fmt::{self, Display, Write};

/// A part of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

/// Writes what it is given as the text of a page.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

impl Html {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Markup of the program's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A text, between elements or in a quoted attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing into memory does not fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    /// A name that somebody else has chosen: apart from the text around it, so that it cannot turn its direction, and
    /// without what is not seen.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        let seen: String = name.chars().filter(|c| !is_hidden(*c)).collect();
        self.raw("<bdi>").text(seen).raw("</bdi>")
    }

    /// Another part.
    pub(super) fn part(&mut self, part: &Self) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    /// An element around a text.
    pub(super) fn element(
        &mut self,
        (before, after): (&'static str, &'static str),
        text: impl Display,
    ) -> &mut Self {
        self.raw(before).text(text).raw(after)
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: impl Display) -> &mut Self {
        self.element(("<p>", "</p>\n"), text)
    }

    /// A link.
    pub(super) fn link(&mut self, to: impl Display, text: impl Display) -> &mut Self {
        self.raw("<a href=\"").text(to).raw("\">").text(text).raw("</a>")
    }

    /// A field of a form that is not seen.
    pub(super) fn hidden(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.raw("<input type=\"hidden\" name=\"").text(name);
        self.raw("\" value=\"").text(value).raw("\">")
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_text() {
        let mut page = Html::new();
        page.raw("<p title=\"").text("\"><script>").raw("\">").text("a & 'b'").raw("</p>");
        let expected = "<p title=\"&quot;&gt;&lt;script&gt;\">a &amp; &#39;b&#39;</p>";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn names_cannot_turn_the_direction_of_what_is_around_them() {
        let mut page = Html::new();
        page.name("<b>Coach\u{202e}\u{200b}");
        assert_eq!(page.into_text(), "<bdi>&lt;b&gt;Coach</bdi>");
    }
}

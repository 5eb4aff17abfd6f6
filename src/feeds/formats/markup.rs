//! Descriptions with markup, of which customers shall read the text.

use quick_xml::escape::{resolve_html5_entity, unescape_with};

/// Longest reference, as `&CounterClockwiseContourIntegral;`.
const LONGEST: usize = 34;
/// Elements that part no words. All others do.
const INLINE: [&str; 24] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins", "mark", "q",
    "s", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "wbr",
];
/// Elements whose content is no text for people.
const SILENT: [&str; 2] = ["script", "style"];

/// The text of HTML: without tags and comments, a line for each paragraph, with characters in the place of
/// their names. A text without markup is left as it is.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let (mut rest, mut found) = (html, false);
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let Some((name, behind)) = tag(from) else {
            text.push('<');
            rest = &from[1..];
            continue;
        };
        found = true;
        if !INLINE.contains(&name.trim_start_matches('/')) {
            text.push('\n');
        }
        rest = behind_silent(&name, behind);
    }
    text.push_str(rest);
    let text = if found { in_lines(&text) } else { text };
    with_characters(&text)
}

/// The name of the tag that a text begins with, in lower case, and what stands behind it. A comment has none.
fn tag(text: &str) -> Option<(String, &str)> {
    if let Some(comment) = text.strip_prefix("<!--") {
        return Some((String::new(), comment.split_once("-->").map_or("", |(_, behind)| behind)));
    }
    let inside = text.strip_prefix('<')?;
    let slash = usize::from(inside.starts_with('/'));
    let bytes = inside.as_bytes();
    let length = bytes[slash..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let end = slash + length;
    let begins = bytes.get(slash).is_some_and(u8::is_ascii_alphabetic);
    let ends = bytes
        .get(end)
        .is_some_and(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace());
    if !begins || !ends {
        return None;
    }
    // What is cut off within a tag has no text any more.
    let behind = inside.get(end..)?.split_once('>').map_or("", |(_, behind)| behind);
    Some((inside.get(..end)?.to_ascii_lowercase(), behind))
}

/// What stands behind the content of an element that is no text.
fn behind_silent<'a>(name: &str, behind: &'a str) -> &'a str {
    if !SILENT.contains(&name) {
        return behind;
    }
    let ends = |at: &usize| {
        let found = behind.get(at + 2..at + 2 + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let mut closings = behind.match_indices("</").map(|(at, _)| at);
    closings.find(ends).and_then(|at| behind.get(at..)).unwrap_or_default()
}

/// Lines without spaces around and between them, none of them empty.
fn in_lines(text: &str) -> String {
    let words = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.split('\n').map(words).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// `&eacute;` and `&#233;` are `é`; what is no such name stays.
fn with_characters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.bytes().take(LONGEST).position(|byte| byte == b';');
        let name = end.and_then(|end| from.get(..=end));
        match name.and_then(|name| unescape_with(name, resolve_html5_entity).ok()) {
            Some(character) => {
                out.push_str(&character);
                rest = &from[name.unwrap_or_default().len()..];
            }
            None => {
                out.push('&');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_becomes_text() {
        for (html, text) in [
            (
                "<p>Caf&eacute; <b>moulu</b>, 250&nbsp;g</p><p>Arabica</p>",
                "Café moulu, 250\u{a0}g\nArabica",
            ),
            ("<ul><li>A</li>\n <li>B &amp; C</li></ul>", "A\nB & C"),
            ("un<br/>deux<BR>trois", "un\ndeux\ntrois"),
            ("<a href=\"https://a.example/?a&amp;b\">ici</a>.", "ici."),
            ("a<script>if (1 </ 2) alert('x')</Script>b<!-- c -->d", "a\nb\nd"),
            ("&#233;&#xE9;&#0;", "éé&#0;"),
            ("Moins de 5 < 6 kg & plus <3", "Moins de 5 < 6 kg & plus <3"),
            ("&lt;b&gt; est du HTML", "<b> est du HTML"),
            ("AT&T; R&D&", "AT&T; R&D&"),
            ("  deux  espaces\nligne", "  deux  espaces\nligne"),
            ("coupé <p class=", "coupé"),
            ("<!-- sans fin", ""),
            ("é<é>", "é<é>"),
        ] {
            assert_eq!(plain(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_without_signs_is_changed(text: String) {
            let _ = plain(&format!("<p>{text}&"));
            if !text.contains(['<', '&']) {
                prop_assert_eq!(plain(&text), text);
            }
        }
    }
}

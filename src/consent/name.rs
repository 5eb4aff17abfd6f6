//! What is wrong with a partner's name on the screen where a customer decides: somebody looks at it before a
//! customer does. Escaping is the page's work; no name is refused for its script.

use crate::kernel::word::words;

words! {
    /// Why somebody has to look at a name.
    pub enum NameDoubt {
        /// It has characters that are not seen, or that turn the direction of the text.
        Hidden = "hidden",
        /// It has characters of markup or of addresses.
        Markup = "markup",
        /// A word in it mixes scripts whose letters look alike.
        MixedScripts = "mixed_scripts",
        /// It speaks as the retailer does, or as somebody who helps.
        Posing = "posing",
        /// It is empty, or too long to be read.
        Length = "length",
    }
}

/// Longest name that fits the screen, in characters.
const LONGEST: usize = 80;
/// Words by which a partner would pass for somebody whom customers trust.
const TRUSTED: [&str; 10] = [
    "support",
    "security",
    "sécurité",
    "official",
    "officiel",
    "helpdesk",
    "assistance",
    "admin",
    "administrator",
    "administrateur",
];

/// Scripts whose letters can be taken for each other's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => {
            Some(Script::Latin)
        }
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Script::Greek),
        '\u{400}'..='\u{52f}' => Some(Script::Cyrillic),
        _ => None,
    }
}

/// Controls, and what Unicode calls default ignorable or bidirectional formatting, as far as names could
/// hold it (UAX #9, UTS #39 §3.1).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Letters that look like others, as those: a name in other letters still says what it says. A small `l` and a
/// great `I` are one: nobody tells them apart.
fn looks(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'е' | 'ε' => 'e',
        'l' | 'і' | 'ι' | '1' | 'ı' | '|' | 'ӏ' => 'i',
        'о' | 'ο' | '0' => 'o',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'у' | 'υ' => 'u',
        'х' | 'χ' => 'x',
        'ѕ' | '5' => 's',
        'т' | 'τ' => 't',
        'м' => 'm',
        'к' | 'κ' => 'k',
        'н' => 'h',
        'в' | 'β' => 'b',
        _ => c,
    }
}

/// The name in small letters without what is not seen, as it looks; for names that have become one, too.
fn skeleton(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_hidden(*c));
    let seen: String = seen.flat_map(char::to_lowercase).map(looks).collect();
    // Pairs of letters that look like one (UTS #39 §4).
    seen.replace("rn", "m").replace("vv", "w")
}

/// What has to be looked at in a partner's name, beside the retailer's.
#[must_use]
pub fn name_doubts(name: &str, retailer: &str) -> Vec<NameDoubt> {
    let words = || name.split(|c: char| !c.is_alphanumeric() && c != '|' && !is_hidden(c));
    let is_mixed = |word: &str| {
        let mut scripts = word.chars().filter_map(script);
        let first = scripts.next();
        scripts.any(|other| Some(other) != first)
    };
    let (looks, own) = (skeleton(name), skeleton(retailer.trim()));
    let is_trusted = |word: &str| TRUSTED.iter().any(|it| skeleton(it) == skeleton(word));
    let length = name.trim().chars().filter(|c| !is_hidden(*c)).count();
    let found = [
        (NameDoubt::Hidden, name.chars().any(is_hidden)),
        (NameDoubt::Markup, name.contains(['<', '>', '"', '`', '\\', '/', '@'])),
        (NameDoubt::MixedScripts, words().any(is_mixed)),
        (NameDoubt::Posing, !own.is_empty() && looks.contains(&own) || words().any(is_trusted)),
        (NameDoubt::Length, !(1..=LONGEST).contains(&length)),
    ];
    found.into_iter().filter(|(_, is_so)| *is_so).map(|(doubt, _)| doubt).collect()
}

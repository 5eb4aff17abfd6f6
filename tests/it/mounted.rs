//! Every path that is mounted is an operation of a document, or stands here with its reason.

use std::fs;
use std::path::{Path, PathBuf};

/// What is mounted by `route`, `resource`, `scope` or a service of another crate, and why no document has it.
const BESIDE: [(&str, &str); 35] = [
    ("\"/\"", "leads people to the reader"),
    ("\"/01/{gtin}/{qualifiers:.+}\"", "has any number of segments, which no document can say"),
    ("\"/demo/images/{file}\"", "a picture of the demo, which the real shop has elsewhere"),
    ("\"/demo/p/{sku}\"", "a page of the demo, which the real shop has elsewhere"),
    ("ENDED_PATH", "a page for people, behind an error"),
    ("PATH", "a page for people, behind a link in a mail"),
    ("&format!(\"/openapi/{name}.json\")", "the document itself"),
    ("&format!(\"/openapi/{name}.yaml\")", "the document itself"),
    ("web::redirect(\"/docs\", \"/docs/\")", "leads people to the reader"),
    ("SwaggerUi::new(\"/docs/{_:.*}\").config(reader)", "the reader, for people"),
    ("\"/healthz\"", "for operators, on the admin listener"),
    ("\"/readyz\"", "for operators, on the admin listener"),
    ("\"/metrics\"", "for operators, on the admin listener"),
    ("PREFIX", "the scope of the admin API's operations"),
    ("authorize::PATH", "leads customers' browsers from a partner to their decision"),
    ("\"/login/start\"", "leads customers' browsers to a provider"),
    ("\"/login/callback/{provider}\"", "where a provider leads customers' browsers back to"),
    ("\"/login/backchannel-logout/{provider}\"", "for a provider, by the standard that it follows"),
    ("\"/consent/{reference}\"", "the screen on which a customer decides"),
    ("\"/me\"", "a customer's own page"),
    ("\"/me/consents\"", "a customer's own page"),
    ("\"/me/consents/{grant_id}\"", "a customer's own page"),
    ("\"/me/consents/{grant_id}/revoke\"", "a customer's own page"),
    ("\"/me/consents/{grant_id}/narrow\"", "a customer's own page"),
    ("\"/me/consents/{grant_id}/renew\"", "a customer's own page"),
    ("\"/me/consents/{grant_id}/receipt\"", "a customer's own page"),
    ("\"/me/accesses\"", "a customer's own page"),
    ("\"/me/export\"", "a customer's own page"),
    ("\"/me/erasure\"", "a customer's own page"),
    ("\"/me/logout\"", "a customer's own page"),
    ("answer::STYLE_PATH", "how customers' pages look"),
    ("\"/.well-known/openid-configuration\"", "the demo's OpenID provider"),
    ("\"/keys\"", "the demo's OpenID provider"),
    ("\"/authorize\"", "the demo's OpenID provider"),
    ("\"/token\"", "the demo's OpenID provider"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// What stands between the parenthesis that a text begins behind and its end, as far as a comma outside others.
fn argument(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|letter| {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || (letter == ',' && depth == 0)
    });
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim()
}

#[test]
fn what_is_mounted_is_documented_or_has_a_reason() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut mounted = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for call in [".route(", "web::resource("] {
            for (_, rest) in code.match_indices(call).map(|(at, _)| code.split_at(at + call.len()))
            {
                mounted.push((file.clone(), argument(rest).to_owned()));
            }
        }
        for (at, _) in code.match_indices(".service(") {
            let service = argument(&code[at + ".service(".len()..]);
            let service = service.strip_prefix("scope(").map_or(service, argument);
            // The name of an annotated handler is all that is mounted otherwise.
            let is_name = service.chars().all(|c| c.is_lowercase() || c == '_' || c == ':');
            if !is_name {
                mounted.push((file.clone(), service.to_owned()));
            }
        }
        handlers(&file, code);
    }
    for (file, what) in &mounted {
        let known = BESIDE.iter().any(|(known, _)| known == what);
        assert!(known, "{}: {what} is mounted, and in no document", file.display());
    }
    for (known, _) in BESIDE {
        assert!(mounted.iter().any(|(_, what)| what == known), "{known} is not mounted");
    }
}

/// Every annotated handler has its description for the document above it.
fn handlers(file: &Path, code: &str) {
    for method in ["get", "post", "put", "patch", "delete"] {
        for (at, _) in code.match_indices(&format!("\n#[{method}(\"")) {
            let before = code[..at].rsplit("\n}\n").next().unwrap_or_default();
            assert!(
                before.contains("#[utoipa::path("),
                "{}: {method} is not described",
                file.display()
            );
        }
    }
}

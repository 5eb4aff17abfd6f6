//! Signature version 4 of Amazon Web Services, from its documents:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&SHA256, bytes).as_ref())
}

/// A checksum as headers have it.
pub(super) fn checksum(bytes: &[u8]) -> String {
    STANDARD.encode(digest::digest(&SHA256, bytes))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn decoded(text: &str) -> String {
    // A plus is a plus: this is no form.
    let form = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().unwrap().1.into_owned()
}

/// Everything but letters, digits and `-._~` with its code.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// What signs a request: method, path and query as they were sent, the headers that are signed in their order, and the hash of
/// the body.
pub(super) fn signature(
    secret: &str,
    (date, region): (&str, &str),
    (method, path, query): (&str, &str, &str),
    headers: &[(&str, &str)],
    payload: &str,
) -> String {
    let path: Vec<String> = path.split('/').map(|part| encoded(&decoded(part))).collect();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(&decoded(name)), encoded(&decoded(value))))
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let request =
        [method, &path.join("/"), &query.join("&"), &lines, &names.join(";"), payload].join("\n");
    let day = &date[..8];
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(request.as_bytes()));
    let key = [day, region, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    hex(&mac(&key, &text))
}

#[test]
fn it_is_the_signature_of_the_documents() {
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, the example of GET Bucket (List Objects).
    let empty = sha256(b"");
    let headers = [
        ("host", "examplebucket.s3.amazonaws.com"),
        ("x-amz-content-sha256", empty.as_str()),
        ("x-amz-date", "20130524T000000Z"),
    ];
    let found = signature(
        super::SECRET,
        ("20130524T000000Z", "us-east-1"),
        ("GET", "/", "max-keys=2&prefix=J"),
        &headers,
        &empty,
    );
    assert_eq!(found, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

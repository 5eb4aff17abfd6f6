//! `source.toml`: what the files of a source are, and where they are fetched.

use super::Bounds;
use super::folder::open_plain;
use crate::feeds::mapping::{Encoding, toml_fault};
use crate::feeds::store::sources::Says;
use crate::feeds::{Feed, Format, Hand, MappingFile, Mode, Options};
use crate::kernel::hex;
use crate::kernel::secret::Secret;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// The file in a source's folder that makes it one.
pub(super) const FILE: &str = "source.toml";
/// Most bytes of a file that the settings name.
const MOST_BYTES: u64 = 1024 * 1024;
/// Seconds between two polls: the least, the most, and where nothing is said.
const EVERY_S: (u64, u64, u64) = (60, 604_800, 3_600);

/// The keys of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    feed: String,
    format: Option<String>,
    mapping: Option<PathBuf>,
    mode: Option<String>,
    store: Option<String>,
    encoding: Option<String>,
    url: Option<String>,
    every_s: Option<u64>,
    authorization_file: Option<PathBuf>,
}

/// A source as its file describes it.
#[derive(Debug)]
pub(super) struct Settings {
    /// The feeds that a file tells, in the order of their import.
    pub(super) feeds: Vec<Feed>,
    /// How they are imported.
    pub(super) options: Options,
    /// The files that it names: no feeds.
    pub(super) own: Vec<PathBuf>,
    /// Where a file is fetched, where it is not only put.
    pub(super) remote: Option<Remote>,
}

/// An address that is polled.
#[derive(Debug)]
pub(super) struct Remote {
    /// The address.
    pub(super) url: Url,
    /// Time between two polls.
    pub(super) every: Duration,
    /// What `Authorization` says.
    pub(super) authorization: Option<Secret>,
    /// SHA-256 of `source.toml` and of the mapping that it names, in hex.
    pub(super) settings: String,
}

impl Settings {
    /// Reads the file in a folder. The error says what is wrong and goes on from the file's name.
    pub(super) fn load(folder: &Path, bounds: &Bounds) -> Result<Self, String> {
        let text = std::fs::read_to_string(folder.join(FILE)).map_err(|e| e.to_string())?;
        let keys: Keys = toml::from_str(&text).map_err(|error| toml_fault(&text, &error))?;
        if keys.mapping.is_some() && keys.format.is_some() {
            return Err("mapping: says how files are laid out; leave `format` out".to_owned());
        }
        let mapping = keys.mapping.as_ref().map(|file| {
            let text = own_text(folder, "mapping", file)?;
            MappingFile::parse(&text)
                .map_err(|problems| format!("mapping: {}", problems.join("; ")))
        });
        let mapping = mapping.transpose()?;
        let mut options = Options {
            mapping: None,
            adapted: None,
            format: word::<Format>("format", keys.format.as_deref())?.unwrap_or_default(),
            source: folder.file_name().map(|name| name.to_string_lossy().into_owned()),
            hand: Hand::default(),
            store_code: keys.store.clone(),
            mode: word::<Mode>("mode", keys.mode.as_deref())?,
            encoding: word::<Encoding>("encoding", keys.encoding.as_deref())?,
            guard: bounds.guard,
            plausible: bounds.plausible,
            max_bytes: Some(bounds.max_bytes),
        };
        if let Some(mapping) = mapping {
            mapping.put_into(&mut options);
        }
        let feeds = match keys.feed.as_str() {
            "all" => options.format.feeds(options.store_code.is_some()).to_vec(),
            one => vec![one.parse().map_err(|error| format!("feed: {error}, or all"))?],
        };
        if feeds.is_empty() {
            return Err("feed: `all` is for formats that tell more than one feed".to_owned());
        }
        let remote = remote(folder, &keys, &text)?;
        let own = keys.mapping.iter().chain(&keys.authorization_file);
        let own = own.map(|file| folder.join(file)).collect();
        Ok(Self { feeds, options, own, remote })
    }

    /// What of them every node may tell.
    pub(super) fn says(&self) -> Says {
        let feeds: Vec<&str> = self.feeds.iter().map(|feed| feed.as_str()).collect();
        let remote = self.remote.as_ref().map(|remote| {
            let mut address = remote.url.clone();
            address.set_query(None);
            address.set_fragment(None);
            (address.to_string(), remote.every.as_secs())
        });
        let format = self.options.layout();
        Says { feeds: feeds.join(" "), format, mode: self.options.mode().as_str(), remote }
    }
}

fn word<T: FromStr<Err: std::fmt::Display>>(
    key: &str,
    text: Option<&str>,
) -> Result<Option<T>, String> {
    text.map(|text| text.parse().map_err(|error| format!("{key}: {error}"))).transpose()
}

/// The text of a file that lies beside the settings: whoever may put files there must not make a link
/// of it that leads to what only this program may read.
fn own_text(folder: &Path, key: &str, file: &Path) -> Result<String, String> {
    if file.file_name() != Some(file.as_os_str()) {
        return Err(format!("{key}: is the name of a file in the source's folder, without a path"));
    }
    let mut text = String::new();
    let opened = open_plain(&folder.join(file));
    let read = opened.and_then(|opened| opened.take(MOST_BYTES).read_to_string(&mut text));
    read.map_err(|error| format!("{key}: {error}"))?;
    Ok(text)
}

fn remote(folder: &Path, keys: &Keys, text: &str) -> Result<Option<Remote>, String> {
    let Some(url) = &keys.url else {
        if keys.every_s.is_some() || keys.authorization_file.is_some() {
            return Err("every_s, authorization_file: need a `url`".to_owned());
        }
        return Ok(None);
    };
    let wrong = "url: is an http or https address without user and password; put what \
                 `Authorization` is to say into a file that `authorization_file` names";
    let url = Url::parse(url).map_err(|_| wrong.to_owned())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_user {
        return Err(wrong.to_owned());
    }
    let (least, most, usual) = EVERY_S;
    let every_s = keys.every_s.unwrap_or(usual);
    if !(least..=most).contains(&every_s) {
        return Err(format!("every_s: is {least} to {most}"));
    }
    let read = |file: &PathBuf| {
        let text = own_text(folder, "authorization_file", file)?;
        Ok::<_, String>(Secret::new(text.trim().to_owned()))
    };
    let authorization = keys.authorization_file.as_ref().map(read).transpose()?;
    let mut digest = Sha256::new_with_prefix(text);
    if let Some(mapping) = &keys.mapping {
        digest.update(own_text(folder, "mapping", mapping)?);
    }
    let settings = hex(digest.finalize());
    Ok(Some(Remote { url, every: Duration::from_secs(every_s), authorization, settings }))
}

#[cfg(test)]
mod tests {
    use super::own_text;
    use std::path::Path;

    #[test]
    fn only_plain_files_beside_the_settings_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, secret) = (dir.path().join("own"), dir.path().join("secret"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&secret, "s3cret").unwrap();
        std::fs::write(folder.join("beside"), "Bearer x").unwrap();
        std::fs::create_dir(folder.join("folder")).unwrap();
        std::os::unix::fs::symlink(&secret, folder.join("link")).unwrap();
        let read = |file: &Path| own_text(&folder, "authorization_file", file);
        assert_eq!(read(Path::new("beside")), Ok("Bearer x".to_owned()));
        for path in
            [secret.as_path(), Path::new("../secret"), Path::new("./beside"), Path::new("..")]
        {
            let error = read(path).unwrap_err();
            assert!(error.contains("without a path"), "{}: {error}", path.display());
        }
        for name in ["link", "folder", "missing", ""] {
            assert!(
                read(Path::new(name)).unwrap_err().starts_with("authorization_file: "),
                "{name}"
            );
        }
    }
}

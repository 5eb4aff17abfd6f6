//! The demo's source of feeds: a folder, and a file of new prices to put into it.

use crate::config::{self, Config};
use crate::demo;
use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `source.toml` says.
const SOURCE: &str = "\
# Google's local inventory feed: what products cost in stores, and what is left of them there.
# config/source.example.toml explains every key.
feed = \"all\"
format = \"google-local-inventory\"
";
/// A newcomer waits for what is put into the folder.
const POLL: Duration = Duration::from_secs(1);

/// Has the demo look at its own folder often, unless the settings say otherwise.
pub(super) fn settle(feeds: &mut config::Feeds, data_dir: &Path) {
    let defaults = Config::embedded().feeds;
    if feeds.sources_dir.is_none() {
        feeds.sources_dir = Some(data_dir.join("sources"));
        if feeds.sources_poll == defaults.sources_poll {
            feeds.sources_poll = POLL;
        }
    }
}

/// Where the file of new prices lies, and the folder that takes it.
pub(super) fn places(data_dir: &Path) -> (PathBuf, PathBuf) {
    (data_dir.join("new-prices.tsv"), data_dir.join("sources").join("prices"))
}

/// Makes the source and the file where they are not there.
pub(super) fn put(data_dir: &Path) -> anyhow::Result<()> {
    let (sample, folder) = places(data_dir);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (path, content) in [(folder.join("source.toml"), SOURCE), (sample, &demo::new_prices())] {
        if !path.exists() {
            fs::write(&path, content).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

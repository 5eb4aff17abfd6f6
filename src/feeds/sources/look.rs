//! A look at one source: what lies there is imported and put away.

use super::folder::Folder;
use super::remote::{self, Fetched};
use super::settings::Settings;
use super::{Sources, State, store};
use crate::feeds::{ImportError, Report, check_store, import_with};
use crate::storage::StoreError;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How soon an address is polled again that failed, at the latest.
const AGAIN: Duration = Duration::from_secs(300);

/// Why a file could not be dealt with now; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Later {
    #[error(transparent)]
    Disk(#[from] std::io::Error),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("source.toml: {0}")]
    Settings(String),
    #[error("url: {0}")]
    Remote(String),
}

impl From<StoreError> for Later {
    fn from(error: StoreError) -> Self {
        Self::Import(error.into())
    }
}

impl Sources {
    /// Imports what a source has.
    pub(super) async fn look(
        &self,
        folder: &Folder,
        state: &mut State,
        files: &mut u64,
    ) -> Result<(), Later> {
        let settings = Settings::load(folder.path(), &self.bounds);
        state.told.says(&folder.name(), settings.as_ref().ok().map(Settings::says));
        let settings = settings.map_err(Later::Settings)?;
        let passed_over = loop {
            match folder.next(&mut state.looks, &settings.own) {
                Ok(Some(file)) => self.take_in(folder, &settings, &file, state).await?,
                other => break other.map(drop),
            }
            *files += 1;
        };
        let Some(remote) = &settings.remote else { return Ok(passed_over?) };
        let (now, path) = (Instant::now(), folder.path().to_owned());
        if let Some((_, problem)) = state.polls.get(&path).filter(|(next, _)| now < *next) {
            return problem.clone().map_or(Ok(passed_over?), |problem| Err(Later::Remote(problem)));
        }
        let fetched = remote::fetch(&self.http, folder, remote, self.bounds.max_bytes).await;
        state.told.looked(&folder.name());
        let wait = if fetched.is_ok() { remote.every } else { remote.every.min(AGAIN) };
        state.polls.insert(path, (now + wait, fetched.as_ref().err().cloned()));
        if let Some(Fetched { file, last }) = fetched.map_err(Later::Remote)? {
            self.take_in(folder, &settings, &file, state).await?;
            *files += 1;
            last.save(folder)?;
        }
        Ok(passed_over?)
    }

    /// Imports a file and puts it away.
    async fn take_in(
        &self,
        folder: &Folder,
        settings: &Settings,
        file: &Path,
        state: &mut State,
    ) -> Result<(), Later> {
        let (source, name) = (folder.name(), file.file_name().unwrap_or_default());
        let name = name.to_string_lossy();
        state.told.send(self).await?;
        store::begin(&self.db, &source, &name).await?;
        let mut reports = Vec::new();
        let imported = self.import(folder, settings, file, &mut reports).await;
        let error = match imported {
            Err(error) if passes(&error) => return Err(error.into()),
            Err(error) => Some(folder.without_place(&error.to_string())),
            Ok(()) => None,
        };
        let held = reports.iter().any(|report| report.held > 0);
        let status = match &error {
            Some(_) => "failed",
            None if held => "held",
            None => "done",
        };
        let now = self.clock.now();
        let at = now.to_string();
        let report = json!({ "source": source, "finished_at": at, "status": status,
                             "error": error, "imports": Value::from_iter(reports.iter().map(shown)) });
        let into = if error.is_some() { "failed" } else { "done" };
        folder.put_away(file, (into, &at.replace(':', "")), &report)?;
        let ids: Vec<&str> = reports.iter().filter_map(|r| r.import_id.as_deref()).collect();
        let (error, imports) = (error.as_deref(), ids.join(" "));
        let ended = store::Ended { file: &name, status, error, at: now, imports };
        store::end(&self.db, &source, &ended).await?;
        tracing::info!(source, status, "a file of a source was imported");
        Ok(())
    }

    /// Imports a file feed by feed.
    async fn import(
        &self,
        folder: &Folder,
        settings: &Settings,
        file: &Path,
        reports: &mut Vec<Report>,
    ) -> Result<(), ImportError> {
        check_store(&self.db, &settings.feeds, &settings.options).await?;
        for feed in &settings.feeds {
            let (db, clock, options) = (&self.db, &self.clock, &settings.options);
            let rejected = folder.rejected(feed.as_str());
            let rejected = Some(rejected.as_path());
            let report =
                import_with(db, clock, *feed, file, options, rejected, &mut |_| {}).await?;
            reports.push(report);
        }
        Ok(())
    }
}

/// Whether a failure passes by itself, so that the file is imported again. One that does not would come
/// back at every look, and nothing behind the file would ever come in.
fn passes(error: &ImportError) -> bool {
    matches!(
        error,
        ImportError::Store(StoreError::Unavailable(_) | StoreError::Full(_))
            | ImportError::File { .. }
            | ImportError::Changed { .. }
            | ImportError::Random(_)
    )
}

fn shown(report: &Report) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_tried_again() {
        assert!(passes(&StoreError::late().into()));
        assert!(!passes(&StoreError::corrupt("offers", "no price").into()));
        assert!(!passes(&ImportError::Superseded));
    }
}

//! Writing an export: rows come from the database on one side, a thread writes files on the other.
//! Between them stand a few batches, so that memory does not grow with the catalog.

use super::ExportError;
use super::files::{Files, Shape};
use super::model::{File, Request, Resource};
use super::scope::Scope;
use super::store::rows::{self, Row};
use crate::storage::Db;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{Receiver, channel};

/// Batches that wait for the writing thread.
const WAITING: usize = 4;

/// What the writing thread is told.
#[derive(Debug)]
pub enum Piece {
    /// The rows to come are of this resource.
    Begin(Resource),
    /// Some rows.
    Rows(Vec<Row>),
    /// That was all.
    End,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The position of the change log that the files stand for.
    pub position: i64,
    /// The files.
    pub files: Vec<File>,
}

/// The directory in which an export is written before it is whole.
#[must_use]
pub fn staging(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.part"))
}

/// Writes an export into `dir/id`, durably. What fails or is cut off leaves nothing.
pub async fn write(
    db: &Db,
    dir: &Path,
    id: &str,
    request: &Request,
) -> Result<Written, ExportError> {
    let mut tx = db.snapshot().await?;
    let position = rows::position(&mut tx).await?;
    let (to, pieces) = channel(WAITING);
    let (staged, whole) = (staging(dir, id), dir.join(id));
    let shape = Shape { formats: request.formats.clone(), data: request.data.clone() };
    let scope = match &request.data {
        Some(data) => Some(Scope::read(&mut tx, data).await?),
        None => None,
    };
    let writing = tokio::task::spawn_blocking(move || {
        let written = write_files(&staged, pieces, &shape)
            .and_then(|files| Ok(publish(&staged, &whole).map(|()| files)?));
        if written.is_err() {
            let _ = std::fs::remove_dir_all(&staged);
        }
        written
    });
    let stores: String = request.store_ids.iter().map(|id| format!(" {id} ")).collect();
    let sent = async {
        for resource in &request.resources {
            to.send(Piece::Begin(*resource)).await.map_err(|_| ExportError::CutOff)?;
            rows::send(&mut tx, *resource, (&stores, scope.as_ref()), &to).await?;
        }
        to.send(Piece::End).await.map_err(|_| ExportError::CutOff)
    }
    .await;
    drop((to, tx));
    // A panic in the thread is a panic here.
    let written =
        writing.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    match (sent, written) {
        (Ok(()), Ok(files)) => Ok(Written { position, files }),
        // The thread has hung up: its error says why.
        (Ok(()) | Err(ExportError::CutOff), Err(error)) => Err(error),
        (Err(error), _) => Err(error),
    }
}

fn write_files(
    dir: &Path,
    mut pieces: Receiver<Piece>,
    shape: &Shape,
) -> Result<Vec<File>, ExportError> {
    std::fs::create_dir_all(dir)?;
    let mut done = Vec::new();
    let mut open: Option<Files<'_>> = None;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Begin(resource)) => {
                close(open.replace(Files::create(dir, resource, shape)?), &mut done)?;
            }
            Some(Piece::Rows(rows)) => {
                if let Some(files) = &mut open {
                    files.write(&rows)?;
                }
            }
            Some(Piece::End) => {
                close(open, &mut done)?;
                return Ok(done);
            }
            None => return Err(ExportError::CutOff),
        }
    }
}

fn close(files: Option<Files<'_>>, done: &mut Vec<File>) -> Result<(), ExportError> {
    if let Some(files) = files {
        done.extend(files.close()?);
    }
    Ok(())
}

/// Makes a finished directory visible under its name, so that a crash leaves it whole or not at all.
pub(crate) fn publish(staged: &Path, whole: &Path) -> std::io::Result<()> {
    std::fs::File::open(staged)?.sync_all()?;
    std::fs::rename(staged, whole)?;
    if let Some(parent) = whole.parent() {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

//! The audit log: a line for each read of what is recorded about people.
//!
//! A line is a JSON object:
//!
//! | field | meaning |
//! |---|---|
//! | `time` | when it was answered |
//! | `request_id` | the answer's `x-request-id` |
//! | `key_id`, `key` | the key's id and name; not there where the service has no keys |
//! | `peer` | the address that it came from, where the service knows it; behind a proxy, the proxy's |
//! | `method`, `route` | what was asked, such as `GET` and `/dossier/{actor}` |
//! | `whose` | `actor`, `case`, `event` or `everybody` |
//! | `name` | the actor, the case, or the event's id |
//! | `as_of` | the instant that was asked for, as it was sent |
//! | `status` | the answer's: 403 is a key whose scope did not allow it |
//!
//! Where the service has keys, every line is also a [`tracing`] event of the target [`TARGET`], whether or not there is a
//! file. Where it has none there is nobody to name as the reader, and logs, which many read, are kept free of the names of
//! whom was read about.
//!
//! ```
//! use apmt_client::Client;
//! use apmt_server::audit::AuditLog;
//! use apmt_server::{RouterOptions, router};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("audit.jsonl");
//! let options = RouterOptions::new().with_audit(AuditLog::open(&path)?);
//! let service = router(Client::open("memory:")?, options);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_core::{Error, ErrorKind, Result};
use async_channel::Sender;

/// The target of the tracing events, all of the level `INFO`.
pub const TARGET: &str = "apmt::audit";

/// How many lines may wait to be written.
const WAITING: usize = 1024;

/// A file of audit lines.
///
/// A thread of its own writes the lines, each with one call, at the end of the file. An answer goes out when its line
/// is in the thread's queue. When the queue is full the answer waits until there is room, and no line is dropped: a
/// disk that is slow makes reading slow, and recording not.
///
/// A file that was renamed or deleted, as `logrotate` does it, is made anew for the next line. A line that cannot be
/// written is warned of.
///
/// Cheap to clone: the clones write to one file.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: Arc<Path>,
    jobs: Sender<Job>,
}

/// What the thread is asked to do.
enum Job {
    Write(Vec<u8>),
    /// To say when everything before is written.
    Flush(Sender<()>),
}

impl AuditLog {
    /// Opens the file, and makes it where there is none, for its owner alone.
    ///
    /// # Errors
    /// If it cannot be opened, or its thread cannot be started.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path: Arc<Path> = path.into().into();
        let failed = |error: std::io::Error| {
            let said = format!("cannot open the audit log {}: {error}", path.display());
            Error::new(ErrorKind::Io, said).with_source(error)
        };
        let writer = writer::Writer::open(&path).map_err(failed)?;
        let (jobs, queue) = async_channel::bounded(WAITING);
        let thread = std::thread::Builder::new().name("apmt-audit".to_owned());
        thread.spawn(move || writer.run(&queue)).map_err(failed)?;
        Ok(Self { path, jobs })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until every line up to now has been handed to the operating system.
    pub async fn flush(&self) {
        let (done, all_done) = async_channel::bounded(1);
        if self.jobs.send(Job::Flush(done)).await.is_ok() {
            // The sender is dropped, or tells it: either way there is nothing left to wait for.
            let _ = all_done.recv().await;
        }
    }

    /// Hands a line over, which ends with a line feed.
    pub(crate) async fn write(&self, line: Vec<u8>) {
        if self.jobs.send(Job::Write(line)).await.is_err() {
            tracing::warn!(file = %self.path.display(), "the audit log's thread is gone: a line is not in the file");
        }
    }
}

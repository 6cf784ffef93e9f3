//! What has been told and what waits, in a file.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use apmt_core::{ActorName, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::Message;

/// The layout of the file.
const VERSION: u32 = 1;

/// What has been told and what waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// The episodes that have been told, by actor, with the instant at which each was seen. An actor whose status is no
    /// longer `pip` is taken out.
    pub(super) told: BTreeMap<ActorName, Timestamp>,
    /// Messages that have not arrived, the oldest first.
    pub(super) waiting: VecDeque<Waiting>,
    /// The time for which the last digest was made.
    pub(super) digest: Option<Timestamp>,
}

/// A message that one notifier has to deliver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) notifier: String,
    pub(super) message: Message,
}

impl Default for State {
    fn default() -> Self {
        Self { version: VERSION, told: BTreeMap::new(), waiting: VecDeque::new(), digest: None }
    }
}

/// The file, held by one process at a time: by a lock on a file beside it whose name ends in `.lock`.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    /// Opens the file, which need not be there yet, and reads it.
    pub(super) fn open(path: &Path) -> Result<(Self, State)> {
        let lock_path = beside(path, "lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| failed("make", &lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text =
                    format!("{}: another process notifies by this file: give each its own", path.display());
                return Err(Error::new(ErrorKind::Locked, text));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &lock_path, error)),
        }
        let state = match std::fs::read(path) {
            Ok(bytes) => read(path, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(failed("read", path, error)),
        };
        Ok((Self { path: path.to_owned(), _lock: lock }, state))
    }

    /// Replaces the file as a whole: after a crash there is the old one or the new one.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        let new = beside(&self.path, "new");
        let save = || {
            let mut options = File::options();
            options.create(true).truncate(true).write(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt as _;
                // Who is on a plan is nobody else's business.
                options.mode(0o600);
            }
            let mut file = options.open(&new)?;
            file.write_all(&serde_json::to_vec(state)?)?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        save().map_err(|error| failed("write", &self.path, error))
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<State> {
    let wrong = |what: String| {
        let advice = "put it right or take it away: without it, everybody on pip is told of again";
        Error::new(ErrorKind::Corrupt, format!("{}: {what}: {advice}", path.display()))
    };
    let state: State = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if state.version == VERSION { Ok(state) } else { Err(wrong(format!("version {}", state.version))) }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn failed(doing: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {doing} {}", path.display())).with_source(error)
}

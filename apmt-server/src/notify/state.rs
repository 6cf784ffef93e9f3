//! What has been told and what waits: in a file, or, where servers share a store, in one of its notes.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{ActorName, Error, ErrorKind, Result, SharedNotes, Store, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::Message;

/// The layout of the file and of the note.
const VERSION: u32 = 1;
/// What the note is called.
const NOTE: &str = "notify";
/// After so long without a word of a server, another takes its place.
pub(super) const LEASE: Duration = Duration::from_secs(30);

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

/// Where the state is kept.
#[derive(Debug)]
pub(super) enum Place {
    File(StateFile),
    Shared(SharedState),
}

impl Place {
    /// The store's, where servers share it; else the file at that path.
    pub(super) fn open(store: &Arc<dyn Store>, path: &Path) -> Result<(Self, State)> {
        if store.notes().is_none() {
            let (file, state) = StateFile::open(path)?;
            return Ok((Self::File(file), state));
        }
        let shared = SharedState { store: Arc::clone(store), holder: Uuid::new_v4(), path: path.to_owned() };
        Ok((Self::Shared(shared), State::default()))
    }
}

/// A note of the store's, held by one server at a time.
#[derive(Debug)]
pub(super) struct SharedState {
    store: Arc<dyn Store>,
    holder: Uuid,
    /// The file of the time when the store was not shared.
    path: PathBuf,
}

impl SharedState {
    fn notes(&self) -> Result<&dyn SharedNotes> {
        self.store.notes().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the store keeps no notes"))
    }

    /// Holds the state for a while from now; none if another server does.
    pub(super) async fn hold(&self) -> Result<Option<State>> {
        match self.notes()?.hold(NOTE, self.holder, LEASE).await?.as_deref() {
            None => Ok(None),
            // Nobody has told anybody by this store: but perhaps by the one that was moved into it.
            Some("") => read_file(&self.path).map(Some),
            Some(text) => read("the note in the store", text.as_bytes()).map(Some),
        }
    }

    /// Keeps the state; false if another server has it.
    pub(super) async fn save(&self, state: &State) -> Result<bool> {
        let text =
            serde_json::to_string(state).map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
        self.notes()?.write(NOTE, self.holder, LEASE, &text).await
    }

    /// Lets another server take it at once.
    pub(super) async fn let_go(&self) -> Result<()> {
        self.notes()?.hold(NOTE, self.holder, Duration::ZERO).await.map(drop)
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
        Ok((Self { path: path.to_owned(), _lock: lock }, read_file(path)?))
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

/// What the file has, which need not be there.
fn read_file(path: &Path) -> Result<State> {
    match std::fs::read(path) {
        Ok(bytes) => read(&path.display().to_string(), &bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(failed("read", path, error)),
    }
}

fn read(place: &str, bytes: &[u8]) -> Result<State> {
    let wrong = |what: String| {
        let advice = "put it right or take it away: without it, everybody on pip is told of again";
        Error::new(ErrorKind::Corrupt, format!("{place}: {what}: {advice}"))
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

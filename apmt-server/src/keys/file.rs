//! The file of keys.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_core::time::{Clock, SystemClock};
use apmt_core::{Error, ErrorKind, Invalid, Result, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::entry::check_name;
use super::secret::random_text;
use super::{Key, KeyEntry, Scope};

/// The layout of the file.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    keys: Vec<KeyEntry>,
}

/// The file in which keys are kept: what `apmt key` works on.
///
/// It is JSON, and holds for each key its id, name, scope, times, and the SHA-256 of its secret. It is made for its
/// owner alone (mode 0600), and replaced as a whole: after a crash there is the old file or the new one. One that is
/// there keeps its owner and what it lets its group do. Changes from several processes wait for each other, by a lock
/// on a file beside it whose name ends in `.lock`.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
    clock: Arc<dyn Clock>,
}

impl KeyFile {
    /// The file at that path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), clock: Arc::new(SystemClock) }
    }

    /// The same file, with a clock that says when keys are made and revoked.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys, revoked ones included, in the order in which they were made.
    ///
    /// # Errors
    /// For a file that cannot be read, or that holds no keys: with the place in the file, and what was expected there.
    pub fn entries(&self) -> Result<Vec<KeyEntry>> {
        read(&self.path)
    }

    /// Makes a key, and the file where there is none. What is returned beside its entry is its text, for the one and
    /// only time.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a name that is empty, too long, not one line, or another key's that is not
    /// revoked, and for an end that has passed; as [`entries`](Self::entries); and where the file cannot be written.
    pub fn create(&self, name: &str, scope: Scope, expires_at: Option<Timestamp>) -> Result<(KeyEntry, Key)> {
        let (name, now) = (check_name(name)?, self.clock.now());
        if let Some(past) = expires_at.filter(|expires_at| *expires_at <= now) {
            return Err(Invalid::new("expires", past, "must be in the future").into());
        }
        self.change(|keys| {
            if keys.iter().any(|key| key.revoked_at.is_none() && &*key.name == name) {
                let rule = "is another key's name: revoke that one first, or give another name";
                return Err(Invalid::new("name", name, rule).into());
            }
            let mut id = random_text::<5>()?;
            while keys.iter().any(|key| *key.id == *id) {
                id = random_text::<5>()?;
            }
            let key = Key::new(id.clone())?;
            let entry = KeyEntry {
                id: id.into(),
                name: name.into(),
                scope,
                created_at: now,
                expires_at,
                revoked_at: None,
                sha256: key.digest(),
            };
            keys.push(entry.clone());
            Ok((entry, key))
        })
    }

    /// Revokes the key of that id or, if none has it, of that name. It stays in the file, so that audit lines can be
    /// explained. One that was revoked before keeps its time.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where no key has that id or name; as [`entries`](Self::entries); and where the
    /// file cannot be written.
    pub fn revoke(&self, id_or_name: &str) -> Result<KeyEntry> {
        // Nothing is made where there is nothing to revoke.
        self.entries()?;
        self.change(|keys| {
            let by_id = |key: &KeyEntry| *key.id == *id_or_name;
            let by_name = |key: &KeyEntry| *key.name == *id_or_name.trim();
            let place = keys
                .iter()
                .position(by_id)
                .or_else(|| keys.iter().position(|key| by_name(key) && key.revoked_at.is_none()))
                .or_else(|| keys.iter().rposition(by_name));
            let Some(key) = place.and_then(|place| keys.get_mut(place)) else {
                // Not repeated where it may be a key itself.
                let rule = "is no key's id or name: apmt key list shows them";
                return Err(match check_name(id_or_name) {
                    Ok(name) => Invalid::new("key", name, rule).into(),
                    Err(_) => Invalid::missing("key", format!("what was given {rule}")).into(),
                });
            };
            key.revoked_at.get_or_insert_with(|| self.clock.now());
            Ok(key.clone())
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<KeyEntry>) -> Result<T>) -> Result<T> {
        // What is replaced is the file itself, and not a link to it.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut lock = path.clone().into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        // It is held until the end of this function.
        let held = File::create(&lock).map_err(|error| failed("write", &lock, error))?;
        held.lock().map_err(|error| failed("lock", &lock, error))?;
        let mut keys = match read(&path) {
            Ok(keys) => keys,
            Err(_) if !path.exists() => Vec::new(),
            Err(error) => return Err(error),
        };
        let changed = change(&mut keys)?;
        write(&path, keys).map_err(|error| failed("write", &path, error))?;
        Ok(changed)
    }
}

/// The keys in a file.
pub(super) fn read(path: &Path) -> Result<Vec<KeyEntry>> {
    let text = fs::read(path).map_err(|error| failed("read", path, error))?;
    let shown = path.display();
    let Contents { version, keys } = serde_json::from_slice(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        // The place stands in front, as in every error of a file.
        let said = said.split(" at line ").next().unwrap_or_default();
        Error::new(ErrorKind::Corrupt, format!("{shown}:{line}:{column}: {said}"))
    })?;
    if version != VERSION {
        let said = format!("{shown}: version {version}: this version of apmt reads version {VERSION}");
        return Err(Error::new(ErrorKind::Mismatch, said));
    }
    let mut ids = HashSet::new();
    if let Some(twice) = keys.iter().find(|key| !ids.insert(key.id())) {
        let said = format!("{shown}: id {}: two keys have it, and each must have its own", twice.id());
        return Err(Error::new(ErrorKind::Corrupt, said));
    }
    Ok(keys)
}

/// Puts a new file in the old one's place, durably.
fn write(path: &Path, keys: Vec<KeyEntry>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made for its owner alone.
    let mut new = NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut new, &Contents { version: VERSION, keys })?;
    new.write_all(b"\n")?;
    keep_owner(path, new.as_file())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Gives the new file the old one's owner: the service may run as somebody else than whoever runs `apmt key`, and would
/// not see a revocation in a file that it cannot read.
#[cfg(unix)]
fn keep_owner(old: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let Ok(old) = fs::metadata(old) else { return Ok(()) };
    let made = new.metadata()?;
    if (old.uid(), old.gid()) != (made.uid(), made.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(fs::Permissions::from_mode(old.mode() & 0o640 | 0o600))
}

#[cfg(not(unix))]
fn keep_owner(_old: &Path, _new: &File) -> io::Result<()> {
    Ok(())
}

fn failed(doing: &str, path: &Path, error: io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::NotFound if doing == "read" => {
            (ErrorKind::Io, ": make the first key with apmt key create")
        }
        io::ErrorKind::PermissionDenied => {
            (ErrorKind::ReadOnly, ": run this as the user whose file it is, or as root")
        }
        io::ErrorKind::StorageFull => (ErrorKind::DiskFull, ": free some space, then try again"),
        _ => (ErrorKind::Io, ""),
    };
    Error::new(kind, format!("cannot {doing} the keys in {} ({error}){advice}", path.display()))
        .with_source(error)
}

//! What is read from files, and read again when they change.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use apmt_core::Result;

/// How often the files are looked at, at most. Looking costs a system call a file.
const LOOK_EVERY_MS: u64 = 1000;

type Read<T> = dyn Fn(&[PathBuf]) -> Result<T> + Send + Sync;

/// A value that stands in files. Whoever asks for it gets what the files held within the last second.
///
/// Files that have become unreadable or damaged are warned of, and the last good value is kept until they are good
/// again: a slip of the pen must not turn everybody away at once, for what they would have recorded would be lost.
pub(crate) struct Watched<T> {
    paths: Box<[PathBuf]>,
    read: Box<Read<T>>,
    current: RwLock<Arc<T>>,
    seen: Mutex<Seen>,
    opened: Instant,
    /// When to look again, in milliseconds after it was opened.
    look_at: AtomicU64,
}

struct Seen {
    good: Marks,
    /// What was warned of: each damage is told once.
    bad: Option<Marks>,
}

/// What changes when a file does: when it was written, its length, and which file it is. Nothing for one that is gone.
type Marks = Vec<Option<(Option<SystemTime>, u64, u64)>>;

impl<T> Watched<T> {
    /// Reads the files for the first time.
    pub(crate) fn open(
        paths: impl Into<Box<[PathBuf]>>,
        read: impl Fn(&[PathBuf]) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let paths = paths.into();
        // First the marks: what is written while the files are read is then read again.
        let good = marks(&paths);
        let current = RwLock::new(Arc::new(read(&paths)?));
        let seen = Mutex::new(Seen { good, bad: None });
        let (opened, look_at) = (Instant::now(), AtomicU64::new(LOOK_EVERY_MS));
        Ok(Self { paths, read: Box::new(read), current, seen, opened, look_at })
    }

    /// The value, no more than a second old.
    pub(crate) fn current(&self) -> Arc<T> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.look_at.load(Ordering::Relaxed);
        // Of many who ask at once, one looks.
        let (order, next) = (Ordering::Relaxed, now.saturating_add(LOOK_EVERY_MS));
        if now >= due && self.look_at.compare_exchange(due, next, order, order).is_ok() {
            self.refresh();
        }
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files now, and reads them if they have changed.
    pub(crate) fn refresh(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = marks(&self.paths);
        if seen.good == marks {
            return;
        }
        match (self.read)(&self.paths) {
            Ok(value) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                tracing::info!(files = ?self.paths, "read again");
                *seen = Seen { good: marks, bad: None };
            }
            Err(error) if seen.bad.as_ref() != Some(&marks) => {
                tracing::warn!(%error, "what was read before is kept until this is mended");
                seen.bad = Some(marks);
            }
            Err(_) => {}
        }
    }
}

fn marks(paths: &[PathBuf]) -> Marks {
    let mark = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok(), about.len(), file_number(&about)))
    };
    paths.iter().map(mark).collect()
}

/// A file that was renamed into another's place has another number, though time and length may be the same.
#[cfg(unix)]
fn file_number(about: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn file_number(_about: &std::fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use apmt_core::{Error, ErrorKind};

    use super::*;

    #[test]
    fn the_last_good_value_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let read = |paths: &[PathBuf]| {
            let text = std::fs::read_to_string(&paths[0]).unwrap_or_default();
            text.parse::<u32>().map_err(|error| Error::new(ErrorKind::Corrupt, error.to_string()))
        };
        write("1");
        let watched = Watched::open([path.clone()], read).unwrap();
        let refreshed = || {
            watched.refresh();
            *watched.current()
        };
        write("22");
        assert_eq!(refreshed(), 22);
        write("nonsense");
        assert_eq!(refreshed(), 22);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(refreshed(), 22);
        write("333");
        assert_eq!(refreshed(), 333);
        write("no number");
        assert!(Watched::open([path.clone()], read).is_err());
    }
}

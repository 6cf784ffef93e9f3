//! The thread that writes audit lines.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use async_channel::Receiver;

use super::Job;

pub(super) struct Writer {
    path: Arc<Path>,
    file: File,
    /// The file ends in the middle of a line: a crash or a full disk cut it short.
    torn: bool,
    /// Whether the last line could not be written: a failure is warned of once, until it has passed.
    failing: bool,
}

impl Writer {
    pub(super) fn open(path: &Arc<Path>) -> io::Result<Self> {
        let (file, torn) = open(path)?;
        Ok(Self { path: Arc::clone(path), file, torn, failing: false })
    }

    /// Writes until nobody is left who could send a line.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv_blocking() {
            match job {
                Job::Write(line) => self.write(line),
                Job::Flush(done) => drop(done.send_blocking(())),
            }
        }
    }

    fn write(&mut self, line: Vec<u8>) {
        match self.append(line) {
            Ok(()) => self.failing = false,
            Err(_) if self.failing => {}
            Err(error) => {
                self.failing = true;
                tracing::warn!(file = %self.path.display(), %error, "audit lines cannot be written");
            }
        }
    }

    fn append(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        if !is_the_one(&self.file, &self.path) {
            (self.file, self.torn) = open(&self.path)?;
        }
        if self.torn {
            line.insert(0, b'\n');
        }
        // Until it is known that the whole line is there.
        self.torn = true;
        self.file.write_all(&line)?;
        self.torn = false;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut last = [b'\n'];
    // A pipe or a device has no end to look at.
    if file.metadata().is_ok_and(|about| about.is_file() && about.len() > 0) {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, last != [b'\n']))
}

/// Whether the path still names the file that is open.
fn is_the_one(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => same(&open, &there),
        _ => false,
    }
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same(_one: &Metadata, _other: &Metadata) -> bool {
    // An open file cannot be renamed away there.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<u8> {
        format!("{text}\n").into_bytes()
    }

    #[test]
    fn a_file_that_was_rotated_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path: Arc<Path> = folder.path().join("audit.jsonl").into();
        let rotated = folder.path().join("audit.jsonl.1");
        let mut writer = Writer::open(&path).unwrap();
        writer.write(line("one"));
        std::fs::rename(&path, &rotated).unwrap();
        writer.write(line("two"));
        std::fs::remove_file(&path).unwrap();
        writer.write(line("three"));
        assert_eq!(std::fs::read_to_string(&rotated).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn a_line_that_was_cut_short_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path: Arc<Path> = folder.path().join("audit.jsonl").into();
        std::fs::write(&path, "{\"time\":\"2026-").unwrap();
        let mut writer = Writer::open(&path).unwrap();
        writer.write(line("{}"));
        writer.write(line("{}"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"time\":\"2026-\n{}\n{}\n");
    }

    #[test]
    fn a_line_that_cannot_be_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let path: Arc<Path> = inner.join("audit.jsonl").into();
        let mut writer = Writer::open(&path).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        writer.write(line("lost"));
        assert!(writer.failing);
        std::fs::create_dir(&inner).unwrap();
        writer.write(line("kept"));
        assert!(!writer.failing);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept\n");
    }
}

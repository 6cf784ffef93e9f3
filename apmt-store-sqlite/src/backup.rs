//! A copy of the file as it stands at one instant, while others read and write it.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};

use crate::connection;
use crate::error::explained;

pub(crate) async fn backup(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.to_owned(), to.to_owned());
    let (reply, done) = oneshot::channel();
    // A thread of its own: a copy takes as long as the file is large, and the readers have other work.
    let started = thread::Builder::new().name("apmt-sqlite-backup".to_owned()).spawn(move || {
        // A caller who has stopped waiting needs no answer.
        let _ = reply.send(copy(&from, &to));
    });
    started.map_err(|error| {
        Error::new(ErrorKind::Io, "the backup's thread could not be started").with_source(error)
    })?;
    done.await.map_err(|_| Error::new(ErrorKind::Io, "the backup was broken off"))?
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        let message =
            format!("{}: there is a file already: give another path, or move it away", to.display());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let Some(target) = to.to_str() else {
        let message = format!("{}: SQLite takes only paths in UTF-8", to.display());
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let source = connection::reader(from, Duration::from_secs(5))?;
    source
        .pragma_update(None, "query_only", false)
        .and_then(|()| source.execute("VACUUM INTO ?1", [target]))
        .map_err(|error| explained(to, &error))?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| {
        let message = format!("{}: the copy was written, and the disk would not confirm it", to.display());
        Error::new(ErrorKind::Io, message).with_source(error)
    })
}

//! The file of the key that signs: one line, for its owner's eyes alone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use apmt_core::{Error, ErrorKind, Result};
use apmt_seal::SealKey;

/// Reads the key, if nobody else on this machine can.
pub(crate) fn read_key(path: &Path) -> Result<SealKey> {
    let io = |error: std::io::Error| {
        let message = format!("{}: the key cannot be read ({error})", path.display());
        Error::new(ErrorKind::Io, message).with_source(error)
    };
    let file = File::open(path).map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            let message = format!(
                "{}: others on this machine may use this key (mode {:03o}): chmod 600 it, and make a new one if they \
                 may have read it",
                path.display(),
                mode & 0o777
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
    }
    let text = std::io::read_to_string(file).map_err(io)?;
    text.parse().map_err(|error: Error| Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Makes a key and writes it to a file that is not there yet.
pub(crate) fn make_key(path: &Path, name: &str) -> Result<SealKey> {
    let key = SealKey::generate(name)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let write = || {
        let mut file = options.open(path)?;
        writeln!(file, "{}", key.reveal())?;
        file.sync_all()
    };
    write().map_err(|error: std::io::Error| {
        let message = if error.kind() == std::io::ErrorKind::AlreadyExists {
            format!("{}: there is a file already: a key is never written over another", path.display())
        } else {
            format!("{}: the key cannot be written ({error})", path.display())
        };
        Error::new(ErrorKind::Io, message).with_source(error)
    })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_owner_alone_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        let made = make_key(&path, "test.gov/apmt").unwrap();
        assert_eq!(read_key(&path).unwrap().verifier(), made.verifier());
        assert!(
            make_key(&path, "test.gov/apmt").unwrap_err().to_string().contains("there is a file already")
        );
        assert_eq!(read_key(&path).unwrap().verifier(), made.verifier());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            let error = read_key(&path).unwrap_err().to_string();
            assert!(error.contains("(mode 640): chmod 600"), "{error}");
            assert!(!error.contains(&made.reveal()));
        }
    }
}

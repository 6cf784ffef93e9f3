//! API keys: who may use the [service](crate::http), and for what.
//!
//! A key's text is `apmt_<id>_<secret>`. The id is public: it stands in lists and audit lines. The secret is 256 random
//! bits from the system's generator, shown once when the key is made, and stored nowhere: the [file](KeyFile) holds its
//! SHA-256. A slow hash such as Argon2 protects passwords, which people choose and others guess; nobody guesses 256
//! random bits, whatever the hash costs, and a quick one lets every request be checked anew.
//!
//! Digests are compared in constant time, and a key whose id is not known takes the same path as one that is: how long
//! an answer takes tells nothing of the keys.
//!
//! ```
//! use apmt_server::keys::{KeyFile, Keys, Refusal, Scope};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("apmt-keys.json");
//! let file = KeyFile::new(&path);
//! let (entry, key) = file.create("form", Scope::Record, None)?;
//!
//! let keys = Keys::open(&path)?;
//! assert_eq!(keys.check(key.reveal())?.id(), entry.id());
//!
//! file.revoke("form")?;
//! keys.refresh();
//! assert_eq!(keys.check(key.reveal()).unwrap_err(), Refusal::Revoked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod file;
mod live;
mod scope;
mod secret;

pub use entry::KeyEntry;
pub use file::KeyFile;
pub use live::{Keys, Refusal};
pub use scope::Scope;
pub use secret::Key;
pub(crate) use secret::{Digest, random_text};

//! Random text, a key's text, and the digest that is kept of a secret.

use std::fmt;

use apmt_core::{Error, ErrorKind, Result};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What every key begins with, so that people, and scanners of source code, know one when they see it.
const PREFIX: &str = "apmt_";

/// So many random bytes from the system's generator, as lower-case base32: letters and digits, which a double click
/// selects and a shell leaves alone.
pub(crate) fn random_text<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Io, format!("the system gives no random bytes: {error}")).with_source(error)
    })?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// A new key's text: shown once, and stored nowhere. Its `Debug` does not show it.
pub struct Key {
    id: String,
    text: String,
}

impl Key {
    /// A key of that id, with a secret of 256 random bits.
    pub(super) fn new(id: String) -> Result<Self> {
        let text = format!("{PREFIX}{id}_{}", random_text::<32>()?);
        Ok(Self { id, text })
    }

    /// The digest of its secret.
    pub(super) fn digest(&self) -> Digest {
        split(&self.text).map_or(Digest::NONE, |(_, secret)| Digest::of(secret))
    }

    /// Its text, such as `apmt_k3vb62xq_…`: what a caller sends as `Authorization: Bearer`.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key's id and secret.
pub(super) fn split(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(PREFIX)?.split_once('_')
}

/// The SHA-256 of a secret. Its `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// No secret's: nobody knows a text of which this is the SHA-256.
    pub(super) const NONE: Self = Self([0; 32]);

    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether they are the same, found out in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What stands there is not repeated: people put keys where digests belong.
        let wrong = || D::Error::custom("expected a SHA-256 as 64 digits of lower-case hex");
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong())?;
        bytes.try_into().map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_public_id_and_256_secret_bits() {
        let key = Key::new("k3vb62xq".to_owned()).unwrap();
        let (id, secret) = split(key.reveal()).unwrap();
        assert_eq!((id, secret.len()), ("k3vb62xq", 52));
        assert!(secret.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        assert!(key.digest().is(&Digest::of(secret)));
        assert_ne!(Key::new("k3vb62xq".to_owned()).unwrap().reveal(), key.reveal());
        let shown = format!("{key:?}{:?}", key.digest());
        assert!(shown.contains("k3vb62xq") && !shown.contains(secret), "{shown}");
    }

    #[test]
    fn what_is_no_key_has_no_parts() {
        for text in ["", "apmt", "apmt_", "apmt_id", "key_id_secret", "APMT_id_secret"] {
            assert!(split(text).is_none(), "{text}");
        }
    }

    #[test]
    fn digests_are_hex() {
        let digest = Digest::of("abc");
        let hex = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
        assert_eq!(serde_json::to_string(&digest).unwrap(), hex);
        assert_eq!(serde_json::from_str::<Digest>(hex).unwrap(), digest);
        for wrong in ["\"\"", "\"ba78\"", "7", &hex.to_uppercase()] {
            let error = serde_json::from_str::<Digest>(wrong).unwrap_err().to_string();
            assert!(error.contains("expected a") || error.contains("invalid type"), "{error}");
        }
    }
}

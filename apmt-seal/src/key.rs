//! Keys: the one that signs checkpoints, and the one that everybody may have to verify them.

use std::fmt;
use std::str::FromStr;

use apmt_core::{Error, ErrorKind, Result};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The algorithm's number in C2SP's signed notes.
const ED25519: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";

/// The key that signs checkpoints. Whoever has it can seal another log under the same name.
///
/// As text it is `PRIVATE+KEY+name+id+key`, as Go's `golang.org/x/mod/sumdb/note` writes it.
pub struct SealKey {
    public: SealVerifier,
    secret: SigningKey,
}

/// The key that verifies what a [`SealKey`] has signed: no secret.
///
/// As text it is `name+id+key`, a *vkey* of [C2SP's signed notes](https://c2sp.org/signed-note).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealVerifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl SealKey {
    /// A new key for the log of that name, from the system's random numbers.
    ///
    /// The name is what checkpoints begin with, such as `sba.gov/apmt`; no two logs should have the same.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the name is empty or has blanks or a plus, and [`Io`](ErrorKind::Io) if the
    /// system has no random numbers.
    pub fn generate(name: &str) -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(no_random)?;
        Self::from_secret(name, secret)
    }

    fn from_secret(name: &str, secret: [u8; 32]) -> Result<Self> {
        let secret = SigningKey::from_bytes(&secret);
        Ok(Self { public: SealVerifier::new(name, secret.verifying_key())?, secret })
    }

    /// The key that verifies.
    pub const fn verifier(&self) -> &SealVerifier {
        &self.public
    }

    /// The key as text, for its file.
    pub fn reveal(&self) -> String {
        let mut key = vec![ED25519];
        key.extend(self.secret.to_bytes());
        let SealVerifier { name, id, .. } = &self.public;
        format!("{PRIVATE}{name}+{}+{}", HEXLOWER.encode(id), BASE64.encode(&key))
    }

    pub(crate) fn sign(&self, text: &str) -> [u8; 64] {
        self.secret.sign(text.as_bytes()).to_bytes()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("name", &self.public.name).finish_non_exhaustive()
    }
}

impl FromStr for SealKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            // What was given may be a secret, so it is not repeated.
            Error::new(
                ErrorKind::Invalid,
                "this is no key that signs: make one with apmt seal --make-key FILE",
            )
        };
        let (name, id, key) = read(text.trim().strip_prefix(PRIVATE).ok_or_else(bad)?).ok_or_else(bad)?;
        let key = Self::from_secret(name, key)?;
        if key.public.id == id { Ok(key) } else { Err(bad()) }
    }
}

impl SealVerifier {
    fn new(name: &str, key: VerifyingKey) -> Result<Self> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            let message = format!(
                "the log's name {name:?} must have no blanks and no plus, and be something such as agency.gov/apmt"
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let hasher = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]);
        let digest = hasher.chain_update(key.as_bytes()).finalize();
        let mut id = [0; 4];
        id.copy_from_slice(&digest[..4]);
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The log's name: the first line of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for SealVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl FromStr for SealVerifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            let message =
                format!("{text:?} is no key that verifies: it should be as apmt seal prints it, name+id+key");
            Error::new(ErrorKind::Invalid, message)
        };
        if text.trim().starts_with(PRIVATE) {
            let message =
                "this is the key that signs, which nobody else should see: give the one that verifies";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let (name, id, key) = read(text.trim()).ok_or_else(bad)?;
        let key = Self::new(name, VerifyingKey::from_bytes(&key).map_err(|_| bad())?)?;
        if key.id == id { Ok(key) } else { Err(bad()) }
    }
}

/// The three parts of a key as text.
fn read(text: &str) -> Option<(&str, [u8; 4], [u8; 32])> {
    // Base64 may have a plus of its own, so the first two separate.
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let id = HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?;
    let key = BASE64.decode(key.as_bytes()).ok()?;
    let (algorithm, key) = key.split_first()?;
    (*algorithm == ED25519).then_some((name, id, key.try_into().ok()?))
}

pub(crate) fn no_random(error: getrandom::Error) -> Error {
    Error::new(ErrorKind::Io, "the system gives no random numbers").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNED: &str =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    /// The keys and the signature of the documentation of Go's golang.org/x/mod/sumdb/note.
    #[test]
    fn keys_and_signatures_are_those_of_the_published_example() {
        let key: SealKey = SECRET.parse().unwrap();
        assert_eq!((key.reveal(), key.verifier().to_string()), (SECRET.to_owned(), PUBLIC.to_owned()));
        let verifier: SealVerifier = PUBLIC.parse().unwrap();
        assert_eq!(&verifier, key.verifier());
        let signed = [&verifier.id()[..], &key.sign(TEXT)].concat();
        assert_eq!(BASE64.encode(&signed), SIGNED);
        assert!(verifier.has_signed(TEXT, &signed[4..]));
        assert!(!verifier.has_signed(&TEXT[1..], &signed[4..]));
        assert!(!verifier.has_signed(TEXT, &signed[5..]));
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_secret_is_never_shown() {
        let long = SECRET.len();
        for cut in [0, 5, 12, 30, long - 1] {
            let error = SECRET[..cut].parse::<SealKey>().unwrap_err();
            assert!(!error.to_string().contains("AYEK"), "{error}");
        }
        let other_id = SECRET.replace("c74f20a3", "c74f20a4");
        assert!(
            other_id.parse::<SealKey>().is_err()
                && PUBLIC.replace("a3", "a4").parse::<SealVerifier>().is_err()
        );
        let error = SECRET.parse::<SealVerifier>().unwrap_err().to_string();
        assert_eq!(
            error,
            "this is the key that signs, which nobody else should see: give the one that verifies"
        );
        let key: SealKey = SECRET.parse().unwrap();
        assert_eq!(format!("{key:?}"), "SealKey { name: \"PeterNeumann\", .. }");
    }

    #[test]
    fn a_name_has_no_blanks_and_no_plus() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
            assert_eq!(SealKey::generate(name).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
        let made = SealKey::generate("sba.gov/apmt").unwrap();
        assert_eq!(made.reveal().parse::<SealKey>().unwrap().verifier(), made.verifier());
        assert_ne!(made.reveal(), SealKey::generate("sba.gov/apmt").unwrap().reveal());
    }
}

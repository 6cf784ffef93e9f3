//! Who did it, on which case, of which track: names that compare as the contract says and remember what was sent.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Invalid;

/// The most bytes that an actor's name or a case's id may have.
pub const MAX_NAME_BYTES: usize = 256;

/// An actor as a key: trimmed and in lower case.
///
/// `Officer_Anne@SBA.gov ` and `officer_anne@sba.gov` are one actor.
///
/// ```
/// use apmt_core::ActorName;
/// assert_eq!(ActorName::new(" Officer_Anne@SBA.gov ")?.as_str(), "officer_anne@sba.gov");
/// assert!(ActorName::new("  ").is_err());
/// # Ok::<(), apmt_core::Invalid>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorName(Arc<str>);

impl ActorName {
    /// The key for a name as it was sent.
    ///
    /// # Errors
    /// [`Invalid`] if the name is empty once trimmed, or longer than [`MAX_NAME_BYTES`], in lower case too.
    pub fn new(sent: &str) -> Result<Self, Invalid> {
        let trimmed = checked("actor", sent)?;
        if trimmed.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
            return Ok(Self(trimmed.into()));
        }
        // Some letters are longer in lower case, and what is shown must be a name that can be asked for.
        Ok(Self(checked("actor", &trimmed.to_lowercase())?.into()))
    }

    /// Nobody: the bearer of what could not be attributed, such as a citizen's stars on a case that no one ever
    /// held or decided. No event can name it, for a name is never empty.
    pub fn nobody() -> Self {
        Self("".into())
    }

    /// Whether this is [`nobody`](Self::nobody).
    pub fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// A key that a store has kept, as it kept it: already trimmed and in lower case.
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a case or ticket, trimmed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(Arc<str>);

impl CaseId {
    /// The key for an id as it was sent.
    ///
    /// # Errors
    /// [`Invalid`] if the id is empty once trimmed, or longer than [`MAX_NAME_BYTES`].
    pub fn new(sent: &str) -> Result<Self, Invalid> {
        Ok(Self(checked("case_id", sent)?.into()))
    }

    /// A key that a store has kept, as it kept it: already trimmed.
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The track of a case, such as `simple` or `expedited`: what kind of case it is, and so how long it may take. Trimmed
/// and in lower case, as `Simple` and `simple` are one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Track(Arc<str>);

impl Track {
    /// The key for a track as it was sent.
    ///
    /// # Errors
    /// [`Invalid`] if the name is empty once trimmed, or longer than [`MAX_NAME_BYTES`], in lower case too.
    pub fn new(sent: &str) -> Result<Self, Invalid> {
        Ok(Self(checked("track", &checked("track", sent)?.to_lowercase())?.into()))
    }

    /// A key that a store has kept, as it kept it: already trimmed and in lower case.
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn checked<'a>(field: &'static str, sent: &'a str) -> Result<&'a str, Invalid> {
    let trimmed = sent.trim();
    if trimmed.is_empty() {
        return Err(Invalid::new(field, sent, "must not be empty"));
    }
    if trimmed.len() > MAX_NAME_BYTES {
        let rule = format!("must be at most {MAX_NAME_BYTES} bytes long, and has {}", trimmed.len());
        return Err(Invalid::new(field, sent, rule));
    }
    Ok(trimmed)
}

macro_rules! key {
    ($name:ident) => {
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self(std::borrow::Cow::<'de, str>::deserialize(deserializer)?.into()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Invalid;

            fn try_from(sent: &str) -> Result<Self, Invalid> {
                Self::new(sent)
            }
        }
    };
}

key!(ActorName);
key!(CaseId);
key!(Track);

/// A key together with the text it came from, kept only where the two differ: the event keeps what was sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sent<Key> {
    pub(crate) key: Key,
    original: Option<Box<str>>,
}

impl<Key: AsRef<str>> Sent<Key> {
    pub(crate) fn new(key: Key, sent: &str) -> Self {
        let original = (key.as_ref() != sent).then(|| sent.into());
        Self { key, original }
    }

    /// What was sent, to the letter.
    pub(crate) fn sent(&self) -> &str {
        self.original.as_deref().unwrap_or(self.key.as_ref())
    }
}

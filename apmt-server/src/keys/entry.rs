//! What is known of a key.

use std::fmt;

use apmt_core::{Invalid, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::secret::Digest;
use super::{Refusal, Scope};

/// The most bytes that a key's name has.
const MAX_NAME_BYTES: usize = 64;

/// What is known of a key: all but its secret, of which there is a digest.
///
/// A field that is not known is an error when the file is read: a key whose `expires_at` is misspelt would never expire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    #[serde(deserialize_with = "id")]
    pub(super) id: Box<str>,
    #[serde(deserialize_with = "name")]
    pub(super) name: Box<str>,
    pub(super) scope: Scope,
    pub(super) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<Timestamp>,
    pub(super) sha256: Digest,
}

impl KeyEntry {
    /// The public part of the key's text.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// When it was made.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The instant from which on it is not let in any more.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// When it was revoked.
    pub const fn revoked_at(&self) -> Option<Timestamp> {
        self.revoked_at
    }

    /// Whether it is let in at that instant; if not, why.
    ///
    /// # Errors
    /// [`Refusal::Revoked`], [`Refusal::Expired`].
    pub fn usable_at(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::Revoked);
        }
        if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            Err(Refusal::Expired)
        } else {
            Ok(())
        }
    }

    /// How it stands at that instant: `active`, `expired` or `revoked`.
    pub fn state_at(&self, now: Timestamp) -> &'static str {
        match self.usable_at(now) {
            Ok(()) => "active",
            Err(Refusal::Expired) => "expired",
            Err(_) => "revoked",
        }
    }
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("KeyEntry");
        shown.field("id", &self.id).field("name", &self.name).field("scope", &self.scope);
        shown.finish_non_exhaustive()
    }
}

/// A name as people give it: it stands in lists and audit lines, so it is one line of text.
pub(super) fn check_name(name: &str) -> Result<&str, Invalid> {
    let trimmed = name.trim();
    if trimmed.is_empty() {
        return Err(Invalid::missing("name", "must not be empty: say who or what has the key"));
    }
    if trimmed.len() > MAX_NAME_BYTES || crate::screen::printable(trimmed) != trimmed {
        let rule = format!("must be one line of at most {MAX_NAME_BYTES} bytes, without control characters");
        return Err(Invalid::new("name", name, rule));
    }
    if trimmed.starts_with("apmt_") {
        // Not repeated: it may be a key.
        return Err(Invalid::missing("name", "must not begin as a key does: keys stand in no file"));
    }
    Ok(trimmed)
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    let text = String::deserialize(deserializer)?;
    check_name(&text).map(Into::into).map_err(D::Error::custom)
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !(1..=32).contains(&text.len()) || !text.bytes().all(plain) {
        return Err(D::Error::custom("expected an id of 1 to 32 lower-case letters and digits"));
    }
    Ok(text.into())
}

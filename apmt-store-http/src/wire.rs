//! What the server answers, as far as the store reads it.

use apmt_core::{Activity, Contribution, Dossier, Error, ErrorKind, Receipt, Recorded, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The answer to a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) receipts: Vec<Receipt>,
}

/// A case's events.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) events: Vec<Recorded>,
}

/// One page of many.
pub(crate) trait Page: DeserializeOwned {
    /// What it holds.
    type Entry;

    /// What it holds, and where the next page begins, if there is one.
    fn into_parts(self) -> (Vec<Self::Entry>, Option<String>);
}

macro_rules! page {
    ($name:ident, $field:ident: $entry:ty, $next:ty) => {
        #[derive(Debug, Deserialize)]
        pub(crate) struct $name {
            $field: Vec<$entry>,
            next: Option<$next>,
        }

        impl Page for $name {
            type Entry = $entry;

            fn into_parts(self) -> (Vec<$entry>, Option<String>) {
                (self.$field, self.next.map(|next| next.to_string()))
            }
        }
    };
}

page!(Log, events: Recorded, u64);
page!(Contributions, contributions: Contribution, String);
page!(Activities, activities: Activity, String);
page!(Dossiers, dossiers: Dossier, String);

/// An answer's JSON, read.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!(
            "the server's answer cannot be read ({error}): check that an APMT of this version is there"
        );
        Error::new(ErrorKind::Mismatch, message).with_source(error)
    })
}

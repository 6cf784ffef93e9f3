//! What was lost on the way to the store, counted by reason.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many events that were given to [`Client::enqueue`](crate::Client::enqueue) did not reach the store, by reason.
///
/// Every call of `enqueue` ends in exactly one place: its event is recorded, is a duplicate, still waits, or is
/// counted here. Nothing is dropped in silence.
///
/// ```
/// use apmt_client::{Client, Losses};
/// let client = Client::open("memory:")?;
/// assert!(client.enqueue(r#"{"type": "OVERRIDE"}"#).is_err());
/// let losses: Losses = client.losses();
/// assert_eq!((losses.invalid, losses.total()), (1, 1));
/// assert_eq!(losses.to_string(), "1 lost (invalid 1)");
/// # Ok::<(), apmt_client::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Losses {
    /// The queue was full: the newest was refused, or the oldest dropped, as
    /// [`WhenFull`](crate::WhenFull) says.
    pub queue_full: u64,
    /// The event broke a rule: `enqueue` refused it, or the store did.
    pub invalid: u64,
    /// The store refused it for good, for a reason that waiting does not change: it is closed, read-only or damaged.
    pub store: u64,
    /// It still waited when the time for the shutdown ran out.
    pub shutdown: u64,
    /// The store had been handed it, and had not answered when the time for the shutdown ran out: it may be stored
    /// all the same.
    pub unanswered: u64,
    /// It came after the shutdown had begun, and was refused.
    pub closed: u64,
}

impl Losses {
    /// Each reason with its count, for logs and metrics.
    pub const fn by_reason(&self) -> [(&'static str, u64); 6] {
        [
            ("queue_full", self.queue_full),
            ("invalid", self.invalid),
            ("store", self.store),
            ("shutdown", self.shutdown),
            ("unanswered", self.unanswered),
            ("closed", self.closed),
        ]
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.queue_full + self.invalid + self.store + self.shutdown + self.unanswered + self.closed
    }
}

impl fmt::Display for Losses {
    /// For a log: `3 lost (queue_full 2, invalid 1)`, or `none lost`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total() == 0 {
            return f.write_str("none lost");
        }
        write!(f, "{} lost (", self.total())?;
        let mut separator = "";
        for (reason, count) in self.by_reason().into_iter().filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{reason} {count}")?;
            separator = ", ";
        }
        f.write_str(")")
    }
}

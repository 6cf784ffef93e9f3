//! What is wrong with a log, in words.

use std::fmt;

use serde::Serialize;

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The first position that it is about; `None` where it is about the seal as a whole.
    pub position: Option<u64>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "wrong", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wrong {
    /// The event, or what the seal has of it, is not what it was.
    Changed,
    /// What stands here was sealed at another place.
    Moved {
        /// Where it was sealed.
        from: u64,
    },
    /// The event that was sealed here is gone, and the next stands in its place.
    Removed,
    /// What stands here was never sealed, and what was sealed here comes after it.
    Inserted,
    /// The events up to that one are gone.
    Missing {
        /// The last that is gone.
        up_to: u64,
    },
    /// An event stands at a place that no log has.
    OutsideTheLog {
        /// Where.
        at: i64,
    },
    /// What the event says is gone, and nothing in the log says that it was erased.
    EmptiedWithoutRecord,
    /// The event cannot be read.
    Unreadable {
        /// Why.
        message: String,
    },
    /// The event is filed under another case than the one that it names.
    FiledElsewhere,
    /// The seal has nothing of an event that was sealed.
    SealMissing,
    /// A node of the tree is not what the events below it come to.
    NodeDiffers,
    /// The log is shorter than a checkpoint says.
    Shorter {
        /// How many events the checkpoint signed.
        signed: u64,
    },
    /// The log up to here is not the one that was signed.
    RootDiffers {
        /// How many events the checkpoint signed.
        signed: u64,
    },
    /// What keeps the log is damaged.
    Damaged {
        /// How, in the store's words.
        message: String,
    },
    /// A checkpoint is kept that none of the keys has signed.
    NotSigned {
        /// How many events it is about.
        signed: u64,
    },
    /// What is kept as a checkpoint is none.
    NoCheckpoint {
        /// How many events it should be about.
        signed: u64,
    },
}

impl Finding {
    pub(crate) const fn new(position: u64, wrong: Wrong) -> Self {
        Self { position: Some(position), wrong }
    }

    pub(crate) const fn of_seal(wrong: Wrong) -> Self {
        Self { position: None, wrong }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "position {position}: ")?;
        }
        self.wrong.fmt(f)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => {
                f.write_str("the event, or the seal's record of it, was changed after it was sealed")
            }
            Self::Moved { from } => {
                write!(f, "what stands here was sealed at position {from}: the order was changed")
            }
            Self::Removed => {
                f.write_str("the event that was sealed here was removed, and the next put in its place")
            }
            Self::Inserted => f.write_str("the event here was inserted: what was sealed here comes after it"),
            Self::Missing { up_to } => {
                write!(f, "removed: there is no event from here up to position {up_to}")
            }
            Self::OutsideTheLog { at } => {
                write!(f, "an event was inserted outside the log, at position {at}")
            }
            Self::EmptiedWithoutRecord => {
                f.write_str("what the event says is gone, and no record in the log says that it was erased")
            }
            Self::Unreadable { message } => write!(f, "the event cannot be read: {message}"),
            Self::FiledElsewhere => {
                f.write_str("the event is filed under another case than the one that it names")
            }
            Self::SealMissing => f.write_str("the seal's record of the event is gone"),
            Self::NodeDiffers => {
                f.write_str("a node of the seal's tree was changed: it is not what the events come to")
            }
            Self::Shorter { signed } => {
                write!(f, "the log ends before the {signed} events that a checkpoint has signed")
            }
            Self::RootDiffers { signed } => {
                write!(f, "the first {signed} events are not those that the checkpoint has signed")
            }
            Self::Damaged { message } => write!(f, "what keeps the log is damaged: {message}"),
            Self::NotSigned { signed } => {
                write!(f, "the checkpoint of {signed} events is not signed by the key that was given")
            }
            Self::NoCheckpoint { signed } => {
                write!(
                    f,
                    "the checkpoint of {signed} events was changed: it cannot be read, or says another number"
                )
            }
        }
    }
}

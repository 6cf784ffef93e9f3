//! What whoever keeps events for a store does when there is no room.

/// What a queue of bounded size does with an event for which it has no room: the client's queue in memory, and the
/// outbox on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Refuses the new event, with an error of kind [`Unavailable`](crate::ErrorKind::Unavailable), so that the caller
    /// can do something about it.
    #[default]
    RejectNewest,
    /// Drops the event that has waited longest and takes the new one.
    DropOldest,
}

//! What an outbox takes for the time.

use std::sync::Arc;
use std::time::Instant;

use apmt_core::{Clock, SystemClock, Timestamp};

/// Two clocks: one that says when things happened, and one for ages.
#[derive(Debug)]
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    /// Where the machine's clock stood on opening. It may be set while the outbox is open, and events must not be given
    /// up as too old by that.
    opened: Option<(Timestamp, Instant)>,
}

impl Time {
    /// The machine's, or a clock that was given, which is trusted.
    pub(super) fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        if let Some(clock) = clock {
            return Self { clock, opened: None };
        }
        let clock = Arc::new(SystemClock);
        Self { opened: Some((clock.now(), Instant::now())), clock }
    }

    /// What the clock shows.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the clock would show if nobody had set it since the opening.
    pub(super) fn steady(&self) -> Timestamp {
        match self.opened {
            Some((then, opened)) => {
                then.plus_millis(i64::try_from(opened.elapsed().as_millis()).unwrap_or(i64::MAX))
            }
            None => self.clock.now(),
        }
    }
}

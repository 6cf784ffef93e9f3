//! Hearing of what other servers append, by LISTEN: a wake-up, and no more. The log says what has happened, and whoever
//! reads it after a wake-up, or now and then without one, misses nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::connect::Connector;

/// The wait before listening again, once the connection broke.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens for ever, and calls `heard` when something was appended, or may have been while nobody listened.
pub(crate) async fn run(connector: Connector, channel: String, heard: Arc<dyn Fn() + Send + Sync>) {
    loop {
        let ended = connector.listen(&channel, || heard()).await;
        tracing::debug!(?ended, channel, "nobody listens for appended events; trying again");
        tokio::time::sleep(AGAIN).await;
    }
}

/// The channel on which the servers of a schema tell each other.
pub(crate) fn channel(schema: &str) -> String {
    format!("apmt_{schema}")
}

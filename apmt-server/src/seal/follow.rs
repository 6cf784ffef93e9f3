//! Sealing behind the log.

use std::sync::Arc;

use apmt_core::{Result, Store};
use apmt_seal::{Sealer, checkpoint, seal_of};

use super::SealOptions;

/// Seals and signs each interval, until `stop` is done, and once more then.
pub(crate) async fn follow(store: Arc<dyn Store>, options: SealOptions, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut sealer = Sealer::default();
    let mut interval = tokio::time::interval(options.interval());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let ended = tokio::select! {
            () = &mut stop => true,
            _ = interval.tick() => false,
        };
        match seal(&*store, &options, &mut sealer).await {
            Ok(size) => tracing::debug!(size, "the log is sealed"),
            Err(error) => tracing::error!(%error, "the log could not be sealed: it is tried again"),
        }
        if ended {
            return;
        }
    }
}

async fn seal(store: &dyn Store, options: &SealOptions, sealer: &mut Sealer) -> Result<u64> {
    let seal = seal_of(store)?;
    let size = sealer.catch_up(seal, &mut |_| ()).await?;
    checkpoint(seal, options.key()).await?;
    Ok(size)
}

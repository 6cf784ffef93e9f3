//! How a process is told to stop.

use apmt_core::{Error, ErrorKind, Result};

/// Done when the process is told to stop. Signals are noticed from this call on, before the future is first polled.
#[cfg(unix)]
pub(super) fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("told to stop");
    })
}

/// Done when the process is told to stop.
#[cfg(not(unix))]
pub(super) fn stop() -> Result<impl Future<Output = ()>> {
    Ok(async {
        // Where this cannot be listened for, the process is ended from outside.
        if tokio::signal::ctrl_c().await.map_err(no_signals).is_err() {
            std::future::pending::<()>().await;
        }
    })
}

fn no_signals(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("signals cannot be listened for: {error}")).with_source(error)
}

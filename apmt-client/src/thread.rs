//! A blocking wait for async code that knows no executor.

use apmt_core::Result;

use crate::queue::no_thread;

/// Does on a thread of its own what may block, and waits for it under any executor. Dropping the future does not stop
/// the work.
///
/// # Errors
/// [`Io`](apmt_core::ErrorKind::Io) if the thread cannot be started, or panicked.
pub(crate) async fn off_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = async_channel::bounded(1);
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more: the work is done all the same.
        let _ = sender.try_send(work());
    });
    started.map_err(no_thread)?;
    receiver.recv().await.map_err(|_| no_thread(std::io::Error::other("it ended without an answer")))
}

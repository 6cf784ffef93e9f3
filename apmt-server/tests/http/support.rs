//! A server on a real loopback socket, for as long as a test lasts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use apmt_client::{Client, Report};
use apmt_core::Store;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_server::RouterOptions;
use apmt_server::serve::{ServeOptions, Server};
use tokio::sync::oneshot;

/// A server on a thread of its own, which stops when this is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Report>>,
}

impl Served {
    /// Any free port.
    pub(crate) fn any() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    pub(crate) fn run(options: ServeOptions) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(options).await.expect("a free port is there");
                tell.send(server.local_addr()).unwrap();
                server
                    .run_until(async {
                        let _ = stopped.await;
                    })
                    .await
            })
        });
        let address = told.recv().expect("the server listens");
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// A server of that store, under the built-in policy.
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        let client = Client::builder().store(store).build().unwrap();
        Self::run(ServeOptions::new(client).with_address(Self::any()))
    }

    /// A server of an empty store in memory, whose clock shows the conformance suite's time.
    pub(crate) fn fresh() -> Self {
        Self::with(RouterOptions::new())
    }

    pub(crate) fn with(router: RouterOptions) -> Self {
        let clock = Arc::new(ManualClock::at(now()));
        let client = Client::builder().url("memory:").clock(clock).build().unwrap();
        Self::run(ServeOptions::new(client).with_address(Self::any()).with_router(router))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server, and waits for it.
    pub(crate) fn stop(mut self) -> Report {
        self.end().expect("it has not been stopped before")
    }

    fn end(&mut self) -> Option<Report> {
        drop(self.stop.take());
        self.thread.take().map(|thread| thread.join().expect("the server does not panic"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

//! Dossiers as they change, on real sockets.

mod coming_back;
mod ending;
mod following;
mod hostile;
mod refused;
mod server_sent;
#[cfg(feature = "postgres")]
mod shared;
mod slow;
mod viewer;

use std::sync::Arc;

use apmt_client::{Client, ClientBuilder};
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;

use crate::support::Served;

/// A client builder whose clock stands still.
fn still() -> ClientBuilder {
    Client::builder().clock(Arc::new(ManualClock::at(now())))
}

fn serve(client: Client, router: RouterOptions) -> Served {
    Served::run(ServeOptions::new(client).with_address(Served::any()).with_router(router))
}

/// Runs a test on a server of each store that this build opens.
fn on_each_store(test: impl Fn(&Served)) {
    let folder = tempfile::tempdir().unwrap();
    for url in ["memory:".to_owned(), format!("sqlite:{}", folder.path().join("apmt.db").display())] {
        test(&serve(still().url(&url).build().unwrap(), RouterOptions::new()));
    }
}

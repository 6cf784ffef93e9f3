//! The remote store does what every store does: through a real server, over each of its stores.

use std::sync::Arc;

use apmt_core::conformance::{Fresh, Setup};
use apmt_store_http::HttpStore;

use crate::support::Served;

fn remote(served: &Served) -> Fresh {
    Fresh::new(Arc::new(HttpStore::open(&served.url()).unwrap()))
}

mod memory {
    use apmt_core::MemoryStore;

    use super::*;

    apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
        let served = Served::of(Arc::new(MemoryStore::with(setup.clock, setup.calendar)));
        remote(&served).keeping(served)
    });
}

mod sqlite {
    use apmt_store_sqlite::SqliteStore;

    use super::*;

    apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("apmt.db");
        let store = SqliteStore::builder(path).clock(setup.clock).calendar(setup.calendar).open().unwrap();
        let served = Served::of(Arc::new(store));
        // The server goes before the folder that its store lives in.
        remote(&served).keeping((served, folder))
    });
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;
    use crate::database::Database;

    apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
        let builder = Database::with_tables().builder().readers(4);
        let store = builder.clock(setup.clock).calendar(setup.calendar).open().unwrap();
        let served = Served::of(Arc::new(store));
        remote(&served).keeping(served)
    });
}

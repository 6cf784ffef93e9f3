//! The conformance suite on the memory store.

use apmt_core::MemoryStore;
use apmt_core::conformance::Setup;

apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
    MemoryStore::with(setup.clock, setup.calendar)
});

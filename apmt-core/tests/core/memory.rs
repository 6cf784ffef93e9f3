//! The conformance suite on the memory store, and that the suite's one line runs all of it.

use apmt_core::MemoryStore;
use apmt_core::conformance::Setup;

apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
    MemoryStore::with(setup.clock, setup.calendar)
});

/// A behaviour that is written but not listed in the macro would be run by nobody.
#[test]
fn every_behaviour_is_run() {
    let list = include_str!("../../src/conformance.rs");
    let modules = [
        include_str!("../../src/conformance/activity.rs"),
        include_str!("../../src/conformance/append.rs"),
        include_str!("../../src/conformance/case_clocks.rs"),
        include_str!("../../src/conformance/concurrent.rs"),
        include_str!("../../src/conformance/dossiers.rs"),
        include_str!("../../src/conformance/evidence.rs"),
        include_str!("../../src/conformance/fidelity.rs"),
        include_str!("../../src/conformance/hostile.rs"),
        include_str!("../../src/conformance/reading.rs"),
        include_str!("../../src/conformance/refold.rs"),
    ];
    let listed: Vec<&str> = list.lines().map(str::trim).collect();
    let written: Vec<&str> = modules
        .iter()
        .flat_map(|module| module.lines())
        .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
        .collect();
    assert!(written.len() > 70, "{} behaviours", written.len());
    for behaviour in written {
        assert!(listed.contains(&behaviour), "{behaviour} is not run");
    }
}

//! Two programs on one database.

use std::time::Duration;

use apmt_client::{Client, Event};
use futures_lite::future::block_on;

use crate::cluster::Cluster;

#[test]
fn what_another_program_records_is_heard_of() {
    let cluster = Cluster::start(&["fsync=off"]);
    // Too rarely to be found by looking: whatever arrives was heard of.
    let here = Client::builder()
        .url(&cluster.url("postgres"))
        .poll_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    let there = Client::open(&cluster.url("postgres")).unwrap();
    let mut live = here.subscribe();
    block_on(here.record_event(Event::decision("anne@sba.gov"))).unwrap();
    assert_eq!(block_on(live.next()).unwrap().unwrap().dossier.metrics.decisions, 1);
    block_on(there.record_event(Event::override_of("anne@sba.gov"))).unwrap();
    assert_eq!(block_on(live.next()).unwrap().unwrap().dossier.metrics.decisions, 2);
}

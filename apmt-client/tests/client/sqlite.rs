//! One file on this machine.

use apmt_client::{Client, Event, blocking};
use futures_lite::future::block_on;

use crate::support::{LONG, decision};

#[test]
fn a_file_keeps_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let client = blocking::Client::open(&url).unwrap();
    client.record_event(Event::override_of("anne@sba.gov")).unwrap();
    for _ in 0..100 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    let report = client.shutdown(LONG);
    assert!(report.is_clean() && report.recorded == 100, "{report}");

    let client = Client::builder().url(&url).read_only(true).build().unwrap();
    let dossier = block_on(client.get_dossier("anne@sba.gov")).unwrap();
    assert_eq!((dossier.metrics.decisions, dossier.metrics.overrides), (101, 1));
    assert!(block_on(client.record_event(decision("anne@sba.gov"))).is_err());
}

#[test]
fn two_clients_on_one_file_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("apmt.db").display());
    let open =
        || Client::builder().url(&url).poll_interval(std::time::Duration::from_millis(1)).build().unwrap();
    let (one, other) = (open(), open());
    let mut live = other.subscribe();
    block_on(other.record_event(decision("bob@sba.gov"))).unwrap();
    assert_eq!(live.next_timeout(LONG).unwrap().unwrap().actor.as_str(), "bob@sba.gov");
    block_on(one.record_event(decision("anne@sba.gov"))).unwrap();
    assert_eq!(live.next_timeout(LONG).unwrap().unwrap().actor.as_str(), "anne@sba.gov");
    assert!(block_on(one.shutdown(LONG)).is_clean());
    assert!(block_on(other.shutdown(LONG)).is_clean());
}

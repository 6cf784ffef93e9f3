//! Fail-overs: two servers before a Patroni cluster of three, whose leader is killed under load.

mod load;
mod patroni;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use apmt_core::conformance::naive;
use apmt_core::{AsOf, Calendar, Policy, Store, Timestamp};
use apmt_store_http::HttpStore;
use futures_lite::future::block_on;

use crate::Folder;
use crate::serve::Server;
use load::Load;
use patroni::Patroni;

/// After so long at most, both servers write again.
const BACK_WITHIN: Duration = Duration::from_secs(30);

#[test]
#[ignore = "it takes minutes, and needs Patroni and etcd: bash .ci/failover runs it"]
fn nothing_acknowledged_is_lost_or_doubled_where_the_leader_is_killed() {
    let mut patroni = Patroni::start();
    patroni.wait_until_whole();
    let folder = Folder::new();
    let servers = [(); 2].map(|()| {
        Server::with(&folder, &["--address", "127.0.0.1:0", "--log-level", "warn", "--store", &patroni.url()])
    });
    let load = Load::start(&servers.each_ref().map(|server| server.url.clone()));
    for kill in 1..=3 {
        patroni.wait_until_whole();
        load.wait_for(300);
        let leader = patroni.kill_leader();
        let killed = Instant::now();
        let back = load.back_since(killed);
        println!("kill {kill}: {leader} is gone; both servers write again after {:.1} s", back.as_secs_f64());
        assert!(back < BACK_WITHIN, "no writes for {back:?}");
        patroni.bring_back(&leader);
    }
    patroni.wait_until_whole();
    load.wait_for(300);
    let done = load.stop();

    let stores = servers.each_ref().map(|server| HttpStore::open(&server.url).unwrap());
    let log = load::whole_log(&stores[0]);
    let places: HashMap<_, u64> = log.iter().map(|recorded| (recorded.id, recorded.position)).collect();
    let lost = done.acknowledged.iter().filter(|(id, position)| places.get(id) != Some(position)).count();
    let doubled = log.len() - places.len();
    let unasked = places.keys().filter(|id| !done.acknowledged.contains_key(id)).count();
    let misread = done.read.iter().zip(&log).filter(|(read, recorded)| **read != recorded.id).count();
    println!(
        "{} events acknowledged, {} in the log: {lost} lost, {doubled} doubled, {unasked} that nobody sent; \
         {} read as they came, {misread} of them not what the log has",
        done.acknowledged.len(),
        log.len(),
        done.read.len(),
    );
    assert_eq!((lost, doubled, unasked, misread), (0, 0, 0, 0));
    assert_eq!(done.read.len(), log.len(), "whoever follows the log has read all of it");
    for (recorded, position) in log.iter().zip(1..) {
        assert_eq!(recorded.position, position, "the log has a gap");
    }

    let as_of = log.iter().map(|recorded| recorded.occurred_at).max().unwrap_or(Timestamp::MIN);
    let expected = naive::dossiers(&log, as_of, &Policy::default(), &Calendar::Always);
    for store in &stores {
        let dossiers =
            block_on(store.dossiers(AsOf::At(as_of), &Policy::default(), None, usize::MAX)).unwrap();
        assert_eq!(naive::difference(&dossiers, &expected), None);
    }
    println!(
        "{} dossiers, the same from both servers as by a naive recomputation of the log",
        expected.len()
    );
    for server in servers {
        assert_eq!(server.stop(), Some(0));
    }
}

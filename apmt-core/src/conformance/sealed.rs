//! What stores keep of the seal, and erasing. Stores that keep none (that of a server, for one) have nothing to show.

use std::collections::HashSet;

use super::bench::{Bench, Trial, hour, now};
use super::random_events;
use crate::error::ErrorKind;
use crate::event::{Event, EventType};
use crate::store::Recorded;
use crate::store::seal::{ERASURE, Erased, KeptCheckpoint, SealNode, SealStore};

/// A made-up hash: stores keep hashes, and make none.
fn hash(number: u64) -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash
}

fn salt(number: u64) -> [u8; 16] {
    (u128::from(number) << 64 | 5).to_be_bytes()
}

/// The nodes of the events after the first `from`, up to the first `to`: leaves, and the parents of pairs of them.
fn nodes(from: u64, to: u64) -> Vec<SealNode> {
    let leaf = |index: u64| SealNode { number: 2 * index, hash: hash(2 * index), salt: Some(salt(index)) };
    let parent = |index: u64| SealNode { number: 2 * index - 1, hash: hash(2 * index - 1), salt: None };
    (from..to)
        .flat_map(|index| [Some(leaf(index)), (index % 2 == 1).then(|| parent(index))])
        .flatten()
        .collect()
}

/// The seal of a store that erases, too.
async fn erasing(trial: &Trial) -> Option<&dyn SealStore> {
    let seal = trial.store.seal()?;
    match seal.erase(Vec::new()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        _ => Some(seal),
    }
}

async fn seal_all(trial: &Trial, seal: &dyn SealStore) -> u64 {
    let (from, to) = (seal.sealed().await.unwrap(), trial.store.status().await.unwrap().position);
    assert!(seal.keep_nodes(from, nodes(from, to)).await.unwrap());
    to
}

/// Seals the log, records that so much of it is erased, and erases it.
async fn erase(trial: &Trial, seal: &dyn SealStore, positions: &[u64]) -> u64 {
    seal_all(trial, seal).await;
    let record = trial.append([Event::custom(ERASURE).field("why", "the law says so")]).await[0].position;
    let erased = |position: &u64| Erased { position: *position, commitment: hash(1000 + position), record };
    seal.erase(positions.iter().map(erased).collect()).await.expect("what is sealed is erased")
}

/// Rows are the log as it is stored, and hold nothing of a seal before there is one.
pub async fn a_log_is_not_sealed_before_it_is(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = trial.store.seal() else { return };
    assert_eq!((seal.sealed().await.unwrap(), seal.rows(i64::MIN, 10).await.unwrap()), (0, vec![]));
    assert_eq!(seal.newest_checkpoint().await.unwrap(), None);
    trial
        .append([Event::decision("Anne@sba.gov").case("C-1").at(hour(1)), Event::sat_score(3).case("C-1")])
        .await;
    let (log, rows) = (trial.log().await, seal.rows(i64::MIN, 10).await.unwrap());
    assert_eq!(rows.len(), 2);
    for (recorded, row) in log.iter().zip(&rows) {
        assert_eq!((row.position, &row.sealed), (recorded.position.cast_signed(), &None));
        assert_eq!(row.id, recorded.id.as_bytes());
        assert_eq!(row.occurred_at, recorded.occurred_at.millis());
        assert_eq!(row.recorded_at, recorded.recorded_at.millis());
        assert_eq!(row.case_id.as_deref(), Some("C-1"));
        assert_eq!(String::from_utf8_lossy(&row.payload), recorded.event.to_payload());
    }
    assert_eq!(seal.rows(1, 10).await.unwrap(), rows[1..]);
    assert_eq!(seal.rows(0, 1).await.unwrap(), rows[..1]);
    assert_eq!((seal.rows(2, 10).await.unwrap(), seal.rows(i64::MAX, 10).await.unwrap()), (vec![], vec![]));
    assert_eq!(seal.nodes(vec![0, 1]).await.unwrap(), [None, None]);
}

/// Nodes are kept with their salts, and come back by their numbers; appending goes on beside it.
pub async fn what_is_sealed_is_kept(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = trial.store.seal() else { return };
    trial.append((0..5).map(|n| Event::decision("anne@sba.gov").at(hour(n)))).await;
    assert!(seal.keep_nodes(0, nodes(0, 3)).await.unwrap());
    assert_eq!(seal.sealed().await.unwrap(), 3);
    assert!(seal.keep_nodes(3, nodes(3, 5)).await.unwrap());
    trial.append([Event::decision("anne@sba.gov").at(hour(9))]).await;
    assert_eq!(seal.sealed().await.unwrap(), 5);
    let some = |number| Some(hash(number).to_vec());
    assert_eq!(seal.nodes(vec![5, 0, 77, 8, 1]).await.unwrap(), [some(5), some(0), None, some(8), some(1)]);
    for row in seal.rows(0, 10).await.unwrap() {
        let index = row.position.cast_unsigned() - 1;
        let Some(sealed) = row.sealed else {
            assert_eq!(index, 5);
            continue;
        };
        assert_eq!(sealed.hash, hash(2 * index));
        assert_eq!(sealed.salt.as_deref(), Some(&salt(index)[..]));
        assert_eq!((sealed.commitment, sealed.erasure), (None, None));
    }
}

/// Of two that seal the same events, one is told that the other was first, and nothing of its own is kept.
pub async fn sealing_gives_way_to_who_was_first(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = trial.store.seal() else { return };
    trial.append((0..4).map(|n| Event::decision("anne@sba.gov").at(hour(n)))).await;
    assert!(seal.keep_nodes(0, nodes(0, 2)).await.unwrap());
    let others = nodes(0, 4).into_iter().map(|node| SealNode { hash: [9; 32], ..node }).collect();
    assert!(!seal.keep_nodes(0, others).await.unwrap());
    assert_eq!(seal.sealed().await.unwrap(), 2);
    assert_eq!(seal.nodes(vec![0, 4]).await.unwrap(), [Some(hash(0).to_vec()), None]);
    let block_on = bench.block_on();
    let store = &trial.store;
    let won: usize = std::thread::scope(|scope| {
        let both: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let (reply, won) = std::sync::mpsc::channel();
                    block_on(Box::pin(async move {
                        let seal = store.seal().expect("it had one");
                        reply.send(seal.keep_nodes(2, nodes(2, 4)).await.unwrap()).unwrap();
                    }));
                    usize::from(won.recv().unwrap())
                })
            })
            .collect();
        both.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((won, seal.sealed().await.unwrap()), (1, 4));
}

/// By size, all of them; the same one again is kept once.
pub async fn checkpoints_are_kept_by_size(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = trial.store.seal() else { return };
    let kept = |size: u64, note: &str| KeptCheckpoint { size, note: note.to_owned() };
    for checkpoint in
        [kept(5, "five\n"), kept(2, "two\n"), kept(5, "five\n"), kept(5, "five by another key\n")]
    {
        seal.keep_checkpoint(checkpoint).await.unwrap();
    }
    let all = seal.checkpoints(0, 10).await.unwrap();
    assert_eq!(all, [kept(2, "two\n"), kept(5, "five\n"), kept(5, "five by another key\n")]);
    assert_eq!(seal.checkpoints(2, 1).await.unwrap(), all[1..2]);
    assert_eq!(seal.newest_checkpoint().await.unwrap().map(|newest| newest.size), Some(5));
}

/// It is in no answer any more, its place stays empty, its row says why, and its id cannot be recorded again.
pub async fn an_erased_event_leaves_its_place(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = erasing(&trial).await else { return };
    let secret = || Event::override_of("anne@sba.gov").case("C-1").at(hour(2)).field("secret", "of Anne's");
    let secret = secret().build().unwrap();
    let id =
        trial.append([Event::case_opened("C-1").at(hour(1)).build().unwrap(), secret.clone()]).await[1].id;
    trial.append([Event::decision("bob@sba.gov").case("C-2").at(hour(3))]).await;
    assert_eq!(erase(&trial, seal, &[2]).await, 1);
    let log = trial.log().await;
    assert_eq!(log.iter().map(|recorded| recorded.position).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(trial.store.event(id).await.unwrap(), None);
    assert_eq!(trial.case("C-1").await.len(), 1);
    assert!(trial.contributions("anne@sba.gov").await.is_empty());
    assert_eq!(trial.dossiers(now()).await.len(), 1, "Bob's alone");
    let rows = seal.rows(1, 1).await.unwrap();
    let (row, sealed) = (&rows[0], rows[0].sealed.as_ref().expect("it is sealed"));
    assert_eq!((row.position, &row.id[..]), (2, &id.as_bytes()[..]));
    assert_eq!((row.occurred_at, row.recorded_at), (0, now().millis()));
    assert_eq!((&row.case_id, &row.payload[..]), (&None, &b""[..]));
    assert_eq!(sealed.hash, hash(2));
    assert_eq!((sealed.salt.as_ref(), sealed.commitment.as_deref()), (None, Some(&hash(1002)[..])));
    assert_eq!(sealed.erasure, Some(4));

    let again = trial.append([&secret, &secret].map(|event| with_id(event, id))).await;
    assert!(again.iter().all(|receipt| receipt.duplicate && receipt.position == 2), "{again:?}");
    assert_eq!(trial.append([Event::case_closed("C-1").at(hour(9))]).await[0].position, 5);
    assert_eq!(trial.store.status().await.unwrap().position, 5);
    assert_eq!(trial.log().await.len(), 4);
}

fn with_id(event: &Event, id: uuid::Uuid) -> Event {
    let mut json: serde_json::Value = serde_json::from_str(&event.to_json()).expect("an event is JSON");
    json["id"] = id.to_string().into();
    Event::from_value(json).expect("an event with an id is one")
}

/// Erasing once more changes nothing: what is erased stays so, for the reason that was given first.
pub async fn erasing_again_changes_nothing(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = erasing(&trial).await else { return };
    trial.append((0..3).map(|n| Event::decision("anne@sba.gov").at(hour(n)))).await;
    assert_eq!(erase(&trial, seal, &[2]).await, 1);
    let rows = seal.rows(0, 3).await.unwrap();
    assert_eq!(erase(&trial, seal, &[2, 2, 3, 3]).await, 1);
    assert_eq!(seal.rows(1, 1).await.unwrap(), rows[1..2]);
    assert_eq!(seal.erase(Vec::new()).await.unwrap(), 0);
    assert_eq!(trial.log().await.iter().map(|recorded| recorded.position).collect::<Vec<_>>(), [1, 4, 5]);
}

/// Of events some of which may not be erased, none is.
pub async fn only_what_is_sealed_is_erased(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = erasing(&trial).await else { return };
    trial.append((0..3).map(|n| Event::decision("anne@sba.gov").at(hour(n)))).await;
    let record = trial.append([Event::custom(ERASURE)]).await[0].position;
    seal_all(&trial, seal).await;
    trial.append([Event::decision("anne@sba.gov").at(hour(4))]).await;
    let before = (trial.log().await, seal.rows(0, 10).await.unwrap());
    for (positions, record, message) in [
        (vec![1, 5], record, "the event at position 5 is not sealed yet: seal the log first"),
        (vec![1, 77], record, "there is no event at position 77"),
        (vec![1, 0], record, "there is no event at position 0"),
        (
            vec![1, record],
            record,
            "the event at position 4 says what was erased, and cannot be erased itself",
        ),
        (vec![1], 2, "the event at position 2 does not say that anything is erased"),
        (vec![1], 99, "the event at position 99 does not say that anything is erased"),
    ] {
        let erased = |position| Erased { position, commitment: hash(0), record };
        let error = seal.erase(positions.into_iter().map(erased).collect()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().ends_with(message), "{error}, and not {message}");
    }
    assert_eq!((trial.log().await, seal.rows(0, 10).await.unwrap()), before);
}

/// What a retraction took back does not count again because the retraction's words are erased.
pub async fn an_erased_retraction_still_holds(bench: &Bench) {
    let trial = bench.store().await;
    let Some(seal) = erasing(&trial).await else { return };
    let first = trial.append([Event::override_of("anne@sba.gov").case("C-1").at(hour(1))]).await[0].id;
    trial.append([Event::retraction(first, "a slip").at(hour(2))]).await;
    assert_eq!(erase(&trial, seal, &[2]).await, 1);
    trial.append([Event::decision("anne@sba.gov").case("C-1").at(hour(3))]).await;
    assert_eq!(trial.dossier("anne@sba.gov", now()).await.metrics.overrides, 0);
    assert!(trial.case("C-1").await[0].retracted);
}

/// What is left counts as in a store that never had the rest, clocks and late events included.
pub async fn what_is_erased_counts_no_more(bench: &Bench) {
    for seed in 0..3 {
        let (trial, never) = (bench.store().await, bench.store().await);
        let Some(seal) = erasing(&trial).await else { return };
        let events = random_events(seed, 200);
        let (early, late) = events.split_at(150);
        trial.append(early.to_vec()).await;
        let log = trial.log().await;
        let pick = |recorded: &&Recorded| {
            recorded.position % 4 == seed && recorded.event.event_type() != EventType::Retraction
        };
        let gone: Vec<u64> = log.iter().filter(pick).map(|recorded| recorded.position).collect();
        let ids: HashSet<_> = log.iter().filter(pick).map(|recorded| recorded.id).collect();
        assert_eq!(erase(&trial, seal, &gone).await, gone.len() as u64);
        let left = |events: &[Event]| -> Vec<Event> {
            events.iter().filter(|event| event.id().is_none_or(|id| !ids.contains(&id))).cloned().collect()
        };
        never.append(left(early)).await;
        let metrics = async |trial: &Trial| -> Vec<_> {
            let dossiers = trial.dossiers(now()).await;
            dossiers.into_iter().map(|dossier| (dossier.actor, dossier.metrics)).collect()
        };
        assert_eq!(metrics(&trial).await, metrics(&never).await, "seed {seed}");
        // Again with what the store has kept of the folds.
        trial.append(late.to_vec()).await;
        never.append(left(late)).await;
        assert_eq!(metrics(&trial).await, metrics(&never).await, "seed {seed}, after more");
    }
}

//! Appending: receipts, idempotency, all or nothing, and the limits.

use std::time::Duration;

use uuid::Uuid;

use super::bench::{Bench, hour, now};
use crate::error::ErrorKind;
use crate::event::{Event, MAX_BATCH_EVENTS};
use crate::time::DAY_MS;

fn decision(id: u128) -> Event {
    Event::decision("anne@sba.gov").id(Uuid::from_u128(id)).at(hour(1)).build().unwrap()
}

/// A batch without events is stored at once, with no receipts.
pub async fn an_empty_batch_is_fine(bench: &Bench) {
    let trial = bench.store().await;
    assert!(trial.append(Vec::<Event>::new()).await.is_empty());
    assert_eq!(trial.store.status().await.unwrap().position, 0);
}

/// Positions go on from batch to batch.
pub async fn positions_are_one_two_three_without_gaps(bench: &Bench) {
    let trial = bench.store().await;
    let mut receipts = trial.append((1..=3).map(decision)).await;
    receipts.extend(trial.append([decision(4)]).await);
    receipts.extend(trial.append((5..=9).map(decision)).await);
    let positions: Vec<u64> = receipts.iter().map(|receipt| receipt.position).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let log: Vec<u64> = trial.log().await.iter().map(|recorded| recorded.position).collect();
    assert_eq!(log, positions, "the log holds the positions of the receipts");
}

/// The first receipt is the first event's, and so on.
pub async fn receipts_come_in_the_order_given(bench: &Bench) {
    let trial = bench.store().await;
    let ids = [7, 3, 9, 1].map(Uuid::from_u128);
    let receipts = trial.append(ids.map(|id| decision(id.as_u128()))).await;
    assert_eq!(receipts.iter().map(|receipt| receipt.id).collect::<Vec<_>>(), ids);
    assert!(receipts.iter().all(|receipt| !receipt.duplicate), "nothing was there before");
}

/// The second of two in one batch is a duplicate of the first.
pub async fn the_same_event_twice_in_a_batch_is_stored_once(bench: &Bench) {
    let trial = bench.store().await;
    let receipts = trial.append([decision(1), decision(2), decision(1)]).await;
    let told: Vec<_> = receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect();
    assert_eq!(told, [(1, false), (2, false), (1, true)]);
    assert_eq!(trial.log().await.len(), 2);
    assert_eq!(trial.dossier("anne@sba.gov", now()).await.metrics.decisions, 2);
}

/// The same id in a later batch is a duplicate of the first.
pub async fn the_same_event_in_two_batches_is_stored_once(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([decision(1), decision(2)]).await;
    let receipts = trial.append([decision(2), decision(3)]).await;
    let told: Vec<_> = receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect();
    assert_eq!(told, [(2, true), (3, false)]);
    assert_eq!(trial.dossier("anne@sba.gov", now()).await.metrics.decisions, 3);
}

/// The id alone decides: what was stored first stays, even where the second says something else.
pub async fn a_duplicate_with_other_content_changes_nothing(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([decision(1)]).await;
    let other = Event::override_of("bob@sba.gov").case("C-1").id(Uuid::from_u128(1)).at(hour(2));
    let receipts = trial.append([other]).await;
    assert!(receipts[0].duplicate && receipts[0].position == 1, "{receipts:?}");
    let kept = trial.store.event(Uuid::from_u128(1)).await.unwrap().expect("the first is there");
    assert_eq!(kept.event, decision(1));
    assert_eq!(trial.dossier("bob@sba.gov", now()).await.metrics.decisions, 0);
    assert!(trial.case("C-1").await.is_empty(), "the duplicate's case is not known");
    assert_eq!(trial.store.status().await.unwrap().latest, Some(hour(1)), "nor is its instant");
}

/// A whole batch sent again, as after a lost answer, is duplicates, with the positions of the first time.
pub async fn the_same_batch_again_is_all_duplicates(bench: &Bench) {
    let trial = bench.store().await;
    let first = trial.append((1..=20).map(decision)).await;
    trial.clock.advance(Duration::from_secs(365 * 86_400));
    let again = trial.append((1..=20).map(decision)).await;
    for (first, again) in first.iter().zip(&again) {
        assert_eq!((first.id, first.position), (again.id, again.position));
        assert!(again.duplicate, "{again:?}");
    }
    assert_eq!(trial.log().await.len(), 20);
}

/// A duplicate takes no position.
pub async fn duplicates_leave_no_gaps(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([decision(1)]).await;
    trial.append([decision(1), decision(2), decision(2), decision(1), decision(3)]).await;
    let receipts = trial.append([decision(4)]).await;
    assert_eq!(receipts[0].position, 4);
    let log: Vec<u64> = trial.log().await.iter().map(|recorded| recorded.position).collect();
    assert_eq!(log, [1, 2, 3, 4]);
}

/// Nothing of a batch with a bad event is stored, and the error says which event it was.
pub async fn one_bad_event_refuses_the_whole_batch(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([decision(1)]).await;
    let ahead = Event::override_of("anne@sba.gov").case("C-1").at(now().plus_millis(DAY_MS as i64 + 1));
    let error = trial
        .store
        .append(vec![decision(2), decision(3), ahead.build().unwrap(), decision(4)])
        .await
        .expect_err("an event too far ahead is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let invalid = error.invalid().expect("the error says what is invalid");
    assert_eq!((invalid.field(), invalid.index()), ("occurred_at", Some(2)));
    assert_eq!(trial.log().await.len(), 1, "nothing of the batch is in the log");
    assert_eq!(trial.store.status().await.unwrap().position, 1);
    assert!(trial.store.event(Uuid::from_u128(2)).await.unwrap().is_none());
    assert_eq!(trial.dossier("anne@sba.gov", now()).await.metrics.decisions, 1);
}

/// What came to nothing left nothing behind: the good events of a refused batch are no duplicates.
pub async fn a_refused_batch_can_be_sent_again(bench: &Bench) {
    let trial = bench.store().await;
    let ahead =
        Event::decision("anne@sba.gov").id(Uuid::from_u128(9)).at(now().plus_millis(2 * DAY_MS as i64));
    let batch = vec![decision(1), ahead.build().unwrap()];
    assert!(trial.store.append(batch.clone()).await.is_err());
    trial.clock.advance(Duration::from_secs(86_400));
    let receipts = trial.append(batch).await;
    let told: Vec<_> = receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect();
    assert_eq!(told, [(1, false), (2, false)]);
}

/// Exactly 24 hours ahead is fine; a millisecond more is not.
pub async fn over_24_hours_ahead_of_the_stores_clock_is_refused(bench: &Bench) {
    let trial = bench.store().await;
    let edge = now().plus_millis(DAY_MS as i64);
    trial.append([Event::decision("anne@sba.gov").at(edge)]).await;
    let over = Event::decision("anne@sba.gov").at(edge.plus_millis(1)).build().unwrap();
    let error =
        trial.store.append(vec![over]).await.expect_err("a millisecond over 24 hours ahead is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!error.is_temporary(), "the same call does not succeed by itself");
    let invalid = error.invalid().expect("the error says what is invalid");
    assert_eq!((invalid.field(), invalid.index()), ("occurred_at", Some(0)));
    assert_eq!(trial.log().await.len(), 1);
}

/// It is the store's clock that decides, not the machine's.
pub async fn the_stores_clock_decides_what_is_ahead(bench: &Bench) {
    let trial = bench.store().await;
    trial.clock.set(hour(0));
    let event = || Event::decision("anne@sba.gov").at(hour(25)).build().unwrap();
    assert!(trial.store.append(vec![event()]).await.is_err(), "25 hours ahead");
    trial.clock.set(hour(1));
    assert!(trial.store.append(vec![event()]).await.is_ok(), "24 hours ahead");
}

/// A batch of over 16 MiB of JSON is refused whole.
pub async fn a_batch_of_over_16_mib_is_refused(bench: &Bench) {
    let trial = bench.store().await;
    let note = "n".repeat(60_000);
    let large = |number: u128| {
        let id = uuid::Uuid::from_u128(number + 1);
        Event::decision("anne").id(id).field("note_of_the_case", note.as_str()).build().expect("is valid")
    };
    let error = trial.store.append((0..280).map(large).collect()).await.expect_err("280 × 60 kB is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.invalid().map(crate::Invalid::field), Some("batch"));
    assert_eq!(trial.store.status().await.unwrap().position, 0);
    let receipts = trial.store.append((0..270).map(large).collect()).await.expect("270 × 60 kB is stored");
    assert_eq!(receipts.len(), 270);
}

/// A batch over the limit is refused whole; nothing says that it is worth sending again.
pub async fn a_batch_of_over_10_000_events_is_refused(bench: &Bench) {
    let trial = bench.store().await;
    let batch: Vec<Event> = (0..=MAX_BATCH_EVENTS as u128).map(decision).collect();
    let error = trial.store.append(batch).await.expect_err("a batch of 10,001 events is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(trial.store.status().await.unwrap().position, 0);
}

/// An event without id is given one that no other has, and is found by it.
pub async fn an_event_without_id_is_given_one(bench: &Bench) {
    let trial = bench.store().await;
    let events = || (0..50).map(|_| Event::decision("anne@sba.gov").at(hour(1)));
    let mut receipts = trial.append(events()).await;
    receipts.extend(trial.append(events()).await);
    let mut ids: Vec<Uuid> = receipts.iter().map(|receipt| receipt.id).collect();
    let found = trial.store.event(ids[70]).await.unwrap().expect("the event is found by the id it was given");
    assert_eq!((found.position, found.id, found.event.id()), (71, ids[70], Some(ids[70])));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100, "no id is given twice");
}

/// Without `occurred_at`, it is the time of recording; with it, the two differ.
pub async fn an_event_without_instant_occurred_when_it_was_recorded(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([Event::decision("anne@sba.gov")]).await;
    trial.clock.advance(Duration::from_millis(1));
    trial.append([Event::decision("anne@sba.gov").at(hour(1))]).await;
    let log = trial.log().await;
    assert_eq!((log[0].occurred_at, log[0].recorded_at), (now(), now()));
    assert_eq!(log[0].event.occurred_at(), Some(now()), "the event itself says so too");
    assert_eq!((log[1].occurred_at, log[1].recorded_at), (hour(1), now().plus_millis(1)));
}

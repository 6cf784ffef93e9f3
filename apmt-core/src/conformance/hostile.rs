//! Names that try to be something else, instants at the ends of time, and big cases.

use uuid::Uuid;

use super::bench::{Bench, hour, hours, now, time};
use crate::event::{Event, MAX_EVENT_BYTES};
use crate::name::MAX_NAME_BYTES;
use crate::time::{Timestamp, Window};

const NAMES: [&str; 22] = [
    "a\0b",
    "a\0",
    "a",
    "'; DROP TABLE events; --",
    "\"quoted\"",
    "back\\slash",
    "per%cent",
    "under_score",
    "a*b?[c]",
    "😀",
    "e\u{301}",
    "é",
    "\u{200b}",
    "\u{202e}gnp.exe",
    "a\nb",
    "a\tb",
    "null",
    "true",
    "0",
    "1e3",
    "../../etc/passwd",
    "{\"type\":\"DECISION\"}",
];

/// Each is an actor of its own and a case of its own, and is what it says.
pub async fn hostile_names_are_kept_apart(bench: &Bench) {
    let trial = bench.store().await;
    trial.append(NAMES.map(|name| Event::assigned(name, name).at(hour(1)))).await;
    trial
        .append(
            NAMES.map(|name| {
                Event::decision(name).case(name).human_verdict(name).field(name, name).at(hour(3))
            }),
        )
        .await;
    let mut keys = NAMES.map(str::to_lowercase);
    keys.sort_unstable();
    let shown: Vec<String> =
        trial.dossiers(now()).await.iter().map(|dossier| dossier.actor.to_string()).collect();
    assert_eq!(shown, keys);
    for name in NAMES {
        let key = name.to_lowercase();
        let metrics = trial.dossier(&key, now()).await.metrics;
        assert_eq!((metrics.decisions, metrics.avg_processing_hours), (1, Some(2.0)), "{name:?}");
        assert_eq!(trial.contributions(&key).await.len(), 2, "{name:?}");
        let case = trial.case(name).await;
        assert_eq!(case.len(), 2, "{name:?}");
        assert_eq!(case[1].event.actor_as_sent(), Some(name));
        assert_eq!(case[1].event.extra()[name], name);
        assert_eq!(trial.open(&key, hour(2)).await[0].case_id.as_str(), name);
    }
    assert!(
        trial.contributions("%").await.is_empty() && trial.case("*").await.is_empty(),
        "no name is a pattern"
    );
}

/// Two names that differ in their last byte, of the greatest length.
pub async fn names_of_256_bytes_are_kept_whole(bench: &Bench) {
    let trial = bench.store().await;
    let name = |last: &str| format!("{}{last}", "é".repeat((MAX_NAME_BYTES - 2) / 2)) + last;
    let names = [name("x"), name("y")];
    assert_eq!(names[0].len(), MAX_NAME_BYTES);
    for (name, count) in names.iter().zip([2, 3]) {
        trial.append((0..count).map(|_| Event::decision(name).case(name).at(hour(1)))).await;
    }
    for (name, count) in names.iter().zip([2, 3]) {
        assert_eq!(trial.contributions(name).await.len(), count);
        assert_eq!(trial.case(name).await.len(), count);
    }
}

/// An event of 64 KiB without an id: the id and the instant that it is given on the way do not make it too large.
pub async fn the_largest_event_is_kept(bench: &Bench) {
    let trial = bench.store().await;
    let note = "n".repeat(MAX_EVENT_BYTES - r#"{"type":"X_LONG","note":""}"#.len());
    let event = Event::custom("X_LONG").field("note", note).build().unwrap();
    assert_eq!(event.json_bytes(), MAX_EVENT_BYTES);
    let receipts = trial.append([event.clone()]).await;
    let recorded = trial.store.event(receipts[0].id).await.unwrap().unwrap();
    assert_eq!(recorded.event.extra(), event.extra());
    // With both, as an outbox sends it.
    let stamped = Event::from_json(recorded.event.to_json()).unwrap();
    assert!(trial.append([stamped]).await[0].duplicate);
}

/// Before 1970, before 1582, in the year 0, at the end of the year 9999: where the store's clock lets them.
pub async fn instants_of_every_year_are_kept(bench: &Bench) {
    let trial = bench.store().await;
    trial.clock.set(Timestamp::MAX);
    let texts = [
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00.001Z",
        "0001-01-01T00:00:00Z",
        "1582-10-15T23:59:59.999Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.001Z",
        "2262-04-11T23:47:16.855Z",
        "9999-12-31T23:59:59.998Z",
        "9999-12-31T23:59:59.999Z",
    ];
    let instants = texts.map(time);
    trial.append(instants.iter().rev().map(|at| Event::decision("anne").case("C-1").at(*at))).await;
    trial
        .append([
            Event::assigned("C-2", "anne").at(instants[0]),
            Event::decision("bob").case("C-2").at(instants[9]),
        ])
        .await;
    let read: Vec<Timestamp> = trial.case("C-1").await.iter().map(|recorded| recorded.occurred_at).collect();
    assert_eq!(read, instants);
    let written: Vec<String> = read.iter().map(ToString::to_string).collect();
    assert_eq!(written, texts);
    assert_eq!(trial.store.status().await.unwrap().latest, Some(Timestamp::MAX));
    let whole = Window::all_until(Timestamp::MAX);
    assert_eq!(trial.contributions_in("anne", whole).await.len(), 11);
    let activity = trial.activity("anne", whole).await;
    assert_eq!(activity.days.iter().map(|(_, tally)| tally.decisions).sum::<u64>(), 10);
    let years = activity.days.iter().filter_map(|(_, tally)| tally.processing.get(0)).collect::<Vec<u64>>();
    assert_eq!(years, [instants[9].since(instants[0])], "ten thousand years on one clock");
    for (n, at) in instants.iter().enumerate().skip(1) {
        let before = Window::all_until(at.plus_millis(-1));
        assert_eq!(trial.contributions_in("anne", before).await.len(), n, "before {at}");
    }
    assert_eq!(trial.open("anne", time("1969-12-31T23:59:59.999Z")).await.len(), 1);
}

/// 2,000 events of one case, in a shuffled order, come to what they come to in order.
pub async fn a_case_of_2_000_events_in_any_order(bench: &Bench) {
    let trial = bench.store().await;
    // Every hour the case goes to the other officer; every tenth officer decides it, and it is opened again.
    let events: Vec<Event> = (0..2000_u32)
        .map(|n| {
            let actor = if n % 2 == 0 { "anne" } else { "bob" };
            let event = match n % 10 {
                9 => Event::decision(actor).case("C-1"),
                _ => Event::assigned("C-1", actor),
            };
            let at = time("2026-01-01T00:00:00Z").plus_millis(i64::from(n) * 3_600_000);
            event.id(Uuid::from_u128(u128::from(n) + 1)).at(at).build().unwrap()
        })
        .collect();
    // 1237 is prime to 2000, so every event comes once.
    let shuffled: Vec<Event> = (0..2000).map(|n| events[n * 1237 % 2000].clone()).collect();
    for batch in shuffled.chunks(100) {
        trial.append(batch.iter().cloned()).await;
    }
    let case = trial.case("C-1").await;
    assert_eq!(
        case.iter().map(|recorded| &recorded.event).collect::<Vec<_>>(),
        events.iter().collect::<Vec<_>>()
    );
    let all = Window::all_until(now());
    let tally = |activity: crate::store::Activity| {
        let decisions: u64 = activity.days.iter().map(|(_, tally)| tally.decisions).sum();
        let times: usize = activity.days.iter().map(|(_, tally)| tally.processing.len()).sum();
        let sum: u128 = activity.days.iter().map(|(_, tally)| tally.processing.sum()).sum();
        (decisions, times, sum)
    };
    // In each ten: Anne holds at 0, 2, 4, 6, 8 and Bob at 1, 3, 5, 7; Bob decides at 9, which ends Anne's hour. So
    // each clock runs an hour: five for Anne, four for Bob.
    assert_eq!(tally(trial.activity("anne", all).await), (0, 1000, 1000 * u128::from(hours(1))));
    assert_eq!(tally(trial.activity("bob", all).await), (200, 800, 800 * u128::from(hours(1))));
}

/// The greatest batch that is allowed.
pub async fn a_batch_of_10_000_events_is_stored(bench: &Bench) {
    let trial = bench.store().await;
    let events = (0..10_000).map(|n| {
        Event::decision(&format!("officer_{}", n % 7)).case(&format!("C-{}", n % 900)).at(hour(n / 50))
    });
    let receipts = trial.append(events).await;
    assert!(
        receipts
            .iter()
            .zip(1..)
            .all(|(receipt, position)| receipt.position == position && !receipt.duplicate)
    );
    assert_eq!(trial.store.status().await.unwrap().position, 10_000);
    let decisions: u64 = trial.dossiers(now()).await.iter().map(|dossier| dossier.metrics.decisions).sum();
    assert_eq!(decisions, 10_000);
}

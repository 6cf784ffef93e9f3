//! Activity: a tally a day, exact to the millisecond, of one actor or of all.

use super::bench::{Bench, Trial, hour, hours, now, time};
use crate::event::{ActorKind, Event};
use crate::name::ActorName;
use crate::store::Activity;
use crate::tally::Durations;
use crate::time::{Timestamp, Window};

const ANNE: &str = "anne@sba.gov";

async fn names(trial: &Trial, window: Window, after: Option<&str>, limit: usize) -> Vec<String> {
    let after = after.map(ActorName::from_stored);
    let page = trial.store.activities(window, after.as_ref(), limit).await.expect("activities are read");
    page.iter().map(|activity| activity.actor.to_string()).collect()
}

/// Zeros, not an error.
pub async fn an_unknown_actor_has_an_empty_activity(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([Event::decision(ANNE).at(hour(1))]).await;
    let nobody_known = trial.activity("unknown@sba.gov", Window::all_until(now())).await;
    assert_eq!(nobody_known, Activity::none(ActorName::from_stored("unknown@sba.gov")));
}

/// Last by instant, then in log order; not by arrival. An event that says nothing of it changes nothing.
pub async fn the_kind_of_an_actor_is_what_was_said_last(bench: &Bench) {
    let trial = bench.store().await;
    let says = |kind, at| Event::decision(ANNE).actor_kind(kind).at(at);
    let kind = async || trial.activity(ANNE, Window::days_until(1, hour(0))).await.actor_kind;
    trial.append([Event::decision(ANNE).at(hour(1))]).await;
    assert_eq!(kind().await, None, "unsaid is unknown");
    trial.append([says(ActorKind::Agent, hour(5))]).await;
    assert_eq!(kind().await, Some(ActorKind::Agent));
    trial.append([says(ActorKind::Human, hour(3)), Event::decision(ANNE).at(hour(9))]).await;
    assert_eq!(kind().await, Some(ActorKind::Agent), "what was said earlier came later");
    trial.append([says(ActorKind::Human, hour(5))]).await;
    assert_eq!(kind().await, Some(ActorKind::Human), "at one instant, log order decides");
    // A view scores nothing, but says who somebody is; so does a type of one's own.
    trial.append([Event::viewed("C-1", "eve").actor_kind(ActorKind::Agent).at(hour(1))]).await;
    trial.append([Event::custom("X_HELLO").actor("bot").actor_kind(ActorKind::Agent).at(hour(1))]).await;
    for actor in ["eve", "bot"] {
        assert_eq!(trial.dossier(actor, now()).await.actor_kind, Some(ActorKind::Agent), "{actor}");
    }
}

/// The first and the last day of a window hold only what lies in it; the days between are whole.
pub async fn the_first_and_last_day_count_to_the_millisecond(bench: &Bench) {
    let trial = bench.store().await;
    // One decision an hour for four days, and stars beside it.
    let events = (0..96).flat_map(|n| {
        [Event::decision(ANNE).at(hour(n)), Event::sat_score(5).actor(ANNE).at(hour(n).plus_millis(1))]
    });
    trial.append(events).await;
    let window = Window { after: hour(6), until: hour(78) };
    let activity = trial.activity(ANNE, window).await;
    let told: Vec<(i32, u64, u64)> = activity
        .days
        .iter()
        .map(|(day, tally)| (day.number() - hour(0).day().number(), tally.decisions, tally.stars[4]))
        .collect();
    // Decisions at hours 7 to 78, the hour 6 itself excluded and 78 included; stars a millisecond later, so 6 to 77.
    assert_eq!(told, [(0, 17, 18), (1, 24, 24), (2, 24, 24), (3, 7, 6)]);
    let within_a_day = trial.activity(ANNE, Window { after: hour(25), until: hour(27) }).await;
    assert_eq!(within_a_day.days.len(), 1);
    assert_eq!((within_a_day.days[0].1.decisions, within_a_day.days[0].1.stars[4]), (2, 2));
    let whole_days = trial
        .activity(ANNE, Window { after: hour(24).plus_millis(-1), until: hour(72).plus_millis(-1) })
        .await;
    assert_eq!(whole_days.days.iter().map(|(_, tally)| tally.decisions).collect::<Vec<_>>(), [24, 24]);
}

/// A day whose only contributions lie outside the window, or were taken back, is not there.
pub async fn a_day_on_which_nothing_counts_is_left_out(bench: &Bench) {
    let trial = bench.store().await;
    let id = uuid::Uuid::from_u128(1);
    trial
        .append([
            Event::decision(ANNE).at(hour(1)),
            Event::decision(ANNE).id(id).at(hour(30)),
            Event::decision(ANNE).at(hour(60)),
            Event::decision(ANNE).at(hour(73)),
        ])
        .await;
    trial.append([Event::retraction(id, "typed twice").at(hour(80))]).await;
    let days = trial.activity(ANNE, Window { after: hour(2), until: hour(72) }).await.days;
    assert_eq!(days.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [hour(60).day()]);
}

/// A day with cases of several tracks has a tally for each, in the order of their names; what is of none comes first.
pub async fn a_day_has_a_tally_a_track(bench: &Bench) {
    const DAYS: i64 = 24;
    let trial = bench.store().await;
    // The days come in another order for each track: a store may have its rows in any.
    for (track, step) in [("simple", 1), ("complex", 23), ("", 5)] {
        for day in (0..DAYS).map(|n| n * step % DAYS) {
            let case_id = format!("{track}-{day}");
            let opened = Event::case_opened(&case_id).at(hour(24 * day));
            let opened = if track.is_empty() { opened } else { opened.track(track) };
            let decided = Event::decision(ANNE).case(&case_id).at(hour(24 * day + 1));
            trial.append([opened, decided]).await;
        }
    }
    let window = Window::all_until(now());
    let everybody = trial.store.activities(window, None, 10).await.expect("activities are read");
    for activity in [trial.activity(ANNE, window).await].iter().chain(&everybody) {
        let found = activity
            .days
            .iter()
            .map(|(day, tally)| (*day, tally.track.as_ref().map(ToString::to_string), tally.decisions));
        let expected = (0..DAYS).flat_map(|day| {
            [None, Some("complex"), Some("simple")]
                .map(|track| (hour(24 * day).day(), track.map(str::to_owned), 1))
        });
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

/// Processing times are kept to the millisecond, short or of many years.
pub async fn long_processing_times_are_kept_whole(bench: &Bench) {
    let trial = bench.store().await;
    let end = hour(24);
    let lengths: [u64; 6] =
        [0, 1, hours(54) + 720_000, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 1_500_000_000_000];
    for (n, length) in lengths.iter().enumerate() {
        let case_id = format!("C-{n}");
        let start = end.plus_millis(-i64::try_from(*length).unwrap());
        trial
            .append([Event::assigned(&case_id, ANNE).at(start), Event::decision(ANNE).case(&case_id).at(end)])
            .await;
    }
    let days = trial.activity(ANNE, Window::days_until(90, now())).await.days;
    let [(day, tally)] = &days[..] else { panic!("one day, and not {days:?}") };
    assert_eq!(*day, end.day());
    assert_eq!(tally.processing, Durations::from_iter(lengths));
    // The window that cuts through the day reads the entries instead of the tally.
    let days = trial.activity(ANNE, Window { after: end.plus_millis(-1), until: end }).await.days;
    assert_eq!(days[0].1.processing, Durations::from_iter(lengths));
}

/// By the bytes of the names' keys: `.` before letters, ASCII before the rest.
pub async fn activities_come_in_the_order_of_names_bytes(bench: &Bench) {
    let trial = bench.store().await;
    let sent = ["zoe", "Anne", "anne.b", "änne", "anne", "ANNE_C", "bot-9", "bot-10", "日本"];
    trial.append(sent.map(|name| Event::decision(name).at(hour(1)))).await;
    let mut keys: Vec<String> =
        ["zoe", "anne", "anne.b", "änne", "anne_c", "bot-9", "bot-10", "日本"].map(str::to_owned).into();
    keys.sort_unstable();
    assert_eq!(names(&trial, Window::all_until(now()), None, 100).await, keys);
}

/// After a name, whether it is there or not, at most `limit`; each activity is the actor's own.
pub async fn activities_are_paged(bench: &Bench) {
    let trial = bench.store().await;
    trial.append((0..25).map(|n| Event::decision(&format!("officer_{n:02}")).at(hour(n)))).await;
    let window = Window::all_until(now());
    assert_eq!(names(&trial, window, None, 2).await, ["officer_00", "officer_01"]);
    assert_eq!(names(&trial, window, Some("officer_22"), 10).await, ["officer_23", "officer_24"]);
    assert_eq!(names(&trial, window, Some("officer_22x"), 1).await, ["officer_23"]);
    assert!(names(&trial, window, Some("officer_24"), 10).await.is_empty());
    assert!(names(&trial, window, None, 0).await.is_empty());
    for activity in trial.store.activities(window, None, 100).await.unwrap() {
        assert_eq!(activity, trial.store.activity(&activity.actor, window).await.unwrap());
    }
}

/// Sitting on a case shows, though nothing was ever done.
pub async fn activities_hold_who_has_only_an_open_clock(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::assigned("C-1", "sitter").at(time("2020-01-01T00:00:00Z")),
            Event::assigned("C-2", "later").at(hour(10)),
            Event::assigned("C-3", "done").at(hour(1)),
            Event::unassigned("C-3").at(hour(4)),
        ])
        .await;
    assert_eq!(names(&trial, Window { after: hour(4), until: hour(9) }, None, 10).await, ["sitter"]);
    assert_eq!(
        names(&trial, Window { after: hour(0), until: hour(2) }, None, 10).await,
        ["done", "sitter"],
        "held then"
    );
    assert_eq!(
        names(&trial, Window { after: hour(4), until: hour(10) }, None, 10).await,
        ["later", "sitter"]
    );
    assert_eq!(
        names(&trial, Window { after: hour(3), until: hour(4) }, None, 10).await,
        ["done", "sitter"],
        "it ended in the window"
    );
}

/// Nobody is no actor, and who has nothing in the window is not on the scoreboard.
pub async fn activities_leave_out_nobody_and_the_idle(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::sat_score(1).case("C-1").at(hour(5)),
            Event::viewed("C-1", "viewer").actor_kind(ActorKind::Human).at(hour(5)),
            Event::plan_started("planned").at(hour(5)),
            Event::decision("early").at(hour(1)),
            Event::decision("late").at(hour(20)),
            Event::decision("in_time").at(hour(5)),
        ])
        .await;
    assert_eq!(names(&trial, Window { after: hour(1), until: hour(19) }, None, 10).await, ["in_time"]);
}

/// An odd question, and no error.
pub async fn a_window_that_ends_before_it_starts_holds_nothing(bench: &Bench) {
    let trial = bench.store().await;
    trial.append((0..100).map(|n| Event::decision(ANNE).at(hour(n)))).await;
    for window in [
        Window { after: hour(50), until: hour(10) },
        Window { after: hour(50), until: hour(50) },
        Window { after: Timestamp::MAX, until: Timestamp::MIN },
    ] {
        assert!(trial.contributions_in(ANNE, window).await.is_empty(), "{window:?}");
        assert!(trial.activity(ANNE, window).await.is_empty(), "{window:?}");
        assert!(names(&trial, window, None, 10).await.is_empty(), "{window:?}");
    }
}

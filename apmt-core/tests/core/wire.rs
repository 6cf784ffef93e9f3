//! What one APMT writes, another reads back as it was, and the JSON stays what it is.

use apmt_core::tally::{Durations, Tally, WorkingDays};
use apmt_core::{
    Activity, ActorKind, ActorName, CaseId, Contribution, Day, Error, ErrorKind, Event, Invalid, Measure,
    OpenCase, Recorded, Timestamp, Track,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Written as it says here, and read back as it was.
fn is_written<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, json: &Value) {
    assert_eq!(serde_json::to_value(value).unwrap(), *json);
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *value, "{text}");
}

#[test]
fn a_recorded_event() {
    let event = Event::from_json(
        r#"{"type": "DECISION", "id": "01980000-0000-7000-8000-000000000001", "actor": " Anne ", "case_id": "C-1",
            "occurred_at": "2026-03-02T01:00:00Z", "third": 0.3333333333333333, "nothing": null}"#,
    )
    .unwrap();
    let recorded = Recorded::new(event, 7, time("2026-03-02T01:00:01Z"));
    let mut written = json!({"type": "DECISION", "id": "01980000-0000-7000-8000-000000000001", "actor": " Anne ",
        "case_id": "C-1", "occurred_at": "2026-03-02T01:00:00Z", "third": 0.333_333_333_333_333_3, "nothing": null,
        "position": 7, "recorded_at": "2026-03-02T01:00:01Z"});
    is_written(&recorded, &written);
    written["retracted"] = json!(true);
    is_written(&recorded.with_retracted(true), &written);
}

#[test]
fn a_recorded_event_without_what_the_store_adds_is_refused() {
    let whole = json!({"type": "X_A", "id": "01980000-0000-7000-8000-000000000001",
        "occurred_at": "2026-03-02T01:00:00Z", "position": 7, "recorded_at": "2026-03-02T01:00:01Z"});
    assert!(serde_json::from_value::<Recorded>(whole.clone()).is_ok());
    for field in ["type", "id", "occurred_at", "position", "recorded_at"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(field);
        let error = serde_json::from_value::<Recorded>(part).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn contributions() {
    let at = time("2026-03-02T07:00:00Z");
    let written = |measure: Measure, fields: Value| {
        let case_id = CaseId::new("C-1").unwrap();
        let actor = ActorName::new("anne").unwrap();
        let contribution = Contribution {
            actor,
            at,
            position: 3,
            case_id: Some(case_id),
            track: Track::new("Simple").ok(),
            measure,
        };
        let mut json = json!({"actor": "anne", "at": "2026-03-02T07:00:00Z", "position": 3, "case_id": "C-1",
                "track": "simple"});
        for (name, value) in fields.as_object().unwrap() {
            json[name] = value.clone();
        }
        is_written(&contribution, &json);
    };
    written(Measure::Verdict { overridden: true }, json!({"measure": "verdict", "overridden": true}));
    written(
        Measure::Recommendation { overridden: false },
        json!({"measure": "recommendation", "overridden": false}),
    );
    written(
        Measure::Processing {
            counted_ms: 18_000_000,
            working_day: 1,
            since: time("2026-03-02T02:00:00Z"),
            held: true,
        },
        json!({"measure": "processing", "hours": 5.0, "counted_ms": 18_000_000, "working_day": 1,
            "since": "2026-03-02T02:00:00Z", "held": true}),
    );
    written(Measure::Satisfaction { stars: 4 }, json!({"measure": "satisfaction", "stars": 4}));
    written(
        Measure::Appeal { reversed: true, overrode: false },
        json!({"measure": "appeal", "reversed": true, "overrode": false}),
    );
    let nobody = Contribution {
        actor: ActorName::nobody(),
        at,
        position: 3,
        case_id: None,
        track: None,
        measure: Measure::Verdict { overridden: false },
    };
    is_written(
        &nobody,
        &json!({"actor": "", "at": "2026-03-02T07:00:00Z", "position": 3, "measure": "verdict", "overridden": false}),
    );
    let no_stars =
        json!({"actor": "", "at": "2026-03-02T07:00:00Z", "position": 3, "measure": "satisfaction"});
    assert!(serde_json::from_value::<Contribution>(no_stars).unwrap_err().to_string().contains("stars"));
}

#[test]
fn an_activity() {
    let mut activity = Activity::none(ActorName::new("anne").unwrap());
    is_written(&activity, &json!({"actor": "anne", "actor_kind": null, "days": [], "open": []}));
    activity.actor_kind = Some(ActorKind::Human);
    let processing = Durations::from_iter([5_000_000_000, 7, 3]);
    let mut working_days = WorkingDays::default();
    for day in [1, 42, 1] {
        working_days.insert(day);
    }
    let day = time("2026-03-02T07:00:00Z").day();
    activity.days.push((day, Tally { overrides: 1, decisions: 1, ..Tally::default() }));
    activity.days.push((
        day,
        Tally {
            decisions: 2,
            overrides: 1,
            stars: [0, 1, 0, 0, 2],
            processing,
            working_days,
            ..Tally::of(Some(Track::new("simple").unwrap()))
        },
    ));
    let since = time("2026-03-02T01:00:00Z");
    activity.open.push(OpenCase {
        case_id: CaseId::new("C-2").unwrap(),
        track: None,
        since,
        counted_ms: 60_000,
        working_day: 1,
    });
    is_written(
        &activity,
        &json!({
            "actor": "anne",
            "actor_kind": "HUMAN",
            "days": [
                {"day": "2026-03-02", "tally": {
                    "decisions": 1, "overrides": 1, "recommendations": 0, "recommendations_overridden": 0,
                    "stars": [0, 0, 0, 0, 0], "appeals": 0, "appeals_reversed": 0, "overrides_upheld": 0,
                    "overrides_reversed": 0, "processing": [], "working_days": []}},
                {"day": "2026-03-02", "tally": {
                    "track": "simple",
                    "decisions": 2, "overrides": 1, "recommendations": 0, "recommendations_overridden": 0,
                    "stars": [0, 1, 0, 0, 2], "appeals": 0, "appeals_reversed": 0, "overrides_upheld": 0,
                    "overrides_reversed": 0, "processing": [3, 7, 5_000_000_000_u64],
                    "working_days": [[1, 2], [42, 1]]}}],
            "open": [{"case_id": "C-2", "since": "2026-03-02T01:00:00Z", "counted_ms": 60_000, "working_day": 1}],
        }),
    );
}

#[test]
fn days_of_every_year() {
    for (instant, date) in [
        (Timestamp::MIN, "0000-01-01"),
        (time("1582-10-15T23:59:59.999Z"), "1582-10-15"),
        (time("1970-01-01T00:00:00Z"), "1970-01-01"),
        (Timestamp::MAX, "9999-12-31"),
    ] {
        is_written(&instant.day(), &json!(date));
    }
    assert!(serde_json::from_value::<Day>(json!("yesterday")).is_err());
}

#[test]
fn what_is_invalid() {
    is_written(&Invalid::missing("actor", "is missing"), &json!({"field": "actor", "rule": "is missing"}));
    let invalid = Event::from_json(r#"{"type": "DECISIN"}"#).unwrap_err().at_index(4);
    is_written(
        &invalid,
        &json!({"field": "type", "value": "DECISIN", "nearest": "DECISION", "index": 4,
            "rule": "is no type of event (types of your own start with X_)"}),
    );
}

#[test]
fn kinds_of_errors_have_names() {
    for kind in ErrorKind::ALL {
        assert_eq!(ErrorKind::from_name(kind.name()), Some(*kind));
    }
    assert_eq!(ErrorKind::from_name(""), None);
    assert!(Error::new(ErrorKind::TimedOut, "late").is_temporary());
}

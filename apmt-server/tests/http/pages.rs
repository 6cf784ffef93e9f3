//! What is read page by page, and what each page says.

use serde_json::{Value, json};

use crate::raw::{get, post};
use crate::support::Served;

/// Seven officers with a case each: the even ones override and are rated badly.
fn agency() -> Served {
    let served = Served::fresh();
    let mut batch = String::new();
    for n in 0..7 {
        let (kind, stars) = if n % 2 == 0 { ("OVERRIDE", 1) } else { ("DECISION", 5) };
        let (actor, case) = (format!("officer_{n}"), format!("C-{n}"));
        let at = format!("2026-03-0{}T08:00:00Z", n + 1);
        let verdict = json!({"type": kind, "actor": actor, "case_id": case, "occurred_at": at});
        let rating = json!({"type": "SAT_SCORE", "case_id": case, "value": stars, "occurred_at": at});
        batch.extend([verdict.to_string(), "\n".into(), rating.to_string(), "\n".into()]);
    }
    assert_eq!(post(served.address, "/events", &batch).ok()["stored"], 14);
    served
}

/// Everything that lies under a path, page by page.
fn all(served: &Served, path: &str, list: &str) -> Vec<Value> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(served.address, &format!("{path}{after}")).ok();
        entries.extend(page[list].as_array().unwrap().iter().cloned());
        after = match &page["next"] {
            Value::Null => return entries,
            Value::String(next) => format!("&after={next}"),
            next => format!("&after={next}"),
        };
    }
}

#[test]
fn the_scoreboard() {
    let served = agency();
    let whole = get(served.address, "/dossiers").ok();
    assert_eq!((&whole["as_of"], &whole["next"]), (&"2026-03-31T12:00:00Z".into(), &Value::Null));
    let whole = whole["dossiers"].as_array().unwrap();
    let names: Vec<&Value> = whole.iter().map(|dossier| &dossier["actor"]).collect();
    let expected: Vec<Value> = (0..7).map(|n| json!(format!("officer_{n}"))).collect();
    assert_eq!(names, expected.iter().collect::<Vec<_>>());
    for limit in [1, 3, 7, 8] {
        assert_eq!(
            all(&served, &format!("/dossiers?limit={limit}"), "dossiers"),
            *whole,
            "in pages of {limit}"
        );
    }
    assert_eq!(whole[3], get(served.address, "/dossier/officer_3").ok());
    assert_eq!(get(served.address, "/dossiers?limit=0").ok()["dossiers"], json!([]));
}

#[test]
fn the_scoreboard_by_status() {
    let served = agency();
    let by = |query: &str| -> Vec<Value> {
        let dossiers = all(&served, &format!("/dossiers?{query}"), "dossiers");
        dossiers.iter().map(|dossier| dossier["actor"].clone()).collect()
    };
    assert_eq!(by("status=pip&limit=3"), ["officer_0", "officer_2", "officer_4", "officer_6"]);
    assert_eq!(by("status=good&limit=1"), ["officer_1", "officer_3", "officer_5"]);
    assert!(by("status=watch").is_empty());
}

#[test]
fn as_of_an_instant() {
    let served = agency();
    let decisions =
        |query: &str| get(served.address, &format!("/dossier/officer_3{query}")).ok()["decisions"].clone();
    assert_eq!(decisions(""), 1);
    assert_eq!(decisions("?as_of=now"), 1);
    assert_eq!(decisions("?as_of=2026-03-04T07:59:59Z"), 0);
    assert_eq!(decisions("?as_of=2026-03-04T09:59:59+02:00"), 0, "a plus that is not encoded");
    assert_eq!(decisions("?as_of=2026-03-04T10:00:00%2B02:00"), 1);
    let latest = get(served.address, "/dossier/officer_3?as_of=latest").ok();
    assert_eq!(latest["as_of"], "2026-03-07T08:00:00Z");
    assert_eq!(
        get(served.address, "/dossiers?as_of=2026-03-02T00:00:00Z").ok()["dossiers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_evidence() {
    let served = agency();
    let whole = get(served.address, "/actors/officer_2/contributions").ok();
    assert_eq!((&whole["actor"], &whole["as_of"]), (&"officer_2".into(), &"2026-03-31T12:00:00Z".into()));
    let list = whole["contributions"].as_array().unwrap();
    let told: Vec<&Value> = list.iter().map(|contribution| &contribution["measure"]).collect();
    assert_eq!(told, ["verdict", "satisfaction"]);
    assert_eq!(all(&served, "/actors/officer_2/contributions?limit=1", "contributions"), *list);
    let none = get(served.address, "/actors/officer_2/contributions?as_of=2026-03-02T00:00:00Z").ok();
    assert_eq!(none["contributions"], json!([]));
    let own = "/actors/officer_2/contributions?since=2026-03-03T07:00:00Z&until=2026-03-03T08:00:00Z";
    assert_eq!(get(served.address, own).ok()["contributions"], json!(list));
    let after = "/actors/officer_2/contributions?since=2026-03-03T08:00:00Z";
    assert_eq!(get(served.address, after).ok()["contributions"], json!([]));
}

#[test]
fn the_log() {
    let served = agency();
    let whole = all(&served, "/events?limit=1000", "events");
    let positions: Vec<u64> = whole.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=14).collect::<Vec<_>>());
    assert_eq!(all(&served, "/events?limit=4", "events"), whole);
    let tail = get(served.address, "/events?after=13").ok();
    assert_eq!(tail["events"], json!([whole[13]]));
    let id = whole[4]["id"].as_str().unwrap();
    assert_eq!(get(served.address, &format!("/events/{id}")).ok(), whole[4]);
    assert_eq!(get(served.address, "/cases/C-2").ok()["events"], json!(whole[4..6]));
}

#[test]
fn the_policy() {
    let served = Served::fresh();
    let policy = get(served.address, "/policy").ok();
    let default = apmt_core::Policy::default();
    assert_eq!(
        policy,
        json!({"name": "default", "digest": default.digest(), "window_days": 90, "rules": [
            {"id": "chronic-override", "when": ["override_rate > 0.3", "sat_score_mean < 3"], "then": "pip"}]})
    );
    assert_eq!(get(served.address, "/dossier/a").ok()["policy"]["digest"], policy["digest"]);
}

#[test]
fn activities() {
    let served = agency();
    let whole = all(&served, "/activities?limit=100", "activities");
    assert_eq!(whole.len(), 7);
    assert_eq!(all(&served, "/activities?limit=2", "activities"), whole);
    assert_eq!(whole[2], get(served.address, "/actors/officer_2/activity").ok());
    assert_eq!(whole[2]["days"][0]["day"], "2026-03-03");
    assert_eq!(whole[2]["days"][0]["tally"]["overrides"], 1);
}

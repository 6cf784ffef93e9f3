//! Names in paths: with every character that a name may have.

use serde_json::json;

use crate::raw::{get, post};
use crate::support::Served;

fn encoded(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

#[test]
fn names_with_slashes_signs_and_letters_of_any_script() {
    let served = Served::fresh();
    for name in
        ["a/b", "100%", "ann+e@sba.gov", "änne", "日本", "a b", "a?b#c", "%2f", "😀", "per;semi", "a\nb"]
    {
        let event = json!({"type": "OVERRIDE", "actor": name, "case_id": name});
        post(served.address, "/event", event.to_string()).ok();
        let name = name.to_owned();
        let path = encoded(&name);
        let dossier = get(served.address, &format!("/dossier/{path}")).ok();
        assert_eq!((&dossier["actor"], &dossier["overrides"]), (&json!(name), &json!(1)));
        let evidence = get(served.address, &format!("/actors/{path}/contributions")).ok();
        assert_eq!(evidence["contributions"][0]["case_id"], json!(name));
        let case = get(served.address, &format!("/cases/{path}")).ok();
        assert_eq!((&case["case_id"], &case["events"][0]["actor"]), (&json!(name), &json!(name)));
        assert_eq!(get(served.address, &format!("/actors/{path}/activity")).ok()["actor"], json!(name));
        assert_eq!(get(served.address, &format!("/dossier?actor={path}")).ok()["actor"], json!(name));
    }
}

#[test]
fn letters_of_either_case_and_blanks_are_one_actor() {
    let served = Served::fresh();
    post(served.address, "/event", r#"{"type":"OVERRIDE","actor":" Anne@SBA.gov"}"#).ok();
    for path in ["anne@sba.gov", "ANNE@SBA.GOV", "%20Anne@sba.gov%20"] {
        let dossier = get(served.address, &format!("/dossier/{path}")).ok();
        assert_eq!((&dossier["actor"], &dossier["overrides"]), (&"anne@sba.gov".into(), &1.into()));
    }
}

/// What a path cannot hold: dots that clients take away, and no name at all.
#[test]
fn the_query_holds_every_name() {
    let served = Served::fresh();
    for name in ["..", "."] {
        post(
            served.address,
            "/event",
            json!({"type": "OVERRIDE", "actor": name, "case_id": name}).to_string(),
        )
        .ok();
        assert_eq!(get(served.address, &format!("/dossier?actor={name}")).ok()["overrides"], 1);
        assert_eq!(get(served.address, &format!("/case?case_id={name}")).ok()["events"][0]["actor"], name);
    }
    post(served.address, "/event", r#"{"type":"SAT_SCORE","case_id":"C-1","value":2}"#).ok();
    let nobodys = get(served.address, "/contributions?actor=").ok();
    assert_eq!((&nobodys["actor"], &nobodys["contributions"][0]["stars"]), (&"".into(), &2.into()));
}

#[test]
fn unknown_names_are_no_errors() {
    let served = Served::fresh();
    let dossier = get(served.address, "/dossier/nobody@sba.gov").ok();
    assert_eq!((&dossier["decisions"], &dossier["override_rate"]), (&json!(0), &json!(null)));
    assert_eq!(get(served.address, "/cases/C-1").ok(), json!({"case_id": "C-1", "events": []}));
    assert_eq!(get(served.address, "/actors/x/contributions").ok()["contributions"], json!([]));
}

//! The tutorial's exercise, to the letter, with the real curl.

use std::process::Command;

use serde_json::Value;

use crate::support::Served;

fn curl(arguments: &[&str]) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"])
        .args(arguments)
        .output()
        .expect("this test needs curl");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).expect("the answer is JSON")
}

#[test]
fn an_override_by_curl_is_in_the_dossier() {
    let served = Served::fresh();
    let event = format!("localhost:{}/event", served.address.port());
    // curl says that this is a form: application/x-www-form-urlencoded.
    let answer = curl(&["-X", "POST", &event, "-d", r#"{"type":"OVERRIDE","actor":"test@agency.gov"}"#]);
    let id = answer["stored_id"].as_str().expect("an id was given");
    assert_eq!(answer, serde_json::json!({"ok": true, "stored_id": id}));

    let again = format!(r#"{{"type":"OVERRIDE","actor":"test@agency.gov","id":"{id}"}}"#);
    let answer = curl(&["-X", "POST", &event, "-d", &again]);
    assert_eq!(answer, serde_json::json!({"ok": true, "stored_id": id, "duplicate": true}));

    let dossier = curl(&[&format!("localhost:{}/dossier/test@agency.gov", served.address.port())]);
    assert_eq!(dossier["actor"], "test@agency.gov");
    assert_eq!((&dossier["decisions"], &dossier["overrides"]), (&1.into(), &1.into()));
    assert_eq!((&dossier["override_rate"], &dossier["pip_recommended"]), (&1.0.into(), &false.into()));
    assert_eq!((&dossier["status"], &dossier["policy"]["name"]), (&"good".into(), &"default".into()));
}

#[test]
fn a_cloud_event_by_curl() {
    let served = Served::fresh();
    let url = format!("localhost:{}/event", served.address.port());
    let event = r#"{"specversion":"1.0","id":"17","source":"/forms/denver","type":"gov.sba.override",
        "subject":"C-1","data":{"actor":"test@agency.gov"}}"#;
    let header = "content-type: application/cloudevents+json";
    let first = curl(&["-X", "POST", &url, "-H", header, "-d", event]);
    let again = curl(&["-X", "POST", &url, "-H", header, "-d", event]);
    assert_eq!((&first["ok"], &again["duplicate"]), (&true.into(), &true.into()));
    assert_eq!(first["stored_id"], again["stored_id"]);
    let case = curl(&[&format!("localhost:{}/cases/C-1", served.address.port())]);
    assert_eq!(
        (&case["events"][0]["type"], &case["events"][0]["source"]),
        (&"OVERRIDE".into(), &"/forms/denver".into())
    );
}

//! Every read of what is recorded about people is written down.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use apmt_server::RouterOptions;
use apmt_server::audit::AuditLog;
use apmt_server::keys::Scope;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::raw::{get, send};
use crate::staff::Staff;
use crate::support::Served;

fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("audit.jsonl")
}

fn audited(router: RouterOptions, folder: &TempDir) -> RouterOptions {
    router.with_audit(AuditLog::open(log(folder)).unwrap())
}

/// The lines, once the server has ended and written them all.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_says_who_read_what_about_whom() {
    let staff = Staff::with(audited);
    let id = "01980000-0000-7000-8000-000000000001";
    let asked = [
        (
            "/dossier/Anne@SBA.gov?as_of=latest",
            json!({"route": "/dossier/{actor}", "whose": "actor", "name": "anne@sba.gov", "as_of": "latest"}),
        ),
        ("/dossier?actor=bob", json!({"route": "/dossier", "whose": "actor", "name": "bob"})),
        ("/dossiers?status=pip", json!({"route": "/dossiers", "whose": "everybody"})),
        (
            "/actors/bob/contributions",
            json!({"route": "/actors/{actor}/contributions", "whose": "actor", "name": "bob"}),
        ),
        ("/contributions?actor=", json!({"route": "/contributions", "whose": "actor", "name": ""})),
        (
            "/actors/bob/activity",
            json!({"route": "/actors/{actor}/activity", "whose": "actor", "name": "bob"}),
        ),
        ("/activity?actor=bob", json!({"route": "/activity", "whose": "actor", "name": "bob"})),
        ("/activities", json!({"route": "/activities", "whose": "everybody"})),
        ("/cases/C%201", json!({"route": "/cases/{case_id}", "whose": "case", "name": "C 1"})),
        ("/case?case_id=C-1", json!({"route": "/case", "whose": "case", "name": "C-1"})),
        ("/events?after=0", json!({"route": "/events", "whose": "everybody"})),
        (&format!("/events/{id}"), json!({"route": "/events/{id}", "whose": "event", "name": id})),
    ];
    let key_id = staff.ask_as(Scope::Read, "GET", "/session", "").ok()["key_id"].clone();
    let mut expected = Vec::new();
    for (path, fields) in &asked {
        let answer = staff.ask_as(Scope::Read, "GET", path, "");
        let mut line = json!({"request_id": answer.header("x-request-id"), "key_id": key_id, "key": "read",
            "peer": "127.0.0.1", "method": "GET", "status": answer.status});
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        expected.push(line);
    }
    let Staff { served, folder, .. } = staff;
    assert!(served.stop().is_clean());
    let mut written = lines(&log(&folder));
    for line in &mut written {
        let time = line.as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().unwrap().parse::<apmt_core::Timestamp>().is_ok());
    }
    assert_eq!(written, expected);
}

#[test]
fn what_is_not_about_people_is_not_written_and_what_was_refused_is() {
    let staff = Staff::with(audited);
    let event = r#"{"type":"OVERRIDE","actor":"anne"}"#;
    staff.ask_as(Scope::Record, "POST", "/event", event).ok();
    staff.ask_as(Scope::Record, "POST", "/events", event).ok();
    for path in ["/healthz", "/policy", "/status", "/session", "/nothing"] {
        staff.ask_as(Scope::Admin, "GET", path, "");
    }
    // Nobody knows who has no key.
    get(staff.address(), "/dossier/anne").problem(401);
    // A form's key that reads is one that was taken out of its page.
    staff.ask_as(Scope::Record, "GET", "/dossier/anne", "").problem(403);
    staff.ask_as(Scope::Read, "HEAD", "/dossier/anne", "");
    let Staff { served, folder, .. } = staff;
    assert!(served.stop().is_clean());
    let written = lines(&log(&folder));
    let said: Vec<_> = written
        .iter()
        .map(|line| (line["key"].as_str(), line["method"].as_str(), line["status"].as_u64()))
        .collect();
    assert_eq!(said, [(Some("record"), Some("GET"), Some(403)), (Some("read"), Some("HEAD"), Some(200))]);
}

#[test]
fn no_name_makes_a_line_of_its_own() {
    let staff = Staff::with(audited);
    let forged = "%0a%7B%22key%22%3A%22nobody%22%7D%0d%1b%5B2J";
    staff.ask_as(Scope::Read, "GET", &format!("/cases/x{forged}"), "");
    staff.ask_as(Scope::Read, "GET", &format!("/dossier?actor=a&as_of={forged}"), "");
    staff.ask_as(Scope::Read, "GET", &format!("/cases/{}", "y".repeat(5000)), "");
    let Staff { served, folder, .. } = staff;
    assert!(served.stop().is_clean());
    let written = lines(&log(&folder));
    assert_eq!(written.len(), 3);
    assert_eq!(written[0]["name"], "x\n{\"key\":\"nobody\"}\r\u{1b}[2J");
    assert_eq!(written[2]["name"], "y".repeat(256));
}

#[test]
fn without_keys_the_address_is_who_reads() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::with(audited(RouterOptions::new(), &folder));
    get(served.address, "/dossier/anne").ok();
    assert!(served.stop().is_clean());
    let written = lines(&log(&folder));
    assert_eq!((&written[0]["peer"], written[0].get("key")), (&"127.0.0.1".into(), None));
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let _log = AuditLog::open(log(&folder)).unwrap();
    assert_eq!(std::fs::metadata(log(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
}

/// While nobody reads the pipe that the log goes to, its buffer fills, then the queue; then the answers wait. When it
/// is read again, every answer has its line.
#[cfg(unix)]
#[test]
fn a_log_that_is_full_drops_nothing() {
    const WORKERS: usize = 8;
    const EACH: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let served = Served::with(RouterOptions::new().with_audit(AuditLog::open(&path).unwrap()));
    let address = served.address;
    let answered = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    send(address, "GET", "/case?case_id=C", &[], b"").ok();
                    answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
        // More than that were answered only if lines were dropped: 64 KiB of lines in the pipe, 1024 in the queue, and
        // one that is being written.
        let reads = BufReader::new(std::fs::File::open(&path).unwrap()).lines();
        let mut lines = 0;
        for line in reads.take(WORKERS * EACH) {
            serde_json::from_str::<Value>(&line.unwrap()).unwrap();
            lines += 1;
        }
        assert_eq!(lines, WORKERS * EACH);
    });
    assert_eq!(answered.into_inner(), WORKERS * EACH);
}

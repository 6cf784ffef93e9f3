//! Help, completions, wrong usage, and stores that cannot be opened.

use std::process::Stdio;

use crate::Folder;

const COMMANDS: &[&[&str]] = &[
    &["record"],
    &["import"],
    &["dossier"],
    &["scoreboard"],
    &["contributions"],
    &["case"],
    &["export"],
    &["evidence"],
    &["verify-evidence"],
    #[cfg(feature = "outbox")]
    &["outbox", "status"],
    #[cfg(feature = "outbox")]
    &["outbox", "retry"],
    #[cfg(feature = "outbox")]
    &["outbox", "discard"],
    #[cfg(feature = "outbox")]
    &["outbox", "export"],
    #[cfg(feature = "outbox")]
    &["outbox", "deliver"],
    &["demo"],
    &["completions"],
    &["serve"],
    &["key", "create"],
    &["key", "list"],
    &["key", "revoke"],
    &["policy", "check"],
    &["policy", "test"],
    &["policy", "replay"],
];

#[test]
fn every_command_has_help_with_examples() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]).succeeded().out;
    assert!(help.contains("Exit codes:") && help.contains("Examples:"), "{help}");
    for command in COMMANDS {
        let help = folder.run(&[*command, &["--help"]].concat()).succeeded().out;
        assert!(help.contains("Example"), "{command:?}: {help}");
    }
    assert!(folder.run(&["--version"]).succeeded().out.starts_with("apmt "));
}

#[test]
fn every_shell_has_completions() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.run(&["completions", shell]).succeeded().out;
        assert!(script.contains("scoreboard"), "{shell}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let folder = Folder::new();
    folder.run(&[]).ended_with(2);
    folder.run(&["scorebord"]).ended_with(2).says(&["scoreboard"]);
    let run = folder.run(&["scoreboard", "--as-of", "yesterday"]).ended_with(2);
    run.says(&["must be now, latest, or a time such as 2026-03-01T09:30:00Z"]);
    folder.run(&["dossier", "   ", "--store", "memory:"]).ended_with(2).says(&["actor", "must not be empty"]);
    let run = folder.run(&["scoreboard", "--store", "memory:", "--calendar", "us-federl"]).ended_with(2);
    run.says(&["no calendar us-federl", "us-federal"]);
    folder.write("c.yaml", "name: c\ntime_zone: America/Denvr\nhours: {}");
    let run = folder.run(&["scoreboard", "--store", "memory:", "--calendar", "c.yaml"]).ended_with(2);
    run.says(&["c.yaml:2:12", "America/Denver"]);
}

#[test]
fn stores_that_cannot_be_opened_say_why() {
    let folder = Folder::new();
    // Port 1 of this machine: nobody listens there.
    let postgres = ["scoreboard", "--store", "postgres://127.0.0.1:1/apmt"];
    let said = if cfg!(feature = "postgres") { "cannot be reached" } else { "this build does not open it" };
    folder.run(&postgres).ended_with(2).says(&[said]);
    folder.run(&["scoreboard", "--store", "apmt.db"]).ended_with(2).says(&["did you mean sqlite:apmt.db?"]);
    // A file that is only to be read is not made.
    folder.run(&["scoreboard", "--store", "sqlite:missing.db"]).ended_with(2).says(&["missing.db"]);
    assert!(!folder.path("missing.db").exists());
    folder.write("text.db", "this is no database, and it is long enough to see that it is none".repeat(100));
    folder.run(&["scoreboard", "--store", "sqlite:text.db"]).ended_with(2).says(&["error: ", "text.db"]);
    let event = r#"{"type": "OVERRIDE", "actor": "a"}"#;
    folder.run(&["record", event, "--store", "sqlite:no/such/folder.db"]).ended_with(2).says(&["folder.db"]);
}

#[test]
fn the_store_may_come_from_the_environment() {
    let folder = Folder::new();
    let event = r#"{"type": "OVERRIDE", "actor": "a"}"#;
    let output = folder.command(&["record", event]).env("APMT_STORE", "sqlite:env.db").output().unwrap();
    assert!(output.status.success());
    assert!(folder.path("env.db").is_file());
}

#[test]
fn a_calendar_is_kept_to() {
    let folder = Folder::new();
    let event = r#"{"type": "OVERRIDE", "actor": "a"}"#;
    folder.run(&["record", event, "--calendar", "us-federal"]).succeeded();
    folder.run(&["dossier", "a", "--calendar", "us-federal"]).succeeded();
    folder.run(&["dossier", "a"]).ended_with(2).says(&["calendar", "--calendar"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    folder.run(&["demo", "--store", "sqlite:d.db"]).succeeded();
    for arguments in [&["export"][..], &["scoreboard", "--json"], &["scoreboard"], &["completions", "bash"]] {
        let mut command = folder.command(arguments);
        command.env("APMT_STORE", "sqlite:d.db").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_store_can_be_measured_again_through_another_calendar() {
    let folder = Folder::new();
    // From Friday 16:00 in New York to Monday 09:00: half an hour and an hour of office time, and 65 of all hours.
    for event in [
        r#"{"type": "ASSIGNED", "actor": "a", "case_id": "C", "occurred_at": "2026-01-09T16:00:00-05:00"}"#,
        r#"{"type": "DECISION", "actor": "a", "case_id": "C", "occurred_at": "2026-01-12T09:00:00-05:00"}"#,
    ] {
        folder.run(&["record", event]).succeeded();
    }
    let hours = |options: &[&str]| {
        let arguments = [&["dossier", "a", "--as-of", "latest", "--json"], options].concat();
        let dossier: serde_json::Value =
            serde_json::from_str(&folder.run(&arguments).succeeded().out).unwrap();
        dossier["avg_processing_hours"].to_string()
    };
    assert_eq!(hours(&[]), "65.0");
    folder.run(&["dossier", "a", "--calendar", "us-federal"]).ended_with(2).says(&["--refold"]);
    assert_eq!(hours(&["--calendar", "us-federal", "--refold"]), "1.5");
    assert_eq!(hours(&["--calendar", "us-federal"]), "1.5");
    assert_eq!(hours(&["--calendar", "always", "--refold"]), "65.0");
}

#[test]
fn what_nobody_can_be_named_for_is_counted_and_shown() {
    let folder = Folder::new();
    folder.run(&["record", r#"{"type": "SAT_SCORE", "case_id": "C", "value": 2}"#]).succeeded();
    folder.run(&["record", r#"{"type": "DECISION", "actor": "a", "case_id": "D"}"#]).succeeded();
    let run = folder.run(&["scoreboard"]).succeeded();
    assert!(run.out.contains("Attributed to nobody: 1 rating."), "{}", run.out);
    let run = folder.run(&["scoreboard", "--json"]).succeeded();
    assert!(!run.out.contains(r#""actor": """#), "{}", run.out);
}

use std::path::Path;

use super::*;

fn read(text: &str) -> Result<Settings, apmt_core::yaml::YamlError> {
    Settings::from_yaml("notify.yaml", text)
}

#[test]
fn what_is_wrong_in_settings_is_said_with_its_place() {
    for (text, said) in [
        (
            "mial: {}",
            "notify.yaml:1:1: \"mial\" is no field of the settings of notifications; expected link, state, to, alerts, mail, webhooks or digest; did you mean mail?",
        ),
        (
            "mail: {server: 'http://mail', from: a@b.c}",
            "notify.yaml:1:16: server: must be smtp://HOST:PORT (STARTTLS), smtps://HOST:PORT (TLS) or smtp+plain://HOST:PORT, without a user: the login has fields of its own",
        ),
        (
            "mail: {server: 'smtp://mail', from: apmt}",
            "notify.yaml:1:37: from: apmt: must be an e-mail address, such as APMT <apmt@agency.gov>",
        ),
        (
            "mail: {server: 'smtp://mail', from: a@b.c, user: a}",
            "notify.yaml:1:7: a user without password_file or password_env",
        ),
        ("to: [hr]", "notify.yaml:1:6: expected an e-mail address, such as hr@agency.gov, found \"hr\""),
        (
            "link: apmt.agency.gov",
            "notify.yaml:1:7: expected the server's address, beginning with https:// or http://, found \"apmt.agency.gov\"",
        ),
        ("alerts: sometimes", "notify.yaml:1:9: expected true or false, found \"sometimes\""),
        ("digest: {every: day}", "notify.yaml:1:17: expected daily or weekly, found \"day\""),
        (
            "digest: {every: daily, at: '25:00'}",
            "notify.yaml:1:28: at: 25:00: must be a time of day, such as 08:00",
        ),
        (
            "digest: {every: weekly, on: someday}",
            "notify.yaml:1:29: on: someday: must be a day of the week, such as monday",
        ),
        (
            "digest: {every: daily, time_zone: Mars}",
            "notify.yaml:1:35: time_zone: Mars: must be an IANA time zone, such as America/New_York",
        ),
        (
            "webhooks: [{name: mail, url: 'https://a', secret_file: s}]",
            "notify.yaml:1:19: mail is taken; expected a name of its own",
        ),
        (
            "webhooks: [{name: a, url: 'https://a'}]",
            "notify.yaml:1:12: a webhook without secret_file or secret_env",
        ),
        (
            "webhooks: [{name: a, url: 'https://a', secret_file: s, secret_env: S}]",
            "notify.yaml:1:53: secret_file and secret_env; expected one of the two",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), said);
    }
}

#[test]
fn secrets_come_from_files_beside_the_settings_and_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "correct horse\n").unwrap();
    std::fs::write(folder.path().join("hook"), "a secret of more than sixteen bytes\n").unwrap();
    let settings = read(
        "
state: told.json
mail: {server: 'smtp+plain://localhost:2525', from: a@b.c, user: apmt, password_file: password}
webhooks: [{name: hr, url: 'https://hr.agency.gov/token-7', secret_file: hook}]
",
    )
    .unwrap();
    let options = settings.to_options(folder.path()).unwrap();
    let shown = format!("{settings:?} {options:?}");
    for secret in ["correct horse", "sixteen bytes", "token-7"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let error = settings.to_options(Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/password"), "{error}");
    let short = read("webhooks: [{name: hr, url: 'https://a', secret_file: password}]").unwrap();
    let error = short.to_options(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("at least 16 bytes") && !error.to_string().contains("horse"),
        "{error}"
    );
}

#[test]
fn a_weekly_digest_is_due_on_its_day() {
    let schedule = Schedule::weekly("monday", "08:00", "America/New_York").unwrap();
    let latest = |now: &str| schedule.latest(now.parse().unwrap()).to_string();
    assert_eq!(latest("2026-03-02T12:59:59Z"), "2026-02-23T13:00:00Z");
    assert_eq!(latest("2026-03-02T13:00:00Z"), "2026-03-02T13:00:00Z");
    assert_eq!(latest("2026-03-08T23:00:00Z"), "2026-03-02T13:00:00Z");
    assert_eq!(latest("2026-03-09T12:00:00Z"), "2026-03-09T12:00:00Z", "the clocks have gone forward");
    // A time that is skipped comes an hour later, and one that comes twice comes once.
    let night = Schedule::daily("02:30", "America/New_York").unwrap();
    let latest = |now: &str| night.latest(now.parse().unwrap()).to_string();
    assert_eq!(latest("2026-03-08T08:00:00Z"), "2026-03-08T07:30:00Z");
    let twice = Schedule::daily("01:30", "America/New_York").unwrap();
    assert_eq!(twice.latest("2026-11-01T06:45:00Z".parse().unwrap()).to_string(), "2026-11-01T05:30:00Z");
}

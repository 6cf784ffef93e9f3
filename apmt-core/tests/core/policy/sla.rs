//! Targets for processing times: how they are written, and which case is measured by which.

use apmt_core::Track;
use apmt_core::policy::{Policy, Sla, Target};

#[test]
fn a_target_is_minutes_hours_days_or_working_days() {
    let counted = |ms| Target::Counted { ms };
    for (target, expected, shown) in [
        ("90m", counted(5_400_000), "90m"),
        ("72h", counted(259_200_000), "72h"),
        ("3d", counted(259_200_000), "72h"),
        ("3660d", counted(316_224_000_000), "87840h"),
        ("20 working days", Target::WorkingDays(20), "20 working days"),
        ("1 working day", Target::WorkingDays(1), "1 working day"),
        ("'3660  working  days'", Target::WorkingDays(3660), "3660 working days"),
    ] {
        let policy =
            Policy::from_yaml("x", &format!("name: x\nsla: {{target: {target}}}\nrules: []\n")).unwrap();
        let found = policy.sla().map(Sla::target);
        assert_eq!(found, Some(expected), "{target}");
        assert_eq!(expected.to_string(), shown);
    }
    for target in [
        "72",
        "h",
        "0h",
        "-1h",
        "1.5h",
        "72hours",
        "1w",
        "3661d",
        "99999999999999999999d",
        "",
        "[72h]",
        "1d12h",
        "72H",
        "0 working days",
        "3661 working days",
        "99999999999999999999 working days",
        "working days",
        "20 workdays",
        "20 Working days",
        "1.5 working days",
    ] {
        let error =
            Policy::from_yaml("x", &format!("name: x\nsla:\n  target: {target}\nrules: []\n")).unwrap_err();
        assert_eq!(error.line(), Some(3), "{target}");
    }
}

/// A track's name is compared as events' tracks are; a track without a target of its own has the common one.
#[test]
fn tracks_have_targets_of_their_own() {
    let text = "name: x\nsla: {target: 20 working days, tracks: {' Simple ': 10 working days, expedited: 72h}}\nrules: []\n";
    let policy = Policy::from_yaml("x", text).unwrap();
    let sla = policy.sla().unwrap();
    let of = |track: &str| sla.target_of(Some(&Track::new(track).unwrap()));
    assert_eq!(of("SIMPLE"), Target::WorkingDays(10));
    assert_eq!(of("expedited"), Target::Counted { ms: 259_200_000 });
    assert_eq!((of("complex"), sla.target_of(None)), (Target::WorkingDays(20), Target::WorkingDays(20)));
    assert_eq!(sla.to_string(), "20 working days; expedited: 72h; simple: 10 working days");
    // Each of these is another policy.
    let mut digests: Vec<String> = [
        text.to_owned(),
        text.replace("10", "11"),
        text.replace("72h", "72 working days"),
        text.replace("expedited", "fast"),
        text.replace("20 working days", "20h"),
    ]
    .iter()
    .map(|text| Policy::from_yaml("x", text).unwrap().digest().to_owned())
    .collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 5);
    assert_eq!(
        Policy::from_yaml("x", &text.replace("' Simple '", "simple")).unwrap().digest(),
        policy.digest()
    );
}

#[test]
fn a_wrong_sla_gets_place_expectation_and_nearest_name() {
    for (sla, told) in [
        (
            "{target: 20 workin days}",
            "2:15: expected whole minutes, hours, days of 24 hours or working days, such as 90m, 72h, 3d or 20 working days, found \"20 workin days\"; did you mean working days?",
        ),
        (
            "{target: 3d, track: {a: 1h}}",
            "2:19: \"track\" is no field of the sla; expected target or tracks; did you mean tracks?",
        ),
        (
            "{tracks: {a: 1h}}",
            "2:6: the sla has no \"target\"; expected whole minutes, hours, days of 24 hours or working days, such as 90m, 72h, 3d or 20 working days",
        ),
        (
            "{target: 3d, tracks: {}}",
            "2:27: expected tracks and their targets, such as {simple: 10 working days}, found a mapping",
        ),
        (
            "{target: 3d, tracks: [a]}",
            "2:27: expected tracks and their targets, such as {simple: 10 working days}, found a list",
        ),
        ("{target: 3d, tracks: {a: 0d}}", "2:31: expected more than 0 and at most 3660 days, found \"0d\""),
        (
            "{target: 3d, tracks: {2026: 1d}}",
            "2:28: expected the name of a track (in quotes, if that is what it is), found the number 2026",
        ),
        (
            "{target: 3d, tracks: {Simple: 1d, simple: 2d}}",
            "2:40: \"simple\" is a track above, for letters are not told apart by case",
        ),
    ] {
        let error = Policy::from_yaml("x", &format!("name: x\nsla: {sla}\nrules: []\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("x:{told}"), "{sla}");
    }
}

#[test]
fn one_threshold_for_the_hours_of_all_tracks_is_warned_about() {
    let lints = |sla: &str, when: &str| {
        let text = format!(
            "name: x\nsla: {{target: 72h{sla}}}\nrules:\n  - {{id: a, when: [\"{when}\"], then: watch, for: 30d}}\n"
        );
        let policy = Policy::from_yaml("x", &text)
            .unwrap_or_else(|_| Policy::from_yaml("x", &text.replace(", for: 30d", "")).unwrap());
        policy.lint().iter().filter(|lint| lint.message.contains("track")).count()
    };
    for when in ["processing_hours.median > 40", "avg_processing_hours > 40", "open.oldest_hours > 100"] {
        assert_eq!(lints(", tracks: {simple: 24h}", when), 1, "{when}");
        assert_eq!(lints("", when), 0, "{when}");
    }
    for when in
        ["sla.compliance < 0.9", "open.overdue > 3", "processing_hours.count > 3", "override_rate > 0.3"]
    {
        assert_eq!(lints(", tracks: {simple: 24h}", when), 0, "{when}");
    }
}

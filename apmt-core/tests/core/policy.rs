//! Policies: the built-in rule, what each condition and rule does, and what files get wrong, with line and column.

mod bounds;
mod grounds;
mod language;
mod peers;
mod persistence;
mod sla;
mod words;

use apmt_core::metrics::Metrics;
use apmt_core::policy::{Comparison, DEFAULT_POLICY_YAML, Metric, Policy, PolicyName, Reason};
use apmt_core::tally::Tally;
use apmt_core::{Activity, ActorName, Dossier, Status, Timestamp};
use proptest::prelude::*;
use serde_json::json;

/// The end of every window here.
fn as_of() -> Timestamp {
    "2026-06-30T12:00:00Z".parse().unwrap()
}

/// What a policy says of somebody whose day comes to that.
fn dossier(policy: &Policy, tally: Tally) -> Dossier {
    let mut activity = Activity::none(ActorName::new("anne").unwrap());
    activity.days.push((as_of().day(), tally));
    Dossier::of(&activity, as_of(), policy)
}

fn verdicts(overrides: u64, decisions: u64) -> Tally {
    Tally { overrides, decisions, ..Tally::default() }
}

/// So many ratings of one star, and of five.
fn rated(one: u64, five: u64) -> Tally {
    Tally { stars: [one, 0, 0, 0, five], ..Tally::default() }
}

fn rule(when: &str, then: &str) -> String {
    format!("name: test\nsla: {{target: 72h}}\nrules:\n  - id: only\n    when: [{when}]\n    then: {then}\n")
}

fn judge(when: &str, tally: Tally) -> Status {
    dossier(&Policy::from_yaml("policy.yaml", &rule(when, "pip")).unwrap(), tally).status
}

#[test]
fn the_built_in_policy_is_what_its_yaml_says() {
    let read = Policy::from_yaml("default", DEFAULT_POLICY_YAML).unwrap();
    assert_eq!(read, Policy::default());
    assert_eq!((read.name(), read.window_days(), read.sla()), ("default", 90, None));
    let [only] = read.rules() else { panic!("one rule") };
    assert_eq!((only.id(), only.then()), ("chronic-override", Status::Pip));
    let when: Vec<String> = only.when().iter().map(ToString::to_string).collect();
    assert_eq!(when, ["override_rate > 0.3", "sat_score_mean < 3"]);
}

#[test]
fn the_napkin_rule_needs_both_and_compares_unrounded() {
    let judge = |(overrides, decisions), (one, five)| {
        let tally = Tally { overrides, decisions, ..rated(one, five) };
        dossier(&Policy::default(), tally).status
    };
    assert_eq!(judge((42, 100), (3, 1)), Status::Pip);
    assert_eq!(judge((3, 10), (3, 1)), Status::Good);
    assert_eq!(judge((3_000_000_001, 10_000_000_000), (5_000_001, 5_000_000)), Status::Pip);
    assert_eq!(judge((42, 100), (1, 1)), Status::Good);
    // What did not happen is held against nobody.
    assert_eq!(judge((0, 0), (1, 0)), Status::Good);
    assert_eq!(judge((1, 1), (0, 0)), Status::Good);
}

#[test]
fn comparisons_at_and_beside_the_threshold() {
    for (sign, below, equal, above) in [
        (">", false, false, true),
        (">=", false, true, true),
        ("<", true, false, false),
        ("<=", true, true, false),
        ("==", false, true, false),
        ("!=", true, false, true),
    ] {
        for (decisions, expected) in [(19, below), (20, equal), (21, above)] {
            let status = judge(&format!("decisions {sign} 20"), verdicts(0, decisions));
            assert_eq!(status == Status::Pip, expected, "{decisions} {sign} 20");
        }
        // Even "is not" does not hold of nothing.
        assert_eq!(judge(&format!("override_rate {sign} 0.5"), Tally::default()), Status::Good);
    }
}

#[test]
fn every_number_of_the_dossier_is_a_metric_by_its_path() {
    let numbers = json!({
        "decisions": 1, "overrides": 2, "override_rate": 3.5, "override_rate_interval": [0.1, 0.2],
        "recommendations": 4, "recommendations_overridden": 5, "overridden_rate": 6.5, "avg_processing_hours": 7.5,
        "processing_hours": {"count": 8, "mean": 9.5, "median": 10.5, "p90": 11.5, "p95": 12.5, "p99": 13.5,
            "min": 14.5, "max": 15.5},
        "sat_score_mean": 16.5, "sat": {"count": 17, "histogram": [1, 2, 3, 4, 5]},
        "open": {"count": 18, "oldest_hours": 19.5, "median_hours": 20.5, "overdue": 21},
        "sla": {"met": 22, "breached": 23, "compliance": 24.5},
        "appeals": {"count": 25, "reversed": 26, "overrides_upheld": 27, "overrides_reversed": 28},
    });
    let metrics: Metrics = serde_json::from_value(numbers.clone()).unwrap();
    for (index, metric) in Metric::ALL.iter().enumerate() {
        let at = metric.name().split('.').fold(&numbers, |value, name| &value[name]);
        assert_eq!(metric.value(&metrics), at.as_f64(), "{metric}");
        // In order and none left out: the numbers above count from 1.
        assert_eq!(at.as_f64().unwrap() as usize, index + 1, "{metric}");
        assert_eq!(Metric::from_name(metric.name()), Some(*metric));
        assert_eq!(serde_json::from_value::<Metric>(json!(metric.name())).unwrap(), *metric);
    }
    assert_eq!(Metric::ALL.len(), 28);
}

#[test]
fn pip_outranks_watch_and_every_rule_that_holds_gives_its_reason() {
    let policy = Policy::from_yaml(
        "policy.yaml",
        "name: three\nrules:\n  - {id: a, when: [decisions > 1], then: pip}\n  - {id: b, when: [decisions > 99], then: pip}\n  - {id: c, when: [decisions > 2, overrides == 0], then: watch}\n",
    )
    .unwrap();
    let judged = dossier(&policy, verdicts(0, 3));
    assert_eq!(judged.status, Status::Pip);
    let shown: Vec<String> = judged.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a: decisions 3 > 1", "c: decisions 3 > 2 and overrides 0 == 0"]);
    let judged = dossier(&policy, verdicts(0, 1));
    assert_eq!((judged.status, judged.reasons), (Status::Good, vec![]));
}

#[test]
fn a_reason_in_json_and_in_words() {
    let stars = Tally { stars: [4, 2, 3, 1, 0], ..verdicts(42, 100) };
    let reasons = dossier(&Policy::default(), stars).reasons;
    let wire = json!([{"rule": "chronic-override", "then": "pip", "conditions": [
        {"metric": "override_rate", "value": 0.42, "comparison": ">", "threshold": 0.3},
        {"metric": "sat_score_mean", "value": 2.1, "comparison": "<", "threshold": 3.0},
    ]}]);
    assert_eq!(serde_json::to_value(&reasons).unwrap(), wire);
    assert_eq!(serde_json::from_value::<Vec<Reason>>(wire).unwrap(), reasons);
    assert_eq!(
        reasons[0].to_string(),
        "chronic-override: override_rate 0.42 > 0.3 and sat_score_mean 2.1 < 3"
    );
    for comparison in Comparison::ALL {
        assert_eq!(serde_json::to_value(comparison).unwrap(), json!(comparison.sign()));
    }
}

#[test]
fn defaults_and_limits() {
    let policy = Policy::from_yaml("x", "name: ' bare '\nrules: []").unwrap();
    assert_eq!((policy.name(), policy.window_days(), policy.rules().len()), ("bare", 90, 0));
    let judged = dossier(&policy, Tally::default());
    assert_eq!((judged.status, judged.reasons, judged.explanations), (Status::Good, vec![], vec![]));
    for days in [1, 3660] {
        let text = format!("name: x\nwindow_days: {days}\nrules: []");
        assert_eq!(Policy::from_yaml("x", &text).unwrap().window_days(), days);
    }
}

#[test]
fn a_digest_is_of_what_is_said_not_of_how() {
    let default = Policy::default();
    // The SHA-256, worked out by other means, of
    // {"name":"default","rules":[{"id":"chronic-override","then":"pip","when":[["override_rate",">",0.3],
    // ["sat_score_mean","<",3.0]]}],"window_days":90}, without line breaks: dossiers carry it, so it must not change
    // by accident.
    assert_eq!(default.digest(), "23d614730699a7dcf5172b8c7775af8b3ee1e699578aeb5416538e219f6af690");
    let same = "# Ours.\nrules:\n- then: 'pip'\n  when:\n    - 'override_rate>3e-1'\n    - sat_score_mean   <   3.0\n  id: \"chronic-override\"\nname: default\n";
    assert_eq!(Policy::from_yaml("x", same).unwrap(), default);
    let name = default.to_name();
    assert_eq!((name.name.as_str(), name.digest.as_str()), ("default", default.digest()));
    assert_eq!(serde_json::from_value::<PolicyName>(serde_json::to_value(&name).unwrap()).unwrap(), name);
    for (find, put) in [
        ("default", "other"),
        ("90", "91"),
        ("0.30", "0.31"),
        ("> 0.30", ">= 0.30"),
        ("sat_score_mean < 3", "decisions < 3"),
        ("pip", "watch"),
        ("chronic-override", "chronic"),
        ("rules:", "sla: {target: 72h}\nrules:"),
    ] {
        let other = Policy::from_yaml("x", &DEFAULT_POLICY_YAML.replacen(find, put, 1)).unwrap();
        assert_ne!(other.digest(), default.digest(), "{put}");
    }
    // Hours and days of one length are one target.
    let target = |target: &str| {
        Policy::from_yaml("x", &format!("name: x\nsla: {{target: {target}}}\nrules: []")).unwrap()
    };
    assert_eq!(target("72h").digest(), target("3d").digest());
}

const POLICY: &str = "\
name: strict
window_days: 30
sla:
  target: 72h
rules:
  - id: overrides
    when: [override_rate > 0.30, sat_score_mean < 3]
    then: pip
  - id: slow
    when:
      - sla.compliance < 0.9
    then: watch
";

/// What to find in the policy, what to put there, and what is said of it.
type Case = (&'static str, &'static str, &'static str);

fn check(cases: &[Case]) {
    for (find, put, said) in cases {
        assert!(POLICY.contains(find), "{find}");
        let error = Policy::from_yaml("policy.yaml", &POLICY.replacen(find, put, 1)).unwrap_err();
        let expected = format!("policy.yaml:{said}");
        assert_eq!(error.to_string(), expected);
        let (line, column) = (error.line().unwrap(), error.column().unwrap());
        assert!(expected.starts_with(&format!("policy.yaml:{line}:{column}: {}", error.message())));
        assert_eq!(error.nearest().is_some(), expected.contains("did you mean"));
    }
}

#[test]
fn the_policy_to_be_spoiled_is_right() {
    assert!(Policy::from_yaml("policy.yaml", POLICY).is_ok());
}

#[test]
fn wrong_fields_are_said_with_place_expectation_and_nearest_name() {
    check(&[
        ("name: strict\n", "", "1:1: a policy has no \"name\"; expected the policy's name"),
        ("strict", "''", "1:7: expected the policy's name, found \"\""),
        ("strict", "~", "1:1: a policy has no \"name\"; expected the policy's name"),
        (
            "strict",
            "2026",
            "1:7: expected the policy's name (in quotes, if that is what it is), found the number 2026",
        ),
        (
            "window_days",
            "windows_day",
            "2:1: \"windows_day\" is no field of a policy; expected name, window_days, sla or rules; did you mean window_days?",
        ),
        ("30\n", "0\n", "2:14: expected a whole number of days from 1 to 3660, found the number 0"),
        ("30\n", "3661\n", "2:14: expected a whole number of days from 1 to 3660, found the number 3661"),
        ("30\n", "30.5\n", "2:14: expected a whole number of days from 1 to 3660, found the number 30.5"),
        ("30\n", "month\n", "2:14: expected a whole number of days from 1 to 3660, found \"month\""),
        (
            "target: 72h",
            "traget: 72h",
            "4:3: \"traget\" is no field of the sla; expected target or tracks; did you mean target?",
        ),
        (
            "72h",
            "72",
            "4:11: expected whole minutes, hours, days of 24 hours or working days, such as 90m, 72h, 3d or 20 working days, found the number 72",
        ),
        ("72h", "0m", "4:11: expected more than 0 and at most 3660 days, found \"0m\""),
        ("    then: pip\n", "", "6:5: a rule has no \"then\"; expected watch, review or pip"),
        (
            "id: slow",
            "id: overrides",
            "9:9: \"overrides\" is the id of a rule above; expected an id of its own for the rule",
        ),
        ("id: slow", "id: ' '", "9:9: expected an id of its own for the rule, found \" \""),
        (
            "- id: slow\n    when",
            "- when",
            "9:5: a rule has no \"id\"; expected an id of its own for the rule",
        ),
        (
            "when: [",
            "wen: [",
            "7:5: \"wen\" is no field of a rule; expected id, when, min, for, clear_after, peers, applies_to, critical_element, then or advise; did you mean when?",
        ),
        (
            "[override_rate > 0.30, sat_score_mean < 3]",
            "[]",
            "7:11: a rule without conditions would always hold; expected at least one",
        ),
        (
            "[override_rate > 0.30, sat_score_mean < 3]",
            "override_rate > 0.30",
            "7:11: expected a list of conditions, all of which must hold, such as [override_rate > 0.30], found \"override_rate > 0.30\"",
        ),
        ("then: pip", "then: pipp", "8:11: expected watch, review or pip, found \"pipp\"; did you mean pip?"),
        ("then: pip", "then: good", "8:11: expected watch, review or pip, found \"good\""),
        ("then: pip", "then: [pip]", "8:11: expected watch, review or pip, found a list"),
    ]);
}

#[test]
fn wrong_conditions_are_said_with_place_expectation_and_nearest_name() {
    check(&[
        ("override_rate", "overide_rate", "7:12: \"overide_rate\" is no metric; did you mean override_rate?"),
        (
            "sat_score_mean",
            "sat_score_men",
            "7:34: \"sat_score_men\" is no metric; did you mean sat_score_mean?",
        ),
        (
            "sla.compliance",
            "sla",
            "11:9: \"sla\" is no metric; expected sla.met, sla.breached or sla.compliance",
        ),
        (
            "sla.compliance < 0.9",
            "\"sla.complience < 0.9\"",
            "11:9: \"sla.complience\" is no metric; did you mean sla.compliance?",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean",
            "7:34: expected a condition, such as override_rate > 0.30, with >, >=, <, <=, == or !=, found \"sat_score_mean\"",
        ),
        (
            "sat_score_mean < 3",
            "< 3",
            "7:34: expected the name of a metric, then a comparison and a number, found \"< 3\"",
        ),
        (
            "sat_score_mean < 3",
            "3",
            "7:34: expected a condition, such as override_rate > 0.30 (in quotes, if that is what it is), found the number 3",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean = 3",
            "7:34: \"=\" is no comparison; expected >, >=, <, <=, == or !=; did you mean ==?",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean => 3",
            "7:34: \"=>\" is no comparison; expected >, >=, <, <=, == or !=; did you mean >=?",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean <",
            "7:34: \"\" is no threshold; expected a number, such as 0.30",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean < three",
            "7:34: \"three\" is no threshold; expected a number, such as 0.30",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean < NaN",
            "7:34: \"NaN\" is no threshold; expected a number, such as 0.30",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean < inf",
            "7:34: \"inf\" is no threshold; expected a number, such as 0.30",
        ),
        (
            "sat_score_mean < 3",
            "sat_score_mean < 30%",
            "7:34: \"30%\" is no threshold; expected a number, such as 0.30",
        ),
        (
            "sla:\n  target: 72h\n",
            "",
            "9:9: sla.compliance needs a target, and the policy has none; expected sla: {target: 72h}, or the like, in the policy",
        ),
        ("0.9", ".nan", "11:9: \".nan\" is no threshold; expected a number, such as 0.30"),
    ]);
}

#[test]
fn wrong_yaml_is_said_with_its_place() {
    check(&[
        (
            "name: strict",
            "name: strict\n' name': lax",
            "2:1: \"name\" is written twice; expected each name once",
        ),
        (
            "name: strict",
            "name: strict\nname: lax",
            "2:1: \"name\" is written twice; expected each name once",
        ),
        (
            "watch\n",
            "watch\n---\nname: x\n",
            "14:1: a second document begins here; expected one document a file",
        ),
        ("[override_rate", "[[override_rate", "8:9: wrong YAML: illegal placement of ':' indicator"),
        ("strict", "'strict", "1:7: wrong YAML: unclosed quote"),
        ("30\n", ".nan\n", "2:14: expected a finite number"),
    ]);
}

#[test]
fn hostile_files_cost_little_and_end_in_an_error() {
    let refused = |text: &str| Policy::from_yaml("policy.yaml", text).unwrap_err().to_string();
    for text in [
        "",
        "\u{0}",
        "- a",
        "3",
        "name",
        "[",
        "{",
        "&a [*a]",
        "? [a]\n: b",
        "<<: {name: x}\nrules: []",
        "name: !!binary ///",
    ] {
        assert!(refused(text).starts_with("policy.yaml:"), "{text:?}");
    }
    refused(&"[".repeat(100_000));
    refused(&"- ".repeat(100_000));
    refused(&format!("name: x\nrules: [{}]", "a,".repeat(100_000)));
    refused(&format!("name: {}\nrules: []", "x".repeat(5000)));
    assert_eq!(refused(&"#".repeat(2 << 20)), "policy.yaml: 2097152 bytes; expected at most 1048576");
    // Ten aliases to ten aliases to …: ten thousand million values on ten lines.
    let mut laughs = "a0: &a0 [x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{},", level - 1).repeat(10);
        laughs.push_str(&["a", &level.to_string(), ": &a", &level.to_string(), " [", &below, "]\n"].concat());
    }
    refused(&laughs);
    // What an error repeats is short and does nothing to a terminal.
    let long = refused(&format!("name: x\nrules: []\n\"\\e[31m{}\": 1", "y".repeat(1000)));
    assert!(long.len() < 300 && !long.contains('\u{1b}'), "{long}");
}

proptest! {
    #[test]
    fn whatever_is_written_is_a_policy_or_an_error_with_a_place(
        at in 0..POLICY.len(),
        cut in 0..20_usize,
        put in prop_oneof!["\\PC{0,8}", "[\\[\\]{}:,&*!|>'\"%@\t\n -]{1,4}"],
    ) {
        let text = [&POLICY[..at], &put, POLICY.get(at + cut..).unwrap_or_default()].concat();
        match Policy::from_yaml("policy.yaml", &text) {
            Ok(policy) => prop_assert_eq!(policy.digest().len(), 64),
            Err(error) => {
                prop_assert!(error.line().is_some() && error.column().is_some(), "{error}");
                prop_assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
            }
        }
    }
}

#[test]
fn what_threads_share_can_be_shared() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Policy>();
    shared::<Reason>();
    shared::<apmt_core::Calendar>();
    shared::<apmt_core::yaml::YamlError>();
}

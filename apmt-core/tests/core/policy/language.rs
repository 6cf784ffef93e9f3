//! The language beyond a bare threshold: what each key says, and what is said of a wrong one.

use apmt_core::policy::{BoundKind, Policy};
use apmt_core::{ActorKind, Status};

const GUARDED: &str = "\
name: guarded
sla: {target: 72h}
rules:
  - id: high-override
    when:
      - {metric: override_rate, above: 0.30, bound: wilson_lower, confidence: 0.95}
      - appeals.overrides_reversed >= 3
    min: {decisions: 20}
    for: 30d
    clear_after: 14d
    applies_to: {kind: human}
    critical_element: CE-2
    then: pip
    advise: training
";

#[test]
fn each_key_says_what_it_says() {
    let policy = Policy::from_yaml("guarded.yaml", GUARDED).unwrap();
    let [rule] = policy.rules() else { panic!("one rule") };
    let when: Vec<String> = rule.when().iter().map(ToString::to_string).collect();
    assert_eq!(when, ["wilson_lower at 0.95 of override_rate > 0.3", "appeals.overrides_reversed >= 3"]);
    let bound = rule.when()[0].bound().unwrap();
    assert_eq!((bound.kind(), bound.confidence()), (BoundKind::WilsonLower, 0.95));
    let min: Vec<(&str, u64)> = rule.min().iter().map(|(metric, min)| (metric.name(), *min)).collect();
    assert_eq!((min, rule.for_days(), rule.clear_after_days()), (vec![("decisions", 20)], 30, 14));
    assert_eq!((rule.applies_to(), rule.then()), (Some(ActorKind::Human), Status::Pip));
    assert_eq!((rule.critical_element(), rule.advise()), (Some("CE-2"), Some("training")));
    assert_eq!(policy.look_back_days(), 30 + 90);
}

#[test]
fn the_four_sides_are_the_four_comparisons() {
    for (side, sign) in [("above", ">"), ("at_least", ">="), ("below", "<"), ("at_most", "<=")] {
        let text = |condition: &str| format!("name: x\nrules: [{{id: a, when: [{condition}], then: watch}}]");
        let fields = Policy::from_yaml("x", &text(&format!("{{metric: decisions, {side}: 3}}"))).unwrap();
        let written = Policy::from_yaml("x", &text(&format!("decisions {sign} 3"))).unwrap();
        assert_eq!(fields, written);
        assert_eq!(fields.digest(), written.digest());
    }
}

#[test]
fn every_key_changes_the_digest_and_a_default_written_out_does_not() {
    let digest = |text: &str| Policy::from_yaml("x", text).unwrap().digest().to_owned();
    let guarded = digest(GUARDED);
    for (find, put) in [
        ("wilson_lower", "exact_lower"),
        ("0.95", "0.99"),
        (", bound: wilson_lower, confidence: 0.95", ""),
        ("{decisions: 20}", "{decisions: 21}"),
        ("{decisions: 20}", "{decisions: 20, sat.count: 1}"),
        ("for: 30d", "for: 31d"),
        ("clear_after: 14d", "clear_after: 15d"),
        ("    applies_to: {kind: human}\n", ""),
        ("CE-2", "CE-3"),
        ("then: pip", "then: review"),
        ("training", "rest"),
    ] {
        assert!(GUARDED.contains(find), "{find}");
        assert_ne!(digest(&GUARDED.replacen(find, put, 1)), guarded, "{put}");
    }
    for (find, put) in [(", confidence: 0.95", ""), ("30d", "'30 d'"), ("0.30", "3.0e-1")] {
        assert_eq!(digest(&GUARDED.replacen(find, put, 1)), guarded, "{put}");
    }
}

/// What to find in the policy, what to put there, and what is said of it.
fn check(cases: &[(&str, &str, &str)]) {
    for (find, put, said) in cases {
        assert!(GUARDED.contains(find), "{find}");
        let error = Policy::from_yaml("p", &GUARDED.replacen(find, put, 1)).unwrap_err();
        assert_eq!(error.to_string(), format!("p:{said}"), "{put}");
    }
}

#[test]
fn wrong_conditions_with_fields_are_said_with_place_and_nearest_name() {
    check(&[
        (
            "{metric",
            "{metrik",
            "6:10: \"metrik\" is no field of a condition; expected metric, above, at_least, below, at_most, bound or confidence; did you mean metric?",
        ),
        ("metric: override_rate, ", "", "6:9: a condition has no \"metric\"; expected the name of a metric"),
        (
            "metric: override_rate",
            "metric: overide_rate",
            "6:18: \"overide_rate\" is no metric; did you mean override_rate?",
        ),
        (
            "above: 0.30, ",
            "",
            "6:9: a condition has no threshold; expected above, at_least, below or at_most",
        ),
        (
            "above: 0.30",
            "above: 0.30, below: 0.5",
            "6:53: a condition has one threshold; expected one of above, at_least, below or at_most, and another condition for the other",
        ),
        ("above: 0.30", "above: many", "6:40: expected a number, such as 0.30, found \"many\""),
        ("above: 0.30", "above: .inf", "6:40: expected a finite number"),
        (
            "wilson_lower",
            "wilson_lover",
            "6:53: \"wilson_lover\" is no bound; expected wilson_lower, wilson_upper, exact_lower, exact_upper, t_lower, t_upper, order_lower or order_upper; did you mean wilson_lower?",
        ),
        (
            "wilson_lower",
            "t_lower",
            "6:53: t_lower is no bound of override_rate; expected wilson_lower, wilson_upper, exact_lower or exact_upper",
        ),
        (
            "override_rate, above",
            "sat_score_mean, above",
            "6:54: wilson_lower is no bound of sat_score_mean; expected t_lower or t_upper",
        ),
        (
            "override_rate, above",
            "processing_hours.p90, above",
            "6:60: wilson_lower is no bound of processing_hours.p90; expected order_lower or order_upper",
        ),
        (
            "override_rate, above",
            "decisions, above",
            "6:49: wilson_lower is no bound of decisions; expected no bound, for decisions is what it is and no estimate",
        ),
        (
            "bound: wilson_lower, ",
            "",
            "6:58: a confidence is that of a bound, and the condition has none; expected wilson_lower, wilson_upper, exact_lower or exact_upper",
        ),
        (
            "0.95",
            "95",
            "6:79: expected a number over 0.5 and up to 0.999999, such as 0.95, found the number 95",
        ),
        (
            "0.95",
            "0.5",
            "6:79: expected a number over 0.5 and up to 0.999999, such as 0.95, found the number 0.5",
        ),
        (
            "0.95",
            "1",
            "6:79: expected a number over 0.5 and up to 0.999999, such as 0.95, found the number 1",
        ),
    ]);
}

#[test]
fn wrong_keys_of_a_rule_are_said_with_place_and_nearest_name() {
    check(&[
        (
            "clear_after",
            "clear_afer",
            "10:5: \"clear_afer\" is no field of a rule; expected id, when, min, for, clear_after, peers, applies_to, critical_element, then or advise; did you mean clear_after?",
        ),
        (
            "{decisions: 20}",
            "20",
            "8:10: expected counts and what each must be at least, such as {decisions: 20}, found the number 20",
        ),
        (
            "{decisions: 20}",
            "{}",
            "8:10: expected counts and what each must be at least, such as {decisions: 20}, found a mapping",
        ),
        ("{decisions: 20}", "{decision: 20}", "8:11: \"decision\" is no metric; did you mean decisions?"),
        ("{decisions: 20}", "{decisions: 0}", "8:22: expected a whole number from 1, found the number 0"),
        ("{decisions: 20}", "{decisions: 2.5}", "8:22: expected a whole number from 1, found the number 2.5"),
        (
            "30d",
            "30",
            "9:10: expected a whole number of days from 1d to 366d, such as 30d, found the number 30",
        ),
        ("30d", "0d", "9:10: expected a whole number of days from 1d to 366d, such as 30d, found \"0d\""),
        ("30d", "72h", "9:10: expected a whole number of days from 1d to 366d, such as 30d, found \"72h\""),
        (
            "14d",
            "367d",
            "10:18: expected a whole number of days from 1d to 366d, such as 30d, found \"367d\"",
        ),
        (
            "appeals.overrides_reversed >= 3",
            "open.count > 3",
            "6:7: open.count is known at the instant of a dossier alone, so nobody can say for how long it has held; expected no \"for\" and no \"clear_after\" in a rule on it",
        ),
        (
            "{kind: human}",
            "{kind: humans}",
            "11:24: expected human or agent, found \"humans\"; did you mean human?",
        ),
        ("{kind: human}", "{track: VISA}", "11:18: \"track\" is no field of applies_to; expected kind"),
        (
            "CE-2",
            "2",
            "12:23: expected a text for \"critical_element\" (in quotes, if that is what it is), found the number 2",
        ),
        (
            "then: pip",
            "then: reviw",
            "13:11: expected watch, review or pip, found \"reviw\"; did you mean review?",
        ),
        ("training", "[training]", "14:13: expected a text for \"advise\", found a list"),
    ]);
    let rate = Policy::from_yaml("p", &GUARDED.replace("{decisions: 20}", "{override_rate: 1}")).unwrap_err();
    assert!(rate.to_string().ends_with("did you mean decisions?"), "{rate}");
    assert!(
        rate.message().starts_with("override_rate is no count; expected decisions, overrides,"),
        "{rate}"
    );
}

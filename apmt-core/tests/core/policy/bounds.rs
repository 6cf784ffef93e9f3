//! Bounds in rules, too little to go by, for whom a rule is, and what is said of all that.

use apmt_core::policy::{Explanation, Policy, RuleState};
use apmt_core::tally::{Durations, Tally};
use apmt_core::{Activity, ActorKind, ActorName, Dossier, Status};
use serde_json::json;

use super::{as_of, dossier, rated, verdicts};

fn policy(rule: &str) -> Policy {
    let text = format!("name: test\nsla: {{target: 72h}}\nrules:\n  - id: only\n    then: review\n{rule}");
    Policy::from_yaml("test.yaml", &text).unwrap()
}

fn explain(policy: &Policy, tally: Tally) -> Explanation {
    dossier(policy, tally).explanations.remove(0)
}

/// The value of the first condition's bound.
fn bound(condition: &str, tally: Tally) -> Option<f64> {
    let found = explain(&policy(&format!("    when: [{condition}]\n")), tally);
    found.conditions[0].bound.as_ref().unwrap().value
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} instead of {expected}");
}

fn times(hours: impl IntoIterator<Item = u64>) -> Tally {
    Tally {
        processing: hours.into_iter().map(|hours| hours * 3_600_000).collect::<Durations>(),
        ..Tally::default()
    }
}

/// The literals are statsmodels' and SciPy's: proportion_confint at alpha 0.1, t.ppf, quantile_test.
#[test]
fn each_kind_of_bound() {
    let of = |kind: &str| format!("{{metric: override_rate, above: 0.3, bound: {kind}, confidence: 0.95}}");
    near(bound(&of("wilson_lower"), verdicts(12, 30)), 0.267_126_169_574_135);
    near(bound(&of("wilson_upper"), verdicts(12, 30)), 0.549_418_692_050_885);
    near(bound(&of("exact_lower"), verdicts(12, 30)), 0.249_525_905_146_632);
    near(bound(&of("exact_upper"), verdicts(12, 30)), 0.566_054_738_786_544);
    let stars = |kind: &str| format!("{{metric: sat_score_mean, below: 3, bound: {kind}}}");
    near(bound(&stars("t_lower"), rated(6, 3)), 1.093_634_641_646_069);
    near(bound(&stars("t_upper"), rated(6, 3)), 3.573_032_025_020_598);
    let mean = "{metric: avg_processing_hours, above: 3, bound: t_lower, confidence: 0.9}";
    near(bound(mean, times([1, 2, 3, 10])), 0.656_968_336_933_392);
    let hours = |kind: &str| format!("{{metric: processing_hours.median, above: 3, bound: {kind}}}");
    assert_eq!(bound(&hours("order_lower"), times(0..31)), Some(10.0));
    assert_eq!(bound(&hours("order_upper"), times(0..31)), Some(20.0));
    // Five of 40 cases beyond the target: 35 met it.
    let sla = "{metric: sla.compliance, below: 0.9, bound: exact_upper}";
    assert!(bound(sla, times((0..40).map(|n| if n < 5 { 100 } else { 1 }))).is_some_and(|upper| upper > 0.9));
}

/// Where there are too few values for a bound there is none, and nothing is held against anybody.
#[test]
fn without_a_bound_a_condition_does_not_hold() {
    for (condition, tally) in [
        ("{metric: override_rate, above: 0.3, bound: wilson_lower}", Tally::default()),
        ("{metric: override_rate, below: 0.3, bound: exact_upper}", Tally::default()),
        ("{metric: sat_score_mean, below: 3, bound: t_upper}", rated(1, 0)),
        ("{metric: processing_hours.p90, above: 0, bound: order_lower}", Tally::default()),
        ("{metric: processing_hours.p99, below: 9999, bound: order_upper}", times(1..20)),
    ] {
        let explained = explain(&policy(&format!("    when: [{condition}]\n")), tally);
        let finding = &explained.conditions[0];
        assert_eq!(finding.bound.as_ref().unwrap().value, None, "{condition}");
        assert_eq!((finding.holds, explained.state), (false, RuleState::Clear), "{condition}");
    }
}

/// Past days are judged by the bound too: a rule that must hold for a time holds where it did.
#[test]
fn bounds_over_past_days_are_those_of_the_days() {
    for (condition, tally) in [
        ("{metric: override_rate, above: 0.3, bound: wilson_lower}", verdicts(8, 10)),
        ("{metric: sat_score_mean, below: 3, bound: t_upper}", rated(9, 1)),
        ("{metric: processing_hours.median, above: 80, bound: order_lower}", times(90..100)),
        ("{metric: processing_hours.mean, above: 80, bound: t_lower}", times(90..100)),
        ("{metric: sla.compliance, below: 0.5, bound: exact_upper}", times(90..100)),
    ] {
        let policy = policy(&format!("    when: [{condition}]\n    for: 3d\n"));
        let mut activity = Activity::none(ActorName::new("anne").unwrap());
        let day = |ago: i32| apmt_core::Day::from_number(as_of().day().number() - ago);
        activity.days = vec![(day(5), tally.clone()), (day(2), tally)];
        let explained = Dossier::of(&activity, as_of(), &policy).explanations.remove(0);
        assert_eq!((explained.state, explained.held_days), (RuleState::Raised, Some(3)), "{condition}");
    }
}

#[test]
fn with_too_little_to_go_by_nobody_is_good() {
    let policy = policy("    when: [override_rate > 0.3]\n    min: {decisions: 20, sat.count: 5}\n");
    let few = dossier(&policy, verdicts(19, 19));
    assert_eq!((few.status, few.reasons.len()), (Status::InsufficientData, 0));
    assert_eq!(few.explanations[0].state, RuleState::InsufficientData);
    let unrated = dossier(&policy, verdicts(20, 20));
    assert_eq!(unrated.status, Status::InsufficientData);
    let enough = dossier(&policy, Tally { stars: [0, 0, 0, 0, 5], ..verdicts(20, 20) });
    assert_eq!((enough.status, enough.pip_recommended), (Status::Review, false));
    let min: Vec<_> =
        enough.explanations[0].min.iter().map(|min| (min.metric.name(), min.value, min.min)).collect();
    assert_eq!(min, [("decisions", 20, 20), ("sat.count", 5, 5)]);
    assert_eq!(serde_json::to_value(few.status).unwrap(), json!("insufficient_data"));
}

/// Where what is missing can make no difference, nothing is missing.
#[test]
fn a_condition_that_fails_for_certain_needs_no_more_data() {
    let policy = policy(
        "    when: [override_rate > 0.3, sat_score_mean < 3]\n    min: {decisions: 20, sat.count: 5}\n",
    );
    let judge = |overrides, decisions, one, five| {
        dossier(&policy, Tally { overrides, decisions, ..rated(one, five) }).status
    };
    assert_eq!(judge(1, 30, 1, 0), Status::Good, "the rate is known, and fine");
    assert_eq!(judge(9, 10, 0, 9), Status::Good, "so are the stars");
    assert_eq!(judge(20, 30, 0, 4), Status::InsufficientData);
    assert_eq!(judge(1, 19, 5, 0), Status::InsufficientData);
    assert_eq!(judge(0, 0, 0, 0), Status::InsufficientData);
    assert_eq!(judge(20, 30, 5, 0), Status::Review);
}

#[test]
fn statuses_are_in_the_order_of_their_gravity() {
    assert!(Status::ALL.is_sorted());
    let raised: Vec<&str> =
        Status::ALL.iter().filter(|status| status.is_raised()).map(|status| status.name()).collect();
    assert_eq!(raised, ["watch", "review", "pip"]);
    for status in Status::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.name()));
    }
}

#[test]
fn a_rule_is_for_people_or_for_agents() {
    let judge = |applies_to: &str, kind| {
        let policy = policy(&format!("    when: [overrides > 0]\n    applies_to: {{kind: {applies_to}}}\n"));
        let mut activity = Activity::none(ActorName::new("anne").unwrap());
        activity.actor_kind = kind;
        activity.days.push((as_of().day(), verdicts(1, 1)));
        Dossier::of(&activity, as_of(), &policy).explanations.remove(0).state
    };
    for (applies_to, kind, expected) in [
        ("human", Some(ActorKind::Human), RuleState::Raised),
        ("human", None, RuleState::Raised),
        ("human", Some(ActorKind::Agent), RuleState::NotApplicable),
        ("agent", Some(ActorKind::Agent), RuleState::Raised),
        ("agent", None, RuleState::NotApplicable),
        ("agent", Some(ActorKind::Human), RuleState::NotApplicable),
    ] {
        assert_eq!(judge(applies_to, kind), expected, "{applies_to}, {kind:?}");
    }
}

/// What is said is enough: with so many more, and not with one fewer, the condition no longer holds.
#[test]
fn what_would_clear_a_rule_clears_it() {
    let policy = policy(
        "    when:\n      - {metric: override_rate, above: 0.30, bound: wilson_lower}\n      - sat_score_mean < 3\n",
    );
    let worst = Tally { stars: [5, 3, 0, 0, 1], ..verdicts(40, 60) };
    let explained = explain(&policy, worst.clone());
    let remedies = &explained.clears.as_ref().unwrap().or_after;
    let [verdicts, stars] = &remedies[..] else { panic!("{remedies:?}") };
    for (less, state) in [(1, RuleState::Raised), (0, RuleState::Clear)] {
        let more = Tally { decisions: 60 + verdicts.more - less, ..worst.clone() };
        assert_eq!(explain(&policy, more).state, state, "{verdicts:?}");
        let more = Tally { stars: [5, 3, 0, 0, 1 + stars.more - less], ..worst.clone() };
        assert_eq!(explain(&policy, more).state, state, "{stars:?}");
    }
    // Nobody is told to override more.
    let never = "    when: [override_rate < 0.01]\n";
    let never =
        Policy::from_yaml("x", &format!("name: x\nrules:\n  - id: only\n    then: review\n{never}")).unwrap();
    assert_eq!(explain(&never, super::verdicts(0, 50)).clears.unwrap().or_after, []);
}

#[test]
fn an_explanation_in_json_and_in_words() {
    let policy = policy(
        "    when:\n      - {metric: override_rate, above: 0.30, bound: wilson_lower, confidence: 0.95}\n    min: {decisions: 20}\n    critical_element: CE-2\n    advise: training\n",
    );
    let explained = explain(&policy, verdicts(27, 60));
    let wire = json!({
        "rule": "only", "state": "raised", "then": "review",
        "conditions": [{
            "metric": "override_rate", "value": 0.45, "n": 60,
            "bound": {"kind": "wilson_lower", "confidence": 0.95, "value": explained.conditions[0].bound.as_ref().unwrap().value},
            "comparison": ">", "threshold": 0.3, "holds": true,
        }],
        "min": [{"metric": "decisions", "value": 60, "min": 20}],
        "clears": {
            "without_more": "2026-09-28T23:59:59.999Z",
            "or_after": [{"metric": "override_rate", "more": 10, "of": "more verdicts that follow the recommendation"}],
        },
        "critical_element": "CE-2", "advise": "training",
    });
    assert_eq!(serde_json::to_value(&explained).unwrap(), wire);
    assert_eq!(serde_json::from_value::<Explanation>(wire).unwrap(), explained);
    assert_eq!(
        explained.sentences(),
        [
            "The rule only holds and counts: review.",
            "There are 60 decisions, which is enough: at least 20 are needed.",
            "The override rate is 45 % (n = 60), and with 95 % confidence at least 34.9 %, which is above 30 %.",
            "If nothing more happened, it would no longer count from 2026-09-28T23:59:59.999Z on.",
            "With 10 more verdicts that follow the recommendation and nothing else, its condition on the override rate would no longer hold.",
            "It bears on the critical element CE-2.",
            "Advised: training.",
        ]
    );
    let reason = &dossier(&policy, verdicts(27, 60)).reasons[0];
    assert!(
        reason.to_string().starts_with("only: override_rate 0.45 (wilson_lower at 0.95: 0.3487963861"),
        "{reason}"
    );
    let too_few = explain(&policy, verdicts(9, 10)).to_string();
    assert!(
        too_few.starts_with(
            "There is too little to judge by the rule only. There are 10 decisions, which is too few: at least 20 are needed."
        ),
        "{too_few}"
    );
    let nothing = explain(&policy, Tally::default()).to_string();
    assert!(nothing.contains("There is no override rate to compare with 30 %."), "{nothing}");
}

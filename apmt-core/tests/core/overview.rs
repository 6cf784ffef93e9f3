//! What everybody's dossiers say together.

use apmt_core::policy::Policy;
use apmt_core::statistics::binomial_cdf;
use apmt_core::{ActorKind, AsOf, Dossier, Event, MemoryStore, Overview, Store as _};
use futures_lite::future::block_on;

fn dossiers(rules: &str, office: &[(&str, ActorKind, u64, u64)]) -> Vec<Dossier> {
    let policy = Policy::from_yaml("x", &format!("{{name: x, rules: [{rules}]}}")).unwrap();
    let store = MemoryStore::new();
    for (actor, kind, overrides, verdicts) in office {
        let event = |n| if n < *overrides { Event::override_of(actor) } else { Event::decision(actor) };
        let events = (0..*verdicts).map(|n| event(n).actor_kind(*kind).build().unwrap()).collect();
        block_on(store.append(events)).unwrap();
    }
    block_on(store.dossiers(AsOf::Now, &policy, None, usize::MAX)).unwrap()
}

const HUMAN: ActorKind = ActorKind::Human;

fn by_chance(rules: &str, office: &[(&str, ActorKind, u64, u64)]) -> f64 {
    Overview::of(&dossiers(rules, office)).by_chance
}

/// Sums over every number of overrides that is possible, by the definition.
fn naive(n: u64, rate: f64, holds: impl Fn(u64) -> bool) -> f64 {
    let up_to = |k: u64| binomial_cdf(k, n, rate);
    let of = |k: u64| if k == 0 { up_to(0) } else { up_to(k) - up_to(k - 1) };
    (0..=n).filter(|k| holds(*k)).map(of).sum()
}

#[test]
fn chance_is_the_binomial_probability_at_the_threshold_summed_over_actors() {
    let rule = "{id: r, when: [override_rate > 0.3], then: pip}";
    let of = |n: u64| naive(n, 0.3, |k| k as f64 / n as f64 > 0.3);
    let found = by_chance(rule, &[("anne", HUMAN, 1, 10), ("bob", HUMAN, 9, 30)]);
    assert!((found - of(10) - of(30)).abs() < 1e-12, "{found}");

    let under = "{id: r, when: [override_rate <= 0.3], then: pip}";
    let found = by_chance(under, &[("anne", HUMAN, 1, 10)]);
    assert!((found - naive(10, 0.3, |k| k as f64 / 10.0 <= 0.3)).abs() < 1e-12, "{found}");
}

#[test]
fn a_bound_at_95_percent_flags_about_5_percent_by_chance_and_an_exact_one_at_most() {
    let office = [("anne", HUMAN, 1, 200)];
    let rule = |bound: &str| {
        format!("{{id: r, when: [{{metric: override_rate, above: 0.3, bound: {bound}}}], then: pip}}")
    };
    let wilson = by_chance(&rule("wilson_lower"), &office);
    assert!((0.03..0.07).contains(&wilson), "{wilson}");
    let exact = by_chance(&rule("exact_lower"), &office);
    assert!((0.03..=0.05).contains(&exact), "{exact}");
}

#[test]
fn a_rule_is_as_likely_as_the_least_likely_of_its_conditions_and_an_actor_counts_once() {
    let one = "{id: r, when: [override_rate > 0.3], then: pip}";
    let both = "{id: r, when: [override_rate > 0.3, overridden_rate > 0.3], then: pip}";
    let office = [("anne", HUMAN, 1, 10)];
    assert!(by_chance(both, &office) < 1e-12, "whoever gave no advice cannot meet it");
    let many = ["a", "b", "c", "d"].map(|id| one.replace("id: r", &format!("id: {id}"))).join(", ");
    assert!(by_chance(&many, &office) <= 1.0 && by_chance(&many, &office) > by_chance(one, &office));
}

#[test]
fn too_few_cases_and_the_wrong_kind_add_nothing_and_what_is_no_rate_is_said() {
    let rule = "{id: r, when: [override_rate > 0.3], min: {decisions: 20}, applies_to: {kind: agent}, then: pip}, \
                {id: few-stars, when: [sat_score_mean < 3], then: watch}";
    let office = [("anne", HUMAN, 9, 30), ("bot", ActorKind::Agent, 9, 10)];
    let overview = Overview::of(&dossiers(rule, &office));
    assert_eq!((overview.actors, overview.flagged, overview.by_chance), (2, 0, 0.0));
    assert_eq!((overview.rules[0].by_chance, overview.rules[1].by_chance), (Some(0.0), None));
    let said = overview.sentences().join(" ");
    assert!(
        said.contains(
            "chance alone would make at most 0.0 of these 2 meet a rule at one look; 0 are flagged."
        ),
        "{said}"
    );
    assert!(said.ends_with("Not in that figure, for they look at no rate: few-stars."), "{said}");
}

#[test]
fn what_most_breach_at_once_is_told_once_for_all_of_them() {
    let rule = "{id: r, when: [override_rate > 0.3], min: {decisions: 5}, then: pip}";
    let office = |breaching: usize| -> Vec<(&str, ActorKind, u64, u64)> {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let people =
            names.iter().enumerate().map(|(n, name)| (*name, HUMAN, if n < breaching { 4 } else { 0 }, 5));
        // Neither an agent nor somebody with too few cases is one of them.
        people.chain([("bot", ActorKind::Agent, 4, 5), ("new", HUMAN, 1, 1)]).collect()
    };
    let overview = Overview::of(&dossiers(rule, &office(5)));
    let [notice] = &*overview.common_causes else { panic!("{overview:?}") };
    assert_eq!((&*notice.rule, notice.kind, notice.breached, notice.of), ("r", HUMAN, 5, 8));
    assert!(
        overview.sentences()[0]
            .starts_with("5 of the 8 people who can be judged by the rule r breach it at once")
    );
    assert!(Overview::of(&dossiers(rule, &office(4))).common_causes.is_empty(), "half is not most");
    let flagged = dossiers(rule, &office(5)).iter().filter(|dossier| dossier.pip_recommended).count();
    assert_eq!(flagged, 6, "without peers in the rule, verdicts stay what the rule says");
    let smaller = rule.replace("then", "peers: {min_group: 9}, then");
    assert!(
        Overview::of(&dossiers(&smaller, &office(8))).common_causes.is_empty(),
        "a rule's own size of a group"
    );
}

//! Verdicts, whose stars they are, how advice fared, and appeals.

use apmt_core::{Event, Outcome};

use super::{advised, assigned, check, closed, decided, h, opened, overrode, reopened, stars, unassigned};

fn appealed(at: i64, outcome: Outcome) -> apmt_core::event::EventBuilder {
    Event::appeal_outcome("C", outcome).at(h(at))
}

#[test]
fn each_decision_and_override_is_one_verdict() {
    check([decided(1, "anne")], &["anne 1: verdict"]);
    check([overrode(1, "anne")], &["anne 1: override"]);
}

#[test]
fn two_verdicts_on_a_case_are_two_verdicts() {
    check(
        [decided(1, "anne"), decided(2, "anne"), overrode(3, "bob")],
        &["anne 1: verdict", "anne 2: verdict", "bob 3: override"],
    );
}

#[test]
fn a_decision_whose_two_verdicts_are_given_and_differ_counts_as_an_override() {
    let both =
        |advice: &str, verdict: &str| decided(1, "anne").ai_recommendation(advice).human_verdict(verdict);
    check([both("deny", "approve")], &["anne 1: override"]);
    check([both("deny", "deny")], &["anne 1: verdict"]);
    check([decided(1, "anne").ai_recommendation("deny")], &["anne 1: verdict"]);
}

#[test]
fn verdicts_are_compared_trimmed_and_without_case() {
    let both =
        |advice: &str, verdict: &str| decided(1, "anne").ai_recommendation(advice).human_verdict(verdict);
    check([both(" Deny\t", "dENY")], &["anne 1: verdict"]);
    check([both("ABLEHNUNG BESTÄTIGT", "Ablehnung bestätigt ")], &["anne 1: verdict"]);
    check([both("de ny", "deny")], &["anne 1: override"]);
}

#[test]
fn a_decision_without_advice_takes_the_cases_latest_recommendation_at_or_before_it() {
    let approves = |at| decided(at, "anne").human_verdict("approve");
    // The pool's clock of each recommendation is the agent's next one's: 2 − 1, 4 − 2.
    check(
        [advised(1, "bot", "approve"), advised(2, "bot-2", "Deny"), approves(4)],
        &["bot-2 2: pool 1h", "anne 4: override", "anne 4: pool 2h", "bot-2 4: advice overridden"],
    );
    // One that comes after it is not taken, but one at the same instant and before it in the log is.
    check([approves(4), advised(5, "bot", "deny")], &["anne 4: verdict"]);
    check(
        [advised(4, "bot", "deny"), approves(4)],
        &["anne 4: override", "anne 4: pool 0h", "bot 4: advice overridden"],
    );
    // Advice that the decision itself names goes before the case's.
    check(
        [assigned(0, "anne"), advised(1, "bot", "deny"), approves(4).ai_recommendation("approve")],
        &["anne 4: verdict", "anne 4: held 4h", "bot 4: advice taken"],
    );
    // Without a verdict of its own there is nothing to compare.
    check(
        [assigned(0, "anne"), advised(1, "bot", "deny"), decided(4, "anne")],
        &["anne 4: verdict", "anne 4: held 4h", "bot 4: advice taken"],
    );
}

#[test]
fn stars_go_to_the_events_own_actor() {
    check([decided(1, "anne"), stars(2, 4).actor("bob")], &["anne 1: verdict", "bob 2: 4 stars"]);
    check([stars(2, 4).actor("bob"), decided(3, "anne")], &["bob 2: 4 stars", "anne 3: verdict"]);
}

#[test]
fn else_to_the_latest_verdict_at_or_before_them() {
    check(
        [decided(1, "anne"), overrode(2, "bob"), stars(3, 4), decided(4, "eve")],
        &["anne 1: verdict", "bob 2: override", "bob 3: 4 stars", "eve 4: verdict"],
    );
    check(
        [decided(1, "anne"), closed(2).actor("bob"), assigned(3, "eve"), stars(4, 4)],
        &["anne 1: verdict", "anne 4: 4 stars"],
    );
}

#[test]
fn else_to_the_first_verdict_after_them() {
    check(
        [stars(1, 4), decided(2, "anne"), decided(3, "bob")],
        &["anne 1: 4 stars", "anne 2: verdict", "bob 3: verdict"],
    );
    // A verdict goes before whoever closed the case, before or after, and before the holder.
    check(
        [assigned(0, "zoe"), closed(1).actor("eve"), stars(2, 4), closed(3).actor("eve"), decided(5, "anne")],
        &["zoe 1: held 1h", "anne 2: 4 stars", "anne 5: verdict"],
    );
}

#[test]
fn else_to_the_latest_closing_with_an_actor() {
    // At or before: Bob's closing, for the third names nobody.
    check([closed(1).actor("anne"), closed(2).actor("bob"), closed(3), stars(4, 4)], &["bob 4: 4 stars"]);
    // A closing before them goes before one after them, and before the holder.
    check(
        [closed(1).actor("anne"), assigned(2, "eve"), stars(4, 4), closed(5).actor("bob")],
        &["anne 4: 4 stars", "eve 5: held 3h"],
    );
    // Else the first after, before the holder.
    check(
        [assigned(2, "eve"), stars(4, 4), closed(5), closed(6).actor("anne"), closed(7).actor("bob")],
        &["anne 4: 4 stars", "eve 5: held 3h"],
    );
}

#[test]
fn else_to_the_holder_at_that_instant() {
    check([assigned(1, "anne"), stars(2, 4), assigned(3, "bob")], &["anne 2: 4 stars", "anne 3: held 2h"]);
    check([assigned(2, "anne"), stars(2, 4)], &["anne 2: 4 stars"]);
}

#[test]
fn else_they_are_unattributed() {
    check([stars(1, 4)], &["nobody 1: 4 stars"]);
    check([opened(0), stars(1, 4), assigned(2, "anne")], &["nobody 1: 4 stars"]);
    check([assigned(0, "anne"), unassigned(1), stars(1, 4)], &["anne 1: held 1h", "nobody 1: 4 stars"]);
    check([closed(0), stars(1, 4)], &["nobody 1: 4 stars"]);
}

/// Each of three scores goes by its own ladder, and all that wait go to the first verdict.
#[test]
fn several_scores_of_one_case() {
    check(
        [
            stars(1, 1),
            assigned(2, "anne"),
            stars(3, 2),
            stars(4, 5).actor("zoe"),
            decided(5, "bob"),
            stars(6, 3),
            reopened(7),
            decided(8, "eve"),
            stars(9, 4),
        ],
        &[
            "bob 1: 1 stars",
            "bob 3: 2 stars",
            "zoe 4: 5 stars",
            "bob 5: verdict",
            "anne 5: held 3h",
            "bob 6: 3 stars",
            "eve 8: verdict",
            "eve 8: pool 1h",
            "eve 9: 4 stars",
        ],
    );
}

#[test]
fn advice_counts_for_the_agent_of_the_latest_recommendation_at_the_verdicts_instant() {
    check(
        [assigned(0, "anne"), advised(1, "bot", "deny"), advised(2, "bot-2", "deny"), overrode(5, "anne")],
        &["anne 5: override", "anne 5: held 5h", "bot-2 5: advice overridden"],
    );
    // Advice that only the verdict itself names has no agent.
    check([decided(5, "anne").ai_recommendation("deny").human_verdict("approve")], &["anne 5: override"]);
    // Two verdicts on one recommendation count twice for the agent.
    check(
        [
            assigned(0, "anne"),
            advised(1, "bot", "deny"),
            overrode(5, "anne"),
            decided(6, "bob").human_verdict("deny"),
        ],
        &[
            "anne 5: override",
            "anne 5: held 5h",
            "bot 5: advice overridden",
            "bob 6: verdict",
            "bot 6: advice taken",
        ],
    );
}

/// An agent may decide on another's advice, or on its own.
#[test]
fn an_agent_may_decide() {
    check(
        [opened(0), advised(1, "bot", "deny"), decided(3, "bot").human_verdict("deny")],
        &["bot 1: pool 1h", "bot 3: verdict", "bot 3: pool 2h", "bot 3: advice taken"],
    );
}

#[test]
fn an_appeal_goes_to_the_latest_verdict_at_or_before_it() {
    check(
        [decided(1, "anne"), overrode(2, "bob"), appealed(3, Outcome::Reversed), decided(4, "eve")],
        &["anne 1: verdict", "bob 2: override", "bob 3: override reversed", "eve 4: verdict"],
    );
    check(
        [decided(1, "anne"), appealed(1, Outcome::Upheld), overrode(1, "bob"), appealed(1, Outcome::Upheld)],
        &["anne 1: verdict", "anne 1: verdict upheld", "bob 1: override", "bob 1: override upheld"],
    );
}

#[test]
fn an_appeal_remembers_whether_that_verdict_was_an_override() {
    let differing = decided(1, "anne").ai_recommendation("deny").human_verdict("approve");
    check([differing, appealed(3, Outcome::Upheld)], &["anne 1: override", "anne 3: override upheld"]);
    check(
        [decided(1, "anne"), appealed(3, Outcome::Reversed)],
        &["anne 1: verdict", "anne 3: verdict reversed"],
    );
}

/// Without a verdict before it, an appeal is counted, as nobody's; its own actor is the clerk who recorded it.
#[test]
fn an_appeal_without_a_verdict_is_nobodys() {
    check(
        [appealed(1, Outcome::Upheld).actor("clerk"), decided(2, "anne")],
        &["nobody 1: verdict upheld", "anne 2: verdict"],
    );
}

//! The words that a notice starts from. Each can be edited before the plan is started.

use std::fmt::Write as _;

use super::evidence::Evidence;
use super::notice::PlanKind;
use crate::screen;

/// When supervisor and employee meet.
pub(super) const CHECK_INS: &str = "Once a week; what was said is written down.";

/// The assistance that is offered.
pub(super) const fn assistance(kind: PlanKind) -> &'static str {
    match kind {
        PlanKind::Improvement => {
            "Your supervisor meets with you at the check-ins below, goes through cases with you, answers your \
             questions, and offers training where you or your supervisor see a need. Ask for any other help that \
             you need to perform acceptably."
        }
        PlanKind::Machine => {
            "The agent's owner is given the instances below and the cases behind them, and names the version that \
             is to be looked at again."
        }
    }
}

/// What may follow. For a person: 5 CFR 432.104 (second sentence) and 432.105; 5 U.S.C. 4303.
pub(super) const fn consequences(kind: PlanKind) -> &'static str {
    match kind {
        PlanKind::Improvement => {
            "Unless your performance in the critical element improves to and is sustained at an acceptable level, \
             you may be reduced in grade or removed (5 CFR 432.104). If your performance during or following the \
             opportunity period is unacceptable, an action may be proposed, with 30 days' advance written notice, \
             the right to be represented and a reasonable time to answer (5 U.S.C. 4303; 5 CFR 432.105)."
        }
        PlanKind::Machine => {
            "Unless its advice meets the standard at the end of the period, the agent is restricted or suspended."
        }
    }
}

/// The standard that the rule asks for: the rule verbatim, and in words what meets it.
pub(super) fn standard(evidence: &Evidence) -> String {
    let Some(rule) = &evidence.rule else { return String::new() };
    let days = evidence.window_days;
    let held = evidence.for_days.map_or_else(String::new, |held| format!(" for {held} days in a row"));
    let mut standard = format!(
        "Rule {rule} of the policy {} must not hold over {days} days{held}: {}.",
        evidence.policy.name,
        evidence.when.join(" and ")
    );
    for (index, held) in evidence.conditions.iter().enumerate() {
        let before = if index == 0 { " Acceptable is: " } else { ", or " };
        let _ = write!(standard, "{before}{}", screen::standard(held));
    }
    if !evidence.conditions.is_empty() {
        standard.push('.');
    }
    standard
}

//! The terms that a notice starts from.

use super::evidence::Evidence;
use super::notice::{Measure, PlanKind, Terms};
use super::period::Period;
use super::text;
use crate::directory::Person;

/// The terms that a notice starts from: a pure function of the evidence, of what the directory says of the actor, and
/// of the period. What nobody says stays empty.
pub fn prefill(evidence: &Evidence, person: &Person, period: Period) -> Terms {
    let kind = PlanKind::of(evidence.actor_kind);
    let is_machine = kind == PlanKind::Machine;
    let organization: Vec<&str> =
        [person.unit(), person.organization()].into_iter().filter(|text| !text.is_empty()).collect();
    Terms {
        employee: person.name().to_owned(),
        position: person.position().to_owned(),
        organization: organization.join(", "),
        supervisor: person.supervisor_name().to_owned(),
        critical_element: evidence.critical_element.clone().unwrap_or_default(),
        standard: text::standard(evidence),
        period,
        measure: is_machine.then_some(Measure::Retrain),
        assistance: text::assistance(kind).to_owned(),
        check_ins: text::CHECK_INS.to_owned(),
        consequences: text::consequences(kind).to_owned(),
    }
}

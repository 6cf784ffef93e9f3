//! Open plans, a line each.

use apmt_core::Timestamp;

use super::number::instant;
use super::table::{Align, Cell, Table};
use super::{NOTHING, PLAIN, WATCH};
use crate::plan::{OpenPlan, today};

pub(crate) fn page(plans: &[OpenPlan], now: Timestamp) -> String {
    if plans.is_empty() {
        return "No plan is open.\n".to_owned();
    }
    let mut table = Table::new([
        ("Actor", Align::Left),
        ("Rule", Align::Left),
        ("Measure", Align::Left),
        ("Started", Align::Left),
        ("Ends", Align::Left),
        ("Plan", Align::Left),
    ]);
    for plan in plans {
        let has_ended = plan.days_left(today(now)).is_some_and(|days| days < 0);
        table.row(vec![
            Cell::new(plan.actor.as_str()),
            Cell::new(plan.rule.as_deref().unwrap_or(NOTHING)),
            Cell::new(plan.measure.map_or(NOTHING, |measure| measure.name())),
            Cell::new(&instant(plan.started_at)),
            Cell::new(&plan.period.map_or_else(|| NOTHING.to_owned(), |period| period.end().to_string())),
            Cell::styled(&plan.words(now), if has_ended { WATCH } else { PLAIN }),
        ]);
    }
    let mut out = String::new();
    table.write(&mut out);
    out
}

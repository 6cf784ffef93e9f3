//! What policies make of chance, as a table.

use std::borrow::Cow;

use super::NOTHING;
use super::number::percent;
use super::table::{Align, Cell, Table};
use crate::simulation::{Outcome, Scenario};

pub(crate) fn page(policies: &[Cow<'_, str>], figures: &[(Scenario, Vec<Outcome>)]) -> String {
    let mut table = Table::new([
        ("True rate %", Align::Right),
        ("Cases in 90 d", Align::Right),
        ("Policy", Align::Left),
        ("Ever flagged %", Align::Right),
        ("Days flagged %", Align::Right),
        ("Days to the first flag", Align::Right),
    ]);
    for (scenario, outcomes) in figures {
        for (policy, outcome) in policies.iter().zip(outcomes) {
            let days =
                outcome.median_days_to_flag.map_or_else(|| NOTHING.to_owned(), |days| days.to_string());
            table.row(vec![
                Cell::new(&percent(Some(scenario.rate))),
                Cell::new(&scenario.cases.to_string()),
                Cell::new(policy),
                Cell::new(&percent(Some(outcome.ever_flagged))),
                Cell::new(&percent(Some(outcome.days_flagged))),
                Cell::new(&days),
            ]);
        }
    }
    let mut out = String::new();
    table.write(&mut out);
    out
}

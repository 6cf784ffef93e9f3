//! The scoreboard as a file for spreadsheets: RFC 4180, every number with full precision.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apmt_core::{ActorName, Timestamp};

use super::board::Entry;
use super::words::Rate;
use crate::directory::Directory;
use crate::plan::{OpenPlan, today};

const HEAD: &str = "actor,name,kind,status,rules,decisions,overrides,override_rate,override_rate_low,override_rate_high,\
    recommendations,recommendations_overridden,overridden_rate,avg_processing_hours,processing_count,\
    median_processing_hours,p90_processing_hours,sat_score_mean,sat_count,open,oldest_open_hours,overdue,\
    rate_before,rate_before_of,plan_started_at,plan_end,plan_days_left,as_of,window_days,policy,policy_digest";

/// Those rows, a line each, with what the directory calls whom, and who has an open plan as of that instant.
pub(super) fn scoreboard(
    rows: &[&Entry],
    directory: &Directory,
    plans: &BTreeMap<ActorName, OpenPlan>,
    now: Timestamp,
) -> String {
    let mut out = format!("{HEAD}\r\n");
    for Entry { dossier, before } in rows {
        let metrics = &dossier.metrics;
        let [low, high] = metrics.override_rate_interval.map_or([None; 2], |ends| ends.map(Some));
        let rules: Vec<&str> = dossier.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let before = before.as_deref().map(Rate::of);
        let times = &metrics.processing_hours;
        let plan = plans.get(&dossier.actor);
        let period = plan.and_then(|plan| plan.period);
        let cells = [
            text(dossier.actor.as_str()),
            text(directory.person(&dossier.actor).name()),
            text(dossier.actor_kind.map_or("", apmt_core::ActorKind::name)),
            text(dossier.status.name()),
            text(&rules.join(" ")),
            count(metrics.decisions),
            count(metrics.overrides),
            number(metrics.override_rate),
            number(low),
            number(high),
            count(metrics.recommendations),
            count(metrics.recommendations_overridden),
            number(metrics.overridden_rate),
            number(metrics.avg_processing_hours),
            count(times.count),
            number(times.median),
            number(times.p90),
            number(metrics.sat_score_mean),
            count(metrics.sat.count),
            count(metrics.open.count),
            number(metrics.open.oldest_hours),
            metrics.open.overdue.map_or_else(String::new, count),
            number(before.and_then(Rate::value)),
            before.map_or_else(String::new, |rate| count(rate.whole)),
            plan.map_or_else(String::new, |plan| plan.started_at.to_string()),
            period.map_or_else(String::new, |period| period.end().to_string()),
            period.map_or_else(String::new, |period| period.days_left(today(now)).to_string()),
            text(&dossier.as_of.to_string()),
            count(u64::from(dossier.window_days)),
            text(&dossier.policy.name),
            text(&dossier.policy.digest),
        ];
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn count(count: u64) -> String {
    count.to_string()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Text in a cell. A spreadsheet takes what begins with one of these for a formula, and runs it: the apostrophe says
/// that it is text.
fn text(text: &str) -> String {
    let harmful = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if harmful { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) };
    if text.contains(['"', ',', '\n', '\r', ';', '\t', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apmt_core::{Activity, Dossier, Policy};

    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_out_of_its_cell() {
        assert_eq!(text("anne@sba.gov"), "anne@sba.gov");
        assert_eq!(text("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        for start in ["=", "+", "-", "@", "\t"] {
            assert!(text(&format!("{start}1")).trim_start_matches('"').starts_with('\''), "{start}");
        }
        assert_eq!(text("a,b"), "\"a,b\"");
        assert_eq!(text("a\"b\r\nc"), "\"a\"\"b\r\nc\"");
    }

    #[test]
    fn a_line_has_as_many_cells_as_the_head() {
        let activity = Activity::none(ActorName::new("anne").unwrap());
        let dossier = Dossier::of(&activity, "2026-03-02T15:00:00Z".parse().unwrap(), &Policy::default());
        let entry = Entry { dossier: Arc::new(dossier), before: None };
        let file = scoreboard(&[&entry], &Directory::default(), &BTreeMap::new(), Timestamp::from_millis(0));
        let lines: Vec<&str> = file.split("\r\n").collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        assert!(lines[1].starts_with("anne,,,good,,0,0,,,,0,0,,"), "{}", lines[1]);
    }
}

//! From YAML to targets for processing times.

use std::collections::BTreeMap;

use super::MAX_WINDOW_DAYS;
use crate::name::Track;
use crate::policy::{Sla, Target};
use crate::time::{DAY_MS, HOUR_MS};
use crate::yaml::{Node, Wrong, quoted};

/// The fields of the sla.
pub(in crate::policy) const SLA: &[&str] = &["target", "tracks"];

/// The units of a target, as a policy writes them.
const UNITS: [&str; 5] = ["m", "h", "d", "working days", "working day"];

/// The pattern of a target in the JSON Schema.
pub(in crate::policy) const TARGET_PATTERN: &str = "^[0-9]+ *([mhd]|working +days?)$";

/// What a target looks like.
pub(in crate::policy) const TARGET: &str =
    "whole minutes, hours, days of 24 hours or working days, such as 90m, 72h, 3d or 20 working days";

pub(super) fn read(node: &Node) -> Result<Sla, Wrong> {
    let fields = node.fields("the sla", SLA)?;
    let common = target(fields.require("target", TARGET)?)?;
    Ok(Sla::new(common, fields.get("tracks").map(tracks).transpose()?.unwrap_or_default()))
}

fn tracks(node: &Node) -> Result<BTreeMap<Track, Target>, Wrong> {
    let what = "tracks and their targets, such as {simple: 10 working days}";
    let mut tracks = BTreeMap::new();
    for (key, value) in node.entries(what)? {
        let name = key.text("the name of a track")?;
        let track = Track::new(name).map_err(|invalid| key.wrong(invalid.to_string()))?;
        if tracks.contains_key(&track) {
            let message =
                format!("{} is a track above, for letters are not told apart by case", quoted(name));
            return Err(key.wrong(message));
        }
        tracks.insert(track, target(value)?);
    }
    if tracks.is_empty() { Err(node.expected(what)) } else { Ok(tracks) }
}

fn target(node: &Node) -> Result<Target, Wrong> {
    let wrong = || node.expected(TARGET);
    let text = node.as_text().ok_or_else(wrong)?;
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
    let unit = unit.split_whitespace().collect::<Vec<_>>().join(" ");
    if number.is_empty() {
        return Err(wrong());
    }
    // More than fits is more than is allowed.
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    let (target, days) = match &*unit {
        "working days" | "working day" => {
            (Target::WorkingDays(u32::try_from(number).unwrap_or(u32::MAX)), number)
        }
        unit => {
            let unit_ms = match unit {
                "m" => HOUR_MS / 60,
                "h" => HOUR_MS,
                "d" => DAY_MS,
                _ => return Err(wrong().or_nearest(unit, UNITS)),
            };
            let ms = number.saturating_mul(unit_ms);
            (Target::Counted { ms }, ms.div_ceil(DAY_MS))
        }
    };
    if days == 0 || days > u64::from(MAX_WINDOW_DAYS) {
        return Err(node.expected(format_args!("more than 0 and at most {MAX_WINDOW_DAYS} days")));
    }
    Ok(target)
}

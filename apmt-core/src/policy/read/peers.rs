//! `peers: {by: [track, kind], limit: 0.998, min_group: 8}`.

use super::super::metric::Metric;
use super::super::peers::{Peers, PeersBy, compared, is_compared};
use super::super::rule::Rule;
use super::condition::MAX_CONFIDENCE;
use super::named;
use crate::yaml::{Node, Wrong, one_of};

/// The fields of a rule's `peers`.
pub(in crate::policy) const PEERS: &[&str] = &["by", "limit", "min_group"];

/// What members of a group may have in common.
pub(in crate::policy) const BY: &[(&str, PeersBy)] = &[("track", PeersBy::Track), ("kind", PeersBy::Kind)];

/// The largest group that may be asked for.
pub(in crate::policy) const MAX_MIN_GROUP: u32 = 1_000_000;

/// The peers of a rule whose conditions are read.
pub(super) fn read(node: &Node, rule: &Rule) -> Result<Peers, Wrong> {
    let fields = node.fields("the peers", PEERS)?;
    if compared(rule).next().is_none() {
        let rates = Metric::ALL.iter().filter(|metric| is_compared(**metric)).map(|metric| metric.name());
        return Err(node.wrong(format!(
            "peers are compared by a rate that is too high or too low, and the rule has no condition on one; \
             expected one with above or below on {}",
            one_of(rates)
        )));
    }
    let limit = fields.get("limit").map_or(Ok(Peers::DEFAULT_LIMIT), |node| {
        let inside = |limit: &f64| *limit > 0.5 && *limit <= MAX_CONFIDENCE;
        node.as_number().filter(inside).ok_or_else(|| {
            node.expected(format_args!("a number over 0.5 and up to {MAX_CONFIDENCE}, such as 0.998"))
        })
    })?;
    let min_group = fields.get("min_group").map_or(Ok(Peers::DEFAULT_MIN_GROUP), |node| {
        let size = node.as_whole().filter(|size| (2..=MAX_MIN_GROUP).contains(size));
        size.ok_or_else(|| node.expected(format_args!("a whole number from 2 to {MAX_MIN_GROUP}, such as 8")))
    })?;
    Ok(Peers { by: fields.get("by").map_or_else(|| Ok(vec![PeersBy::Kind]), by)?, limit, min_group })
}

fn by(node: &Node) -> Result<Vec<PeersBy>, Wrong> {
    let what = "a list of what the members of a group have in common, [kind] or [track, kind]";
    let mut by: Vec<PeersBy> =
        node.list(what)?.iter().map(|node| named(node, BY)).collect::<Result<_, _>>()?;
    by.sort_unstable();
    by.dedup();
    if !by.contains(&PeersBy::Kind) {
        return Err(node.wrong(format!(
            "peers are of one kind, for a person's rate and an agent's say nothing of each other; expected {what}"
        )));
    }
    Ok(by)
}

//! How an actor stands among its peers, as data and in words.

use serde::{Deserialize, Serialize};

use super::super::explanation::needed;
use super::super::metric::Metric;
use super::group::{Group, Mix};
use super::{Peers, PeersBy};
use crate::name::Track;

/// How an actor stands among its peers, by the rates that a rule compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PeersFound {
    /// What the members of the group have in common.
    pub by: Vec<PeersBy>,
    /// The share of the group that the limits hold.
    pub limit: f64,
    /// How many members there must be, the actor included.
    pub min_group: u32,
    /// The group's band for the actor's cases, for each rate that the rule compares.
    pub bands: Vec<PeerBand>,
}

/// A group's band: between which rates chance, and what the group has in common, explain a member's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PeerBand {
    /// The rate that is compared.
    pub metric: Metric,
    /// How many members there are, the actor included.
    pub members: u64,
    /// How many of the actor's cases are compared: by track, those on tracks with enough members.
    pub cases: u64,
    /// The actor's rate on these; `None` without any.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub value: Option<f64>,
    /// The rate that these cases would have at the others' rates, by track where tracks are told apart; `None` where
    /// there are too few members.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rate: Option<f64>,
    /// The over-dispersion factor: 1 where the others differ by no more than chance; `None` where there are too few.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub dispersion: Option<f64>,
    /// The limits for the actor's cases; `None` where there are too few members, or no cases.
    #[cfg_attr(feature = "openapi", schema(required, min_items = 2, max_items = 2))]
    pub limits: Option<[f64; 2]>,
    /// Whether the actor's rate lies outside, on the side that the rule looks at.
    pub outside: bool,
    /// Where tracks are told apart: how the actor stands on each of its own, which the answer weighs together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<TrackBand>,
}

/// How an actor stands on one track, by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TrackBand {
    /// The track; `None` for cases without one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub track: Option<Track>,
    /// How many members have cases on it, the actor included.
    pub members: u64,
    /// How many the actor has.
    pub cases: u64,
    /// The actor's rate on it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub value: Option<f64>,
    /// The others' rate on it; `None` where there are too few members, and its cases are not compared.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rate: Option<f64>,
    /// The limits for as many cases; `None` where there are too few members.
    #[cfg_attr(feature = "openapi", schema(required, min_items = 2, max_items = 2))]
    pub limits: Option<[f64; 2]>,
    /// Whether the actor's rate lies outside, on the side that the rule looks at.
    pub outside: bool,
}

impl PeerBand {
    pub(super) fn of(
        peers: &Peers,
        metric: Metric,
        too_much: bool,
        group: Option<&Group>,
        own: &Mix<'_>,
    ) -> Self {
        let has_none = own.is_empty();
        let standing = group.and_then(|group| group.standing(own, peers.limit));
        // Where there are cases and all of them are of tracks with too few members, there is nothing to compare.
        let standing = standing.filter(|standing| has_none || standing.funnel.whole() > 0);
        let funnel = standing.map(|standing| standing.funnel);
        let compared = standing.filter(|standing| standing.funnel.whole() > 0);
        let on_track = |(track, (part, whole)): &(Option<&Track>, (u64, u64))| {
            let standing = group.and_then(|group| group.standing_on(*track, own, peers.limit));
            TrackBand {
                track: track.cloned(),
                members: group.map_or(0, |group| group.members_on(*track)),
                cases: *whole,
                value: (*whole > 0).then(|| *part as f64 / *whole as f64),
                rate: standing.map(|standing| standing.funnel.expected()),
                limits: standing.map(|standing| standing.limits),
                outside: standing.is_some_and(|standing| standing.lies_outside(too_much)),
            }
        };
        let by_track = peers.by.contains(&PeersBy::Track);
        Self {
            metric,
            members: group.map_or(0, Group::all) as u64,
            cases: funnel.map_or(0, |funnel| funnel.whole()),
            value: compared.map(|standing| standing.funnel.rate()),
            rate: funnel.map(|funnel| funnel.expected()),
            dispersion: funnel.map(|funnel| funnel.dispersion()),
            limits: compared.map(|standing| standing.limits),
            outside: standing.is_some_and(|standing| standing.lies_outside(too_much)),
            tracks: own.iter().filter(|_| by_track).map(on_track).collect(),
        }
    }
}

impl PeersFound {
    /// How the actor stands among its peers, for reading aloud: a sentence a rate, and one a track where tracks are told
    /// apart.
    pub fn sentences(&self) -> Vec<String> {
        self.bands.iter().flat_map(|band| self.sentences_of(band)).collect()
    }

    fn sentences_of(&self, band: &PeerBand) -> Vec<String> {
        let mut said = vec![self.sentence(band)];
        said.extend(band.tracks.iter().map(|track| self.sentence_on(band.metric, track)));
        said
    }

    fn sentence(&self, band: &PeerBand) -> String {
        let (metric, members) = (band.metric, band.members);
        let words = metric.words();
        let by_track = self.by.contains(&PeersBy::Track);
        let Some(rate) = band.rate else {
            let few = members_are(members);
            let on = if by_track { " on any track of its own" } else { "" };
            return format!(
                "{few} of its group to compare the {words} with, which is too few{on}: {}.",
                needed(self.min_group.into())
            );
        };
        let rate = metric.say(rate, 1);
        let others = members.saturating_sub(1);
        let (Some([low, high]), Some(value)) = (band.limits, band.value) else {
            return format!("Together, the members of its group have a rate of {rate}.");
        };
        let lies = if band.outside { "lies" } else { "does not lie" };
        let dispersion = match band.dispersion {
            Some(factor) if factor > 1.0 => format!(
                ", which is wider than chance would have it because they differ among themselves (factor {factor:.1})"
            ),
            _ => String::new(),
        };
        let (the_others, have) = match others {
            1 => ("The 1 other".to_owned(), "has"),
            others => (format!("The {others} others"), "together have"),
        };
        let cases = if by_track {
            format!("would, at their rates on each track, have come to {rate} on its {} cases", band.cases)
        } else {
            format!("{have} a rate of {rate}")
        };
        format!(
            "{the_others} of its group {cases}, and {} of those with such cases are to be expected between {} and \
             {}{dispersion}: this {words} of {} {lies} outside that band.",
            metric.say(self.limit, 1),
            metric.say(low, 1),
            metric.say(high, 1),
            metric.say(value, 1),
        )
    }

    fn sentence_on(&self, metric: Metric, band: &TrackBand) -> String {
        let TrackBand { members, cases, outside, .. } = band;
        let on =
            band.track.as_ref().map_or_else(|| "Without a track".to_owned(), |track| format!("On {track}"));
        let value = band.value.map_or_else(String::new, |value| format!(" at {}", metric.say(value, 1)));
        match (band.rate, band.limits) {
            (Some(rate), Some([low, high])) => format!(
                "{on}: {cases} of its cases{value}, beside {} of the others, {} the band from {} to {}.",
                metric.say(rate, 1),
                if *outside { "outside" } else { "not outside" },
                metric.say(low, 1),
                metric.say(high, 1),
            ),
            _ => format!(
                "{on}: {cases} of its cases{value}, which are not compared, for {} to compare them with: {}.",
                if *members == 1 {
                    "there is nobody".to_owned()
                } else {
                    format!("there are only {members} members")
                },
                needed(self.min_group.into())
            ),
        }
    }
}

fn members_are(members: u64) -> String {
    if members == 1 { "There is 1 member".to_owned() } else { format!("There are {members} members") }
}

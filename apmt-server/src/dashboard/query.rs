//! What a scoreboard is asked for: which rows, in which order, which page of them.

use std::str::FromStr;

use apmt_core::{ActorKind, Invalid, Status, Track};
use axum::http::Uri;

use crate::directory::Directory;
use crate::http::params::Params;
use crate::http::problem::Problem;

use super::board::Entry;
use super::words::{Rate, encoded, rate_trend};

/// How many rows a page has where nothing is said.
const PER_PAGE: usize = 50;

/// The column by which rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// The gravest status first, and in it the highest override rate.
    #[default]
    Attention,
    Name,
    Hours,
    Rate,
    Stars,
    Open,
    Overdue,
    Trend,
}

impl Sort {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Attention, "status"),
        (Self::Name, "name"),
        (Self::Hours, "hours"),
        (Self::Rate, "override"),
        (Self::Stars, "sat"),
        (Self::Open, "open"),
        (Self::Overdue, "overdue"),
        (Self::Trend, "trend"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(sort, _)| *sort == self).map_or("status", |(_, name)| name)
    }

    /// Whether the first click shows the largest first: what asks for attention.
    const fn descends_first(self) -> bool {
        !matches!(self, Self::Name | Self::Stars)
    }
}

impl FromStr for Sort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(sort, _)| *sort).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
            Invalid::new("sort", text, format!("must be one of {}", names.join(", ")))
        })
    }
}

/// Which kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Human,
    Agent,
    Unknown,
}

impl Kind {
    pub(super) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Human, "human", "People"),
        (Self::Agent, "agent", "AI agents"),
        (Self::Unknown, "unknown", "Kind not known"),
    ];

    const fn is(self, kind: Option<ActorKind>) -> bool {
        matches!(
            (self, kind),
            (Self::Human, Some(ActorKind::Human))
                | (Self::Agent, Some(ActorKind::Agent))
                | (Self::Unknown, None)
        )
    }
}

/// What a scoreboard is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Query {
    pub(super) search: String,
    pub(super) status: Option<Status>,
    pub(super) kind: Option<Kind>,
    /// Who had cases of this track in the window, or has one open.
    pub(super) track: Option<Track>,
    pub(super) sort: Sort,
    /// The other way round than the column's first click.
    pub(super) reversed: bool,
    /// From 1.
    pub(super) page: usize,
    /// `None` for all.
    pub(super) per_page: Option<usize>,
    /// As it was sent; empty for now.
    pub(super) as_of: String,
}

impl Query {
    /// Reads the query of a URL. Forms send what is not filled in as empty, and that says nothing.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let known = ["q", "status", "kind", "track", "sort", "order", "page", "per_page", "as_of"];
        let params = Params::of(uri, &known)?;
        let text = |name| params.text(name).map(str::trim).filter(|text| !text.is_empty());
        let status = text("status").map(|status| {
            Status::ALL.iter().copied().find(|known| known.name() == status).ok_or_else(|| {
                let names: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
                Invalid::new("status", status, format!("must be one of {}", names.join(", ")))
            })
        });
        let kind = text("kind").map(|kind| {
            Kind::ALL
                .into_iter()
                .find(|(_, name, _)| *name == kind)
                .map(|(kind, ..)| kind)
                .ok_or_else(|| Invalid::new("kind", kind, "must be human, agent or unknown"))
        });
        let reversed = match text("order") {
            None => false,
            Some("reversed") => true,
            Some(other) => return Err(Invalid::new("order", other, "must be reversed, or left out").into()),
        };
        let number = |name: &'static str, text: &str| {
            text.parse::<usize>()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| Invalid::new(name, text, "must be a whole number from 1"))
        };
        let per_page = match text("per_page") {
            None => Some(PER_PAGE),
            Some("all") => None,
            Some(text) => Some(number("per_page", text)?.min(1000)),
        };
        // What cannot be an instant is told by the page that it is for.
        params
            .as_of()
            .map(drop)
            .or_else(|problem| if text("as_of").is_none() { Ok(()) } else { Err(problem) })?;
        Ok(Self {
            search: text("q").unwrap_or_default().to_owned(),
            status: status.transpose()?,
            kind: kind.transpose()?,
            track: text("track").map(Track::new).transpose()?,
            sort: text("sort").map(str::parse).transpose()?.unwrap_or_default(),
            reversed,
            page: text("page").map(|text| number("page", text)).transpose()?.unwrap_or(1),
            per_page,
            as_of: text("as_of").unwrap_or_default().to_owned(),
        })
    }

    /// The same as a URL's query, with its question mark; empty where nothing is asked.
    pub(super) fn to_query(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let mut push = |name, value: &str| pairs.push((name, value.to_owned()));
        if !self.search.is_empty() {
            push("q", &self.search);
        }
        if let Some(status) = self.status {
            push("status", status.name());
        }
        if let Some((_, name, _)) = Kind::ALL.iter().find(|(kind, ..)| Some(*kind) == self.kind) {
            push("kind", name);
        }
        if let Some(track) = &self.track {
            push("track", track.as_str());
        }
        if self.sort != Sort::default() {
            push("sort", self.sort.name());
        }
        if self.reversed {
            push("order", "reversed");
        }
        if self.page > 1 {
            push("page", &self.page.to_string());
        }
        match self.per_page {
            None => push("per_page", "all"),
            Some(PER_PAGE) => {}
            Some(number) => push("per_page", &number.to_string()),
        }
        if !self.as_of.is_empty() {
            push("as_of", &self.as_of);
        }
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The same, asked for otherwise; what is asked otherwise begins with its first page.
    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self { page: 1, ..self.clone() };
        change(&mut other);
        other.to_query()
    }

    /// A click on a column's head.
    pub(super) fn sorted_by(&self, sort: Sort) -> String {
        self.with(|query| {
            query.reversed = query.sort == sort && !query.reversed;
            query.sort = sort;
        })
    }

    /// For the head of a column: whether it is the one, and which way.
    pub(super) const fn direction(&self, sort: Sort) -> Option<Direction> {
        if self.sort as u8 != sort as u8 {
            return None;
        }
        Some(if sort.descends_first() == self.reversed {
            Direction::Ascending
        } else {
            Direction::Descending
        })
    }

    fn wants(&self, search: &str, entry: &Entry, directory: &Directory) -> bool {
        let dossier = &entry.dossier;
        let is_found = || {
            dossier.actor.as_str().contains(search)
                || directory.person(&dossier.actor).name().to_lowercase().contains(search)
        };
        self.status.is_none_or(|status| dossier.status == status)
            && self.kind.is_none_or(|kind| kind.is(dossier.actor_kind))
            && self
                .track
                .as_ref()
                .is_none_or(|track| dossier.metrics.tracks.iter().any(|of| of.track == *track))
            && (search.is_empty() || is_found())
    }

    /// The rows that are asked for, in the order that is asked for. `entries` come in the order of their actors; the
    /// directory says what else people are called.
    pub(super) fn rows<'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
        directory: &Directory,
    ) -> Vec<&'a Entry> {
        let search = self.search.to_lowercase();
        let mut rows: Vec<(&Entry, Option<f64>, Option<f64>)> = entries
            .filter(|entry| self.wants(&search, entry, directory))
            .map(|entry| (entry, key(entry, self.sort), Rate::of(&entry.dossier).value()))
            .collect();
        let descends = self.sort.descends_first() != self.reversed;
        let order = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) if descends => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            // What has no number comes last, whichever way.
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        if self.sort == Sort::Name {
            if self.reversed {
                rows.reverse();
            }
        } else {
            // Stable: the names decide in the end.
            rows.sort_by(|a, b| {
                let second =
                    if self.sort == Sort::Attention { order(a.2, b.2) } else { std::cmp::Ordering::Equal };
                order(a.1, b.1).then(second)
            });
        }
        rows.into_iter().map(|(entry, ..)| entry).collect()
    }
}

/// Which way a column is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// What a column's order goes by.
fn key(entry: &Entry, sort: Sort) -> Option<f64> {
    let metrics = &entry.dossier.metrics;
    match sort {
        Sort::Name => None,
        Sort::Attention => Some(f64::from(entry.dossier.status as u8)),
        Sort::Hours => metrics.avg_processing_hours,
        Sort::Rate => Rate::of(&entry.dossier).value(),
        Sort::Stars => metrics.sat_score_mean,
        Sort::Open => Some(metrics.open.count as f64),
        Sort::Overdue => metrics.open.overdue.map(|overdue| overdue as f64),
        Sort::Trend => rate_trend(entry.before.as_deref(), &entry.dossier).map(|trend| trend.change),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apmt_core::{Dossier, Policy};
    use serde_json::json;

    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/{text}").parse().unwrap()).unwrap()
    }

    fn entry(name: &str, kind: ActorKind, part: u64, whole: u64, stars: Option<f64>) -> Entry {
        let activity = apmt_core::Activity::none(apmt_core::ActorName::new(name).unwrap());
        let empty = Dossier::of(&activity, "2026-03-02T15:00:00Z".parse().unwrap(), &Policy::default());
        let mut dossier = serde_json::to_value(&empty).unwrap();
        dossier["actor_kind"] = json!(kind.name());
        dossier["decisions"] = json!(whole);
        dossier["overrides"] = json!(part);
        dossier["sat_score_mean"] = json!(stars);
        let track = json!({"track": "simple", "decisions": 1, "overrides": 0, "processed": 0, "open": 0});
        dossier["tracks"] = if name.starts_with('b') { json!([track]) } else { json!([]) };
        dossier["status"] = json!(if part * 10 > whole * 3 { "pip" } else { "good" });
        Entry { dossier: Arc::new(serde_json::from_value(dossier).unwrap()), before: None }
    }

    fn names(asked: &str) -> Vec<String> {
        let entries = [
            entry("anne", ActorKind::Human, 4, 10, Some(2.0)),
            entry("bob", ActorKind::Human, 1, 10, Some(4.5)),
            entry("carla", ActorKind::Human, 0, 0, None),
            entry("model", ActorKind::Agent, 9, 10, Some(3.0)),
        ];
        let query = query(asked);
        let directory = "people: [{actor: carla, name: Carla Méndez}]";
        let directory = Directory::from_yaml("directory.yaml", directory).unwrap();
        query.rows(entries.iter(), &directory).iter().map(|entry| entry.dossier.actor.to_string()).collect()
    }

    #[test]
    fn who_needs_attention_comes_first() {
        assert_eq!(names(""), ["model", "anne", "bob", "carla"]);
    }

    #[test]
    fn rows_are_sorted_both_ways_and_what_has_no_number_comes_last() {
        assert_eq!(names("?sort=name"), ["anne", "bob", "carla", "model"]);
        assert_eq!(names("?sort=name&order=reversed"), ["model", "carla", "bob", "anne"]);
        assert_eq!(names("?sort=sat"), ["anne", "model", "bob", "carla"]);
        assert_eq!(names("?sort=sat&order=reversed"), ["bob", "model", "anne", "carla"]);
        assert_eq!(names("?sort=override&order=reversed"), ["bob", "anne", "model", "carla"]);
    }

    #[test]
    fn rows_are_filtered() {
        assert_eq!(names("?status=pip&sort=name"), ["anne", "model"]);
        assert_eq!(names("?status=review"), [""; 0]);
        assert_eq!(names("?kind=agent"), ["model"]);
        assert_eq!(names("?track=Simple"), ["bob"]);
        assert_eq!(names("?track=complex"), [""; 0]);
        assert_eq!(names("?q=+AN+"), ["anne"]);
        assert_eq!(names("?q=m%C3%89NDEZ"), ["carla"]);
        assert_eq!(names("?q=nobody&status=&kind="), [""; 0]);
    }

    #[test]
    fn a_query_comes_back_as_it_was() {
        for asked in [
            "",
            "?q=a%26b&status=pip&kind=agent&track=by+hand&sort=override&order=reversed&page=3&per_page=all",
            "?per_page=100&as_of=2026-03-02T15%3A00%3A00Z",
        ] {
            assert_eq!(query(asked).to_query(), asked);
        }
        assert_eq!(query("?page=3&sort=sat").sorted_by(Sort::Stars), "?sort=sat&order=reversed");
        assert_eq!(query("?page=3&sort=sat&order=reversed").sorted_by(Sort::Rate), "?sort=override");
        assert_eq!(query("?sort=sat").direction(Sort::Stars), Some(Direction::Ascending));
        assert_eq!(query("").direction(Sort::Attention), Some(Direction::Descending));
        assert_eq!(query("").direction(Sort::Name), None);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for asked in [
            "?sort=height",
            "?status=bad",
            "?kind=dog",
            "?page=0",
            "?per_page=-1",
            "?order=up",
            "?as_of=x",
            "?x=1",
        ] {
            assert!(Query::of(&format!("/{asked}").parse().unwrap()).is_err(), "{asked}");
        }
    }
}

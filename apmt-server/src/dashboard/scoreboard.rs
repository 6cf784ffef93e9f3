//! `/`: everybody, a line each; and the same as a file for spreadsheets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use apmt_core::{ActorKind, ActorName, AsOf, Overview, Policy, Status, Timestamp, Track};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::board::{self, Entry, View};
use super::page::{Base, Failure, Moment, Shell, html};
use super::plan::{self, Plan};
use super::query::{Direction, Kind, Query, Sort};
use super::words::{Figure, Rate, Standing, Trend, counted, encoded, grouped, kind, rate_trend, standing};
use super::{csv, words};
use crate::http::App;
use crate::http::problem::Problem;
use crate::plan::OpenPlan;

/// How many rows are in a group.
const GROUP: usize = 50;

#[derive(Template)]
#[template(path = "scoreboard.html")]
struct Page<'a> {
    shell: Shell,
    query: &'a Query,
    window_days: u32,
    as_of: Moment,
    /// Whether the page shows what is now, and may follow it.
    now: bool,
    cursor: u64,
    filters: Vec<Filter>,
    kinds: Vec<Choice>,
    /// Empty where no case has a track.
    tracks: Vec<Choice>,
    columns: Vec<Column>,
    /// The rows, so many together that a browser need not look at each of ten thousand to know which are in sight.
    groups: Vec<Vec<Row>>,
    /// "41 people and agents", or how many of them are shown.
    found: String,
    csv: String,
    pages: Pages,
    /// Whether anybody at all is on the board.
    anybody: bool,
    /// Whether the policy has a target, so that cases can be overdue.
    target: Option<String>,
    latest: Option<Moment>,
    unattributed: Option<String>,
    /// What is said while it is not known yet who has a plan.
    plans_later: Option<&'static str>,
    /// What most of a group breach at once.
    notices: Vec<String>,
    has_filters: bool,
}

/// A status with how many have it: a link that shows only them.
struct Filter {
    href: String,
    class: &'static str,
    symbol: &'static str,
    label: &'static str,
    count: String,
    current: bool,
}

struct Choice {
    value: String,
    label: String,
    selected: bool,
}

struct Column {
    href: String,
    label: &'static str,
    class: &'static str,
    hint: &'static str,
    /// For `aria-sort`.
    sorted: &'static str,
    arrow: &'static str,
}

struct Row {
    name: String,
    href: String,
    /// What the directory calls the actor; empty where it does not know.
    person: String,
    kind: &'static str,
    standing: Standing,
    hours: Figure,
    rate: Figure,
    of_advice: bool,
    stars: Figure,
    open: u64,
    oldest: Option<String>,
    overdue: Option<u64>,
    trend: Option<Trend>,
    plan: Option<Plan>,
}

struct Pages {
    /// "Page 2 of 5"; none where one page shows all.
    place: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    /// How many a page, and the link for it.
    sizes: Vec<Size>,
}

struct Size {
    href: String,
    label: &'static str,
    current: bool,
}

/// `GET /`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    let query = Query::of(&uri).map_err(|problem| base.failure(problem))?;
    let (view, plans) = view(&app, &query).await.map_err(|problem| base.failure(problem))?;
    let policy = app.client().policy();
    let rows = query.rows(view.actors.values(), app.directory());
    let (shown, pages) = one_page(&query, rows.len());
    let page = Page {
        shell: Shell::new(&base, "Performance"),
        window_days: policy.window_days(),
        as_of: Moment::of(view.as_of),
        now: query.as_of.is_empty(),
        cursor: view.cursor,
        filters: filters(&query, &view),
        kinds: kinds(&query),
        tracks: tracks(&query, &view),
        columns: columns(&query),
        found: found(rows.len(), view.actors.len(), query.track.as_ref()),
        groups: rows
            .get(shown)
            .unwrap_or_default()
            .chunks(GROUP)
            .map(|group| group.iter().map(|entry| row(&app, &query, entry, &plans, view.as_of)).collect())
            .collect(),
        csv: format!("scoreboard.csv{}", query.with(|_| ())),
        pages,
        anybody: !view.actors.is_empty(),
        target: target(policy),
        latest: view.latest.filter(|latest| *latest < view.as_of).map(Moment::of),
        unattributed: unattributed(&view),
        plans_later: plan::later(plans.as_ref()),
        notices: notices(&view),
        has_filters: !query.search.is_empty()
            || query.status.is_some()
            || query.kind.is_some()
            || query.track.is_some(),
        query: &query,
    };
    Ok(html(&page))
}

/// `GET /scoreboard.csv`: every row that is asked for, on whichever page.
pub(super) async fn export(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    let query = Query::of(&uri).map_err(|problem| base.failure(problem))?;
    let (view, plans) = view(&app, &query).await.map_err(|problem| base.failure(problem))?;
    let rows = query.rows(view.actors.values(), app.directory());
    let file = format!("scoreboard-{}.csv", view.as_of.to_datetime().format("%Y-%m-%d"));
    let headers = [
        ("content-type", "text/csv; charset=utf-8; header=present".to_owned()),
        ("content-disposition", format!("attachment; filename=\"{file}\"")),
    ];
    Ok((headers, csv::scoreboard(&rows, app.directory(), &plans.unwrap_or_default(), view.as_of))
        .into_response())
}

/// Who has an improvement plan. That is only known as of now; `None` where it is still being read.
type OpenPlans = Option<BTreeMap<ActorName, OpenPlan>>;

/// The board that a query is about, and who has a plan: the one that is kept fresh, or one made for an instant.
async fn view(app: &App, query: &Query) -> Result<(Arc<View>, OpenPlans), Problem> {
    if !query.as_of.is_empty() {
        let as_of: AsOf = query.as_of.parse()?;
        return Ok((Arc::new(board::read(app.client(), as_of).await?), Some(BTreeMap::new())));
    }
    let mut view = app.board().view().await?;
    let plans = plan::all(app).await?.map(|plans| {
        let plans = plans.into_iter().map(|plan| (plan.actor.clone(), plan));
        plans.collect::<BTreeMap<_, _>>()
    });
    // Who has done nothing for a whole window, as on a leave, is on no scoreboard: whoever has a plan is on this one.
    for actor in plans.iter().flat_map(BTreeMap::keys) {
        if !view.actors.contains_key(actor) {
            let (client, as_of) = (app.client(), AsOf::At(view.as_of));
            let dossier = Arc::new(client.store().dossier(actor, as_of, client.policy()).await?);
            Arc::make_mut(&mut view).actors.insert(actor.clone(), Entry { dossier, before: None });
        }
    }
    Ok((view, plans))
}

fn filters(query: &Query, view: &View) -> Vec<Filter> {
    let number = |status: Option<Status>| {
        let has = |entry: &&Entry| status.is_none_or(|status| entry.dossier.status == status);
        view.actors.values().filter(has).count() as u64
    };
    let filter = |status: Option<Status>, class, symbol, label| Filter {
        href: query.with(|query| query.status = status),
        class,
        symbol,
        label,
        count: grouped(number(status)),
        current: query.status == status,
    };
    let one = |status| {
        let Standing { class, symbol, words } = standing(status);
        filter(Some(status), class, symbol, words)
    };
    // The gravest first; what nobody has is left out where not every policy can give it.
    let usual = |status: &Status| matches!(status, Status::Pip | Status::Watch | Status::Good);
    let shown =
        |status: &&Status| usual(status) || query.status == Some(**status) || number(Some(**status)) > 0;
    let by_status = Status::ALL.iter().rev().filter(shown).map(|status| one(*status));
    by_status.chain([filter(None, "all", "", "Everybody")]).collect()
}

fn kinds(query: &Query) -> Vec<Choice> {
    let any = choice("", "People and agents", query.kind.is_none());
    let others = Kind::ALL.into_iter().map(|(kind, value, label)| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: query.kind == Some(kind),
    });
    std::iter::once(any).chain(others).collect()
}

/// The tracks of everybody's cases, and the one that is asked for though nobody has any.
fn tracks(query: &Query, view: &View) -> Vec<Choice> {
    let dossiers = view.actors.values().map(|entry| &entry.dossier);
    let mut tracks: BTreeSet<&Track> =
        dossiers.flat_map(|dossier| &dossier.metrics.tracks).map(|of| &of.track).collect();
    tracks.extend(&query.track);
    if tracks.is_empty() {
        return Vec::new();
    }
    let any = choice("", "All tracks", query.track.is_none());
    let each = tracks
        .into_iter()
        .map(|track| choice(track.as_str(), &format!("Track {track}"), query.track.as_ref() == Some(track)));
    std::iter::once(any).chain(each).collect()
}

fn choice(value: &str, label: &str, selected: bool) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), selected }
}

fn columns(query: &Query) -> Vec<Column> {
    let column = |sort, label, class, hint| {
        let (sorted, arrow) = match query.direction(sort) {
            None => ("none", "↕"),
            Some(Direction::Ascending) => ("ascending", "↑"),
            Some(Direction::Descending) => ("descending", "↓"),
        };
        Column { href: query.sorted_by(sort), label, class, hint, sorted, arrow }
    };
    vec![
        column(Sort::Name, "Actor", "c-name", "Who decides or advises"),
        column(
            Sort::Hours,
            "Avg hours",
            "num c-hours",
            "Mean hours that a case stood on this actor's clock, pauses taken out",
        ),
        column(
            Sort::Rate,
            "Override %",
            "num c-rate",
            "People: the share of their decisions that reversed the recommendation. AI agents: the share of their advice that was reversed",
        ),
        column(Sort::Stars, "SAT ★", "num c-stars", "Mean of the citizens' stars, from 1 to 5"),
        column(
            Sort::Open,
            "Open",
            "num c-open",
            "Cases that stand on this actor's clock now, and for how long the oldest has",
        ),
        column(Sort::Overdue, "Overdue", "num c-overdue", "Open cases past the policy's target"),
        column(Sort::Attention, "Status", "c-status", "What the policy's rules say"),
        column(Sort::Trend, "Trend", "c-trend", "The override rate against the window before"),
    ]
}

fn row(app: &App, query: &Query, entry: &Entry, plans: &OpenPlans, now: Timestamp) -> Row {
    let dossier = &*entry.dossier;
    let metrics = &dossier.metrics;
    let rate = Rate::of(dossier);
    let as_of =
        if query.as_of.is_empty() { String::new() } else { format!("&as_of={}", encoded(&query.as_of)) };
    Row {
        name: dossier.actor.to_string(),
        href: format!("actor?actor={}{as_of}", encoded(dossier.actor.as_str())),
        person: app.directory().person(&dossier.actor).name().to_owned(),
        kind: kind(dossier.actor_kind),
        standing: standing(dossier.status),
        hours: Figure::mean(metrics.avg_processing_hours, metrics.processing_hours.count, ""),
        rate: rate.figure(),
        of_advice: rate.of_advice || (rate.whole == 0 && dossier.actor_kind == Some(ActorKind::Agent)),
        stars: Figure::mean(metrics.sat_score_mean, metrics.sat.count, ""),
        open: metrics.open.count,
        oldest: metrics.open.oldest_hours.map(words::duration),
        overdue: metrics.open.overdue,
        trend: rate_trend(entry.before.as_deref(), dossier),
        plan: plans.as_ref().and_then(|plans| plans.get(&dossier.actor)).map(|plan| Plan::of(plan, now)),
    }
}

fn found(shown: usize, all: usize, track: Option<&Track>) -> String {
    let (shown, all) = (shown as u64, all as u64);
    let mut found = counted(all, "person or agent", "people and agents");
    if shown < all {
        found = format!("{} of {found}", grouped(shown));
    }
    if let Some(track) = track {
        // A status is of all that somebody does, and the figures beside it are what it was made of.
        found = format!("{found}, with cases of the track {track}; the figures are of all their cases");
    }
    found
}

/// Which rows of so many the page shows, and the ways to the others.
fn one_page(query: &Query, rows: usize) -> (std::ops::Range<usize>, Pages) {
    let per_page = query.per_page.unwrap_or(usize::MAX);
    let last = rows.div_ceil(per_page).max(1);
    // A page that was there when the link was made is now the last.
    let page = query.page.min(last);
    let to = |page: usize| query.with(|query| query.page = page);
    let sizes = [(Some(50), "50"), (Some(100), "100"), (None, "All")];
    let sizes = sizes.into_iter().filter(|_| rows > 50).map(|(size, label)| Size {
        href: query.with(|query| query.per_page = size),
        label,
        current: query.per_page == size,
    });
    let pages = Pages {
        place: (last > 1).then(|| format!("Page {page} of {last}")),
        previous: (page > 1).then(|| to(page - 1)),
        next: (page < last).then(|| to(page + 1)),
        sizes: sizes.collect(),
    };
    let first = (page - 1).saturating_mul(per_page).min(rows);
    (first..first.saturating_add(per_page).min(rows), pages)
}

fn target(policy: &Policy) -> Option<String> {
    policy.sla().map(words::targets)
}

/// What most of a group breach at once, in words.
fn notices(view: &View) -> Vec<String> {
    let overview = Overview::of(view.actors.values().map(|entry| &*entry.dossier));
    overview.common_causes.iter().map(ToString::to_string).collect()
}

/// What nobody has, in words.
fn unattributed(view: &View) -> Option<String> {
    let metrics = &view.nobody.metrics;
    let mut parts = Vec::new();
    if metrics.sat.count > 0 {
        parts.push(counted(metrics.sat.count, "rating", "ratings"));
    }
    if metrics.appeals.count > 0 {
        parts.push(counted(metrics.appeals.count, "appeal", "appeals"));
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(asked: &str, rows: usize) -> (std::ops::Range<usize>, Pages) {
        one_page(&Query::of(&format!("/{asked}").parse().unwrap()).unwrap(), rows)
    }

    #[test]
    fn pages_cover_all_rows_once() {
        let (first, links) = pages("", 120);
        assert_eq!((first, links.place.as_deref()), (0..50, Some("Page 1 of 3")));
        assert_eq!((links.previous, links.next.as_deref()), (None, Some("?page=2")));
        let (last, links) = pages("?page=3", 120);
        assert_eq!((last, links.next), (100..120, None));
        assert_eq!(links.previous.as_deref(), Some("?page=2"));
        assert_eq!(pages("?page=9", 120).0, 100..120);
        assert_eq!(pages("?page=18446744073709551615", 0).0, 0..0);
        assert_eq!(pages("?per_page=all", 12_000).0, 0..12_000);
    }
}

//! `/actor?actor=`: one actor, with the reasons, the figures, how they came to be, and the cases behind them.

use apmt_core::policy::{Explanation, Metric, Policy, RuleState};
use apmt_core::{Activity, ActorName, AsOf, Dossier, Status, Window};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::cases::{self, Looked};
use super::chart::{self, ages::Age, hours::Bin, weeks::Week};
use super::page::{Base, Failure, Moment, Shell, html};
use super::words::{
    self, Figure, Rate, Standing, Trend, advises, counted, day, encoded, hours, kind, name, percent,
    standing, tenths, trend,
};
use crate::http::App;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// So many of what was taken back are listed.
const MOST_TAKEN_BACK: usize = 50;

#[derive(Template)]
#[template(path = "actor.html")]
struct Page {
    shell: Shell,
    name: String,
    /// The name as a query has it.
    encoded: String,
    /// What links end with: the instant, where it is not now.
    at: String,
    nobody: bool,
    kind: &'static str,
    standing: Standing,
    window_days: u32,
    as_of: Moment,
    now: bool,
    cursor: u64,
    reasons: Vec<Why>,
    cards: Vec<Card>,
    charts: Vec<Chart>,
    models: Vec<Model>,
    looked: Option<String>,
    taken_back: Vec<TakenBack>,
    taken_back_count: String,
    policy: String,
    digest: String,
    rules: Vec<String>,
    /// What the rules came to that do not count.
    explained: Vec<String>,
}

/// A rule whose outcome counts.
struct Why {
    rule: String,
    /// Whether it no longer holds, but has not been so for long enough.
    clearing: bool,
    /// Each of its conditions with what was found, a sentence each.
    conditions: Vec<String>,
    held_since: Option<Moment>,
    clear_after: Option<String>,
    /// What would make a condition hold no longer, each on its own.
    clears: Vec<String>,
    without_more: Option<Moment>,
    element: Option<String>,
    advise: Option<String>,
}

/// A figure with its neighbours, and the ways to the cases behind it.
struct Card {
    id: &'static str,
    title: &'static str,
    figure: Figure,
    unit: &'static str,
    details: Vec<String>,
    trend: Option<Trend>,
    links: Vec<Link>,
}

struct Link {
    of: &'static str,
    words: String,
}

/// A drawing, and the same as a table.
struct Chart {
    id: &'static str,
    title: &'static str,
    svg: String,
    /// What is said instead of an empty chart.
    empty: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

struct Model {
    name: String,
    rate: Figure,
    overridden: String,
}

struct TakenBack {
    at: Moment,
    what: String,
    case_id: String,
    href: String,
    reason: String,
}

/// `GET /actor`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    made(&app, &base, &uri).await.map_err(|problem| base.failure(problem))
}

/// Whose page it is, and as of when.
pub(super) struct Asked {
    pub(super) actor: ActorName,
    as_of: AsOf,
    /// What links end with: the instant, where it is not now.
    pub(super) at: String,
}

impl Asked {
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        let at = params.text("as_of").map_or_else(String::new, |at| format!("&as_of={}", encoded(at)));
        Ok(Self { actor: params.actor("actor")?, as_of: params.as_of()?, at })
    }

    pub(super) async fn window(&self, app: &App) -> Result<Window, Problem> {
        Ok(Window::days_until(app.client().policy().window_days(), app.resolve(self.as_of).await?))
    }
}

async fn made(app: &App, base: &Base, uri: &Uri) -> Result<Response, Problem> {
    let asked = Asked::of(&Params::of(uri, &["actor", "as_of"])?)?;
    let (client, policy) = (app.client(), app.client().policy());
    // Read first: what is told after this may be on the page already, and what is not is told.
    let cursor = client.status().await?.position;
    let window = asked.window(app).await?;
    let (store, actor) = (client.store(), &asked.actor);
    let dossier = store.dossier(actor, window.until.into(), policy).await?;
    let before = store.dossier(actor, window.after.into(), policy).await?;
    let activity = store.activity(actor, window).await?;
    let contributions = cases::contributions(client, actor, window).await?;
    let looked = cases::look(client, actor, &contributions).await?;

    let page = Page {
        shell: Shell::new(base, name(actor)),
        name: name(actor).to_owned(),
        encoded: encoded(actor.as_str()),
        nobody: actor.is_nobody(),
        kind: kind(dossier.actor_kind),
        standing: standing(dossier.status),
        window_days: dossier.window_days,
        as_of: Moment::of(dossier.as_of),
        now: asked.at.is_empty(),
        cursor,
        reasons: dossier.explanations.iter().filter(|rule| rule.state.is_raised()).map(why).collect(),
        explained: dossier
            .explanations
            .iter()
            .filter(|rule| !rule.state.is_raised())
            .map(ToString::to_string)
            .collect(),
        cards: cards(&dossier, &before),
        charts: charts(&dossier, &activity, policy, window),
        models: models(&looked),
        looked: looked.is_partial().then(|| {
            format!(
                "of the newest {} of {} cases",
                words::grouped(looked.cases as u64),
                words::grouped(looked.of as u64)
            )
        }),
        taken_back_count: counted(looked.taken_back.len() as u64, "entry", "entries"),
        taken_back: looked.taken_back.iter().take(MOST_TAKEN_BACK).map(taken_back).collect(),
        policy: dossier.policy.name.clone(),
        digest: dossier.policy.digest.chars().take(12).collect(),
        rules: rules(policy),
        at: asked.at,
    };
    Ok(html(&page))
}

fn why(explanation: &Explanation) -> Why {
    let clears = explanation.clears.as_ref();
    let remedies = clears.into_iter().flat_map(|clears| &clears.or_after).map(|remedy| {
        format!("{} {}, for the {}", words::grouped(remedy.more), remedy.of, remedy.metric.words())
    });
    let days = |days: u32| counted(u64::from(days), "day", "days");
    Why {
        rule: explanation.rule.clone(),
        clearing: explanation.state == RuleState::Clearing,
        conditions: explanation.conditions.iter().map(apmt_core::policy::Finding::sentence).collect(),
        held_since: explanation.held_since.map(Moment::of),
        clear_after: explanation.clear_after_days.map(days),
        clears: remedies.collect(),
        without_more: clears.and_then(|clears| clears.without_more).map(Moment::of),
        element: explanation.critical_element.clone(),
        advise: explanation.advise.clone(),
    }
}

/// The rules of the policy in words.
pub(super) fn rules(policy: &Policy) -> Vec<String> {
    let rule = |rule: &apmt_core::policy::Rule| {
        let conditions: Vec<String> = rule
            .when()
            .iter()
            .map(|condition| {
                let (metric, threshold) = (condition.metric(), condition.threshold());
                let sure = condition.bound().map_or_else(String::new, |bound| {
                    let side = if bound.kind().is_lower() { "at least" } else { "at most" };
                    format!(", by what it is {side} with {} confidence,", percent(bound.confidence()))
                });
                format!(
                    "the {}{sure} is {} {}",
                    metric.words(),
                    condition.comparison().words(),
                    metric.say(threshold, 4)
                )
            })
            .collect();
        let mut text =
            format!("{} ({}): where {}", standing(rule.then()).words, rule.id(), conditions.join(" and "));
        for (metric, min) in rule.min() {
            text = format!("{text}, with at least {} {}", words::grouped(*min), metric.words());
        }
        if rule.for_days() > 0 {
            text = format!("{text}, for {}", counted(u64::from(rule.for_days()), "day", "days"));
        }
        format!("{text}.")
    };
    policy.rules().iter().map(rule).collect()
}

fn link(of: &'static str, count: u64, one: &str, many: &str) -> Option<Link> {
    (count > 0).then(|| Link { of, words: counted(count, one, many) })
}

fn cards(dossier: &Dossier, before: &Dossier) -> Vec<Card> {
    let (metrics, past) = (&dossier.metrics, &before.metrics);
    let mut cards = Vec::new();
    let share = |part, whole| Rate { part, whole, of_advice: false };
    if advises(metrics) {
        let (rate, old) = (
            share(metrics.recommendations_overridden, metrics.recommendations),
            share(past.recommendations_overridden, past.recommendations),
        );
        cards.push(Card {
            id: "advice",
            title: "Advice overridden",
            figure: rate.figure(),
            unit: "",
            details: vec![format!(
                "{} of {}",
                words::grouped(rate.part),
                counted(rate.whole, "decision on its advice", "decisions on its advice")
            )],
            trend: trend((old.value(), old.whole), rate.value(), percent),
            links: [
                link("advice-overridden", rate.part, "overridden", "overridden"),
                link("advice", rate.whole, "decision", "decisions"),
            ]
            .into_iter()
            .flatten()
            .collect(),
        });
    }
    let (rate, old) = (share(metrics.overrides, metrics.decisions), share(past.overrides, past.decisions));
    if metrics.decisions > 0 || !advises(metrics) {
        cards.push(Card {
            id: "override",
            title: "Override rate",
            figure: rate.figure(),
            unit: "",
            details: vec![format!(
                "{} of {}",
                words::grouped(rate.part),
                counted(rate.whole, "decision", "decisions")
            )],
            trend: trend((old.value(), old.whole), rate.value(), percent),
            links: [
                link("overrides", rate.part, "override", "overrides"),
                link("decisions", rate.whole, "decision", "decisions"),
            ]
            .into_iter()
            .flatten()
            .collect(),
        });
    }
    cards.extend([time_card(dossier, before), stars_card(dossier, before), open_card(dossier)]);
    if metrics.appeals.count > 0 {
        cards.push(Card {
            id: "appeals",
            title: "Appeals",
            figure: Figure::count(metrics.appeals.count),
            unit: "",
            details: vec![
                format!("{} reversed the decision", words::grouped(metrics.appeals.reversed)),
                format!(
                    "Of overrides: {} upheld, {} reversed",
                    words::grouped(metrics.appeals.overrides_upheld),
                    words::grouped(metrics.appeals.overrides_reversed)
                ),
            ],
            trend: None,
            links: link("appeals", metrics.appeals.count, "appeal", "appeals").into_iter().collect(),
        });
    }
    cards
}

fn time_card(dossier: &Dossier, before: &Dossier) -> Card {
    let (times, past) = (&dossier.metrics.processing_hours, &before.metrics.processing_hours);
    let mut details = Vec::new();
    if let (Some(median), Some(p90)) = (times.median, times.p90) {
        details.push(format!(
            "Half took up to {}, nine in ten up to {}",
            words::duration(median),
            words::duration(p90)
        ));
    }
    if let Some(sla) = &dossier.metrics.sla
        && let Some(compliance) = sla.compliance
    {
        details.push(format!("{} within the target", percent(compliance)));
    }
    Card {
        id: "hours",
        title: "Processing time",
        figure: Figure::mean(times.mean, times.count, ""),
        unit: "hours on average",
        details,
        trend: trend((past.mean, past.count), times.mean, |hours| format!("{}\u{a0}h", tenths(hours))),
        links: link("times", times.count, "case handled", "cases handled").into_iter().collect(),
    }
}

fn stars_card(dossier: &Dossier, before: &Dossier) -> Card {
    let (metrics, past) = (&dossier.metrics, &before.metrics);
    Card {
        id: "stars",
        title: "Citizens’ stars",
        figure: Figure::mean(metrics.sat_score_mean, metrics.sat.count, ""),
        unit: "of 5 ★",
        details: Vec::new(),
        trend: trend((past.sat_score_mean, past.sat.count), metrics.sat_score_mean, |stars| {
            format!("{}\u{a0}★", tenths(stars))
        }),
        links: link("stars", metrics.sat.count, "rating", "ratings").into_iter().collect(),
    }
}

fn open_card(dossier: &Dossier) -> Card {
    let open = &dossier.metrics.open;
    let mut details = Vec::new();
    if let (Some(oldest), Some(median)) = (open.oldest_hours, open.median_hours) {
        details.push(format!("Oldest {}, median {}", words::duration(oldest), words::duration(median)));
    }
    if let Some(overdue) = open.overdue {
        details.push(format!("{} overdue", words::grouped(overdue)));
    }
    Card {
        id: "open",
        title: "Open cases",
        figure: Figure::count(open.count),
        unit: "now",
        details,
        trend: None,
        links: link("open", open.count, "open case", "open cases").into_iter().collect(),
    }
}

fn charts(dossier: &Dossier, activity: &Activity, policy: &Policy, window: Window) -> Vec<Chart> {
    let metrics = &dossier.metrics;
    let target = words::target_hours(policy);
    let mut charts = Vec::new();
    if advises(metrics) {
        let weeks =
            weeks(activity, window, |tally| (tally.recommendations_overridden, tally.recommendations));
        let line = threshold(policy, Metric::OverriddenRate);
        charts.push(rate_chart("advice-weeks", "Advice overridden, week by week", &weeks, line));
    }
    if metrics.decisions > 0 || !advises(metrics) {
        let weeks = weeks(activity, window, |tally| (tally.overrides, tally.decisions));
        let line = threshold(policy, Metric::OverrideRate);
        charts.push(rate_chart("weeks", "Override rate, week by week", &weeks, line));
    }
    let times = activity.days.iter().flat_map(|(_, tally)| {
        let times = &tally.processing;
        (0..times.len()).filter_map(|index| times.get(index))
    });
    let bins = chart::hours::bins(times);
    charts.push(Chart {
        id: "times",
        title: "How long cases took",
        svg: if bins.is_empty() {
            String::new()
        } else {
            chart::hours::chart("times-chart", &bins, metrics, target)
        },
        empty: "No case was finished in this window.",
        head: vec!["Time", "Cases"],
        rows: bins.iter().map(|bin: &Bin| vec![bin.label(), words::grouped(bin.count)]).collect(),
    });
    charts.push(Chart {
        id: "stars-chart",
        title: "Citizens’ stars",
        svg: if metrics.sat.count == 0 {
            String::new()
        } else {
            chart::stars::chart("stars-svg", &metrics.sat.histogram)
        },
        empty: "No citizen has rated in this window.",
        head: vec!["Stars", "Ratings"],
        rows: [5, 4, 3, 2, 1]
            .into_iter()
            .zip(metrics.sat.histogram.into_iter().rev())
            .map(|(stars, count)| vec![format!("{stars} ★"), words::grouped(count)])
            .collect(),
    });
    charts.push(open_chart(activity, target));
    charts
}

fn open_chart(activity: &Activity, target: Option<f64>) -> Chart {
    let mut ages: Vec<Age> = activity
        .open
        .iter()
        .map(|open| Age { case_id: open.case_id.to_string(), hours: hours(open.counted_ms) })
        .collect();
    ages.sort_by(|a, b| b.hours.total_cmp(&a.hours));
    Chart {
        id: "ages",
        title: "How long open cases have stood",
        svg: if ages.is_empty() { String::new() } else { chart::ages::chart("ages-svg", &ages, target) },
        empty: "Nothing is open.",
        head: vec!["Case", "On this clock for"],
        rows: ages
            .iter()
            .take(200)
            .map(|age| vec![age.case_id.clone(), words::duration(age.hours)])
            .collect(),
    }
}

fn rate_chart(id: &'static str, title: &'static str, weeks: &[Week], line: Option<f64>) -> Chart {
    let any = weeks.iter().any(|week| week.whole > 0);
    let row = |week: &Week| {
        let interval = apmt_core::metrics::wilson_interval(week.part, week.whole);
        let between = interval.map_or_else(
            || words::NOTHING.to_owned(),
            |[low, high]| format!("{} to {}", percent(low), percent(high)),
        );
        vec![
            day(week.start),
            words::grouped(week.part),
            words::grouped(week.whole),
            week.rate().map_or_else(|| words::NOTHING.to_owned(), percent),
            between,
        ]
    };
    Chart {
        id,
        title,
        svg: if any { chart::weeks::chart(&format!("{id}-svg"), title, weeks, line) } else { String::new() },
        empty: "Nothing was decided in this window.",
        head: vec!["Week from", "Overridden", "Of", "Rate", "95 % interval"],
        rows: weeks.iter().map(row).collect(),
    }
}

/// The window in weeks, counted back from its end, so that the last is whole.
fn weeks(
    activity: &Activity,
    window: Window,
    of: impl Fn(&apmt_core::tally::Tally) -> (u64, u64),
) -> Vec<Week> {
    let (first, last) = window.days();
    let week_of = |day: apmt_core::time::Day| (last.number() - day.number()).max(0) / 7;
    let mut weeks: Vec<Week> = (0..=week_of(first))
        .map(|week| {
            let start = apmt_core::time::Day::from_number((last.number() - week * 7 - 6).max(first.number()));
            Week { start: start.start(), part: 0, whole: 0 }
        })
        .collect();
    for (day, tally) in &activity.days {
        let (part, whole) = of(tally);
        if let Some(week) = usize::try_from(week_of(*day)).ok().and_then(|week| weeks.get_mut(week)) {
            week.part += part;
            week.whole += whole;
        }
    }
    weeks.reverse();
    weeks
}

/// Where a rule draws a line through a rate's chart.
fn threshold(policy: &Policy, metric: Metric) -> Option<f64> {
    let conditions = policy
        .rules()
        .iter()
        .filter(|rule| rule.then() == Status::Pip)
        .flat_map(apmt_core::policy::Rule::when);
    conditions
        .filter(|condition| condition.metric() == metric && condition.bound().is_none())
        .map(apmt_core::policy::Condition::threshold)
        .find(|threshold| (0.0..=1.0).contains(threshold))
}

fn models(looked: &Looked) -> Vec<Model> {
    let model = |(name, rate): (&String, &Rate)| Model {
        name: if name.is_empty() { "Model not named".to_owned() } else { name.clone() },
        rate: rate.figure(),
        overridden: words::grouped(rate.part),
    };
    looked.models.iter().map(model).collect()
}

fn taken_back(taken_back: &cases::TakenBack) -> TakenBack {
    TakenBack {
        at: Moment::of(taken_back.event.occurred_at),
        what: super::timeline::what(&taken_back.event),
        case_id: taken_back.case_id.to_string(),
        href: super::timeline::href(&taken_back.case_id, taken_back.event.position),
        reason: taken_back.reason.clone().unwrap_or_else(|| "recorded outside of this case".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use apmt_core::tally::Tally;
    use apmt_core::time::Day;

    use super::*;

    #[test]
    fn weeks_cover_the_window_and_the_last_is_whole() {
        let until = "2026-03-31T12:00:00Z".parse().unwrap();
        let window = Window::days_until(90, until);
        let (first, last) = window.days();
        let tally = Tally { decisions: 2, overrides: 1, ..Tally::default() };
        let days = (first.number()..=last.number()).map(|day| (Day::from_number(day), tally.clone()));
        let mut activity = Activity::none(ActorName::new("anne").unwrap());
        activity.days = days.collect();
        let weeks = weeks(&activity, window, |tally| (tally.overrides, tally.decisions));
        assert_eq!(weeks.len(), 13);
        assert_eq!(weeks.iter().map(|week| week.whole).sum::<u64>(), 182);
        assert_eq!(weeks.last().map(|week| (week.part, week.whole)), Some((7, 14)));
        assert_eq!(weeks[0].start, first.start());
    }

    #[test]
    fn a_rule_is_told_in_words() {
        assert_eq!(
            rules(&Policy::default()),
            [
                "Plan recommended (chronic-override): where the override rate is above 30 % and the mean satisfaction is below 3 ★."
            ]
        );
        assert_eq!(threshold(&Policy::default(), Metric::OverrideRate), Some(0.3));
        assert_eq!(threshold(&Policy::default(), Metric::OverriddenRate), None);
    }
}

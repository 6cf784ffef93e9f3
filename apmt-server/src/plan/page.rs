//! The notice and its form as pages.

use apmt_core::Timestamp;
use askama::Template;
use uuid::Uuid;

use super::evidence::{Evidence, ModelRecord, Omitted};
use super::instance::minute;
use super::notice::{Measure, Notice, PlanKind, Terms};
use super::open::OpenPlan;
use crate::screen;

/// The style of the pages.
pub(crate) const CSS: &str = include_str!("../../assets/plan.css");

/// How a page comes by its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style<'a> {
    /// From that address, as a server gives it.
    At(&'a str),
    /// Within the page: for a file.
    Within,
}

/// What every page of a plan shows of its evidence.
struct Shown<'a> {
    evidence: &'a Evidence,
    conditions: Vec<String>,
    instances: Vec<Row<'a>>,
}

struct Row<'a> {
    number: usize,
    case_id: &'a str,
    at: String,
    missed: &'a str,
    model: &'a str,
}

impl<'a> Shown<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let instances = evidence.instances.iter().enumerate().map(|(index, instance)| Row {
            number: index + 1,
            case_id: instance.case_id.as_ref().map_or("", |case_id| case_id.as_str()),
            at: minute(instance.at),
            missed: &instance.missed,
            model: instance.model.as_deref().unwrap_or_default(),
        });
        Self {
            evidence,
            conditions: evidence.conditions.iter().map(screen::condition).collect(),
            instances: instances.collect(),
        }
    }

    fn as_of(&self) -> String {
        minute(self.evidence.as_of)
    }

    fn omitted(&self) -> &'a [Omitted] {
        &self.evidence.omitted
    }

    fn models(&self) -> &'a [ModelRecord] {
        &self.evidence.models
    }

    fn is_machine(&self) -> bool {
        PlanKind::of(self.evidence.actor_kind) == PlanKind::Machine
    }

    fn has_models(&self) -> bool {
        self.instances.iter().any(|row| !row.model.is_empty())
    }
}

/// Where a notice comes from, if it has been recorded.
pub(crate) struct RecordedAs<'a> {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) by: &'a str,
    /// What every link begins with; nothing for a file.
    pub(crate) base: Option<&'a str>,
    /// Whether the plan is open, and who sees the page may close it.
    pub(crate) may_close: bool,
}

#[derive(Template)]
#[template(path = "plan/notice.html")]
struct NoticePage<'a> {
    title: String,
    style: Style<'a>,
    terms: &'a Terms,
    shown: Shown<'a>,
    digest: String,
    recorded: Option<RecordedAs<'a>>,
}

/// A notice as a page that prints to clean paper: with its blanks for the determination and the signatures.
///
/// # Errors
/// As [`std::fmt::Write`] has it, which does not happen.
pub fn notice_page(notice: &Notice, style: Style<'_>) -> Result<String, std::fmt::Error> {
    recorded_page(notice, style, None)
}

pub(crate) fn recorded_page(
    notice: &Notice,
    style: Style<'_>,
    recorded: Option<RecordedAs<'_>>,
) -> Result<String, std::fmt::Error> {
    let page = NoticePage {
        title: title(notice.kind).to_owned(),
        style,
        terms: &notice.terms,
        shown: Shown::of(&notice.evidence),
        digest: notice.digest(),
        recorded,
    };
    page.render().map_err(|_| std::fmt::Error)
}

const fn title(kind: PlanKind) -> &'static str {
    match kind {
        PlanKind::Improvement => "Notice of opportunity to demonstrate acceptable performance",
        PlanKind::Machine => "Plan for an AI agent",
    }
}

/// What the form shows beside the terms.
pub(crate) struct Form<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) evidence: &'a Evidence,
    pub(crate) by: &'a str,
    pub(crate) note: &'a str,
    pub(crate) id: Uuid,
    pub(crate) open: Option<&'a OpenPlan>,
    /// Whether who sees the form may send it.
    pub(crate) may_start: bool,
    pub(crate) wrong: Option<&'a str>,
    pub(crate) base: &'a str,
}

#[derive(Template)]
#[template(path = "plan/form.html")]
struct FormPage<'a> {
    title: String,
    style: Style<'a>,
    form: &'a Form<'a>,
    shown: Shown<'a>,
    digest: String,
    open: Option<String>,
    measures: Vec<(&'static str, &'static str, bool)>,
    periods: Vec<(i64, bool)>,
    other_period: bool,
}

pub(crate) fn form_page(form: &Form<'_>, style: Style<'_>) -> Result<String, std::fmt::Error> {
    let kind = PlanKind::of(form.evidence.actor_kind);
    let days = form.terms.period.days();
    let measure = |measure: &Measure| (measure.name(), measure.words(), form.terms.measure == Some(*measure));
    let page = FormPage {
        title: title(kind).to_owned(),
        style,
        form,
        shown: Shown::of(form.evidence),
        digest: form.evidence.digest(),
        open: form
            .open
            .map(|plan| format!("started {}, {}", minute(plan.started_at), plan.words(form.evidence.as_of))),
        measures: Measure::ALL.iter().map(measure).collect(),
        periods: [30, 60, 90].map(|choice| (choice, choice == days)).to_vec(),
        other_period: ![30, 60, 90].contains(&days),
    };
    page.render().map_err(|_| std::fmt::Error)
}

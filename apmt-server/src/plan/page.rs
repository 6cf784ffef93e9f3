//! The notice as a page.

use apmt_core::Timestamp;
use askama::Template;
use uuid::Uuid;

use super::evidence::{Evidence, ModelRecord, Omitted};
use super::instance::minute;
use super::notice::{Notice, PlanKind, Terms};
use crate::screen;

/// The style of every page.
const CSS: &str = include_str!("../../assets/apmt.css");

/// What every page of a plan shows of its evidence.
pub(crate) struct Shown<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) conditions: Vec<String>,
    pub(crate) instances: Vec<Row<'a>>,
}

pub(crate) struct Row<'a> {
    pub(crate) number: usize,
    pub(crate) case_id: &'a str,
    pub(crate) at: String,
    pub(crate) missed: &'a str,
    pub(crate) model: &'a str,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(evidence: &'a Evidence) -> Self {
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

    pub(crate) fn as_of(&self) -> String {
        minute(self.evidence.as_of)
    }

    pub(crate) fn omitted(&self) -> &'a [Omitted] {
        &self.evidence.omitted
    }

    pub(crate) fn models(&self) -> &'a [ModelRecord] {
        &self.evidence.models
    }

    pub(crate) fn is_machine(&self) -> bool {
        PlanKind::of(self.evidence.actor_kind) == PlanKind::Machine
    }

    pub(crate) fn has_models(&self) -> bool {
        self.instances.iter().any(|row| !row.model.is_empty())
    }
}

/// How a notice was recorded.
pub(crate) struct RecordedAs<'a> {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) by: &'a str,
}

#[derive(Template)]
#[template(path = "plan/file.html")]
struct File<'a> {
    title: &'static str,
    terms: &'a Terms,
    shown: Shown<'a>,
    digest: String,
    recorded: Option<RecordedAs<'a>>,
}

/// A notice as a page for a file, with its style in it, that prints to clean paper: with blanks for the determination
/// and the signatures.
///
/// # Errors
/// As [`std::fmt::Write`] has it, which does not happen.
pub fn notice_page(notice: &Notice) -> Result<String, std::fmt::Error> {
    let page = File {
        title: title(notice.kind),
        terms: &notice.terms,
        shown: Shown::of(&notice.evidence),
        digest: notice.digest(),
        recorded: None,
    };
    page.render().map_err(|_| std::fmt::Error)
}

pub(crate) const fn title(kind: PlanKind) -> &'static str {
    match kind {
        PlanKind::Improvement => "Notice of opportunity to demonstrate acceptable performance",
        PlanKind::Machine => "Plan for an AI agent",
    }
}

//! The notice: terms that can be edited, and evidence that cannot.

use std::fmt::Write as _;

use apmt_core::{ActorKind, ActorName, Event, Invalid};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::evidence::Evidence;
use super::period::Period;

/// How this version writes a notice.
pub const SCHEMA: &str = "apmt-notice/1";

/// The most characters of one text of the terms.
const MAX_TEXT: usize = 4000;
/// The most bytes of JSON that the terms may have: with the evidence they fit into an event.
const MAX_TERMS_BYTES: usize = 24 * 1024;

/// Whom a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanKind {
    /// A person: an opportunity to demonstrate acceptable performance.
    Improvement,
    /// An AI agent.
    Machine,
}

impl PlanKind {
    /// The kind of plan for an actor: of an actor of whom nobody has said what it is, that of a person.
    pub fn of(kind: Option<ActorKind>) -> Self {
        if kind == Some(ActorKind::Agent) { Self::Machine } else { Self::Improvement }
    }
}

/// What is done with an AI agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlanMeasure)]
#[non_exhaustive]
pub enum Measure {
    /// It is trained or configured anew, and watched until the end of the period.
    Retrain,
    /// It advises on fewer kinds of cases, or only where a person has looked first.
    Restrict,
    /// It advises no more until somebody decides otherwise.
    Suspend,
}

impl Measure {
    /// Every measure, the mildest first.
    pub const ALL: &'static [Self] = &[Self::Retrain, Self::Restrict, Self::Suspend];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retrain => "retrain",
            Self::Restrict => "restrict",
            Self::Suspend => "suspend",
        }
    }

    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Retrain => {
                "Retrain: it is trained or configured anew, and watched until the end of the period"
            }
            Self::Restrict => {
                "Restrict: it advises on fewer kinds of cases, or only where a person has looked first"
            }
            Self::Suspend => "Suspend: it advises no more until somebody decides otherwise",
        }
    }
}

impl std::str::FromStr for Measure {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .iter()
            .copied()
            .find(|measure| measure.name() == text.trim())
            .ok_or_else(|| Invalid::new("measure", text, "must be retrain, restrict or suspend"))
    }
}

/// What a supervisor may edit before the plan is started. A text that nobody has filled in is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanTerms)]
#[non_exhaustive]
pub struct Terms {
    /// The employee's name; for a machine plan the agent's.
    pub employee: String,
    /// The position.
    pub position: String,
    /// The unit and the organization.
    pub organization: String,
    /// The supervisor's name.
    pub supervisor: String,
    /// The critical element for which performance is unacceptable.
    pub critical_element: String,
    /// The standard that must be attained, verbatim.
    pub standard: String,
    /// The opportunity period.
    pub period: Period,
    /// What is done with an AI agent; absent for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// The assistance that is offered.
    pub assistance: String,
    /// When supervisor and employee meet.
    pub check_ins: String,
    /// What may follow.
    pub consequences: String,
}

impl Terms {
    /// The texts, by the names that forms and JSON give them.
    fn texts(&self) -> [(&'static str, &str); 9] {
        [
            ("employee", &self.employee),
            ("position", &self.position),
            ("organization", &self.organization),
            ("supervisor", &self.supervisor),
            ("critical_element", &self.critical_element),
            ("standard", &self.standard),
            ("assistance", &self.assistance),
            ("check_ins", &self.check_ins),
            ("consequences", &self.consequences),
        ]
    }

    /// The same, for writing.
    pub(crate) fn texts_mut(&mut self) -> [(&'static str, &mut String); 9] {
        [
            ("employee", &mut self.employee),
            ("position", &mut self.position),
            ("organization", &mut self.organization),
            ("supervisor", &mut self.supervisor),
            ("critical_element", &mut self.critical_element),
            ("standard", &mut self.standard),
            ("assistance", &mut self.assistance),
            ("check_ins", &mut self.check_ins),
            ("consequences", &mut self.consequences),
        ]
    }

    fn check(&self) -> Result<(), Invalid> {
        for (field, text) in self.texts() {
            let length = text.chars().count();
            if length > MAX_TEXT {
                let rule = format!("must have at most {MAX_TEXT} characters");
                return Err(Invalid::new(field, format!("{length} characters"), rule));
            }
            if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                return Err(Invalid::new(field, text, "must have no control characters"));
            }
        }
        let bytes = serde_json::to_vec(self).map_or(0, |json| json.len());
        if bytes > MAX_TERMS_BYTES {
            let rule = format!("must be at most {MAX_TERMS_BYTES} bytes of JSON together: shorten the texts");
            return Err(Invalid::new("terms", format!("{bytes} bytes"), rule));
        }
        Ok(())
    }
}

/// A notice: whose plan, on what terms, on what evidence.
///
/// ```
/// # use apmt_client::{AsOf, Client};
/// use apmt_server::directory::Directory;
/// use apmt_server::plan::{self, Notice, Period};
/// # futures_lite::future::block_on(async {
/// let client = Client::open("memory:")?;
/// client.record_event(apmt_client::Event::override_of("anne@sba.gov")).await?;
/// let actor = apmt_core::ActorName::new("anne@sba.gov")?;
/// let evidence = plan::gather(&client, &actor, AsOf::Now, None).await?;
/// let period = Period::of_days(plan::today(evidence.as_of), 60)?;
/// let terms = plan::prefill(&evidence, Directory::default().person(&actor), period);
/// let notice = Notice::new(terms, evidence)?;
/// client.record_event(notice.to_event(None, "Dana Reyes", "")?).await?;
/// # Ok::<(), apmt_client::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct Notice {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whom the plan is for.
    pub kind: PlanKind,
    /// The terms, as they were when the plan was started.
    pub terms: Terms,
    /// What the plan rests upon, frozen.
    pub evidence: Evidence,
}

impl Notice {
    /// A notice.
    ///
    /// # Errors
    /// [`Invalid`] for a text that is too long or has control characters.
    pub fn new(mut terms: Terms, evidence: Evidence) -> Result<Self, Invalid> {
        let kind = PlanKind::of(evidence.actor_kind);
        terms.measure = match kind {
            PlanKind::Machine => Some(terms.measure.unwrap_or(Measure::Retrain)),
            PlanKind::Improvement => None,
        };
        terms.check()?;
        Ok(Self { schema: SCHEMA.to_owned(), kind, terms, evidence })
    }

    /// Reads a notice that was saved.
    ///
    /// # Errors
    /// [`Invalid`] for text that is no notice of this version.
    pub fn from_json(json: &str) -> Result<Self, Invalid> {
        let notice: Self = serde_json::from_str(json)
            .map_err(|error| Invalid::new("notice", error, "must be a notice as APMT saves it"))?;
        if notice.schema != SCHEMA {
            return Err(Invalid::new("schema", notice.schema, format!("must be {SCHEMA}")));
        }
        Period::until(notice.terms.period.start(), notice.terms.period.end())?;
        Self::new(notice.terms, notice.evidence)
    }

    /// Whose.
    pub const fn actor(&self) -> &ActorName {
        &self.evidence.actor
    }

    /// The notice as JSON, indented: for a file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The SHA-256 of the notice's JSON, its keys in order and without spaces, in lower-case hex.
    pub fn digest(&self) -> String {
        digest(self)
    }

    /// The event `PLAN_STARTED` with the notice in it. `id` makes a resend the same event.
    ///
    /// # Errors
    /// [`Invalid`] for an event that breaks a rule: a `by` or a `note` that is too long.
    pub fn to_event(&self, id: Option<Uuid>, by: &str, note: &str) -> Result<Event, Invalid> {
        let mut event = Event::plan_started(self.actor().as_str());
        if let Some(id) = id {
            event = event.id(id);
        }
        if let Some(kind) = self.evidence.actor_kind {
            event = event.actor_kind(kind);
        }
        if !by.trim().is_empty() {
            event = event.by(by.trim());
        }
        if !note.trim().is_empty() {
            event = event.note(note.trim());
        }
        let notice = serde_json::to_value(self).unwrap_or_default();
        event.field("notice", notice).field("notice_sha256", self.digest()).build()
    }

    /// The notice that an event carries.
    ///
    /// # Errors
    /// [`Invalid`] for an event without one, and where the notice is not the one whose digest the event has.
    pub fn of_event(event: &Event) -> Result<Self, Invalid> {
        let value = event.extra().get("notice").ok_or_else(|| {
            Invalid::missing("notice", "is missing: this plan was started without a notice of APMT's")
        })?;
        let notice: Self = serde_json::from_value(value.clone())
            .map_err(|error| Invalid::new("notice", error, "must be a notice as APMT saves it"))?;
        let kept = event.extra().get("notice_sha256").and_then(serde_json::Value::as_str);
        if kept != Some(&*digest(value)) {
            let rule = "must be the SHA-256 of the notice: the two do not belong together";
            return Err(Invalid::new("notice_sha256", kept.unwrap_or_default(), rule));
        }
        Ok(notice)
    }
}

/// The event `PLAN_CLOSED`, which ends an actor's plan.
///
/// # Errors
/// [`Invalid`] for an event that breaks a rule.
pub fn closing(actor: &ActorName, by: &str, note: &str) -> Result<Event, Invalid> {
    let (by, note) = (by.trim(), note.trim());
    let mut event = Event::plan_closed(actor.as_str());
    if !by.is_empty() {
        event = event.by(by);
    }
    if !note.is_empty() {
        event = event.note(note);
    }
    event.build()
}

/// The SHA-256 of a value's JSON. Keys are in order, for a JSON value keeps them so.
pub(super) fn digest(value: &impl Serialize) -> String {
    let canonical = serde_json::to_value(value).unwrap_or_default().to_string();
    Sha256::digest(canonical.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

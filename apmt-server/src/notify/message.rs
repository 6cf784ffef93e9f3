//! What is told.

use apmt_core::policy::{PolicyName, Reason};
use apmt_core::{ActorName, Dossier, Status, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::directory::Person;
use crate::plan::OpenPlan;
use crate::screen;

/// One message. Its JSON, with the `type` `alert` or `digest`, is what a webhook gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// An actor's status has turned to `pip`.
    Alert(Alert),
    /// Who is on which status, and which plans are open.
    Digest(Digest),
}

/// An actor's status has turned to `pip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// The message's id: the same each time that it is sent.
    pub id: Uuid,
    /// Whose.
    pub actor: ActorName,
    /// The actor's name, where the directory knows it; else empty.
    pub name: String,
    /// When it was seen.
    pub as_of: Timestamp,
    /// The policy that judged.
    pub policy: PolicyName,
    /// The rules that hold and recommend a plan.
    pub reasons: Vec<RuleInWords>,
    /// The actor's page, where the server's address is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whom it is to, as e-mail addresses.
    pub to: Vec<String>,
}

/// A rule that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleInWords {
    /// The rule's id.
    pub rule: String,
    /// Its conditions with their values: `override rate 42 % is above 30 %`.
    pub conditions: Vec<String>,
}

/// Who is on which status, and which plans are open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Digest {
    /// The message's id: the same each time that it is sent.
    pub id: Uuid,
    /// When it was made.
    pub as_of: Timestamp,
    /// Everybody for whom a rule is raised or who has an open plan, the gravest first.
    pub lines: Vec<DigestLine>,
    /// The scoreboard, where the server's address is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whom it is to, as e-mail addresses.
    pub to: Vec<String>,
}

/// One actor of a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DigestLine {
    /// Whose.
    pub actor: ActorName,
    /// The actor's name, where the directory knows it; else empty.
    pub name: String,
    /// The status.
    pub status: Status,
    /// The rules that hold.
    pub reasons: Vec<RuleInWords>,
    /// The open plan: `23 days left`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

impl Message {
    /// The message's id: the same each time that it is sent.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Alert(alert) => alert.id,
            Self::Digest(digest) => digest.id,
        }
    }

    /// Whom it is to, as e-mail addresses.
    pub fn to(&self) -> &[String] {
        match self {
            Self::Alert(alert) => &alert.to,
            Self::Digest(digest) => &digest.to,
        }
    }

    /// What it is about, on one line. A subject passes through more hands than a message does: it names nobody.
    pub fn subject(&self) -> String {
        match self {
            Self::Alert(_) => "APMT: an improvement plan is recommended".to_owned(),
            Self::Digest(digest) => {
                let pip = digest.lines.iter().filter(|line| line.status == Status::Pip).count();
                let plans = digest.lines.iter().filter(|line| line.plan.is_some()).count();
                format!(
                    "APMT digest: {} recommended, {} open",
                    screen::count(pip as u64, "plan", "plans"),
                    screen::count(plans as u64, "plan", "plans")
                )
            }
        }
    }
}

impl RuleInWords {
    fn of(reason: &Reason) -> Self {
        let conditions = if reason.clearing {
            vec!["no longer holds, but has not for long enough to clear".to_owned()]
        } else {
            reason.conditions.iter().map(screen::condition).collect()
        };
        Self { rule: reason.rule.clone(), conditions }
    }
}

/// The name by which people know an actor.
pub(super) fn known_as<'a>(name: &'a str, actor: &'a ActorName) -> std::borrow::Cow<'a, str> {
    if name.is_empty() { actor.as_str().into() } else { format!("{name} ({actor})").into() }
}

pub(super) fn alert(
    id: Uuid,
    dossier: &Dossier,
    person: &Person,
    link: Option<&str>,
    fallback: &[String],
) -> Alert {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("name", dossier.actor.as_str()).finish();
    let pip = dossier.reasons.iter().filter(|reason| reason.then == Status::Pip);
    Alert {
        id,
        actor: dossier.actor.clone(),
        name: person.name().to_owned(),
        as_of: dossier.as_of,
        policy: dossier.policy.clone(),
        reasons: pip.map(RuleInWords::of).collect(),
        link: link.map(|link| format!("{link}/actor?{query}")),
        to: person.supervisor_email().map_or_else(|| fallback.to_vec(), |email| vec![email.to_owned()]),
    }
}

pub(super) fn line(dossier: &Dossier, person: &Person, plan: Option<&OpenPlan>) -> DigestLine {
    DigestLine {
        actor: dossier.actor.clone(),
        name: person.name().to_owned(),
        status: dossier.status,
        reasons: dossier.reasons.iter().map(RuleInWords::of).collect(),
        plan: plan.map(|plan| plan.words(dossier.as_of)),
    }
}

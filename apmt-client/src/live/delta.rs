//! What changed in a dossier.

use std::sync::Arc;

use apmt_core::{ActorName, Dossier};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An actor's dossier has changed: what it was, what it is, and which fields differ.
///
/// There is one only where something changed other than by the passing of time: the fields
/// `as_of`, and hours on open clocks that grew by no more than the time that went by, make none of their own. What
/// leaves the window as time passes is seen with the next event that concerns the actor.
///
/// An improvement plan that is started or closed makes one too, for its actor: no field of a dossier says so, so its
/// `changes` may be empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DossierDelta {
    /// The position of the newest event that was looked at for this: the dossier counts it and all before it.
    pub position: u64,
    /// How much of the log this subscription has been given: whatever the events up to this position changed has been
    /// told once this delta has been seen. It never goes back, and it may lie before [`position`](Self::position), for
    /// deltas come by actor and not by event. Whoever reads on later starts from here:
    /// [`Client::changed_since`](crate::Client::changed_since).
    pub cursor: u64,
    /// Whose.
    pub actor: ActorName,
    /// Whether deltas before this one were left out, because this reader was too slow, or what the dossier was before
    /// is not known, because it changed while the follower was starting. The dossier is whole and fresh; `old` and
    /// `changes` are empty.
    pub lagged: bool,
    /// The fields that differ, in the order of their names; `as_of` is not among them.
    pub changes: Arc<[FieldChange]>,
    /// The dossier before; `None` for an actor who was on no scoreboard, and after a lag.
    pub old: Option<Arc<Dossier>>,
    /// The dossier now.
    pub dossier: Arc<Dossier>,
}

impl DossierDelta {
    /// The change of that field, such as `status` or `processing_hours.median`, if it changed.
    pub fn change(&self, field: &str) -> Option<&FieldChange> {
        self.changes.iter().find(|change| change.field == field)
    }
}

/// One field of a dossier that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldChange {
    /// The field's place in the dossier's JSON, with dots between: `override_rate`, `processing_hours.median`. A list,
    /// such as `reasons`, is one field.
    pub field: String,
    /// The value before.
    pub old: Value,
    /// The value now.
    pub new: Value,
}

/// The fields that differ between two dossiers of one actor, or none where only time has passed.
pub(super) fn changes(old: &Dossier, new: &Dossier) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if all_but_instant(old) == all_but_instant(new) {
        // Most often so for those who only had to do with a case that somebody else did something to.
        return changes;
    }
    compare("", &json(old), &json(new), &mut changes);
    // Explanations grow older with the time, and say nothing new that no other field says.
    changes.retain(|change| !matches!(change.field.as_str(), "as_of" | "explanations"));
    let elapsed_hours = new.as_of.since(old.as_of) as f64 / apmt_core::time::HOUR_MS as f64;
    if changes.iter().all(|change| only_aged(change, elapsed_hours)) {
        changes.clear();
    }
    changes
}

/// What of a dossier does not change by the passing of time alone, but for open clocks and what leaves the window.
fn all_but_instant(dossier: &Dossier) -> impl PartialEq + '_ {
    // The verdict is a function of the metrics, the policy and its window.
    (dossier.actor_kind, dossier.window_days, &dossier.policy, &dossier.metrics, dossier.status)
}

/// Whether hours on an open clock grew by no more than the time that went by.
fn only_aged(change: &FieldChange, elapsed_hours: f64) -> bool {
    // Hours are quotients of whole milliseconds: far coarser than this.
    const ROUNDING: f64 = 1e-9;
    matches!(change.field.as_str(), "open.oldest_hours" | "open.median_hours")
        && match (change.old.as_f64(), change.new.as_f64()) {
            (Some(old), Some(new)) => (-ROUNDING..=elapsed_hours + ROUNDING).contains(&(new - old)),
            _ => false,
        }
}

fn json(dossier: &Dossier) -> Value {
    // A dossier has no keys but texts and no numbers but finite ones, so it always becomes JSON.
    serde_json::to_value(dossier).unwrap_or_default()
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        return compare_objects(path, old, new, changes);
    }
    changes.push(FieldChange { field: path.to_owned(), old: old.clone(), new: new.clone() });
}

fn compare_objects(
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let [old, new] = [old, new].map(|object| object.get(name).unwrap_or(&Value::Null));
        compare(&path, old, new, changes);
    }
}

//! What changed in a dossier.

use apmt_core::{ActorName, Dossier};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An actor's dossier has changed: what it was, what it is, and which fields differ.
///
/// There is one only where something changed other than by the passing of time: the fields
/// `as_of`, and hours on open clocks that grew by no more than the time that went by, make none of their own. What
/// leaves the window as time passes is seen with the next event that concerns the actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DossierDelta {
    /// The position of the newest event that was looked at for this: the dossier counts it and all before it.
    pub position: u64,
    /// Whose.
    pub actor: ActorName,
    /// Whether deltas before this one were left out, because this reader was too slow. The dossier is whole and
    /// fresh; what it was when this reader last saw it is not known, so `old` and `changes` are empty.
    pub lagged: bool,
    /// The fields that differ, in the order of their names; `as_of` is not among them.
    pub changes: Vec<FieldChange>,
    /// The dossier before; `None` for an actor who was on no scoreboard, and after a lag.
    pub old: Option<Dossier>,
    /// The dossier now.
    pub dossier: Dossier,
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
    compare("", &json(old), &json(new), &mut changes);
    changes.retain(|change| change.field != "as_of");
    let elapsed_hours = new.as_of.since(old.as_of) as f64 / apmt_core::time::HOUR_MS as f64;
    if changes.iter().all(|change| only_aged(change, elapsed_hours)) {
        changes.clear();
    }
    changes
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

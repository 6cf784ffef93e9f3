//! What is sent, as JSON.

use std::sync::Arc;

use apmt_client::{DossierDelta, FieldChange};
use apmt_core::{ActorName, Dossier, Error, Timestamp};
use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use crate::http::problem::{Problem, ProblemDetails};

/// A message as text, to be sent as it is.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) cursor: Option<u64>,
    pub(super) text: Utf8Bytes,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Snapshot,
    Delta,
    Lagged,
    /// The server ends, and the connection after this.
    Closing,
    /// The store failed, for now or for good, and the connection ends after this.
    Failed {
        for_now: bool,
    },
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
            Self::Lagged => "lagged",
            Self::Closing => "closing",
            Self::Failed { .. } => "error",
        }
    }
}

/// A part of a snapshot.
#[derive(Debug, Serialize)]
pub(super) struct Part<'a> {
    /// Given with the last part.
    pub(super) cursor: Option<u64>,
    /// Where the snapshot has only what may have changed since then.
    pub(super) since: Option<u64>,
    pub(super) as_of: Timestamp,
    pub(super) last: bool,
    pub(super) dossiers: &'a [Arc<Dossier>],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message<'a> {
    Snapshot(&'a Part<'a>),
    Delta {
        cursor: u64,
        position: u64,
        actor: &'a ActorName,
        changes: &'a [FieldChange],
        old: Option<&'a Dossier>,
        dossier: &'a Dossier,
    },
    Lagged {
        cursor: u64,
    },
    Closing,
    Error {
        problem: ProblemDetails<'a>,
    },
}

impl Frame {
    fn of(kind: Kind, cursor: Option<u64>, message: &Message<'_>) -> Self {
        // Dossiers have no keys but texts and no numbers but finite ones, so this always becomes JSON.
        let text = serde_json::to_string(message).unwrap_or_default();
        Self { kind, cursor, text: text.into() }
    }

    pub(super) fn snapshot(part: &Part<'_>) -> Self {
        Self::of(Kind::Snapshot, part.cursor, &Message::Snapshot(part))
    }

    pub(super) fn delta(delta: &DossierDelta) -> Self {
        let message = Message::Delta {
            cursor: delta.cursor,
            position: delta.position,
            actor: &delta.actor,
            changes: &delta.changes,
            old: delta.old.as_deref(),
            dossier: &delta.dossier,
        };
        Self::of(Kind::Delta, Some(delta.cursor), &message)
    }

    pub(super) fn lagged(cursor: u64) -> Self {
        Self::of(Kind::Lagged, Some(cursor), &Message::Lagged { cursor })
    }

    pub(super) fn closing() -> Self {
        Self::of(Kind::Closing, None, &Message::Closing)
    }

    pub(super) fn failed(error: Error) -> Self {
        let kind = Kind::Failed { for_now: error.is_temporary() };
        let problem = Problem::from(error);
        Self::of(kind, None, &Message::Error { problem: problem.details() })
    }
}

#[cfg(test)]
mod tests {
    use apmt_core::{Activity, ErrorKind, Policy};
    use serde_json::{Value, json};

    use super::*;

    const AS_OF: &str = "2026-03-02T15:00:00Z";

    fn dossier() -> Arc<Dossier> {
        let anne = ActorName::new("anne").unwrap();
        Arc::new(Dossier::of(&Activity::none(anne), AS_OF.parse().unwrap(), &Policy::default()))
    }

    /// The start of a message, up to the dossiers, whose shape is the core's to test.
    fn start(frame: &Frame, end: &str) -> String {
        serde_json::from_str::<Value>(&frame.text).unwrap();
        let end = frame.text.find(end).unwrap_or_else(|| panic!("{end} is not in {}", frame.text));
        frame.text[..end].to_owned()
    }

    #[test]
    fn a_snapshot() {
        let as_of = AS_OF.parse().unwrap();
        let dossiers = [dossier()];
        let first = Part { cursor: None, since: None, as_of, last: false, dossiers: &dossiers };
        assert_eq!(
            start(&Frame::snapshot(&first), r#","actor_kind""#),
            r#"{"type":"snapshot","cursor":null,"since":null,"as_of":"2026-03-02T15:00:00Z","last":false,"dossiers":[{"actor":"anne""#
        );
        let last = Part { cursor: Some(7), since: Some(3), as_of, last: true, dossiers: &[] };
        let frame = Frame::snapshot(&last);
        assert_eq!(
            frame.text.as_str(),
            r#"{"type":"snapshot","cursor":7,"since":3,"as_of":"2026-03-02T15:00:00Z","last":true,"dossiers":[]}"#
        );
        assert_eq!((frame.kind.name(), frame.cursor), ("snapshot", Some(7)));
    }

    #[test]
    fn a_delta() {
        let delta = json!({
            "position": 9, "cursor": 7, "actor": "anne", "lagged": false, "old": null,
            "changes": [{"field": "decisions", "old": 0, "new": 1}], "dossier": &*dossier(),
        });
        let frame = Frame::delta(&serde_json::from_value(delta).unwrap());
        assert_eq!(
            start(&frame, r#""actor_kind""#),
            concat!(
                r#"{"type":"delta","cursor":7,"position":9,"actor":"anne","#,
                r#""changes":[{"field":"decisions","old":0,"new":1}],"old":null,"dossier":{"actor":"anne","#
            )
        );
        assert_eq!((frame.kind.name(), frame.cursor), ("delta", Some(7)));
    }

    #[test]
    fn short_messages() {
        assert_eq!(Frame::lagged(5).text.as_str(), r#"{"type":"lagged","cursor":5}"#);
        assert_eq!(Frame::closing().text.as_str(), r#"{"type":"closing"}"#);
        let failed = Frame::failed(Error::new(ErrorKind::Corrupt, "page 3 is damaged"));
        assert_eq!(
            failed.text.as_str(),
            concat!(
                r#"{"type":"error","problem":{"type":"about:blank","title":"Internal Server Error","status":500,"#,
                r#""detail":"page 3 is damaged","kind":"corrupt"}}"#
            )
        );
        assert_eq!(failed.kind, Kind::Failed { for_now: false });
    }
}

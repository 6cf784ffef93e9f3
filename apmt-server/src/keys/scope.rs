//! What a key may do.

use std::fmt;
use std::str::FromStr;

use apmt_core::event::EventType;
use apmt_core::store::seal::is_erasure;
use apmt_core::{Event, Invalid, event};
use serde::{Deserialize, Serialize};

/// What a key may do. See the table of [routes](crate::http#who-may) for what each asks for.
///
/// ```
/// use apmt_server::keys::Scope;
/// assert!(Scope::Supervise.includes(Scope::Record) && Scope::Supervise.includes(Scope::Read));
/// assert!(!Scope::Record.includes(Scope::Read) && !Scope::Read.includes(Scope::Record));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// Record events and read nothing: for forms and other programs that only report. Such a key may stand in a web
    /// page, so it may not record what decides about people or undoes the record: see [`may_record`](Self::may_record).
    Record,
    /// Read everything, and record nothing.
    Read,
    /// Record every type of event, and read everything.
    Supervise,
    /// Everything, what runs the service included.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[Self::Record, Self::Read, Self::Supervise, Self::Admin];

    /// Its name, such as `record`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Read => "read",
            Self::Supervise => "supervise",
            Self::Admin => "admin",
        }
    }

    /// Whether a key of this scope may do all that one of the other may.
    pub const fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Supervise => !matches!(other, Self::Admin),
            Self::Record => matches!(other, Self::Record),
            Self::Read => matches!(other, Self::Read),
        }
    }

    /// Whether a key of this scope may record that event.
    ///
    /// `PLAN_STARTED` and `PLAN_CLOSED` decide about people, a `RETRACTION` undoes what others recorded, a citizen's stars
    /// for one, and an `X_ERASURE` says that somebody had the right to erase: they need [`Supervise`](Self::Supervise).
    pub fn may_record(self, event: &Event) -> bool {
        let needed = if is_erasure(event) { Self::Supervise } else { Self::to_record(event.event_type()) };
        self.includes(needed)
    }

    const fn to_record(event_type: EventType) -> Self {
        match event_type {
            EventType::PlanStarted | EventType::PlanClosed | EventType::Retraction => Self::Supervise,
            _ => Self::Record,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let names = || Self::ALL.iter().map(|scope| scope.name());
        Self::ALL.iter().copied().find(|scope| scope.name() == text).ok_or_else(|| {
            Invalid::new("scope", text, "must be record, read, supervise or admin")
                .with_nearest(event::nearest(text, names()))
        })
    }
}

#[cfg(test)]
mod tests {
    use apmt_core::store::seal::ERASURE;

    use super::*;

    #[test]
    fn scopes_include_each_other_in_order() {
        let included: Vec<Vec<bool>> = Scope::ALL
            .iter()
            .map(|scope| Scope::ALL.iter().map(|other| scope.includes(*other)).collect())
            .collect();
        assert_eq!(
            included,
            [
                [true, false, false, false],
                [false, true, false, false],
                [true, true, true, false],
                [true, true, true, true]
            ]
        );
    }

    #[test]
    fn what_decides_about_people_or_undoes_the_record_needs_a_supervisor() {
        let needs_supervisor: Vec<&str> = EventType::ALL
            .iter()
            .filter(|event_type| Scope::to_record(**event_type) == Scope::Supervise)
            .map(|event_type| event_type.name())
            .collect();
        assert_eq!(needs_supervisor, ["RETRACTION", "PLAN_STARTED", "PLAN_CLOSED"]);
        let may = |scope: Scope, name: &str| scope.may_record(&Event::custom(name).build().unwrap());
        let of_ours = [Scope::Record, Scope::Read, Scope::Supervise].map(|scope| may(scope, ERASURE));
        assert_eq!(of_ours, [false, false, true]);
        let of_their_own = [Scope::Record, Scope::Read, Scope::Supervise].map(|scope| may(scope, "X_NOTE"));
        assert_eq!(of_their_own, [true, false, true]);
    }

    #[test]
    fn names_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse::<Scope>().unwrap(), *scope);
        }
        assert_eq!("recrod".parse::<Scope>().unwrap_err().nearest(), Some("record"));
    }
}

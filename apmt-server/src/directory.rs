//! The directory: who people are and to whom they report, which no event says.
//!
//! A YAML file, read with [`Directory::from_yaml`] and given by `--directory FILE`. What it lacks stays an empty field
//! of a [notice](crate::plan), for somebody to fill in; where it names no supervisor with an e-mail address, a
//! [notification](crate::notify) goes to those that its own settings name.
//!
//! | field | meaning |
//! |---|---|
//! | `people` | a list; each has an `actor` as events name it, and may have `name`, `position`, `unit`, `organization`, `supervisor` |
//! | `units` | a list; each has a `name`, and may have the `organization` and the `supervisor` of those in it for whom nothing else is said |
//! | `organization` | that of everybody for whom nothing else is said |
//! | `supervisor` | `name` and `email`, or the actor of another entry: that one's name, with its actor as the e-mail address |
//!
//! ```
//! use apmt_core::ActorName;
//! use apmt_server::directory::Directory;
//!
//! let directory = Directory::from_yaml("directory.yaml", "
//! organization: Small Business Administration
//! units:
//!   - {name: District 7, supervisor: dana@sba.gov}
//! people:
//!   - {actor: officer_anne@sba.gov, name: Anne Okafor, position: 'Loan Specialist, GS-1165-12', unit: District 7}
//!   - {actor: dana@sba.gov, name: Dana Reyes}
//!   - {actor: triage-model, name: Triage model, supervisor: {name: Kim Lund, email: kim@sba.gov}}
//! ")?;
//! let anne = directory.person(&ActorName::new("Officer_Anne@SBA.gov")?);
//! assert_eq!(anne.name(), "Anne Okafor");
//! assert_eq!(anne.organization(), "Small Business Administration");
//! assert_eq!((anne.supervisor_name(), anne.supervisor_email()), ("Dana Reyes", Some("dana@sba.gov")));
//! assert_eq!(directory.person(&ActorName::new("nobody-knows")?).name(), "");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use apmt_core::ActorName;
use apmt_core::yaml::{self, YamlError};

/// Names, positions, units and supervisors, by actor. The default knows nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    people: HashMap<ActorName, Person>,
}

/// What a directory says of an actor; a text of which it says nothing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    name: String,
    position: String,
    unit: String,
    organization: String,
    supervisor: Supervisor,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Supervisor {
    name: String,
    email: Option<String>,
}

impl Directory {
    /// Reads a directory. `file` is the name by which errors call it; nothing is opened.
    ///
    /// # Errors
    /// Whatever is wrong, with line and column, what was expected, and the nearest name: a field that does not exist,
    /// an actor or a unit that is written twice, a unit or a supervisor that is not in the file, an address that is
    /// none.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, YamlError> {
        yaml::read(file, text, read::directory)
    }

    /// What it says of an actor: of one that it does not know, nothing.
    pub fn person(&self, actor: &ActorName) -> &Person {
        static UNKNOWN: Person = Person {
            name: String::new(),
            position: String::new(),
            unit: String::new(),
            organization: String::new(),
            supervisor: Supervisor { name: String::new(), email: None },
        };
        self.people.get(actor).unwrap_or(&UNKNOWN)
    }

    /// How many people it knows.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether it knows nobody.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }
}

impl Person {
    /// The name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The position, such as a title with series and grade.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// The unit.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The organization: the person's own, or the unit's, or everybody's.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The supervisor's name.
    pub fn supervisor_name(&self) -> &str {
        &self.supervisor.name
    }

    /// The supervisor's e-mail address.
    pub fn supervisor_email(&self) -> Option<&str> {
        self.supervisor.email.as_deref()
    }
}

//! From YAML to a directory: what is expected, and where it is not found.

use std::collections::HashMap;

use apmt_core::ActorName;
use apmt_core::yaml::{Fields, Node, Wrong};

use super::{Directory, Person, Supervisor};

pub(super) fn directory(root: &Node) -> Result<Directory, Wrong> {
    let fields = root.fields("a directory", &["organization", "units", "people"])?;
    let organization = organization_of(&fields)?;
    let entries = people(&fields)?;
    let known: Vec<&ActorName> = entries.iter().map(|entry| &entry.actor).collect();
    let units = units(&fields, &entries, &known, &organization)?;
    let mut found = HashMap::with_capacity(entries.len());
    for entry in &entries {
        let unit = match &entry.unit {
            None => None,
            // Without a list of units there is nothing that a unit's name could be a slip of.
            Some(_) if fields.get("units").is_none() => None,
            Some((node, name)) => Some(units.get(name).ok_or_else(|| {
                node.wrong(format!("no unit is called \"{name}\"; expected one of the list of units"))
                    .or_nearest(name, units.keys().map(String::as_str))
            })?),
        };
        let supervisor = match entry.supervisor {
            Some(node) => supervisor(node, &entries, &known)?,
            None => unit.map(|unit| unit.supervisor.clone()).unwrap_or_default(),
        };
        let inherited = unit.map_or(&organization, |unit| &unit.organization);
        let person = Person {
            name: entry.name.clone(),
            position: entry.position.clone(),
            unit: entry.unit.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
            organization: first_of(&entry.organization, inherited),
            supervisor,
        };
        if found.insert(entry.actor.clone(), person).is_some() {
            return Err(entry
                .node
                .wrong(format!("{} is written twice; expected each actor once", entry.actor)));
        }
    }
    Ok(Directory { people: found })
}

struct Entry<'a> {
    node: &'a Node,
    actor: ActorName,
    name: String,
    position: String,
    unit: Option<(&'a Node, String)>,
    organization: String,
    supervisor: Option<&'a Node>,
}

struct Unit {
    organization: String,
    supervisor: Supervisor,
}

fn organization_of(fields: &Fields<'_>) -> Result<String, Wrong> {
    text(fields, "organization", "the organization's name")
}

/// What may be said of a person.
const PERSON: &[&str] = &["actor", "name", "position", "unit", "organization", "supervisor"];

fn people<'a>(fields: &Fields<'a>) -> Result<Vec<Entry<'a>>, Wrong> {
    let mut entries = Vec::new();
    let what = "a list of people, each with an actor";
    for node in fields.require("people", what)?.list(what)? {
        let fields = node.fields("a person", PERSON)?;
        let actor = fields.require("actor", "the actor, as events name it")?;
        let name = actor.text("the actor, as events name it")?;
        let unit = match fields.get("unit") {
            Some(node) => Some((node, node.text("a unit's name")?.to_owned())),
            None => None,
        };
        entries.push(Entry {
            node: actor,
            actor: ActorName::new(name).map_err(|invalid| actor.wrong(invalid.to_string()))?,
            name: text(&fields, "name", "the person's name")?,
            position: text(&fields, "position", "the position")?,
            unit,
            organization: organization_of(&fields)?,
            supervisor: fields.get("supervisor"),
        });
    }
    Ok(entries)
}

fn units(
    fields: &Fields<'_>,
    entries: &[Entry<'_>],
    known: &[&ActorName],
    organization: &str,
) -> Result<HashMap<String, Unit>, Wrong> {
    let mut units = HashMap::new();
    let Some(node) = fields.get("units") else { return Ok(units) };
    for node in node.list("a list of units, each with a name")? {
        let fields = node.fields("a unit", &["name", "organization", "supervisor"])?;
        let name_node = fields.require("name", "the unit's name")?;
        let name = name_node.text("the unit's name")?;
        let unit = Unit {
            organization: first_of(&organization_of(&fields)?, organization),
            supervisor: match fields.get("supervisor") {
                Some(node) => supervisor(node, entries, known)?,
                None => Supervisor::default(),
            },
        };
        if units.insert(name.to_owned(), unit).is_some() {
            return Err(name_node.wrong(format!("the unit {name} is written twice; expected each once")));
        }
    }
    Ok(units)
}

fn supervisor(node: &Node, entries: &[Entry<'_>], known: &[&ActorName]) -> Result<Supervisor, Wrong> {
    if let Some(written) = node.as_text() {
        let found =
            entries.iter().find(|entry| ActorName::new(written).is_ok_and(|name| entry.actor == name));
        let entry = found.ok_or_else(|| {
            node.wrong(format!(
                "nobody here is \"{written}\"; expected the actor of one of the people, or a name and an email"
            ))
            .or_nearest(written, known.iter().map(|actor| actor.as_str()))
        })?;
        let email = is_address(entry.actor.as_str()).then(|| entry.actor.to_string());
        return Ok(Supervisor { name: entry.name.clone(), email });
    }
    let fields = node.fields("a supervisor", &["name", "email"])?;
    let email = fields.get("email").map(|node| {
        let what = "an e-mail address, such as dana@agency.gov";
        let address = node.text(what)?;
        if is_address(address) { Ok(address.to_owned()) } else { Err(node.expected(what)) }
    });
    Ok(Supervisor { name: text(&fields, "name", "the supervisor's name")?, email: email.transpose()? })
}

/// What is said of it, or else what is said for all.
fn first_of(own: &str, inherited: &str) -> String {
    if own.is_empty() { inherited } else { own }.to_owned()
}

/// Whether mail can be sent there.
fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

/// A text that may be absent, and is then empty.
fn text(fields: &Fields<'_>, name: &str, expected: &str) -> Result<String, Wrong> {
    fields.get(name).map_or_else(|| Ok(String::new()), |node| Ok(node.text(expected)?.to_owned()))
}

//! The nodes of a YAML document, each of which knows its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{Place, Wrong, one_of, quoted, written_twice};

/// The most bytes of one value: aliases repeat values, so that the size of the text is no bound on what is read.
const MAX_VALUE_BYTES: usize = 4096;

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    place: Option<Place>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Null,
    Bool(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// An error at this node.
    pub fn wrong(&self, message: impl Into<Box<str>>) -> Wrong {
        Wrong::new(self.place, message)
    }

    /// The error that something else was expected here.
    pub fn expected(&self, expected: impl fmt::Display) -> Wrong {
        self.wrong(format!("expected {expected}, found {self}"))
    }

    /// The fields of a mapping, of which no other names than `known` are allowed. `what` says whose fields they are.
    pub fn fields<'a>(&'a self, what: &'a str, known: &'a [&'a str]) -> Result<Fields<'a>, Wrong> {
        let Value::Map(entries) = &self.value else {
            return Err(self.expected(format_args!("{what} with the fields {}", known.join(", "))));
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            let name = key.text("the name of a field")?;
            // The reader refuses what is written twice alike; spaces in quotes are all that can set two apart.
            if entries.iter().take(index).any(|(key, _)| key.as_text() == Some(name)) {
                return Err(key.wrong(written_twice(name)));
            }
            if !known.contains(&name) {
                return Err(key
                    .wrong(format!(
                        "{} is no field of {what}; expected {}",
                        quoted(name),
                        one_of(known.iter().copied())
                    ))
                    .or_nearest(name, known.iter().copied()));
            }
        }
        Ok(Fields { owner: self, what, entries })
    }

    /// The names and values of a mapping, whatever the names; `expected` says what it is of.
    pub(crate) fn entries(&self, expected: &str) -> Result<&[(Node, Node)], Wrong> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.expected(expected)),
        }
    }

    /// The finite number, if it is one.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.value {
            Value::Whole(number) => Some(number as f64),
            Value::Fraction(number) => Some(number).filter(|number| number.is_finite()),
            _ => None,
        }
    }

    /// Whether this is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// The text, trimmed and not empty.
    pub fn text(&self, expected: &str) -> Result<&str, Wrong> {
        match &self.value {
            Value::Text(text) if !text.trim().is_empty() => Ok(text.trim()),
            Value::Bool(_) | Value::Whole(_) | Value::Fraction(_) => {
                Err(self.expected(format_args!("{expected} (in quotes, if that is what it is)")))
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text.trim()),
            _ => None,
        }
    }

    /// Whether it is true or false, if it is one of the two.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The whole number, if it is one and fits.
    pub fn as_whole<T: TryFrom<i128>>(&self) -> Option<T> {
        match self.value {
            Value::Whole(number) => T::try_from(number).ok(),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn list(&self, expected: &str) -> Result<&[Node], Wrong> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.expected(expected)),
        }
    }
}

/// What stands there, as an error says it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("nothing"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Whole(number) => write!(f, "the number {number}"),
            Value::Fraction(number) => write!(f, "the number {number}"),
            Value::Text(text) => f.write_str(&quoted(text)),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a mapping"),
        }
    }
}

/// A mapping whose names are all known.
#[derive(Debug)]
pub struct Fields<'a> {
    owner: &'a Node,
    what: &'a str,
    entries: &'a [(Node, Node)],
}

impl<'a> Fields<'a> {
    /// The field of that name; `None` where it is absent or null.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|(key, _)| key.as_text() == Some(name));
        entry.map(|(_, node)| node).filter(|node| !matches!(node.value, Value::Null))
    }

    /// The field of that name, without which there is nothing to be made. `expected` says what it holds.
    pub fn require(&self, name: &str, expected: &str) -> Result<&'a Node, Wrong> {
        self.get(name).ok_or_else(|| {
            self.owner.wrong(format!("{} has no {}; expected {expected}", self.what, quoted(name)))
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { place: Place::of(referenced), value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Fraction(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(E::custom(format_args!(
                "a value of {} bytes, more than {MAX_VALUE_BYTES}",
                value.len()
            )));
        }
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

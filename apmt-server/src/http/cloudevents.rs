//! CloudEvents 1.0 in structured JSON, as events.
//!
//! | attribute | becomes |
//! |---|---|
//! | `data` | the event's fields: an object |
//! | `id`, `source` | the event's id: the `id` where it is a UUID, else one worked out of the two, which together name the event |
//! | `type` | the event's type, where `data` has none: its last part in upper case, so `gov.sba.decision` is `DECISION` |
//! | `subject` | `case_id`, where `data` has none |
//! | `time` | `occurred_at`, where `data` has none |
//! | extensions, and `source` | fields of their own, where `data` has none of that name |

use apmt_core::{Event, Invalid};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is said of the form and not of the event.
const FORM: [&str; 3] = ["specversion", "datacontenttype", "dataschema"];

/// A CloudEvent 1.0 in structured JSON. Other attributes become fields of the event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is read as a map")]
pub(super) struct CloudEvent {
    #[schema(pattern = r"^1\.0$", example = "1.0")]
    specversion: String,
    /// The event's id where it is a UUID; else the id is worked out of the source and this.
    #[schema(min_length = 1, example = "A-17")]
    id: String,
    /// Where it comes from.
    #[schema(min_length = 1, example = "/forms/denver")]
    source: String,
    /// The event's type, where the data have none: the last part of this in upper case.
    #[schema(min_length = 1, example = "gov.sba.override")]
    r#type: String,
    /// The case, where the data have none.
    #[schema(example = "C-1042")]
    subject: Option<String>,
    /// When it happened, where the data do not say.
    #[schema(example = "2026-03-31T12:00:00Z", format = DateTime)]
    time: Option<String>,
    /// The event's fields.
    #[schema(value_type = Object, example = json!({"actor": "test@agency.gov"}))]
    data: Map<String, Value>,
}

/// Whether a content type says that the body is a CloudEvent.
pub(super) fn is_meant(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/cloudevents+json")
}

/// The event that a CloudEvent's JSON stands for.
pub(super) fn read(json: &[u8]) -> Result<Event, Invalid> {
    let mut attributes: Map<String, Value> = serde_json::from_slice(json)
        .map_err(|error| Invalid::missing("event", format!("is not a CloudEvent's JSON object: {error}")))?;
    let version = text(&attributes, "specversion")?;
    if version != "1.0" {
        return Err(Invalid::new("specversion", version, "must be 1.0"));
    }
    let id = event_id(text(&attributes, "source")?, text(&attributes, "id")?);
    let named = text(&attributes, "type")?.rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
    let mut fields = match attributes.remove("data") {
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(Invalid::new("data", other, "must be the event, as a JSON object")),
        None => return Err(Invalid::missing("data", "is missing: it must be the event, as a JSON object")),
    };
    for (name, value) in attributes {
        let (name, value) = match name.as_str() {
            form if FORM.contains(&form) => continue,
            "id" => ("id", Value::String(id.to_string())),
            "type" => ("type", Value::String(named.clone())),
            "subject" => ("case_id", value),
            "time" => ("occurred_at", value),
            other => (other, value),
        };
        // A null says nothing, so it does not stand in the way either.
        let field = fields.entry(name).or_insert(Value::Null);
        if field.is_null() {
            *field = value;
        }
    }
    Event::from_value(Value::Object(fields))
}

fn text<'a>(attributes: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Invalid> {
    match attributes.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(other) => Err(Invalid::new(name, other, "must be text, as CloudEvents 1.0 has it")),
        None => Err(Invalid::missing(name, "is missing: CloudEvents 1.0 asks for it")),
    }
}

/// The same for the same source and id, however often they are sent.
fn event_id(source: &str, id: &str) -> Uuid {
    if let Ok(id) = Uuid::try_parse(id) {
        return id;
    }
    let mut hash = Sha256::new();
    // The length in front keeps apart what would run together.
    hash.update((source.len() as u64).to_be_bytes());
    hash.update(source);
    hash.update(id);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent() -> Value {
        json!({"specversion": "1.0", "id": "A-17", "source": "/forms/denver", "type": "gov.sba.override",
            "subject": "C-1", "time": "2026-03-02T08:00:00Z", "datacontenttype": "application/json", "office": "Denver",
            "data": {"actor": "anne@sba.gov", "human_verdict": "approve"}})
    }

    fn event(sent: &Value) -> Result<Event, Invalid> {
        read(sent.to_string().as_bytes())
    }

    #[test]
    fn the_attributes_become_fields() {
        let event = event(&sent()).unwrap();
        let mut written: Value = serde_json::from_str(&event.to_json()).unwrap();
        let id = written["id"].take();
        assert_eq!(
            written,
            json!({"id": null, "type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "C-1",
                "occurred_at": "2026-03-02T08:00:00Z", "human_verdict": "approve", "office": "Denver",
                "source": "/forms/denver"})
        );
        // It must not change from version to version, or what is sent again would be stored twice.
        assert_eq!(id, "1bb65b7d-cc4b-846a-8848-c21f60ef95e5");
    }

    #[test]
    fn what_the_data_say_comes_first() {
        let mut sent = sent();
        sent["data"] =
            json!({"type": "DECISION", "actor": "bob", "case_id": "C-2", "source": "paper", "id": null});
        let event = event(&sent).unwrap();
        assert_eq!((event.event_type().name(), event.case_id().unwrap().as_str()), ("DECISION", "C-2"));
        assert_eq!((event.extra()["source"].as_str(), event.id().is_some()), (Some("paper"), true));
    }

    #[test]
    fn ids_are_the_same_for_the_same_event_only() {
        let id = |source: &str, id: &str| {
            let mut sent = sent();
            (sent["source"], sent["id"]) = (json!(source), json!(id));
            event(&sent).unwrap().id().unwrap()
        };
        assert_eq!(id("a", "1"), id("a", "1"));
        assert_ne!(id("a", "1"), id("a", "2"));
        assert_ne!(id("a", "11"), id("a1", "1"));
        let uuid = "01980000-0000-7000-8000-000000000001";
        assert_eq!(id("a", uuid).to_string(), uuid);
    }

    #[test]
    fn what_is_no_cloud_event_is_refused() {
        for (name, value) in [
            ("specversion", json!("0.3")),
            ("specversion", json!(null)),
            ("id", json!("")),
            ("source", json!(7)),
            ("data", json!([])),
            ("time", json!("noon")),
        ] {
            let mut sent = sent();
            sent[name] = value;
            let field = if name == "time" { "occurred_at" } else { name };
            assert_eq!(event(&sent).unwrap_err().field(), field);
        }
        for name in ["specversion", "id", "source", "type", "data"] {
            let mut sent = sent();
            sent.as_object_mut().unwrap().remove(name);
            assert_eq!(event(&sent).unwrap_err().field(), name);
        }
    }

    #[test]
    fn content_types_have_parameters() {
        assert!(
            is_meant("application/cloudevents+json")
                && is_meant("Application/CloudEvents+JSON; charset=utf-8")
        );
        assert!(!is_meant("application/json") && !is_meant(""));
    }
}

//! Events as they are sent, and as the log has them.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AllOfBuilder, AnyOfBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::{Schemas, all_required, collect, count, exactly, of_type, or_null, reference, schema, text};
use crate::event::{ActorKind, Event, EventType, Outcome};
use crate::name::MAX_NAME_BYTES;
use crate::store::Recorded;
use crate::time::Timestamp;

schema!(Event, event());
schema!(Recorded, recorded(), Event, Timestamp);

/// A field that a type of event has of its own.
struct Field {
    name: &'static str,
    required: bool,
    schema: ObjectBuilder,
}

impl Field {
    fn required(name: &'static str, schema: ObjectBuilder) -> Self {
        Self { name, required: true, schema }
    }

    /// Text that may be left out, or null.
    fn text(name: &'static str) -> Self {
        Self { name, required: false, schema: text().schema_type(or_null(Type::String)) }
    }

    fn instant(name: &'static str) -> Self {
        Self { name, required: false, schema: optional(KnownFormat::DateTime) }
    }
}

/// Text of that format that may be left out, or null.
fn optional(format: KnownFormat) -> ObjectBuilder {
    of_type(Type::String).schema_type(or_null(Type::String)).format(Some(SchemaFormat::KnownFormat(format)))
}

/// Text with something in it besides blanks.
fn said() -> ObjectBuilder {
    text().min_length(Some(1)).pattern(Some(r"\S"))
}

fn name(needed: bool) -> ObjectBuilder {
    let name = said().max_length(Some(MAX_NAME_BYTES));
    if needed { name } else { name.schema_type(or_null(Type::String)) }
}

fn one_of(names: [&str; 2]) -> ObjectBuilder {
    text().enum_values(Some(names))
}

fn fields(of: EventType) -> Vec<Field> {
    match of {
        EventType::CaseOpened => {
            let track = text().schema_type(or_null(Type::String)).max_length(Some(MAX_NAME_BYTES));
            vec![Field { name: "track", required: false, schema: track }, Field::instant("due")]
        }
        EventType::Paused | EventType::Resumed => vec![Field::text("reason")],
        EventType::AiRecommendation => vec![
            Field::required("ai_recommendation", said()),
            Field::text("model"),
            Field {
                name: "confidence",
                required: false,
                schema: of_type(Type::Number).schema_type(or_null(Type::Number)),
            },
        ],
        EventType::Decision | EventType::Override => {
            vec![Field::text("ai_recommendation"), Field::text("human_verdict")]
        }
        EventType::SurveySent => vec![Field::text("channel")],
        EventType::SatScore => vec![
            Field::required("value", of_type(Type::Integer).minimum(Some(1)).maximum(Some(5))),
            Field::text("channel"),
        ],
        EventType::AppealOutcome => {
            let outcomes = [Outcome::Upheld.name(), Outcome::Reversed.name()];
            vec![Field::required("outcome", one_of(outcomes))]
        }
        EventType::Retraction => vec![
            Field::required("retracts", uuid().schema_type(Type::String)),
            Field::required("reason", said()),
        ],
        EventType::PlanStarted | EventType::PlanClosed => vec![Field::text("by"), Field::text("note")],
        EventType::Assigned
        | EventType::Unassigned
        | EventType::CaseClosed
        | EventType::CaseReopened
        | EventType::Viewed
        | EventType::Custom => Vec::new(),
    }
}

fn uuid() -> ObjectBuilder {
    optional(KnownFormat::Uuid)
}

/// An event of that type, whose `type` looks so.
fn of(event_type: EventType, written: ObjectBuilder) -> ObjectBuilder {
    let kinds = [Some(ActorKind::Human.name()), Some(ActorKind::Agent.name()), None];
    let mut object = of_type(Type::Object)
        .title(Some(event_type.name()))
        .property("type", written)
        .required("type")
        .property(
            "id",
            uuid().description(Some("Made by the server where it is left out. The same id is stored once.")),
        )
        .property(
            "occurred_at",
            optional(KnownFormat::DateTime)
                .description(Some("When it happened; left out, the time of recording. At most 24 h ahead.")),
        )
        .property("actor", name(event_type.needs_actor()).description(Some("Who did it.")))
        .property("actor_kind", text().schema_type(or_null(Type::String)).enum_values(Some(kinds)))
        .property("case_id", name(event_type.needs_case()).description(Some("The case or ticket.")));
    for (field, needed) in [("actor", event_type.needs_actor()), ("case_id", event_type.needs_case())] {
        if needed {
            object = object.required(field);
        }
    }
    for Field { name, required, schema } in fields(event_type) {
        object = object.property(name, schema);
        if required {
            object = object.required(name);
        }
    }
    object
}

/// Stars need a case or an actor.
fn stars_of(required: &str) -> ObjectBuilder {
    of_type(Type::Object).property(required, name(true)).required(required)
}

fn event() -> OneOfBuilder {
    let mut one_of = OneOfBuilder::new().description(Some(
        "One thing that happened. Fields that are not listed are kept, and come back when the event is read.",
    ));
    for event_type in EventType::ALL {
        let object = of(*event_type, exactly(event_type.name()));
        one_of = match event_type {
            EventType::SatScore => one_of.item(
                AllOfBuilder::new()
                    .title(Some(event_type.name()))
                    .item(object)
                    .item(AnyOfBuilder::new().item(stars_of("case_id")).item(stars_of("actor"))),
            ),
            _ => one_of.item(object),
        };
    }
    let own = text().pattern(Some("^X_")).description(Some("A type of one's own: stored and never scored."));
    one_of.item(of(EventType::Custom, own)).examples([
        serde_json::json!({"type": "OVERRIDE", "actor": "test@agency.gov"}),
        serde_json::json!({"type": "SAT_SCORE", "case_id": "C-1042", "value": 4}),
    ])
}

/// The event's own fields, and what the store adds.
fn recorded() -> AllOfBuilder {
    let added = of_type(Type::Object)
        .property("id", uuid().schema_type(Type::String))
        .property("occurred_at", reference::<Timestamp>())
        .property("position", count().minimum(Some(1_u64)).description(Some("Its place in the log.")))
        .property("recorded_at", reference::<Timestamp>())
        .property(
            "retracted",
            of_type(Type::Boolean).description(Some("There where a retraction has named it.")),
        );
    let added = all_required(added, &["id", "occurred_at", "position", "recorded_at"]);
    AllOfBuilder::new()
        .description(Some("An event as the log has it."))
        .item(reference::<Event>())
        .item(added)
}

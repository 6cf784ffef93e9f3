//! Schemas of what is read and written by hand: events, contributions, names, instants. Whatever serde derives has a
//! schema that is derived too.

mod event;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    Array, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Ref, Schema, SchemaFormat, SchemaType,
    Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::contribution::Contribution;
use crate::name::{ActorName, CaseId, MAX_NAME_BYTES, Track};
use crate::policy::Metric;
use crate::tally::{Durations, Tally, WorkingDays};
use crate::time::Timestamp;

type Schemas = Vec<(String, RefOr<Schema>)>;

fn of_type(schema_type: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(schema_type)
}

fn text() -> ObjectBuilder {
    of_type(Type::String)
}

fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

/// A whole number from 0.
fn count() -> ObjectBuilder {
    of_type(Type::Integer).minimum(Some(0_u64))
}

/// One text and no other.
fn exactly(text: &str) -> ObjectBuilder {
    self::text().enum_values(Some([text]))
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

/// A type's schema and all that it refers to, for a type that refers to it.
fn collect<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

macro_rules! schema {
    ($type:ty, $schema:expr $(, $part:ty)*) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            #[allow(unused_variables, reason = "a type without parts has none to add")]
            fn schemas(schemas: &mut Schemas) {
                $(collect::<$part>(schemas);)*
            }
        }
    };
}
use schema;

schema!(
    Timestamp,
    formatted(KnownFormat::DateTime)
        .description(Some("An instant: RFC 3339 in UTC, to the millisecond."))
        .examples(["2026-03-31T12:00:00Z"])
);

schema!(
    ActorName,
    text()
        .max_length(Some(MAX_NAME_BYTES))
        .description(Some(
            "An actor's key: trimmed, in lower case, at most 256 bytes. An empty one is nobody, to whom what could \
             not be attributed belongs.",
        ))
        .examples(["officer_anne@sba.gov"])
);

schema!(
    CaseId,
    text()
        .min_length(Some(1))
        .max_length(Some(MAX_NAME_BYTES))
        .description(Some("The id of a case or ticket: trimmed, at most 256 bytes."))
        .examples(["C-1042"])
);

schema!(
    Track,
    text()
        .min_length(Some(1))
        .max_length(Some(MAX_NAME_BYTES))
        .description(Some("The track of a case: trimmed, in lower case, at most 256 bytes."))
        .examples(["simple"])
);

schema!(
    Metric,
    text()
        .enum_values(Some(Metric::ALL.iter().map(|metric| metric.name())))
        .description(Some("A number of the dossier, as the path to it."))
);

schema!(
    Durations,
    Array::new(count()).description_of("Processing times in milliseconds, in ascending order.")
);

schema!(
    WorkingDays,
    Array::new(ArrayBuilder::new().items(count()).min_items(Some(2)).max_items(Some(2)).build())
        .description_of("Each working day that any time came to, in ascending order, with how many did.")
);

/// One day of an activity, as [`wire::days`](crate::wire::days) writes it.
pub(crate) struct DayWithTally;

schema!(
    DayWithTally,
    of_type(Type::Object)
        .property("day", formatted(KnownFormat::Date).description(Some("A UTC day.")))
        .property("tally", reference::<Tally>())
        .required("day")
        .required("tally"),
    Tally
);

trait Described {
    fn description_of(self, text: &str) -> Schema;
}

impl Described for Array {
    fn description_of(mut self, text: &str) -> Schema {
        self.description = Some(text.to_owned());
        Schema::Array(self)
    }
}

schema!(Contribution, contribution(), ActorName, CaseId, Timestamp, Track);

/// What counts for an actor: one of five measures, each with members of its own.
fn contribution() -> OneOfBuilder {
    let hours = of_type(Type::Number).minimum(Some(0)).description(Some("Counted hours."));
    let held = flag().description(Some("Whether the clock was the actor's, or the pool's."));
    let stars = of_type(Type::Integer).minimum(Some(1)).maximum(Some(5));
    let working_day = count().minimum(Some(1_u64)).description(Some(
        "The working day that the clock had come to when it ended: the one after the day on which it started is day 1.",
    ));
    let processing = measure("processing")
        .property("hours", hours)
        .property("counted_ms", count())
        .property("working_day", working_day)
        .property("since", reference::<Timestamp>())
        .property("held", held);
    let appeal = measure("appeal").property("reversed", flag()).property("overrode", flag());
    OneOfBuilder::new()
        .description(Some(
            "What counts for an actor: one thing, at one instant, caused by the event at `position`.",
        ))
        .item(measure("verdict").property("overridden", flag()).required("overridden"))
        .item(all_required(processing, &["hours", "counted_ms", "working_day", "since", "held"]))
        .item(measure("satisfaction").property("stars", stars).required("stars"))
        .item(measure("recommendation").property("overridden", flag()).required("overridden"))
        .item(all_required(appeal, &["reversed", "overrode"]))
}

fn measure(name: &str) -> ObjectBuilder {
    let object = of_type(Type::Object)
        .title(Some(name))
        .property("actor", reference::<ActorName>())
        .property("at", reference::<Timestamp>())
        .property("position", count().minimum(Some(1_u64)))
        .property("case_id", reference::<CaseId>())
        .property("track", reference::<Track>())
        .property("measure", exactly(name));
    all_required(object, &["actor", "at", "position", "measure"])
}

fn flag() -> ObjectBuilder {
    of_type(Type::Boolean)
}

fn all_required(object: ObjectBuilder, members: &[&str]) -> ObjectBuilder {
    members.iter().fold(object, |object, member| object.required(*member))
}

/// A type or null: null says nothing.
fn or_null(schema_type: Type) -> SchemaType {
    SchemaType::from_iter([schema_type, Type::Null])
}

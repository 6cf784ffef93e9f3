//! The parameters of paths and queries, as the document describes them.

use serde_json::json;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::http::params::{MAX_ACTIVITIES, MAX_PAGE, PAGE};

macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $name:ident = $parameter:expr;)+) => {
        $(
            $(#[doc = $doc])+
            pub(crate) struct $name;

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    let description = concat!($($doc),+).trim();
                    vec![$parameter.description(Some(description)).build()]
                }
            }
        )+
    };
}

parameters! {
    /// Who: a person's e-mail, an agent's name. Compared without case and without blanks around it.
    ActorInPath = path("actor", name()).example(Some(json!("officer_anne@sba.gov")));
    /// Who: as in the path, for names that a path cannot hold. An empty one is nobody, to whom what could not be
    /// attributed belongs.
    Actor = query("actor", text().max_length(Some(256))).required(Required::True).example(Some(json!("..")));
    /// Only this actor. One of whom nothing is known has a dossier too.
    OneActor = query("actor", name()).example(Some(json!("officer_anne@sba.gov")));
    /// The last `cursor` that was given, when a client comes back. With server-sent events the header `Last-Event-ID`
    /// says more.
    AfterCursorOfLive = query("after", whole()).example(Some(json!(0)));
    /// The case or ticket.
    CaseInPath = path("case_id", name()).example(Some(json!("C-1042")));
    /// The case or ticket, for ids that a path cannot hold.
    Case = query("case_id", name()).required(Required::True).example(Some(json!("C-1042")));
    /// The event's id.
    EventId = path("id", formatted(KnownFormat::Uuid)).example(Some(json!("01890a5d-ac96-774b-bcce-b302099a8057")));
    /// The end of the window: an instant of RFC 3339, `latest` (the newest event's) or `now`, which is the default.
    AsOf = query("as_of", as_of()).example(Some(json!("2026-03-31T12:00:00Z")));
    /// Only what lies after this instant counts, instead of the policy's window; not together with `as_of`.
    Since = query("since", formatted(KnownFormat::DateTime)).example(Some(json!("2026-01-01T00:00:00Z")));
    /// Only what lies at or before this instant counts; not together with `as_of`.
    Until = query("until", formatted(KnownFormat::DateTime)).example(Some(json!("2026-03-31T12:00:00Z")));
    /// Only those of this status.
    Status = query("status", text().enum_values(Some(["good", "insufficient_data", "watch", "review", "pip"]))).example(Some(json!("pip")));
    /// Whether the answer is to say what everybody's dossiers say together, where the page has not everybody.
    Overview = query("overview", flag()).example(Some(json!(true)));
    /// Whether the answer is to say what the rules that are raised rest upon.
    Grounds = query("grounds", flag()).example(Some(json!(true)));
    /// How many a page has at most. More than 1000 is taken for 1000.
    Limit = query("limit", limit(MAX_PAGE)).example(Some(json!(100)));
    /// How many a page has at most. More than 100 is taken for 100.
    LimitOfActivities = query("limit", limit(MAX_ACTIVITIES)).example(Some(json!(100)));
    /// The `next` of the page before: an actor.
    AfterActor = query("after", text().max_length(Some(256))).example(Some(json!("officer_anne@sba.gov")));
    /// The `next` of the page before: a cursor.
    AfterCursor = query("after", text().pattern(Some(r"^-?\d{1,15}\.\d{1,15}\.\d{1,2}$"))).example(Some(json!("1772366400000.17.0")));
    /// The `next` of the page before: a position in the log. 0 is the beginning.
    AfterPosition = query("after", whole().default(Some(json!(0)))).example(Some(json!(0)));
    /// The event's place in the log, from 1.
    ProofPosition = query("position", place()).required(Required::True).example(Some(json!(1)));
    /// In the log of so many events; as many as the newest checkpoint's, unless said.
    ProofSize = query("size", place()).example(Some(json!(1)));
    /// How many events the earlier log had.
    ProofFrom = query("from", place()).required(Required::True).example(Some(json!(1)));
    /// How many events the later one has; as many as the newest checkpoint's, unless said.
    ProofTo = query("to", place()).example(Some(json!(1)));
    /// Stores all or nothing: the first bad line refuses the batch.
    Atomic = query("atomic", flag()).example(Some(json!(true)));
    /// Answers with a receipt for each line that was not rejected.
    Receipts = query("receipts", flag()).example(Some(json!(true)));
}

fn path(name: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schema))
}

fn query(name: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .schema(Some(schema))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn name() -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(256)).pattern(Some(r"\S"))
}

fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

fn as_of() -> AnyOfBuilder {
    let words = text().enum_values(Some(["now", "latest"]));
    AnyOfBuilder::new().item(formatted(KnownFormat::DateTime)).item(words)
}

fn whole() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0))
}

fn place() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1))
}

fn limit(most: usize) -> ObjectBuilder {
    whole().default(Some(json!(PAGE.min(most))))
}

fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).default(Some(json!(false)))
}

//! Many events at once: good lines are stored, bad ones are answered with the field and the reason.

mod lines;

use apmt_core::event::MAX_BATCH_BYTES;
use apmt_core::{Event, Invalid, Receipt, store};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, may_record};
use super::openapi::parameters::{Atomic, Receipts};
use super::params::Params;
use super::problem::Problem;
use super::{App, body, json};
use crate::keys::Scope;
use lines::Line;

#[derive(Serialize, ToSchema)]
#[schema(as = StoredBatch)]
struct Answer {
    stored: usize,
    duplicates: usize,
    rejected: Vec<Rejected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    receipts: Option<Vec<LineReceipt>>,
}

/// A line that breaks a rule.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedLine)]
struct Rejected {
    line: usize,
    field: Box<str>,
    reason: String,
}

impl Rejected {
    fn new(line: usize, invalid: &Invalid) -> Self {
        Self { line, field: invalid.field().into(), reason: invalid.reason() }
    }
}

#[derive(Serialize, ToSchema)]
struct LineReceipt {
    line: usize,
    #[serde(flatten)]
    receipt: Receipt,
}

/// Records a batch of events.
///
/// Lines of JSON, or a JSON array. Good ones are stored, bad ones answered with the field and the reason. Blank lines
/// are passed over. At most 10,000 events and 16 MiB; it may be packed with gzip or zstd.
#[utoipa::path(
    post, path = "/events", operation_id = "record_events", tag = "recording",
    params(Atomic, Receipts),
    request_body(content(
        (Vec<Event> = "application/json"),
        (String = "application/x-ndjson", example = "{\"type\":\"OVERRIDE\",\"actor\":\"test@agency.gov\"}\n"),
    )),
    responses((status = 200, description = "Every good line is stored.", body = Answer)),
)]
pub(crate) async fn events(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["atomic", "receipts"])?;
    let (atomic, receipts) = (params.flag("atomic")?, params.flag("receipts")?);
    let body = body::read(&app, &headers, body, "batch", MAX_BATCH_BYTES).await?;
    let bytes = body.len();
    let scope = caller.scope();
    let mut batch = Batch { app: &app, scope, bytes, stored: Vec::new(), rejected: Vec::new() };
    let lines = body::work_on(bytes, move || lines::split(&body)).await??;
    let stored = if atomic { batch.store_all(lines).await } else { batch.store_good(lines).await };
    let Batch { stored: receipted, mut rejected, .. } = batch;
    let refused = stored.as_ref().is_err_and(Problem::is_invalid);
    app.metrics.rejected(rejected.len() + usize::from(refused));
    stored?;
    rejected.sort_unstable_by_key(|rejected| rejected.line);
    let duplicates = receipted.iter().filter(|stored| stored.receipt.duplicate).count();
    json(&Answer {
        stored: receipted.len() - duplicates,
        duplicates,
        rejected,
        receipts: receipts.then_some(receipted),
    })
}

struct Batch<'a> {
    app: &'a App,
    scope: Scope,
    /// How large its text is.
    bytes: usize,
    stored: Vec<LineReceipt>,
    rejected: Vec<Rejected>,
}

impl Batch<'_> {
    /// All lines or none.
    async fn store_all(&mut self, lines: Vec<Line>) -> Result<(), Problem> {
        let scope = self.scope;
        let read = move || {
            let read = |(index, line): (usize, &Line)| {
                let event = Event::from_json(&line.json).map_err(|invalid| invalid.at_index(index))?;
                let may = may_record(scope, &event);
                may.map_err(|invalid| Problem::forbidden(invalid.at_index(index)))?;
                Ok(event)
            };
            let events: Result<Vec<Event>, Problem> = lines.iter().enumerate().map(read).collect();
            (events, lines)
        };
        let (events, lines) = body::work_on(self.bytes, read).await?;
        let receipts = self.app.record_events(events?).await?;
        self.keep(&lines, receipts);
        Ok(())
    }

    /// Every line that the rules, the caller's scope and the store let in.
    async fn store_good(&mut self, lines: Vec<Line>) -> Result<(), Problem> {
        // The lines are kept and not the events: in the rule nothing is refused, and then nothing is copied.
        let (lines, events) = self.read(lines).await?;
        let error = match self.app.record_events(events).await {
            Ok(receipts) => {
                self.keep(&lines, receipts);
                return Ok(());
            }
            Err(error) => error,
        };
        if error.invalid().is_none() {
            return Err(error.into());
        }
        // The store looks at instants, which are judged by its clock. It stored nothing; the events that it lets in
        // are sent again.
        let now = self.app.client.status().await?.now;
        let (lines, events) = self.read(lines).await?;
        let (mut allowed, mut events_allowed) = (Vec::new(), Vec::new());
        for (line, event) in lines.into_iter().zip(events) {
            // The check fills in what is missing, and that is the store's to do: so it gets a copy.
            match store::complete_batch(&mut [event.clone()], now) {
                Ok(()) => {
                    allowed.push(line);
                    events_allowed.push(event);
                }
                Err(invalid) => self.rejected.push(Rejected::new(line.number, &invalid)),
            }
        }
        let (lines, events) = (allowed, events_allowed);
        match self.app.record_events(events).await {
            Ok(receipts) => self.keep(&lines, receipts),
            Err(error) if error.invalid().is_none() => return Err(error.into()),
            // Rules of the store's own: each event is put to them alone.
            Err(_) => self.store_each(&lines).await?,
        }
        Ok(())
    }

    async fn store_each(&mut self, lines: &[Line]) -> Result<(), Problem> {
        for line in lines {
            let Ok(event) = Event::from_json(&line.json) else { continue };
            match self.app.record_event(event).await {
                Ok(receipt) => self.stored.push(LineReceipt { line: line.number, receipt }),
                Err(error) => match error.invalid() {
                    Some(invalid) => self.rejected.push(Rejected::new(line.number, invalid)),
                    None => return Err(error.into()),
                },
            }
        }
        Ok(())
    }

    /// The good lines and their events; bad lines are rejected.
    async fn read(&mut self, mut lines: Vec<Line>) -> Result<(Vec<Line>, Vec<Event>), Problem> {
        let scope = self.scope;
        let read = move || {
            let (mut events, mut rejected) = (Vec::with_capacity(lines.len()), Vec::new());
            let read = |line: &Line| {
                let event = Event::from_json(&line.json)?;
                may_record(scope, &event).map(|()| event)
            };
            lines.retain(|line| match read(line) {
                Ok(event) => {
                    events.push(event);
                    true
                }
                Err(invalid) => {
                    rejected.push(Rejected::new(line.number, &invalid));
                    false
                }
            });
            (lines, events, rejected)
        };
        let (lines, events, rejected) = body::work_on(self.bytes, read).await?;
        self.rejected.extend(rejected);
        Ok((lines, events))
    }

    fn keep(&mut self, lines: &[Line], receipts: Vec<Receipt>) {
        let stored = lines.iter().zip(receipts);
        self.stored.extend(stored.map(|(line, receipt)| LineReceipt { line: line.number, receipt }));
    }
}

//! Taking in what programs that may not read have inserted into the table `incoming`.
//!
//! An insertion that is committed is an acknowledgement. So a row is removed only by a transaction that begins before
//! its event is appended and commits after: whatever fails in between leaves the row, to be taken again. Its event
//! keeps its id, the sender's or the row's, so that it is in the log once, however often it is taken. What breaks a rule
//! goes to `refused`, in the same transaction.
//!
//! Every server takes. Each locks the rows that it works on and passes over those that another has locked.

use std::time::Duration;

use apmt_core::{Clock, Error, Event, Invalid};
use deadpool_postgres::{ClientWrapper, Object, Pool};
use tokio::try_join;
use tokio_postgres::Row;

use crate::failure::{Failure, Sql};
use crate::pipeline::{Pipeline, parameters};
use crate::rows::timestamp;
use crate::writer::Appends;

/// How many rows are taken at a time: no more than make a batch, however large each is.
const ROWS: i64 = 200;
/// How often an empty table is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// The wait after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// What the task works with.
pub(crate) struct Intake {
    pub(crate) pool: Pool,
    pub(crate) clock: std::sync::Arc<dyn Clock>,
    /// How long a commit is waited for.
    pub(crate) patience: Duration,
    /// The database, as logs show it.
    pub(crate) place: String,
}

/// An event that waits, or what waits in an event's place.
struct Waiting {
    number: i64,
    received_at: i64,
    json: String,
    event: Result<Event, Invalid>,
}

impl Intake {
    /// Takes in what comes, until the writer has ended.
    pub(crate) async fn run(self, appends: Appends) {
        let mut said = String::new();
        while appends.are_taken() {
            let wait = match self.take(&appends).await {
                Ok(0) => LOOK,
                Ok(_) => {
                    said.clear();
                    continue;
                }
                Err(failure) => {
                    let error = failure.error(&self.place).to_string();
                    if error != said {
                        tracing::warn!(
                            error,
                            "what waits in the table incoming cannot be taken; trying again"
                        );
                        said = error;
                    }
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes some rows; how many.
    async fn take(&self, appends: &Appends) -> Sql<usize> {
        let connection = self.pool.get().await?;
        let look = connection.prepare_cached("SELECT 1 FROM incoming LIMIT 1").await?;
        if connection.query_opt(&look, &[]).await?.is_none() {
            return Ok(0);
        }
        let taken = self.take_in_transaction(&connection, appends).await;
        if taken.is_err() {
            // It is in the middle of a transaction, which ends with it.
            drop(Object::take(connection));
        }
        taken
    }

    async fn take_in_transaction(&self, connection: &ClientWrapper, appends: &Appends) -> Sql<usize> {
        let lock = connection
            .prepare_cached(
                "SELECT number, id, received_at, event FROM incoming ORDER BY number LIMIT $1 \
                 FOR UPDATE SKIP LOCKED",
            )
            .await?;
        let ((), rows) = try_join!(
            biased;
            async { Ok::<_, Failure>(connection.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?) },
            async { Ok(connection.query(&lock, &[&ROWS]).await?) },
        )?;
        let mut waiting = rows.iter().map(Waiting::read).collect::<Sql<Vec<_>>>()?;
        self.append(appends, &mut waiting).await?;
        let mut pipeline = Pipeline::on(connection);
        let numbers: Vec<i64> = waiting.iter().map(|waiting| waiting.number).collect();
        pipeline.add("DELETE FROM incoming WHERE number = ANY ($1)", parameters![numbers]).await?;
        let now = self.clock.now().millis();
        for Waiting { number, received_at, json, event } in &waiting {
            let Err(invalid) = event else { continue };
            let reason = format!("{}: {}", invalid.field(), invalid.reason());
            tracing::warn!(number, reason, "an incoming event is refused; it is in the table refused");
            let refuse = "INSERT INTO refused (number, received_at, refused_at, reason, event) \
                          VALUES ($1, $2, $3, $4, $5)";
            pipeline.add(refuse, parameters![*number, *received_at, now, reason, json.as_str()]).await?;
        }
        pipeline.commit(self.patience).await?;
        Ok(waiting.len())
    }

    /// Appends all that breaks no rule.
    async fn append(&self, appends: &Appends, waiting: &mut [Waiting]) -> Sql<()> {
        loop {
            let events: Vec<Event> =
                waiting.iter().filter_map(|waiting| waiting.event.clone().ok()).collect();
            if events.is_empty() {
                return Ok(());
            }
            let Err(error) = appends.append(events, self.clock.now()).await else { return Ok(()) };
            // The store's own rules, which are broken by an event of the batch, and keep all of it out.
            let refused = error.invalid().cloned().and_then(|invalid| {
                let sound = waiting.iter_mut().filter(|waiting| waiting.event.is_ok());
                Some((sound.into_iter().nth(invalid.index()?)?, invalid))
            });
            match refused {
                Some((waiting, invalid)) => waiting.event = Err(invalid),
                None => return Err(of_append(&error)),
            }
        }
    }
}

impl Waiting {
    fn read(row: &Row) -> Sql<Self> {
        let json: String = row.try_get(3)?;
        let received_at: i64 = row.try_get(2)?;
        let id = row.try_get(1)?;
        // Whatever takes the row, and however often, it is the same event.
        let event = Event::from_json(&json).and_then(|event| {
            let id = event.id().unwrap_or(id);
            let occurred_at = event.occurred_at().unwrap_or_else(|| timestamp(received_at));
            Event::from_payload(event.to_payload().as_bytes(), id, occurred_at)
        });
        Ok(Self { number: row.try_get(0)?, received_at, json, event })
    }
}

fn of_append(error: &Error) -> Failure {
    Failure::lasting(error.kind(), error.to_string())
}

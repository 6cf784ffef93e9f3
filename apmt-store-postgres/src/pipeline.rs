//! Statements that are sent together, so that the network is waited for once.
//!
//! What is to be sent is gathered first, each statement prepared; from then on nothing is waited for until all of it is
//! on the wire. So they arrive in the order in which they were gathered, and a commit that goes out with them arrives
//! last.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::sync::Notify;
use tokio::try_join;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::failure::{Failure, Sql};

type Parameters<'a> = Vec<Box<dyn ToSql + Sync + Send + 'a>>;

/// Statements that wait to be sent.
pub(crate) struct Pipeline<'a> {
    connection: &'a ClientWrapper,
    /// What begins the transaction, where none has begun.
    begin: Option<&'static str>,
    statements: Vec<(Statement, Parameters<'a>)>,
}

type Sent<'a> = Pin<Box<dyn Future<Output = Sql<Vec<Row>>> + Send + 'a>>;

/// The parameters of a statement.
macro_rules! parameters {
    ($($value:expr),+ $(,)?) => { vec![$(Box::new($value) as Box<dyn tokio_postgres::types::ToSql + Sync + Send>),+] };
}
pub(crate) use parameters;

impl<'a> Pipeline<'a> {
    pub(crate) const fn on(connection: &'a ClientWrapper) -> Self {
        Self { connection, begin: None, statements: Vec::new() }
    }

    /// One that begins a transaction with that statement.
    pub(crate) const fn beginning(connection: &'a ClientWrapper, begin: &'static str) -> Self {
        Self { connection, begin: Some(begin), statements: Vec::new() }
    }

    /// Adds a statement. It is sent only with the others; to prepare it takes a round trip the first time that it is used
    /// on a connection.
    pub(crate) async fn add(&mut self, sql: &str, parameters: Parameters<'a>) -> Sql<()> {
        self.statements.push((self.connection.prepare_cached(sql).await?, parameters));
        Ok(())
    }

    /// Sends all of it in one round trip; the rows of its last statement. If a statement fails, the error is that of the
    /// first that did.
    pub(crate) async fn run(self) -> Sql<Vec<Row>> {
        let connection = self.connection;
        let begin = self.begin.map(|begin| -> Sent<'a> {
            Box::pin(async move {
                connection.batch_execute(begin).await?;
                Ok(Vec::new())
            })
        });
        let statements = self.statements.into_iter().map(|(statement, parameters)| -> Sent<'a> {
            Box::pin(async move {
                let parameters: Vec<&(dyn ToSql + Sync)> =
                    parameters.iter().map(|parameter| -> &(dyn ToSql + Sync) { &**parameter }).collect();
                Ok(connection.query(&statement, &parameters).await?)
            })
        });
        let mut sent: Vec<(usize, Sent<'a>)> = begin.into_iter().chain(statements).enumerate().collect();
        let last = sent.len().saturating_sub(1);
        let mut rows_of_last = Vec::new();
        // A statement is on the wire once it has been polled, or has failed before that; then nothing behind it is sent.
        std::future::poll_fn(|cx| {
            let mut failed = None;
            sent.retain_mut(|(number, statement)| {
                if failed.is_some() {
                    return true;
                }
                match statement.as_mut().poll(cx) {
                    Poll::Pending => return true,
                    // An answer that comes while this goes through them may be found before those ahead of it.
                    Poll::Ready(Ok(rows)) if *number == last => rows_of_last = rows,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(failure)) => failed = Some(failure),
                }
                false
            });
            match failed {
                Some(failure) => Poll::Ready(Err(failure)),
                None if sent.is_empty() => Poll::Ready(Ok(std::mem::take(&mut rows_of_last))),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Sends all of it and a commit behind it, in one round trip; the rows of its last statement. The commit then waits for the disk and the standbys
    /// that the database waits for, up to `patience` after everything else is done.
    ///
    /// A statement that fails takes the commit with it: what comes after it in the transaction is refused.
    ///
    /// A statement timeout must not end the commit's wait: the server would say that it has committed, though no standby
    /// has what it then acknowledges. So the wait is ended here, and it is not known what became of the transaction. Nor
    /// is it known where the connection breaks.
    pub(crate) async fn commit(self, patience: Duration) -> Sql<Vec<Row>> {
        // Two statements of one message: the first fails where something before it has failed, and the second with it.
        let commit = self.connection.batch_execute("SET LOCAL statement_timeout TO 0; COMMIT");
        let written = Notify::new();
        let waited = async {
            written.notified().await;
            tokio::time::sleep(patience).await;
        };
        let (rows, ()) = try_join!(
            biased;
            async {
                let rows = self.run().await?;
                written.notify_one();
                Ok(rows)
            },
            async {
                tokio::select! {
                    biased;
                    committed = commit => Ok(committed?),
                    () = waited => {
                        Err(Failure::broken("the commit is waited for in vain: is a synchronous standby away?"))
                    }
                }
            },
        )?;
        Ok(rows)
    }
}

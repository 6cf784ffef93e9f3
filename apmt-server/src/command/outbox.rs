//! `apmt outbox`: what a program could not deliver yet.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apmt_core::Timestamp;
use apmt_store_http::outbox::{self, DeadLetter, Delivery, OutboxBuilder, OutboxStatus};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use futures_lite::future::block_on;
use serde::Serialize;
use uuid::Uuid;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{Purpose, StoreOptions, close, progress_bar};
use crate::screen::{self, complain, count};

/// How many events are read at a time.
const PAGE: usize = 100;

/// Look after a program's outbox: what waits there, and what was refused
///
/// A program that records through an outbox keeps its events in a file until the server has them. These commands work
/// while the program runs, and when it is gone.
#[derive(Subcommand, Debug)]
pub(super) enum Outbox {
    Status(Status),
    Retry(Retry),
    Discard(Discard),
    Export(Export),
    Deliver(Deliver),
}

impl Outbox {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Status(command) => command.run(),
            Self::Retry(command) => command.run(),
            Self::Discard(command) => command.run(),
            Self::Export(command) => command.run(),
            Self::Deliver(command) => command.run(),
        }
    }
}

/// Which outbox.
#[derive(Args, Debug)]
struct FileOption {
    /// The outbox's file
    #[arg(long, value_name = "FILE", env = "APMT_OUTBOX")]
    outbox: PathBuf,
}

impl FileOption {
    /// It must be there: a slip of the pen makes no new one.
    fn find(&self) -> Result<OutboxBuilder, Failure> {
        if !self.outbox.is_file() {
            let failure = Failure::new(format!("no outbox at {}", self.outbox.display()));
            return Err(failure.advise("give the path that the program opens it with"));
        }
        Ok(outbox::Outbox::builder(&self.outbox))
    }

    /// The outbox, from which nothing is delivered.
    fn open(&self) -> Result<outbox::Outbox, Failure> {
        Ok(self.find()?.open()?)
    }
}

/// Show what waits, what was refused, and why nothing is delivered
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt outbox status --outbox /var/lib/forms/outbox.db
  apmt outbox status --outbox outbox.db --json | jq .waiting")]
pub(super) struct Status {
    #[command(flatten)]
    file: FileOption,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    fn run(self) -> Result<Ending, Failure> {
        let status = self.file.open()?.status_blocking()?;
        if self.json {
            print_json(&status)?;
        } else {
            print(&screen::outbox::page(&self.file.outbox, &status))?;
        }
        Ok(Ending::Fine)
    }
}

/// How many dead letters were put back, or removed.
#[derive(Serialize)]
struct Letters {
    letters: u64,
}

/// Put dead letters back, to be delivered once more
///
/// For what was refused by a rule that has been put right over there, and what waited too long.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true), after_help = "\
Examples:
  apmt outbox retry --outbox outbox.db --all
  apmt outbox retry --outbox outbox.db 01890a5d-ac96-774b-bcce-b302099a8057

Exits with 1 if an id is no dead letter's.")]
pub(super) struct Retry {
    /// The events' ids
    #[arg(value_name = "ID", group = "which")]
    ids: Vec<Uuid>,
    /// All of them
    #[arg(long, group = "which")]
    all: bool,
    #[command(flatten)]
    file: FileOption,
    /// Print the count as JSON
    #[arg(long)]
    json: bool,
}

impl Retry {
    fn run(self) -> Result<Ending, Failure> {
        let outbox = self.file.open()?;
        let letters = block_on(async {
            if self.all { outbox.retry_all().await } else { outbox.retry(&self.ids).await }
        })?;
        say_letters(letters, "put back", self.json)?;
        Ok(Ending::rejected_if(letters < self.ids.len() as u64))
    }
}

/// Remove dead letters for good
///
/// For what was put right elsewhere. Keep what `apmt outbox export --only dead` says first.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  apmt outbox discard --outbox outbox.db 01890a5d-ac96-774b-bcce-b302099a8057

Exits with 1 if an id is no dead letter's.")]
pub(super) struct Discard {
    /// The events' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<Uuid>,
    #[command(flatten)]
    file: FileOption,
    /// Print the count as JSON
    #[arg(long)]
    json: bool,
}

impl Discard {
    fn run(self) -> Result<Ending, Failure> {
        let letters = block_on(self.file.open()?.discard(&self.ids))?;
        say_letters(letters, "removed", self.json)?;
        Ok(Ending::rejected_if(letters < self.ids.len() as u64))
    }
}

fn say_letters(letters: u64, what: &str, json: bool) -> Result<(), Failure> {
    if json {
        print_json(&Letters { letters })
    } else {
        print(&format!("{} {what}\n", count(letters, "dead letter", "dead letters")))
    }
}

/// Which events of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Those that wait to be delivered
    Waiting,
    /// Those that were given up
    Dead,
}

/// Print an outbox's events as JSON Lines
///
/// What waits, in order, and then the dead letters, as `apmt import` takes them. Why each dead letter was given up is
/// said on standard error. The outbox stays as it is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt outbox export --outbox outbox.db > events.jsonl
  apmt outbox export --outbox outbox.db --only dead --output dead.jsonl 2> reasons.txt
  apmt outbox export --outbox outbox.db --only dead --json 2> reasons.jsonl > dead.jsonl")]
pub(super) struct Export {
    #[command(flatten)]
    file: FileOption,
    /// Only these
    #[arg(long, value_name = "WHICH")]
    only: Option<Which>,
    /// Write to that file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say why each dead letter was given up as JSON
    #[arg(long)]
    json: bool,
}

/// Why a dead letter was given up, on standard error.
#[derive(Serialize)]
struct Reason<'a> {
    id: Uuid,
    #[serde(rename = "reason")]
    why: outbox::DeathReason,
    field: Option<&'a str>,
    rule: &'a str,
    put_at: Timestamp,
    died_at: Timestamp,
}

impl Export {
    fn run(self) -> Result<Ending, Failure> {
        let outbox = self.file.open()?;
        match &self.output {
            None => self.write(&outbox, std::io::stdout().lock())?,
            Some(path) => {
                let failed = |error| Failure::file("write", path, error);
                let file = File::create(path).map_err(failed)?;
                self.write(&outbox, &file)?;
                file.sync_all().map_err(failed)?;
            }
        }
        Ok(Ending::Fine)
    }

    fn write(&self, outbox: &outbox::Outbox, out: impl Write) -> Result<(), Failure> {
        let mut out = BufWriter::with_capacity(256 * 1024, out);
        let mut after = 0;
        while self.only != Some(Which::Dead) {
            let page = block_on(outbox.waiting(after, PAGE))?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (_, event) in &page {
                writeln!(out, "{event}")?;
            }
        }
        after = 0;
        while self.only != Some(Which::Waiting) {
            let page = block_on(outbox.dead_letters(after, PAGE))?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for letter in &page {
                writeln!(out, "{}", letter.event)?;
                self.explain(letter);
            }
        }
        Ok(out.flush()?)
    }

    fn explain(&self, letter: &DeadLetter) {
        let DeadLetter { id, reason, field, rule, put_at, died_at, .. } = letter;
        if self.json {
            let field = field.as_deref();
            let why = Reason { id: *id, why: *reason, field, rule, put_at: *put_at, died_at: *died_at };
            complain(&serde_json::to_string(&why).unwrap_or_default());
        } else {
            let field = field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
            complain(&format!("{id}: {} at {died_at}: {field}{rule}", reason.name()));
        }
    }
}

/// Deliver what waits, and end
///
/// For an outbox whose program is gone: it goes on delivering by itself otherwise. Nothing is delivered twice, whoever
/// has begun.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt outbox deliver --outbox outbox.db --store https://apmt.example.gov
  APMT_KEY=… apmt outbox deliver --outbox outbox.db --store https://apmt.example.gov --give-up-after 600

Exits with 1 if there are dead letters afterwards, and with 2 if not everything could be delivered.")]
pub(super) struct Deliver {
    #[command(flatten)]
    file: FileOption,
    #[command(flatten)]
    store: StoreOptions,
    /// Give up when nothing could be delivered for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    give_up_after: u64,
    /// Print where the outbox stands in the end as JSON
    #[arg(long)]
    json: bool,
}

impl Deliver {
    fn run(self) -> Result<Ending, Failure> {
        let builder = self.file.find()?;
        let client = self.store.open(Purpose::Write)?;
        let outbox = builder.target(Arc::clone(client.store())).open()?;
        let delivered = self.deliver(&outbox);
        let status = outbox.status_blocking()?;
        drop(outbox);
        if self.json {
            print_json(&status)?;
        } else {
            print(&screen::outbox::page(&self.file.outbox, &status))?;
        }
        delivered?;
        close(&client)?;
        Ok(Ending::rejected_if(status.dead > 0))
    }

    /// Waits until nothing waits, or nothing moves.
    fn deliver(&self, outbox: &outbox::Outbox) -> Result<(), Failure> {
        const LOOK: Duration = Duration::from_millis(200);
        let began = outbox.status_blocking()?;
        let bar = progress_bar(Some(began.waiting), "delivering {pos} of {len} events  {bar:20}  {eta} left");
        let (patience, mut moved, mut waiting) =
            (Duration::from_secs(self.give_up_after), Instant::now(), began.waiting);
        let ended = loop {
            if outbox.flush_blocking(LOOK).is_ok() {
                break Ok(());
            }
            let status = outbox.status_blocking()?;
            bar.set_position(began.waiting.saturating_sub(status.waiting));
            if status.waiting != waiting {
                (waiting, moved) = (status.waiting, Instant::now());
            }
            if let Some(failure) = hopeless(&status, &began) {
                break Err(failure);
            }
            if moved.elapsed() >= patience {
                let failure = Failure::new(format!(
                    "nothing was delivered for {}",
                    count(self.give_up_after, "second", "seconds")
                ));
                break Err(match status.last_error {
                    Some(error) => failure.advise(format!("the store said: {}", error.message)),
                    None => failure,
                });
            }
        };
        bar.finish_and_clear();
        ended
    }
}

/// Why waiting does not help, where it does not.
fn hopeless(status: &OutboxStatus, began: &OutboxStatus) -> Option<Failure> {
    if status.delivery == Delivery::Elsewhere {
        let failure = Failure::new("another program delivers from this outbox");
        return Some(failure.advise("let it, or stop it first: apmt outbox status shows how it fares"));
    }
    let error = status.last_error.as_ref().filter(|_| status.last_error != began.last_error)?;
    let passes = apmt_core::Error::new(error.kind, "").is_temporary();
    (!passes).then(|| Failure::new(format!("the store takes nothing: {}", error.message)))
}

//! `apmt migrate`: from one store to another.

use std::sync::Arc;

use apmt_core::time::ManualClock;
use apmt_core::{Clock as _, SystemClock};
use clap::Args;
use futures_lite::future::block_on;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::migrate::{Doing, Migration, Moved, Stopped};
use crate::open::{Purpose, RuleOptions, close, is_memory, is_remote, progress_bar};
use crate::screen::count;

/// Move a log to another store, such as from a file to a database
///
/// Every event keeps its id, its instant, its place and the time of its recording. Run it again if it was broken off:
/// what is there already is compared and not copied. In the end both logs are compared event by event, and what counts
/// for every actor. Stop whatever records into either store first. The source is only read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt migrate --from sqlite:apmt.db --to postgres://apmt@db.example.org/apmt
  apmt migrate --from postgres://db.example.org/apmt --to sqlite:copy.db --json

A server's log comes and goes by export and import:
  apmt export --store http://… | apmt import - --store …")]
pub(super) struct Migrate {
    /// The store to read: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store to fill: empty, or with the beginning of that log in it
    #[arg(long, value_name = "URL")]
    to: String,
    /// Which hours count, in both: always, us-federal, or a YAML file
    #[arg(long, value_name = "NAME|FILE", default_value = "always")]
    calendar: String,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        for (option, url) in [("--from", &self.from), ("--to", &self.to)] {
            if is_remote(url) {
                return Err(Failure::new(format!("{option}: a server keeps the times of its own clock"))
                    .advise("use apmt export and apmt import, or name the store that the server keeps"));
            }
            if is_memory(url) {
                return Err(Failure::new(format!("{option}: memory: ends with this command"))
                    .advise("give sqlite:PATH or postgres://…"));
            }
        }
        if self.from.trim() == self.to.trim() {
            return Err(Failure::new("--from and --to are the same store"));
        }
        let rules = RuleOptions { policy: None, calendar: self.calendar.clone(), refold: false };
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let from = rules.open(&self.from, Purpose::Read)?;
        let to = rules.open_with(&self.to, Purpose::Write, Some(clock.clone()))?;
        let bar = progress_bar(None, "{wide_msg} {pos} of {len} events  {bar:20}  {eta} left");
        let migration = Migration {
            from: &**from.store(),
            to: &**to.store(),
            clock: &clock,
            progress: &mut |doing, done, total| {
                bar.set_message(match doing {
                    Doing::Comparing => "comparing what is there",
                    Doing::Copying => "copying",
                    Doing::Verifying => "verifying",
                });
                bar.set_length(total);
                bar.set_position(done);
            },
        };
        let moved = block_on(migration.run());
        bar.finish_and_clear();
        let moved = moved.map_err(|stopped| match stopped {
            Stopped::Store(error) => Failure::from(error)
                .advise("what was copied stays: run this again, and it goes on from there"),
            Stopped::Differ(message) => Failure::new(message),
        })?;
        close(&to)?;
        close(&from)?;
        self.print(&moved)?;
        Ok(Ending::Fine)
    }

    fn print(&self, moved: &Moved) -> Result<(), Failure> {
        if self.json {
            return print_json(moved);
        }
        let Moved { copied, there, log_digest, dossiers, as_of, dossiers_digest } = moved;
        print(&format!(
            "{} copied, {there} were there\nthe same log       sha256 {log_digest}\nthe same dossiers  sha256 {dossiers_digest}  \
             ({} as of {as_of})\n",
            count(*copied, "event", "events"),
            count(*dossiers, "actor", "actors"),
        ))
    }
}

//! `apmt erase` and `apmt prune`: taking away what events say, where the law asks for it.

use std::io::{BufRead as _, IsTerminal as _};

use apmt_client::blocking::Client;
use apmt_core::{ActorName, CaseId, Store, Timestamp};
use apmt_seal::{Erasure, erase, seal_of};
use clap::Args;
use futures_lite::future::block_on;
use serde_json::json;
use uuid::Uuid;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{Purpose, StoreOptions, close, progress_bar};
use crate::retention::{self, Age};
use crate::screen::{complain, count, printable};

/// Who erases, and why: what stays.
#[derive(Args, Debug)]
struct Why {
    /// Who erases: it stays in the log
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Why: it stays in the log
    #[arg(long, value_name = "WHY")]
    reason: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreOptions,
}

/// Erase what events say, for ever
///
/// The events of one case, of one actor, or single ones: what they say is gone from the store and counts no more. Their
/// ids, places and times of recording stay, with who erased them, when and why, and apmt verify shows it: the seal holds as
/// before. What is not sealed yet is sealed first.
///
/// Copies are not erased: backups, exports, evidence files, audit logs, and what a running server has in memory until it
/// is started again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt erase --case LOAN-1042 --by records@sba.gov --reason 'court order 24-118'
  apmt erase --event 01890a5d-ac96-774b-bcce-b302099a8057 --by records@sba.gov --reason 'sent by mistake'
  apmt erase --actor anne@sba.gov --by records@sba.gov --reason '5 U.S.C. 4303(d)' --yes")]
#[group(id = "what", required = true)]
pub(super) struct Erase {
    /// This event; may be given more than once
    #[arg(long = "event", value_name = "ID", group = "what")]
    events: Vec<Uuid>,
    /// Every event of this case
    #[arg(long, value_name = "CASE", group = "what")]
    case: Option<String>,
    /// Every event of this actor's; others' events on the same cases stay
    #[arg(long, value_name = "ACTOR", group = "what")]
    actor: Option<String>,
    #[command(flatten)]
    why: Why,
}

impl Erase {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.why.store.open(Purpose::Write)?;
        let store = &**client.store();
        seal_of(store)?;
        let (what, positions) = if let Some(case) = &self.case {
            let case = CaseId::new(case)?;
            let events = block_on(store.case(&case))?;
            (format!("case {case}"), events.iter().map(|recorded| recorded.position).collect())
        } else if let Some(actor) = &self.actor {
            let actor = ActorName::new(actor)?;
            (format!("actor {actor}"), of_actor(store, &actor)?)
        } else {
            let mut positions = Vec::new();
            for id in &self.events {
                let Some(recorded) = block_on(store.event(*id))? else {
                    return Err(Failure::new(format!("there is no event {id}")));
                };
                positions.push(recorded.position);
            }
            ("these ids".to_owned(), positions)
        };
        self.why.erase(&client, &what, &positions)
    }
}

/// The positions of all that an actor did.
fn of_actor(store: &dyn Store, actor: &ActorName) -> Result<Vec<u64>, Failure> {
    let bar = progress_bar(None, "reading the log {pos} of {len} events  {bar:20}  {eta} left");
    bar.set_length(block_on(store.status())?.position);
    let mut positions = Vec::new();
    retention::each_event(store, |recorded| {
        bar.set_position(recorded.position);
        if recorded.event.actor() == Some(actor) {
            positions.push(recorded.position);
        }
    })?;
    bar.finish_and_clear();
    Ok(positions)
}

/// Erase what is older than the law has it kept
///
/// Whole cases only: a case is erased if it has ended, and the newest of its events happened and was recorded before then.
/// Events without a case are erased each on its own, but for the start of a plan that is not closed. A case that waits for
/// somebody is kept, however old. See apmt erase for what stays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt prune --older-than 6y --by records@sba.gov --reason 'GRS 2.2, item 070' --dry-run
  apmt prune --older-than 400d --by records@sba.gov --reason 'retention' --yes")]
pub(super) struct Prune {
    /// How long it is kept: years (6y), months (18mo), weeks (52w) or days (400d), counted back from now
    #[arg(long, value_name = "AGE")]
    older_than: Age,
    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
}

impl Prune {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let purpose = if self.dry_run { Purpose::Read } else { Purpose::Write };
        let client = self.why.store.open(purpose)?;
        let store = &**client.store();
        seal_of(store)?;
        let before: Timestamp = self.older_than.before(block_on(store.status())?.now);
        let expired = retention::expired(store, before)?;
        let what = format!("before {before}, {}", count(expired.cases, "whole case", "whole cases"));
        if self.dry_run {
            let events = count(expired.positions.len() as u64, "event", "events");
            if self.why.json {
                print_json(
                    &json!({ "before": before, "cases": expired.cases, "events": expired.positions.len() }),
                )?;
            } else {
                print(&format!("{what}: {events} would be erased\n"))?;
            }
            close(&client)?;
            return Ok(Ending::Fine);
        }
        self.why.erase(&client, &what, &expired.positions)
    }
}

impl Why {
    fn erase(&self, client: &Client, what: &str, positions: &[u64]) -> Result<Ending, Failure> {
        let events = count(positions.len() as u64, "event", "events");
        if !positions.is_empty() && !self.yes && !confirmed(&format!("erase {events} ({what}) for ever?"))? {
            complain("nothing was erased");
            close(client)?;
            return Ok(Ending::Rejected);
        }
        let done = block_on(erase(&**client.store(), positions, &self.by, &self.reason))?;
        if self.json {
            print_json(&done)?;
        } else {
            let Erasure { erased, .. } = done;
            print(&format!("{} erased ({})\n", count(erased, "event", "events"), printable(what)))?;
        }
        close(client)?;
        Ok(Ending::Fine)
    }
}

/// Asks whoever sits at the terminal.
fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("nobody is there to be asked").advise("give --yes if it is meant"));
    }
    complain(&format!("{question} Type yes:"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

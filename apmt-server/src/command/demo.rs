//! `apmt demo`: an agency made up for the occasion.

use apmt_client::blocking::Client;
use apmt_core::{AsOf, Timestamp};
use clap::Args;

use super::{instant, print};
use crate::demo::{ANNE, MARKER, events};
use crate::failure::{Ending, Failure};
use crate::open::{Purpose, RuleOptions, close};
use crate::screen::{self, complain};

/// How many events are stored at a time.
const BATCH: usize = 1000;

/// Make up an agency, record its last 120 days, and show its scoreboard
///
/// Some forty people and AI agents, the same every time. Run it again, and it shows the agency that is there. It
/// refuses a store that holds anything else.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt demo
  apmt demo --store memory:
  apmt demo --store sqlite:march.db --as-of 2026-03-02T15:00:00Z")]
pub(super) struct Demo {
    /// The store: memory: or sqlite:PATH
    #[arg(
        long,
        value_name = "URL",
        env = "APMT_STORE",
        default_value = "sqlite:apmt-demo.db",
        hide_env_values = true
    )]
    store: String,
    #[command(flatten)]
    rules: RuleOptions,
    /// The end of the 120 days, instead of now
    #[arg(long, value_name = "TIME", value_parser = instant)]
    as_of: Option<AsOf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.rules.open(&self.store, Purpose::Write)?;
        let asked_for = self.as_of.map(|as_of| Ok(as_of.resolve(&client.status()?))).transpose();
        let asked_for = asked_for.map_err(|error: apmt_core::Error| error)?;
        let Founding { end, told } = founded(&client, &self.store, asked_for)?;
        complain(&told);

        // What is there already goes on: its queues age with the clock.
        let as_of = if asked_for.is_some() { end } else { client.status()?.now };
        let board = client.scoreboard(as_of)?;
        let unattributed = client.unattributed(as_of)?;
        let mut page = screen::scoreboard::page(&board, &unattributed, as_of, client.policy());
        page.push_str(&self.what_next(asked_for));
        print(&page)?;
        close(&client)?;
        Ok(Ending::Fine)
    }

    fn what_next(&self, as_of: Option<Timestamp>) -> String {
        if self.store.trim().starts_with("memory:") {
            return "\nNothing of this is kept. To look closer: apmt demo --store sqlite:apmt-demo.db\n"
                .to_owned();
        }
        let as_of = as_of.map_or_else(String::new, |as_of| format!(" --as-of {as_of}"));
        let store = screen::shell_word(&self.store);
        format!("\nNext: apmt dossier {ANNE} --store {store}{as_of}\n")
    }
}

/// An agency that a store holds.
#[derive(Debug)]
pub(super) struct Founding {
    pub(super) end: Timestamp,
    /// What was stored for it, to be told to whoever waits.
    pub(super) told: String,
}

/// Sees to it that a store holds the agency, up to the end that is asked for or else up to now.
pub(super) fn founded(
    client: &Client,
    store: &str,
    asked_for: Option<Timestamp>,
) -> Result<Founding, Failure> {
    let end = match (there(client, store)?, asked_for) {
        (Some(there), Some(asked_for)) if there != asked_for => {
            return Err(Failure::new(format!("{store} holds the agency as of {there} already"))
                .advise("give --store sqlite:another.db, or leave --as-of away"));
        }
        (Some(there), _) => there,
        (None, Some(asked_for)) => asked_for,
        (None, None) => client.status()?.now,
    };
    let (mut stored, mut duplicates) = (0_usize, 0_usize);
    for batch in events(end).chunks(BATCH) {
        let receipts = client.record_events(batch.iter().cloned())?;
        let again = receipts.iter().filter(|receipt| receipt.duplicate).count();
        stored += receipts.len() - again;
        duplicates += again;
    }
    Ok(Founding { end, told: format!("{store}: {stored} events stored, {duplicates} there already") })
}

/// The end of the agency that the store holds already, if it does.
fn there(client: &Client, store: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(first) = client.events(0, 1)?.pop() else { return Ok(None) };
    let as_of = first.event.extra().get("as_of").and_then(|as_of| as_of.as_str()?.parse().ok());
    match as_of {
        Some(as_of) if first.event.what().type_name() == MARKER => Ok(Some(as_of)),
        _ => Err(Failure::new(format!("{store} holds records already"))
            .advise("what is made up must not mix with them: give --store sqlite:another.db")),
    }
}

//! `apmt record`: one event.

use std::io::{IsTerminal as _, Read as _};

use apmt_core::event::MAX_EXPORTED_BYTES;
use apmt_core::{ErrorKind, Event, Invalid};
use clap::Args;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{Purpose, StoreOptions, close};

/// Record one event
///
/// The event is one JSON object. When this says stored, the event survives a crash. An event that carries an id is
/// stored once, however often it is sent.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt record '{\"type\": \"OVERRIDE\", \"actor\": \"anne@sba.gov\", \"ai_recommendation\": \"deny\"}'
  echo '{\"type\": \"SAT_SCORE\", \"actor\": \"anne@sba.gov\", \"value\": 4}' | apmt record -

An event that breaks a rule is not stored: the field, the value and the rule are said, and the exit code is 1.")]
pub(super) struct Record {
    /// The event as JSON; - or nothing reads it from standard input
    #[arg(value_name = "JSON")]
    event: Option<String>,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the receipt as JSON
    #[arg(long)]
    json: bool,
}

impl Record {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let text = match self.event {
            Some(text) if text != "-" => text.into_bytes(),
            from_input => read(from_input.is_some())?,
        };
        let event = match Event::from_json(text.trim_ascii()) {
            Ok(event) => event,
            Err(invalid) => return Ok(rejected(&invalid)),
        };
        let client = self.store.open(Purpose::Write)?;
        let receipt = match client.record_event(event) {
            Ok(receipt) => receipt,
            Err(error) => match error.invalid() {
                Some(invalid) if error.kind() == ErrorKind::Invalid => return Ok(rejected(invalid)),
                _ => return Err(error.into()),
            },
        };
        if self.json {
            print_json(&receipt)?;
        } else {
            let said = if receipt.duplicate { "duplicate" } else { "stored" };
            print(&format!("{said} {} at position {}\n", receipt.id, receipt.position))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

fn read(asked_for: bool) -> Result<Vec<u8>, Failure> {
    let input = std::io::stdin().lock();
    if input.is_terminal() && !asked_for {
        return Err(Failure::new("no event")
            .advise("give it as an argument, or on standard input: see apmt record --help"));
    }
    let mut text = Vec::new();
    // One byte too many is enough to see that there are too many.
    input
        .take(MAX_EXPORTED_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| Failure::new("cannot read standard input").with_source(error))?;
    Ok(text)
}

fn rejected(invalid: &Invalid) -> Ending {
    crate::screen::complain(&format!("rejected: {}: {}", invalid.field(), invalid.reason()));
    Ending::Rejected
}

//! `apmt export`: the log, as it can be imported again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use apmt_client::blocking::Client;
use clap::Args;

use crate::failure::{Ending, Failure};
use crate::open::{Purpose, StoreOptions, close};

/// How many events are read at a time.
const PAGE: usize = 1000;

/// Print the log as JSON Lines
///
/// Every event in log order, as it was sent, with its id, its position and the time of its recording. Importing the
/// output into another store gives the same dossiers there; into the same store, nothing but duplicates.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt export | gzip > log.jsonl.gz
  apmt export --output log.jsonl
  apmt export --after 120000      (what came after that position)")]
pub(super) struct Export {
    /// Only what came after that position of the log
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    /// Write to that file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
}

impl Export {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        match &self.output {
            None => write(&client, self.after, std::io::stdout().lock())?,
            Some(path) => {
                let file = File::create(path).map_err(|error| Failure::file("write", path, error))?;
                write(&client, self.after, &file)?;
                file.sync_all().map_err(|error| Failure::file("write", path, error))?;
            }
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

fn write(client: &Client, mut after: u64, out: impl Write) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(256 * 1024, out);
    loop {
        let page = client.events(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for event in &page {
            serde_json::to_writer(&mut out, event).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}

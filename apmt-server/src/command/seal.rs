//! `apmt seal` and `apmt proof`: checkpoints and proofs.

use std::path::{Path, PathBuf};

use apmt_core::ErrorKind;
use apmt_seal::{Sealer, checkpoint, prove_consistency, prove_inclusion, seal_of};
use clap::Args;
use futures_lite::future::block_on;
use serde_json::json;
use uuid::Uuid;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{Purpose, StoreOptions, close, progress_bar};
use crate::screen::{complain, count};
use crate::seal::{make_key, read_key};

/// Seal the log, and sign a checkpoint of it
///
/// Every event that is not sealed yet becomes a leaf of a Merkle tree (RFC 6962), and the tree's root is signed. Keep the
/// checkpoint that is printed, and give it to others: whoever has one can find out with apmt verify whether anything
/// before it was changed since, by whomever. apmt serve --seal-key does the same from time to time.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt seal --make-key seal.key --name sba.gov/apmt    prints the key that verifies: publish it
  apmt seal --key seal.key
  apmt seal --key seal.key --output checkpoint.txt
  apmt verify --checkpoint checkpoint.txt --key sba.gov/apmt+0a1b2c3d+AQ…")]
pub(super) struct Seal {
    /// The file with the key that signs; nobody else on this machine may be able to read it
    #[arg(long, value_name = "FILE", required_unless_present = "make_key")]
    key: Option<PathBuf>,
    /// Make a key, write it to that file, and print the one that verifies what it signs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "output"], requires = "name")]
    make_key: Option<PathBuf>,
    /// The log's name, such as agency.gov/apmt: no two logs should have the same
    #[arg(long, value_name = "NAME", requires = "make_key")]
    name: Option<String>,
    /// Write the checkpoint to that file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
}

impl Seal {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        if let (Some(path), Some(name)) = (&self.make_key, &self.name) {
            let key = make_key(path, name)?;
            complain(&format!("the key that signs is in {}: keep it to yourself", path.display()));
            complain("this is the key that verifies; publish it:");
            print(&format!("{}\n", key.verifier()))?;
            return Ok(Ending::Fine);
        }
        let Some(path) = &self.key else { return Err(Failure::new("no key was given")) };
        let key = read_key(path)?;
        let client = self.store.open(Purpose::Write)?;
        let store = &**client.store();
        let seal = seal_of(store)?;
        let before = block_on(seal.sealed())?;
        let bar = progress_bar(None, "sealing {pos} of {len} events  {bar:20}  {eta} left");
        bar.set_length(block_on(store.status())?.position);
        let sealed = block_on(Sealer::default().catch_up(seal, &mut |done| bar.set_position(done)));
        bar.finish_and_clear();
        let sealed = sealed?;
        let Some(note) = block_on(checkpoint(seal, &key))? else {
            return Err(Failure::new("there is nothing to seal: the log is empty"));
        };
        match &self.output {
            None => print(&note.to_string())?,
            Some(path) => write(path, &note.to_string())?,
        }
        let now = count(sealed - before.min(sealed), "event", "events");
        complain(&format!("{now} sealed now, {sealed} in all; verify with --key {}", key.verifier()));
        close(&client)?;
        Ok(Ending::Fine)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file("write", path, error))
}

/// Prove that an event is in the sealed log, or that the log has only grown
///
/// Prints the proof as JSON. With a checkpoint of as many events, anybody can check it with apmt verify --proof, without
/// the store, or with a program of their own.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt proof --position 1042 > proof.json
  apmt proof --event 01890a5d-ac96-774b-bcce-b302099a8057 --size 5000
  apmt proof --from 5000 --to 6000
  apmt verify --proof proof.json --checkpoint checkpoint.txt --key sba.gov/apmt+0a1b2c3d+AQ…")]
#[group(id = "what", required = true)]
pub(super) struct Proof {
    /// That the event of this position is in the log
    #[arg(long, group = "what")]
    position: Option<u64>,
    /// That the event of this id is in the log
    #[arg(long, value_name = "ID", group = "what")]
    event: Option<Uuid>,
    /// In the log of so many events [default: as many as the newest checkpoint]
    #[arg(long, value_name = "EVENTS", conflicts_with = "from")]
    size: Option<u64>,
    /// That the log has grown out of the one of so many events
    #[arg(long, value_name = "EVENTS", group = "what")]
    from: Option<u64>,
    /// Up to the one of so many [default: as many as the newest checkpoint]
    #[arg(long, value_name = "EVENTS", requires = "from")]
    to: Option<u64>,
    #[command(flatten)]
    store: StoreOptions,
}

impl Proof {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let store = &**client.store();
        let seal = seal_of(store)?;
        let size = match self.size.or(self.to) {
            Some(size) => size,
            None => match block_on(seal.newest_checkpoint())? {
                Some(newest) => newest.size,
                None => {
                    return Err(Failure::new("there is no checkpoint yet").advise("make one with apmt seal"));
                }
            },
        };
        if let Some(from) = self.from {
            print_json(&block_on(prove_consistency(seal, from, size)).map_err(unproved)?)?;
        } else {
            let position = match (self.position, self.event) {
                (Some(position), _) => position,
                (None, Some(id)) => match block_on(store.event(id))? {
                    Some(recorded) => recorded.position,
                    None => return Err(Failure::new(format!("there is no event {id}"))),
                },
                (None, None) => return Err(Failure::new("no event was named")),
            };
            print_json(&block_on(prove_inclusion(seal, position, size)).map_err(unproved)?)?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

fn unproved(error: apmt_core::Error) -> Failure {
    let invalid = error.kind() == ErrorKind::Invalid;
    let failure = Failure::from(error);
    if invalid { failure.advise("apmt seal seals what has been recorded since") } else { failure }
}

/// What a proof came to, for programs.
pub(super) fn proved(json: bool, text: &str, size: u64) -> Result<(), Failure> {
    if json { print_json(&json!({ "verified": true, "size": size })) } else { print(&format!("{text}\n")) }
}

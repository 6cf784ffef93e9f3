//! `apmt verify`: whether a log is what was sealed, and whether a proof holds.

use std::path::{Path, PathBuf};

use apmt_seal::{Checkpoint, Consistency, Inclusion, Record, SealVerifier, Verified, seal_of};
use clap::Args;
use futures_lite::future::block_on;
use serde_json::json;

use super::seal::proved;
use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{self, Purpose, StoreOptions, close, progress_bar};
use crate::screen::{count, printable};

/// Verify the whole log against its seal, or a proof against a checkpoint
///
/// Goes through every event: finds what was changed, removed, inserted or put in another order since it was sealed, and
/// names the first. Says what was erased, by whom and why. Give the key that verifies, from where its owner has published
/// it: without one, signatures are not checked. Give a checkpoint that you have kept: it shows whether the owner of the
/// key has sealed another log since.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt verify --key sba.gov/apmt+0a1b2c3d+AQ…
  apmt verify --key sba.gov/apmt+0a1b2c3d+AQ… --checkpoint mine.txt --store postgres://host/apmt
  apmt verify --proof proof.json --checkpoint checkpoint.txt --key sba.gov/apmt+0a1b2c3d+AQ…
  apmt verify --proof grown.json --checkpoint old.txt --checkpoint new.txt --key sba.gov/apmt+0a1b2c3d+AQ…

Exits with 1 if something is wrong with the log or the proof.")]
pub(super) struct Verify {
    /// The key that verifies, as apmt seal prints it; may be given more than once, after a change of keys
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<SealVerifier>,
    /// A checkpoint that was kept elsewhere; may be given more than once
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Check this proof, of apmt proof, against the checkpoint, and no store
    #[arg(long, value_name = "FILE", requires = "checkpoints", requires = "keys")]
    proof: Option<PathBuf>,
    /// Print what came out as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreOptions,
}

impl Verify {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let checkpoints = self.checkpoints.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        match &self.proof {
            Some(proof) => self.proof(proof, &checkpoints),
            None => self.log(&checkpoints),
        }
    }

    fn log(&self, checkpoints: &[Checkpoint]) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let seal = seal_of(&**client.store())?;
        let bar = progress_bar(None, "verifying {pos} of {len} events  {bar:20}  {eta} left");
        let mut progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let verified = block_on(apmt_seal::verify(seal, &self.keys, checkpoints, &mut progress));
        bar.finish_and_clear();
        let verified = verified?;
        if self.json {
            print_json(&as_json(&verified))?;
        } else {
            print(&page(&verified))?;
        }
        close(&client)?;
        Ok(Ending::rejected_if(!verified.is_sound()))
    }

    fn proof(&self, path: &Path, checkpoints: &[Checkpoint]) -> Result<Ending, Failure> {
        let text = open::text(path)?;
        let signed = |checkpoint: &Checkpoint| self.keys.iter().any(|key| checkpoint.is_signed_by(key));
        let checked = if let Some(unsigned) = checkpoints.iter().find(|checkpoint| !signed(checkpoint)) {
            Err(format!("the checkpoint of {} events is not signed by the key that was given", unsigned.size))
        } else if let (Ok(proof), [checkpoint]) = (serde_json::from_str::<Inclusion>(&text), checkpoints) {
            proof.check(checkpoint).map_err(|error| error.to_string()).map(|()| {
                let Inclusion { position, size, id, .. } = proof;
                (format!("the event {id}, at position {position}, is in the log of {size} events"), size)
            })
        } else if let (Ok(proof), [earlier, later]) =
            (serde_json::from_str::<Consistency>(&text), checkpoints)
        {
            proof.check(earlier, later).map_err(|error| error.to_string()).map(|()| {
                let Consistency { from, to, .. } = proof;
                (format!("the log of {to} events has grown out of the one of {from}"), to)
            })
        } else {
            let message = format!("{}: this is no proof for as many checkpoints", path.display());
            let advice = "that an event is in the log takes one checkpoint, that it has grown an earlier and a later one";
            return Err(Failure::new(message).advise(advice));
        };
        match checked {
            Ok((text, size)) => {
                proved(self.json, &text, size)?;
                Ok(Ending::Fine)
            }
            Err(why) => {
                if self.json {
                    print_json(&json!({ "verified": false, "message": why }))?;
                } else {
                    print(&format!("{}\n", printable(&why)))?;
                }
                Ok(Ending::Rejected)
            }
        }
    }
}

fn read(path: &Path) -> Result<Checkpoint, Failure> {
    Checkpoint::parse(&open::text(path)?)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())).with_source(error))
}

fn as_json(verified: &Verified) -> serde_json::Value {
    let findings = verified.findings.iter().map(|finding| {
        json!({ "position": finding.position, "message": finding.wrong.to_string(), "finding": finding.wrong })
    });
    json!({
        "verified": verified.is_sound(),
        "events": verified.events,
        "sealed": verified.sealed,
        "signed": verified.signed,
        "checkpoints": verified.checkpoints,
        "signatures_checked": verified.with_key,
        "erased": verified.erased,
        "erasures": verified.erasures,
        "wrong": verified.wrong,
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn page(verified: &Verified) -> String {
    let mut lines: Vec<String> = verified.erasures.iter().map(erased).collect();
    if verified.is_sound() {
        let Verified { events, sealed, checkpoints, signed, .. } = verified;
        lines.push(format!(
            "verified: {}, {sealed} of them sealed, {signed} signed by {}",
            count(*events, "event", "events"),
            count(*checkpoints, "checkpoint", "checkpoints"),
        ));
        if !verified.with_key {
            lines.push("no signature was checked: give the key that verifies with --key".to_owned());
        }
        if verified.sealed == 0 {
            lines.push("nothing is sealed: apmt seal does it".to_owned());
        }
    } else {
        let things = count(verified.wrong, "thing is", "things are");
        lines.push(format!("not verified: {things} wrong with the log"));
        lines
            .extend(verified.findings.iter().map(|finding| format!("  {}", printable(&finding.to_string()))));
        if verified.wrong > verified.findings.len() as u64 {
            lines.push(format!("  and {} more", verified.wrong - verified.findings.len() as u64));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Who erased what, and why, on one line.
fn erased(record: &Record) -> String {
    let Record { position, at, by, reason, positions, .. } = record;
    let some = positions.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if positions.len() > 8 { ", …" } else { "" };
    let what = count(positions.len() as u64, "event", "events");
    format!("{at} {} erased {what} ({some}{more}): {}; position {position}", printable(by), printable(reason))
}

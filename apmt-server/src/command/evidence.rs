//! `apmt evidence` and `apmt verify-evidence`: a dossier that the other side can make again.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_client::blocking::Client;
use apmt_core::evidence::{Bundle, Flaw, Verified, verify};
use apmt_core::policy::DEFAULT_POLICY_YAML;
use apmt_core::{ActorName, Calendar};
use clap::Args;
use futures_lite::future::block_on;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{Instant, print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{self, Purpose, StoreOptions, close, is_remote, progress_bar};
use crate::screen::{complain, count, printable};

/// Write a dossier with all that it is made of into one file, for whoever doubts it
///
/// The file holds the dossier, the events that it comes from, the policy and the calendar. With apmt verify-evidence
/// anybody, such as an auditor or the employee's representative, recomputes the dossier from it to the byte, without the
/// store and without a network.
///
/// Every event of each case that counts for the actor is in it, with the names of others on these cases. Where the policy
/// compares with peers, a tally a day of everybody else is, without names. Note the seal that is printed in the end:
/// whoever verifies the file is shown it too.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt evidence anne@sba.gov --as-of 2026-03-31T00:00:00Z --policy guarded.yaml -o anne.json
  apmt evidence anne@sba.gov --store http://localhost:9300 --policy the-servers.yaml -o anne.json
  apmt verify-evidence anne.json

Of a server, give the policy and the calendar that it judges by; where they are others, this says so.")]
pub(super) struct Evidence {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    #[command(flatten)]
    instant: Instant,
    #[command(flatten)]
    store: StoreOptions,
    /// Write to that file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Evidence {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let actor = ActorName::new(&self.actor)?;
        let rules = &self.store.rules;
        let policy = match &rules.policy {
            Some(path) => open::text(path)?,
            None => DEFAULT_POLICY_YAML.to_owned(),
        };
        let mut calendar = rules.calendar.clone();
        if Calendar::from_name(&calendar).is_none() {
            // Whoever gathers reads it once more; here, an error names the file.
            open::calendar(&calendar)?;
            calendar = open::text(Path::new(&calendar))?;
        }
        let client = self.open()?;
        let bar = progress_bar(None, "reading the log {pos} of {len} events  {bar:20}  {eta} left");
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let gathered = block_on(Bundle::gather(
            &**client.store(),
            &actor,
            self.instant.as_of,
            &policy,
            &calendar,
            progress,
        ));
        bar.finish_and_clear();
        let bundle = gathered?;
        let seal = match &self.output {
            None => bundle.write(std::io::stdout().lock())?,
            Some(path) => replace(path, &bundle)?,
        };
        let what = format!(
            "the dossier of {} as of {}, {} and {}; seal {seal}",
            printable(actor.as_str()),
            bundle.as_of(),
            count(bundle.events() as u64, "event", "events"),
            count(bundle.peers() as u64, "peer", "peers"),
        );
        match &self.output {
            None => complain(&what),
            Some(path) => print(&format!("{}: {what}\n", printable(&path.display().to_string())))?,
        }
        close(&client)?;
        Ok(Ending::Fine)
    }

    /// Opens the store. A server must judge by the policy that is given, for its dossiers are the official ones.
    fn open(&self) -> Result<Client, Failure> {
        let StoreOptions { store: url, rules } = &self.store;
        if !is_remote(url) {
            return self.store.open(Purpose::Read);
        }
        let policy = rules.policy()?;
        let server = open::remote(url)?;
        let judges = block_on(server.policy())?;
        if judges.digest != policy.digest() {
            return Err(Failure::new(format!(
                "the server judges by the policy {} ({}), and not by {} ({})",
                judges.name,
                judges.digest,
                policy.name(),
                policy.digest()
            ))
            .advise("give the server's policy with --policy"));
        }
        Ok(Client::builder().policy(policy).store(Arc::new(server)).build()?.into())
    }
}

/// Writes the bundle to a file that is there whole or not at all, and says its seal.
fn replace(path: &Path, bundle: &Bundle) -> Result<String, Failure> {
    let write = || -> std::io::Result<String> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        let seal = {
            let mut out = std::io::BufWriter::with_capacity(256 * 1024, &mut file);
            let seal = bundle.write(&mut out)?;
            out.flush()?;
            seal
        };
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(seal)
    };
    write().map_err(|error| Failure::file("write", path, error))
}

/// Recompute the dossier of a file that apmt evidence wrote, and compare to the byte
///
/// Says that both are the same, or the first thing that is wrong: an event that was changed, a policy or a calendar that is
/// not the one named, the place where the dossiers differ and both values. Needs no store and no network. What peers came to
/// is taken as the file gives it.
///
/// A file that is whole in itself may still be another than the one that was made: compare its seal with the one that apmt
/// evidence printed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt verify-evidence anne.json
  gunzip -c anne.json.gz | apmt verify-evidence - --json

Exits with 1 if something is wrong with the evidence, and with 2 if it cannot be verified: the file is none, or of a version
that this apmt does not know.")]
pub(super) struct VerifyEvidence {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print what came out as JSON
    #[arg(long)]
    json: bool,
}

impl VerifyEvidence {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let text = if self.file.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.map_err(|error| Failure::file("read", &self.file, error))?;
            text
        } else {
            open::text(&self.file)?
        };
        let name = self.file.display().to_string();
        match block_on(verify(&text)) {
            Ok(verified) => {
                self.print(&name, &verified)?;
                Ok(Ending::Fine)
            }
            Err(flaw) if flaw.is_found() => {
                if self.json {
                    print_json(&found(&flaw))?;
                } else {
                    complain(&format!("{name}: not verified: {flaw}"));
                }
                Ok(Ending::Rejected)
            }
            Err(flaw) => Err(Failure::new(format!("{name}: {flaw}"))),
        }
    }

    fn print(&self, name: &str, verified: &Verified) -> Result<(), Failure> {
        let Verified { dossier, seal, events, peers, apmt, .. } = verified;
        if self.json {
            return print_json(&json!({
                "verified": true,
                "seal": seal,
                "events": events,
                "peers": peers,
                "apmt": apmt,
                "dossier": dossier,
            }));
        }
        let trusted = match peers {
            0 => String::new(),
            peers => format!(", and the tallies of {} as given", count(*peers as u64, "peer", "peers")),
        };
        print(&format!(
            "{}: verified: the same dossier of {} as of {} comes of {}{trusted}: {}\nseal {seal}\n",
            printable(name),
            printable(dossier.actor.as_str()),
            dossier.as_of,
            count(*events as u64, "event", "events"),
            dossier.status,
        ))
    }
}

/// What was found wrong, for programs.
fn found(flaw: &Flaw) -> serde_json::Value {
    json!({
        "verified": false,
        "flaw": flaw.name(),
        "message": flaw.to_string(),
        "difference": flaw.difference(),
    })
}

//! What the command line may say, and who does it.

mod completions;
mod demo;
mod erase;
mod evidence;
mod export;
mod import;
mod key;
mod migrate;
#[cfg(feature = "outbox")]
mod outbox;
mod plan;
mod policy;
mod record;
mod seal;
mod serve;
mod show;
mod verify;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use apmt_core::AsOf;
use clap::{Args, Parser, Subcommand};

use crate::failure::{Ending, Failure};

/// Accountability and performance metrics for people and AI agents who decide cases.
///
/// Record what happens (decisions, overrides, citizens' stars), and ask for an actor's dossier: rates, times, and what
/// the policy says of them.
#[derive(Parser, Debug)]
#[command(name = "apmt", version, max_term_width = 100, after_help = AFTER, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  apmt demo
      makes up an agency and shows its scoreboard
  apmt record '{\"type\": \"OVERRIDE\", \"actor\": \"anne@sba.gov\", \"case_id\": \"C-1042\"}'
  apmt import log.jsonl.gz --store sqlite:apmt.db
  apmt dossier anne@sba.gov
  apmt scoreboard --as-of latest --json
  apmt evidence anne@sba.gov -o anne.json
      writes her dossier with all that it is made of, for apmt verify-evidence on another machine
  apmt plan notice anne@sba.gov --directory people.yaml --html > notice.html
      pre-fills the notice that opens an improvement plan
  apmt seal --key seal.key --output checkpoint.txt
      seals the log and signs a checkpoint, for apmt verify
  apmt serve
      answers over HTTP on this machine, port 9300

Exit codes:
  0  all is well
  1  something that was given was rejected, or a test of a policy failed; the rest was done
  2  wrong usage, or the work could not be done: standard error says why and what to do";

#[derive(Subcommand, Debug)]
enum Command {
    Record(record::Record),
    Import(import::Import),
    Dossier(show::Dossier),
    Scoreboard(show::Scoreboard),
    Contributions(show::Contributions),
    Case(show::Case),
    Evidence(evidence::Evidence),
    VerifyEvidence(evidence::VerifyEvidence),
    Export(export::Export),
    Migrate(migrate::Migrate),
    Seal(seal::Seal),
    Verify(verify::Verify),
    Proof(seal::Proof),
    Erase(erase::Erase),
    Prune(erase::Prune),
    #[cfg(feature = "outbox")]
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    #[command(subcommand)]
    Plan(plan::Plan),
    #[command(subcommand)]
    Policy(policy::Policy),
    Serve(serve::Serve),
    #[command(subcommand)]
    Key(key::Key),
    Demo(demo::Demo),
    Completions(completions::Completions),
}

/// The instant that a dossier looks back from.
#[derive(Args, Debug)]
struct Instant {
    /// The end of the window: an RFC 3339 time, latest (the newest event), or now
    #[arg(long, value_name = "TIME", default_value = "now", value_parser = instant)]
    as_of: AsOf,
}

/// An [`AsOf`]. What is wrong with one is said without the field, which the option names.
fn instant(text: &str) -> Result<AsOf, String> {
    text.parse().map_err(|invalid: apmt_core::Invalid| invalid.rule().to_owned())
}

/// Runs the command `apmt` with these arguments, of which the first is the program's name, and says how it ended.
///
/// Output goes to standard output and errors to standard error, with colours where a terminal shows them.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output. If nobody reads them, so be it.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command.run() {
        Ok(ending) => ending.code(),
        Err(failure) => {
            let (code, text) = failure.report();
            if let Some(text) = text {
                let _ = anstream::stderr().write_all(text.as_bytes());
            }
            code
        }
    }
}

impl Command {
    fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Record(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::Dossier(command) => command.run(),
            Self::Scoreboard(command) => command.run(),
            Self::Contributions(command) => command.run(),
            Self::Case(command) => command.run(),
            Self::Evidence(command) => command.run(),
            Self::VerifyEvidence(command) => command.run(),
            Self::Export(command) => command.run(),
            Self::Migrate(command) => command.run(),
            Self::Seal(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Proof(command) => command.run(),
            Self::Erase(command) => command.run(),
            Self::Prune(command) => command.run(),
            #[cfg(feature = "outbox")]
            Self::Outbox(command) => command.run(),
            Self::Plan(command) => command.run(),
            Self::Policy(command) => command.run(),
            Self::Serve(command) => command.run(),
            Self::Key(command) => command.run(),
            Self::Demo(command) => command.run(),
            Self::Completions(command) => command.run(),
        }
    }
}

/// Prints a page for people: with its colours where the terminal shows them, without where not.
fn print(page: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(page.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a value for programs, as JSON on one line.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}

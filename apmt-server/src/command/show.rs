//! `apmt dossier`, `scoreboard`, `contributions` and `case`: what the records come to, and the evidence.

use apmt_client::blocking::Client;
use apmt_core::policy::{Grounds, Reason};
use clap::Args;
use futures_lite::future::block_on;

use super::{Instant, print, print_json};
use crate::failure::{Ending, Failure};
use crate::grounds::{self, DossierWithGrounds};
use crate::open::{Purpose, StoreOptions, close, is_remote};
use crate::screen;

/// Opens a store whose dossiers a policy is to judge.
fn open_to_judge(store: &StoreOptions) -> Result<Client, Failure> {
    if is_remote(&store.store) && store.rules.policy.is_some() {
        return Err(Failure::new("a server judges by its own policy, not by --policy").advise(
            "leave --policy away; apmt policy replay judges what a server has recorded by a policy of yours",
        ));
    }
    store.open(Purpose::Read)
}

/// Show an actor's dossier: metrics, status, and why
///
/// An actor of whom nothing is known has a dossier of zeros.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt dossier anne@sba.gov
  apmt dossier anne@sba.gov --as-of 2026-03-01T00:00:00Z --policy district-7.yaml
  apmt dossier anne@sba.gov --grounds
  apmt dossier triage-model --as-of latest --json | jq .overridden_rate")]
pub(super) struct Dossier {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    #[command(flatten)]
    instant: Instant,
    #[command(flatten)]
    store: StoreOptions,
    /// Name the cases that each rule which is raised rests upon, and the time on their clocks that does not count
    #[arg(long)]
    grounds: bool,
    /// Print the dossier as JSON, unrounded
    #[arg(long)]
    json: bool,
}

impl Dossier {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = open_to_judge(&self.store)?;
        let dossier = client.get_dossier_at(&self.actor, self.instant.as_of)?;
        let grounds = if self.grounds { Some(grounds_of(&client, &dossier)?) } else { None };
        if self.json {
            print_json(&DossierWithGrounds { dossier, grounds })?;
        } else {
            print(&screen::dossier::page(&dossier, grounds.as_deref()))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// What the dossier's raised rules rest upon. Under a server's policy, of which only the name is known here, nobody can
/// say which cases missed its target.
fn grounds_of(client: &Client, dossier: &apmt_core::Dossier) -> Result<Vec<Grounds>, Failure> {
    let by_target = |reason: &Reason| reason.conditions.iter().any(|held| held.metric.needs_sla());
    if dossier.policy.digest != client.policy().digest() && dossier.reasons.iter().any(by_target) {
        let ask = format!("GET /dossier/{}?grounds=true", dossier.actor);
        return Err(Failure::new(
            "which cases missed the target, only the server knows, by whose policy this is",
        )
        .advise(format!("ask it: {ask}")));
    }
    Ok(block_on(grounds::of(client.as_async(), dossier))?)
}

/// Show everybody: a line for each actor with anything in the window
///
/// Everyone with a contribution in the window or a case open at its end, in the order of their names. With --json, an
/// array of dossiers.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt scoreboard
  apmt scoreboard --as-of latest --store sqlite:2024.db
  apmt scoreboard --json | jq '.[] | select(.pip_recommended) | .actor'")]
pub(super) struct Scoreboard {
    #[command(flatten)]
    instant: Instant,
    #[command(flatten)]
    store: StoreOptions,
    /// Print an array of dossiers as JSON, unrounded
    #[arg(long)]
    json: bool,
}

impl Scoreboard {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = open_to_judge(&self.store)?;
        let as_of = self.instant.as_of.resolve(&client.status()?);
        let dossiers = client.scoreboard(as_of)?;
        if self.json {
            print_json(&dossiers)?;
        } else {
            let unattributed = client.unattributed(as_of)?;
            print(&screen::scoreboard::page(&dossiers, &unattributed, as_of, client.policy()))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// Show what counts for an actor, one line each: the evidence behind a dossier
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt contributions anne@sba.gov
  apmt contributions anne@sba.gov --as-of latest --json | jq 'map(select(.measure == \"verdict\"))'")]
pub(super) struct Contributions {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    #[command(flatten)]
    instant: Instant,
    #[command(flatten)]
    store: StoreOptions,
    /// Print an array as JSON, unrounded
    #[arg(long)]
    json: bool,
}

impl Contributions {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let contributions = client.contributions(&self.actor, self.instant.as_of)?;
        if self.json {
            print_json(&contributions)?;
        } else {
            print(&screen::evidence::contributions(&contributions))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// Show what happened on a case, in order
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt case C-1042
  apmt case C-1042 --json | jq '.[].type'")]
pub(super) struct Case {
    /// The case
    #[arg(value_name = "CASE_ID")]
    id: String,
    #[command(flatten)]
    store: StoreOptions,
    /// Print an array of events as JSON
    #[arg(long)]
    json: bool,
}

impl Case {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let events = client.case(&self.id)?;
        if self.json {
            print_json(&events)?;
        } else {
            print(&screen::evidence::case(&self.id, &events))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

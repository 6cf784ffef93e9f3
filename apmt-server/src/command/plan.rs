//! `apmt plan`: notices, and plans that are started and closed.

use std::path::PathBuf;

use apmt_client::blocking::Client;
use apmt_core::{ActorName, AsOf};
use clap::{Args, Subcommand};
use futures_lite::future::block_on;

use super::{Instant, print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{self, Purpose, StoreOptions, close};
use crate::plan::{self, Measure, Notice, Period, PlanLog, today};
use crate::screen::printable;

/// Pre-fill notices, start and close improvement plans
#[derive(Subcommand, Debug)]
pub(super) enum Plan {
    Notice(Prepare),
    Start(Start),
    Close(Close),
    List(List),
}

impl Plan {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Notice(command) => command.run(),
            Self::Start(command) => command.run(),
            Self::Close(command) => command.run(),
            Self::List(command) => command.run(),
        }
    }
}

/// What a notice is made of.
#[derive(Args, Debug)]
struct Terms {
    /// The rule that the plan is for; without it, the first among the gravest that hold
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Who people are and to whom they report, in YAML; what it lacks stays empty
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// The first day of the period, such as 2026-03-02; without it, today in UTC
    #[arg(long, value_name = "DAY")]
    start: Option<String>,
    /// How many days the period has
    #[arg(long, value_name = "DAYS", default_value_t = 60)]
    period: u32,
    /// The last day of the period, instead of its days
    #[arg(long, value_name = "DAY", conflicts_with = "period")]
    end: Option<String>,
    /// What is done with an AI agent: retrain, restrict or suspend
    #[arg(long, value_name = "MEASURE")]
    measure: Option<Measure>,
    #[command(flatten)]
    instant: Instant,
}

impl Terms {
    fn notice(&self, client: &Client, actor: &str) -> Result<Notice, Failure> {
        let directory = open::directory(self.directory.as_deref())?;
        let actor = ActorName::new(actor)?;
        let evidence =
            block_on(plan::gather(client.as_async(), &actor, self.instant.as_of, self.rule.as_deref()))?;
        let start = match &self.start {
            Some(day) => plan::read_day("start", day)?,
            None => today(client.status()?.now),
        };
        let period = match &self.end {
            Some(day) => Period::until(start, plan::read_day("end", day)?)?,
            None => Period::of_days(start, self.period)?,
        };
        let mut terms = plan::prefill(&evidence, directory.person(&actor), period);
        terms.measure = self.measure.or(terms.measure);
        Ok(Notice::new(terms, evidence)?)
    }
}

/// Pre-fill the notice that opens a plan, and print it
///
/// As HTML it prints to clean paper; as JSON it can be edited (its terms, not its evidence), and given to apmt plan
/// start. Nothing is recorded.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt plan notice anne@sba.gov --directory people.yaml --html > notice.html
  apmt plan notice anne@sba.gov --period 90 > notice.json
  apmt plan notice triage-model --measure suspend | jq .evidence.models")]
pub(super) struct Prepare {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the notice as an HTML page, instead of as JSON
    #[arg(long)]
    html: bool,
    /// Print the notice as JSON: this is the default
    #[arg(long, conflicts_with = "html")]
    json: bool,
}

impl Prepare {
    fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let notice = self.terms.notice(&client, &self.actor)?;
        if self.html && !self.json {
            let page = plan::notice_page(&notice)
                .map_err(|error| Failure::new("the page cannot be written").with_source(error))?;
            print(&page)?;
        } else {
            print(&format!("{}\n", notice.to_json()))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// Record that a plan has begun
///
/// The event PLAN_STARTED keeps the notice with its evidence. With --notice it is the one that was saved and edited;
/// its evidence must still be what the record says as of its instant.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt plan start anne@sba.gov --directory people.yaml --by 'Dana Reyes'
  apmt plan start anne@sba.gov --notice notice.json --by 'Dana Reyes' --note 'handed over in person'")]
pub(super) struct Start {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    /// A notice that was saved as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rule", "directory", "start", "period", "end", "measure", "as_of"])]
    notice: Option<PathBuf>,
    /// Who starts it
    #[arg(long, value_name = "WHO")]
    by: String,
    /// What is to be noted
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the receipt as JSON
    #[arg(long)]
    json: bool,
}

impl Start {
    fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Write)?;
        let notice = match &self.notice {
            Some(path) => self.saved(&client, path)?,
            None => self.terms.notice(&client, &self.actor)?,
        };
        let receipt = client.record_event(notice.to_event(None, &self.by, &self.note)?)?;
        if self.json {
            print_json(&receipt)?;
        } else {
            let period = notice.terms.period;
            print(&format!(
                "started: {} until {}, event {}\n",
                printable(notice.actor().as_str()),
                period.end(),
                receipt.id
            ))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }

    fn saved(&self, client: &Client, path: &std::path::Path) -> Result<Notice, Failure> {
        let notice = Notice::from_json(&open::text(path)?)?;
        let name = path.display();
        if *notice.actor() != ActorName::new(&self.actor)? {
            return Err(Failure::new(format!("{name} is a notice for {}", notice.actor())));
        }
        let (as_of, rule) = (AsOf::At(notice.evidence.as_of), notice.evidence.rule.as_deref());
        let now = block_on(plan::gather(client.as_async(), notice.actor(), as_of, rule))?;
        if now.digest() != notice.evidence.digest() {
            return Err(Failure::new(format!(
                "{name}: its evidence is not what the record says as of {}",
                notice.evidence.as_of
            ))
            .advise("events came in or were retracted, or the file was changed: make the notice again"));
        }
        Ok(notice)
    }
}

/// Record that an actor's plan has ended
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt plan close anne@sba.gov --by 'Dana Reyes' --note 'performance is acceptable'")]
pub(super) struct Close {
    /// Whose: an e-mail address or an agent's name, in any case
    actor: String,
    /// Who closes it
    #[arg(long, value_name = "WHO")]
    by: String,
    /// What is to be noted, such as the determination
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the receipt as JSON
    #[arg(long)]
    json: bool,
}

impl Close {
    fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Write)?;
        let actor = ActorName::new(&self.actor)?;
        if block_on(PlanLog::new(client.as_async().clone()).of(&actor))?.is_none() {
            return Err(Failure::new(format!("{actor} has no open plan")).advise("see apmt plan list"));
        }
        let receipt = client.record_event(plan::closing(&actor, &self.by, &self.note)?)?;
        if self.json {
            print_json(&receipt)?;
        } else {
            print(&format!("closed: {}, event {}\n", printable(actor.as_str()), receipt.id))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// Show the open plans, and the days that are left
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt plan list
  apmt plan list --json | jq '.[].actor'")]
pub(super) struct List {
    #[command(flatten)]
    store: StoreOptions,
    /// Print an array as JSON
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self) -> Result<Ending, Failure> {
        let client = self.store.open(Purpose::Read)?;
        let plans = block_on(PlanLog::new(client.as_async().clone()).open())?;
        if self.json {
            print_json(&plans)?;
        } else {
            print(&crate::screen::plans::page(&plans, client.status()?.now))?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

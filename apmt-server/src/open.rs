//! Which store, which policy, which calendar: the options that every command on data has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use apmt_client::blocking::Client;
use apmt_core::{Calendar, Policy};
use clap::Args;

use crate::failure::Failure;

/// Where the records are.
#[derive(Args, Debug)]
pub(crate) struct StoreOptions {
    /// The store: memory:, sqlite:PATH, http://…, https://… or postgres://…
    ///
    /// This build opens memory: (which ends with the command) and sqlite:PATH.
    #[arg(
        long,
        value_name = "URL",
        env = "APMT_STORE",
        default_value = "sqlite:apmt.db",
        hide_env_values = true
    )]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) rules: RuleOptions,
}

/// What they are judged by.
#[derive(Args, Debug)]
pub(crate) struct RuleOptions {
    /// The policy that judges, in YAML; without it, the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Which hours count: always, us-federal, or a YAML file
    ///
    /// A store keeps to the calendar that it was made with, and refuses another.
    #[arg(long, value_name = "NAME|FILE", default_value = "always")]
    pub(crate) calendar: String,
}

/// What a command means to do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

impl StoreOptions {
    pub(crate) fn open(&self, purpose: Purpose) -> Result<Client, Failure> {
        self.rules.open(&self.store, purpose)
    }
}

impl RuleOptions {
    pub(crate) fn open(&self, url: &str, purpose: Purpose) -> Result<Client, Failure> {
        // A file that is only read must be there: a slip of the pen makes no new one.
        let read_only = purpose == Purpose::Read && url.trim().to_ascii_lowercase().starts_with("sqlite:");
        let client = Client::builder()
            .url(url)
            .policy(self.policy()?)
            .calendar(calendar(&self.calendar)?)
            .read_only(read_only)
            .build()?;
        Ok(client.into())
    }

    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        self.policy.as_deref().map_or_else(|| Ok(Policy::default()), policy)
    }
}

/// Reads a policy from a file.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    Ok(Policy::from_yaml(&path.display().to_string(), &text(path)?)?)
}

/// The calendar of that name, or in that file.
pub(crate) fn calendar(name: &str) -> Result<Calendar, Failure> {
    if let Some(calendar) = Calendar::from_name(name) {
        return Ok(calendar);
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(Failure::new(format!("no calendar {name}"))
            .advise("give always, us-federal, or the YAML file of a calendar of your own"));
    }
    Ok(Calendar::from_yaml(name, &text(path)?)?)
}

/// The text of a file that a person writes: a policy, a calendar, tests of a policy.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))
}

/// Closes the store, and says so if it did not close.
pub(crate) fn close(client: &Client) -> Result<(), Failure> {
    let report = client.shutdown(Duration::from_secs(30));
    if report.is_clean() { Ok(()) } else { Err(Failure::new(format!("the store did not close: {report}"))) }
}

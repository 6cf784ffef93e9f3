//! Which store, which policy, which calendar: the options that every command on data has.

use std::env::VarError;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apmt_client::blocking::Client;
use apmt_core::policy::Sla;
use apmt_core::{Calendar, Clock, OtherCalendar, Policy};
use apmt_store_http::HttpStore;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::directory::Directory;
use crate::failure::Failure;

/// For how long a command tries to reach a server.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the records are if nothing is said.
pub(crate) const DEFAULT_STORE: &str = "sqlite:apmt.db";

/// Where the records are.
#[derive(Args, Debug)]
pub(crate) struct StoreOptions {
    /// The store: memory:, sqlite:PATH, http://…, https://… or postgres://…
    ///
    /// memory: ends with the command. A server judges by its own policy and calendar, and where it asks for a key, gets
    /// that of the environment variable APMT_KEY.
    #[arg(
        long,
        value_name = "URL",
        env = "APMT_STORE",
        default_value = DEFAULT_STORE,
        hide_env_values = true
    )]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) rules: RuleOptions,
}

/// Whether a URL is that of a server, whose policy judges.
pub(crate) fn is_remote(url: &str) -> bool {
    let scheme = url.trim().to_ascii_lowercase();
    scheme.starts_with("http:") || scheme.starts_with("https:")
}

/// Whether a URL is that of a store that ends with the command.
pub(crate) fn is_memory(url: &str) -> bool {
    url.trim().to_ascii_lowercase().starts_with("memory:")
}

/// What they are judged by.
#[derive(Args, Debug)]
pub(crate) struct RuleOptions {
    /// The policy that judges, in YAML; without it, the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Which hours count: always, us-federal, or a YAML file
    ///
    /// A store keeps to the calendar that it was made with, and refuses another; see --refold.
    #[arg(long, value_name = "NAME|FILE", default_value = "always")]
    pub(crate) calendar: String,
    /// Measure every case again if the store was made with another calendar
    #[arg(long)]
    pub(crate) refold: bool,
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
        self.open_with(url, purpose, None)
    }

    /// Opens a store whose events are recorded at what that clock shows.
    pub(crate) fn open_with(
        &self,
        url: &str,
        purpose: Purpose,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Client, Failure> {
        // What is only read must be there: a slip of the pen makes no new file, and no tables in a database.
        let is_kept = !is_remote(url) && !is_memory(url);
        let read_only = purpose == Purpose::Read && is_kept && !self.refold;
        let other = if self.refold { OtherCalendar::Refold } else { OtherCalendar::Refuse };
        let bar = progress_bar(None, "{wide_msg} {pos} of {len} events  {bar:20}  {eta} left");
        let shown = bar.clone();
        let policy = self.policy()?;
        if !is_remote(url) && self.calendar == "always" && policy.sla().is_some_and(Sla::has_working_days) {
            return Err(Failure::new(
                "the policy has a target in working days, and the calendar always takes every day for one",
            )
            .advise("give --calendar us-federal, or the YAML file of a calendar of your own"));
        }
        let mut builder = Client::builder().policy(policy);
        if let Some(clock) = clock {
            builder = builder.clock(clock);
        }
        if is_remote(url) {
            if self.calendar != "always" {
                return Err(Failure::new(
                    "a server measures through its own calendar, not through --calendar",
                ));
            }
            builder = builder.store(Arc::new(remote(url)?));
        } else {
            builder = builder.url(url).calendar(calendar(&self.calendar)?);
        }
        let client = builder
            .other_calendar(other)
            .progress(move |done, total| {
                shown.set_message("measuring every case again");
                shown.set_length(total);
                shown.set_position(done);
            })
            .read_only(read_only)
            .build();
        bar.finish_and_clear();
        Ok(client?.into())
    }

    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        self.policy.as_deref().map_or_else(|| Ok(Policy::default()), policy)
    }
}

/// A server's records. A person waits: it is tried for a moment only.
pub(crate) fn remote(url: &str) -> Result<HttpStore, Failure> {
    let mut store = HttpStore::builder(url).retry_budget(PATIENCE);
    if let Some(key) = key()? {
        store = store.key(key);
    }
    Ok(store.open()?)
}

/// The key for a server. It is no option: others on the machine see what a command is given.
fn key() -> Result<Option<String>, Failure> {
    match std::env::var("APMT_KEY") {
        Ok(key) if key.trim().is_empty() => Ok(None),
        Ok(key) => Ok(Some(key.trim().to_owned())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::new("APMT_KEY is no text")
            .advise("give it the key as the server's operator handed it out")),
    }
}

/// A bar for long work on standard error; hidden where nobody sits at a terminal.
pub(crate) fn progress_bar(length: Option<u64>, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
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

/// Reads a directory from a file; without one, nobody is known.
pub(crate) fn directory(path: Option<&Path>) -> Result<Directory, Failure> {
    let Some(path) = path else { return Ok(Directory::default()) };
    Ok(Directory::from_yaml(&path.display().to_string(), &text(path)?)?)
}

/// Closes the store, and says so if it did not close.
pub(crate) fn close(client: &Client) -> Result<(), Failure> {
    let report = client.shutdown(Duration::from_secs(30));
    if report.is_clean() { Ok(()) } else { Err(Failure::new(format!("the store did not close: {report}"))) }
}

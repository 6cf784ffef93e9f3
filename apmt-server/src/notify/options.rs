//! Who is told, of whom, and when.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Notifier;
use super::digest::Schedule;
use crate::directory::Directory;

/// What a [`Watcher`](super::Watcher) runs with.
///
/// ```
/// use std::sync::Arc;
/// use apmt_server::notify::{EmailNotifier, Options};
/// let mail = EmailNotifier::new("smtp+plain://localhost:2525", "apmt@agency.gov", None, None)?;
/// let options = Options::new("apmt-notify.json")
///     .with_link("https://apmt.agency.gov")
///     .with_fallback(["hr@agency.gov"])
///     .with_notifier(Arc::new(mail));
/// # Ok::<(), apmt_core::Invalid>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a watcher runs with them"]
pub struct Options {
    pub(super) state: PathBuf,
    pub(super) notifiers: Vec<Arc<dyn Notifier>>,
    pub(super) directory: Arc<Directory>,
    pub(super) link: Option<String>,
    pub(super) fallback: Vec<String>,
    pub(super) alerts: bool,
    pub(super) digest: Option<(Schedule, Vec<String>)>,
    pub(super) first_retry: Duration,
    pub(super) longest_retry: Duration,
    pub(super) look_every: Duration,
}

impl Options {
    /// Nobody is told yet. `state` is the file that keeps what has been told and what waits; it is made where it is
    /// not there, for its owner alone.
    pub fn new(state: impl AsRef<Path>) -> Self {
        Self {
            state: state.as_ref().to_owned(),
            notifiers: Vec::new(),
            directory: Arc::default(),
            link: None,
            fallback: Vec::new(),
            alerts: true,
            digest: None,
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_secs(15 * 60),
            look_every: Duration::from_secs(3600),
        }
    }

    /// Adds a notifier. Of two of one name, the later takes the earlier's place.
    pub fn with_notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifiers.retain(|other| other.name() != notifier.name());
        self.notifiers.push(notifier);
        self
    }

    /// Who people are and to whom they report.
    pub fn with_directory(mut self, directory: impl Into<Arc<Directory>>) -> Self {
        self.directory = directory.into();
        self
    }

    /// What links begin with, such as `https://apmt.agency.gov`: where people reach the server. Without it there are
    /// no links.
    pub fn with_link(mut self, link: &str) -> Self {
        self.link = Some(link.trim_end_matches('/').to_owned());
        self
    }

    /// Who is told of actors of whom the directory names no supervisor with an address.
    pub fn with_fallback(mut self, to: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fallback = to.into_iter().map(Into::into).collect();
        self
    }

    /// Whether a message is sent when a status turns to `pip`. The default is true.
    pub fn with_alerts(mut self, alerts: bool) -> Self {
        self.alerts = alerts;
        self
    }

    /// Sends a digest at those times: to those addresses one of everybody, and to each supervisor one of their own
    /// people. The first is sent at the first of those times after the start.
    pub fn with_digest(
        mut self,
        schedule: Schedule,
        to: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.digest = Some((schedule, to.into_iter().map(Into::into).collect()));
        self
    }

    /// How long to wait before what was not delivered is tried again: at first, and at most; in between it doubles. The
    /// defaults are 5 seconds and 15 minutes.
    pub fn with_retry(mut self, first: Duration, longest: Duration) -> Self {
        self.first_retry = first.max(Duration::from_millis(1));
        self.longest_retry = longest.max(self.first_retry);
        self
    }

    /// How often everybody's status is looked at, besides when something is recorded. The default is an hour.
    pub fn with_look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval.max(Duration::from_millis(1));
        self
    }
}

//! Notifications: a supervisor is told, once, when a plan is recommended.
//!
//! When an actor's status turns to `pip`, whoever the [directory](crate::directory) names as the supervisor gets one
//! message: who, which rules hold with their values, and a link. It has no case, no citizen's words, and no more of the
//! record than that. A [digest](Schedule), daily or weekly, says who is on which status and which plans are open.
//!
//! # Once an episode
//! An episode begins when the status turns to `pip` and ends when it is something else. Each is told once, also after
//! a restart: what has been told is kept in a file, which is written before anything is sent. While the actor has an
//! open [plan](crate::plan), an episode that has not been told waits, for the supervisor has acted already; if the
//! status is `pip` still when the plan is closed, it is told then.
//!
//! The status is looked at when something is recorded that concerns the actor, and once an hour, because a window that
//! moves on can turn it too. Statuses that turn and turn back between two looks are not told.
//!
//! # Several servers
//! Servers that share a store ([`Store::notes`](apmt_core::Store::notes): the PostgreSQL store) keep the state there
//! instead of in a file, and one of them at a time watches and tells: so an episode is told once, whichever server
//! notices. Give all of them the same settings. When the one that tells is stopped, another goes on at once, and when it
//! is gone without a word, after 30 seconds: with what has been told, and with what waits. The first of them takes over
//! what the file has, if a store has been moved.
//!
//! # Until it arrives
//! A message that cannot be delivered stays in the file and is tried again, after 5 seconds at first and every 15
//! minutes in the end, and is never given up; the log says so each time. A mail server that takes a message and is cut
//! off before it says so gets it again: with the same `Message-ID`, by which mail programs show it once. A webhook's
//! receiver knows the same by `webhook-id`.
//!
//! # Settings
//! A YAML file, given by `apmt serve --notify FILE`; its paths are beside it. Only what is needed has to be there.
//!
//! ```
//! use apmt_server::notify::Settings;
//! let settings = Settings::from_yaml("notify.yaml", "
//! link: https://apmt.agency.gov          # what links begin with: where people reach this server
//! state: apmt-notify.json                # what has been told, and what waits; this is the default (for one server)
//! to: [hr@agency.gov]                    # for actors of whom the directory names no supervisor with an address
//! alerts: true                           # false: no message when a status turns, only the digest
//! mail:
//!   from: APMT <apmt@agency.gov>
//!   server: smtp://mail.agency.gov:587   # STARTTLS; smtps:// is TLS from the start
//!   user: apmt
//!   password_file: smtp-password         # or password_env: the name of a variable
//! webhooks:
//!   - {name: hr-system, url: 'https://hr.agency.gov/hooks/apmt', secret_file: hook-secret}
//! digest:
//!   every: weekly                        # or daily
//!   on: monday                           # the day, if weekly
//!   at: '08:00'
//!   time_zone: America/New_York
//!   to: [chief@agency.gov]               # who is told of everybody; supervisors are told of their own people
//! ")?;
//! # Ok::<(), apmt_core::yaml::YamlError>(())
//! ```
//!
//! | field of `mail` | meaning |
//! |---|---|
//! | `server` | `smtp://HOST[:587]`: STARTTLS is required; `smtps://HOST[:465]`: TLS from the start; `smtp+plain://HOST[:25]`: no TLS, for a relay on this machine or a network of its own |
//! | `from` | the sender, with or without a name |
//! | `user`, `password_file` or `password_env` | the login; over a connection without TLS to another machine it is refused |
//! | `ca_file` | a certificate authority in PEM to trust besides the system's |
//!
//! # Webhooks
//! A `POST` of the [message](Message) as JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it:
//!
//! | header | meaning |
//! |---|---|
//! | `webhook-id` | the message's id: the same when it is sent again |
//! | `webhook-timestamp` | when it is sent, in seconds since 1970-01-01T00:00:00Z |
//! | `webhook-signature` | `v1,` and the Base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY` |
//!
//! The key is the secret's bytes, or what its Base64 says where it begins with `whsec_`. A receiver compares the
//! signature in constant time, refuses a time that is over five minutes off, and passes over an id that it has seen:
//! so nothing that is overheard can be replayed. Any answer of 2xx is a delivery; redirects are not followed.
//!
//! # One's own
//! Whatever implements [`Notifier`] can be told too: see [`Options::with_notifier`].

mod digest;
mod email;
mod message;
mod options;
mod render;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod watcher;
mod webhook;

use std::fmt;

use async_trait::async_trait;

pub use digest::Schedule;
pub use email::EmailNotifier;
pub use message::{Alert, Digest, DigestLine, Message, RuleInWords};
pub use options::Options;
pub use settings::Settings;
pub use watcher::Watcher;
pub use webhook::WebhookNotifier;

/// Delivers messages.
///
/// ```
/// use apmt_server::notify::{Message, NotifyError, Notifier};
///
/// #[derive(Debug)]
/// struct Console;
///
/// #[async_trait::async_trait]
/// impl Notifier for Console {
///     fn name(&self) -> &str {
///         "console"
///     }
///
///     async fn notify(&self, message: &Message) -> Result<(), NotifyError> {
///         println!("{}", message.subject());
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Notifier: Send + Sync + fmt::Debug {
    /// Its name, its own among a server's notifiers, and the same after a restart: what waits is kept by it.
    fn name(&self) -> &str;

    /// Whether it delivers to the addresses that a message is [to](Message::to): then it gets no message without any,
    /// and the digests of each supervisor. Otherwise it gets everything once, whomever it is for.
    fn is_addressed(&self) -> bool {
        false
    }

    /// Delivers a message. When this returns, the message has arrived, and is not delivered again.
    ///
    /// # Errors
    /// [`NotifyError`]: then it is tried again later.
    async fn notify(&self, message: &Message) -> Result<(), NotifyError>;
}

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct NotifyError {
    message: String,
    refused: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl NotifyError {
    /// The way is blocked: nothing else would arrive either. All that is for this notifier waits a while.
    pub fn away(message: impl Into<String>) -> Self {
        Self { message: message.into(), refused: false, source: None }
    }

    /// This message was refused, as for an address that there is not; others may arrive. It waits for the longest time.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), refused: true, source: None }
    }

    /// Adds what lies under it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether this message was refused.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }
}

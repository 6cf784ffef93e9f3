//! A client with more than a URL.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use apmt_core::store::RememberPeers;
use apmt_core::{Calendar, Clock, Invalid, OtherCalendar, Policy, Result, Store, SystemClock, WhenFull};

use crate::client::Client;
use crate::live::{Live, Pace};
use crate::url;

/// Makes a [`Client`]: see [`Client::builder`].
///
/// One of [`url`](Self::url) and [`store`](Self::store) is needed; the rest has a default.
///
/// ```
/// use apmt_client::{Client, Policy, WhenFull};
/// let client = Client::builder()
///     .url("memory:")
///     .policy(Policy::default())
///     .queue_capacity(1_000)
///     .when_full(WhenFull::DropOldest)
///     .build()?;
/// assert_eq!(client.policy().name(), "default");
/// # Ok::<(), apmt_client::Error>(())
/// ```
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    url: Option<String>,
    store: Option<Arc<dyn Store>>,
    policy: Policy,
    clock: Option<Arc<dyn Clock>>,
    calendar: Option<Calendar>,
    other_calendar: OtherCalendar,
    progress: Option<url::Progress>,
    read_only: bool,
    key: Option<String>,
    settings: Settings,
}

impl fmt::Debug for ClientBuilder {
    /// Without the URL, which may hold a password, the key, and the store, which may hold every event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("policy", &self.policy.name())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What the client's own threads go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) queue_capacity: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) drop_timeout: Duration,
    pub(crate) pace: Pace,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            url: None,
            store: None,
            policy: Policy::default(),
            clock: None,
            calendar: None,
            other_calendar: OtherCalendar::Refuse,
            progress: None,
            read_only: false,
            key: None,
            settings: Settings {
                queue_capacity: 8192,
                when_full: WhenFull::RejectNewest,
                drop_timeout: Duration::from_secs(2),
                pace: Pace {
                    poll_interval: Duration::from_millis(250),
                    gather: Duration::from_millis(20),
                    buffer: 1024,
                },
            },
        }
    }
}

impl ClientBuilder {
    /// Which store to open; [`Client::open`] lists the URLs.
    pub fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// A store that is open already, one's own included. [`Client::shutdown`] closes it, whoever else holds it.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The policy that judges. The default is [`Policy::default`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where the time comes from: for ids, for what is enqueued, and for a store that is opened by its URL. The
    /// default is the machine's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The calendar of a store that is opened by its URL. The default counts every hour.
    pub fn calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = Some(calendar);
        self
    }

    /// What a store that is opened by its URL does if it was made with another calendar. The default is to refuse.
    pub fn other_calendar(mut self, what: OtherCalendar) -> Self {
        self.other_calendar = what;
        self
    }

    /// Is told how many events of how many have been folded, where a store that is opened by its URL has to fold its
    /// log again.
    pub fn progress(mut self, progress: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Whether a store that is opened by its URL may only be read. The default is no.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// The key for a server that is opened by its URL, where it asks for one. It appears in no error, log or debug output.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How many events [`Client::enqueue`] holds while they wait for the store, at least 1; besides them, up to 1000
    /// may be on their way. The default is 8192. An event has at most 64 KiB of JSON, and mostly a few hundred bytes.
    pub fn queue_capacity(mut self, events: usize) -> Self {
        self.settings.queue_capacity = events;
        self
    }

    /// What [`Client::enqueue`] does when the queue is full. The default is [`WhenFull::RejectNewest`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.settings.when_full = when_full;
        self
    }

    /// How long dropping the last clone of a client that was not [shut down](Client::shutdown) may wait for what is
    /// enqueued. The default is 2 s.
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drop_timeout = timeout;
        self
    }

    /// How often a [subscription](Client::subscribe) looks for events that other processes wrote; this client's own
    /// are seen at once, and PostgreSQL tells of the others'. The default is 250 ms.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.pace.poll_interval = interval;
        self
    }

    /// For how long [subscriptions](Client::subscribe) gather what happens where one event follows another, so that an
    /// actor has one delta for it; an event after a pause is told at once. The default is 20 ms; with zero, the
    /// follower goes as fast as it can.
    pub fn live_gather(mut self, time: Duration) -> Self {
        self.settings.pace.gather = time;
        self
    }

    /// How many deltas are kept for [subscribers](Client::subscribe) that are behind, at least 1: one buffer for all
    /// of them. The default is 1024.
    pub fn live_buffer(mut self, deltas: usize) -> Self {
        self.settings.pace.buffer = deltas;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// What opening the store met; [`Invalid`](apmt_core::ErrorKind::Invalid) if neither or both of a URL and a store
    /// were given, if a calendar, a key or read-only was asked of a store that is open already, if a key was given for a
    /// URL that is no server's, or if a capacity is 0.
    pub fn build(self) -> Result<Client> {
        let Self { url, store, policy, clock, calendar, other_calendar, progress, read_only, key, settings } =
            self;
        for (field, size) in
            [("queue_capacity", settings.queue_capacity), ("live_buffer", settings.pace.buffer)]
        {
            if size == 0 {
                return Err(Invalid::new(field, size, "must be at least 1").into());
            }
        }
        // The follower is made once the store is there, and then listens for what the store hears.
        let live: Arc<OnceLock<Weak<Live>>> = Arc::default();
        let listening = Arc::clone(&live);
        let on_append: url::OnAppend = Box::new(move || {
            if let Some(live) = listening.get().and_then(Weak::upgrade) {
                live.wake();
            }
        });
        let (store, calendar) = match (url, store) {
            (Some(url), None) => {
                let (clock, on_append) = (clock.clone(), Some(on_append));
                let options =
                    url::Options { clock, calendar, other_calendar, progress, read_only, key, on_append };
                let (store, calendar) = url::open(&url, options)?;
                // Only what is here has a calendar here, and is judged here.
                match calendar {
                    Some(calendar) => {
                        let store: Arc<dyn Store> = Arc::new(RememberPeers::new(store));
                        (store, Some(calendar))
                    }
                    None => (store, None),
                }
            }
            (None, Some(store)) => {
                let rule = "belongs to the store, which is open already: give it to the store's own builder";
                if calendar.is_some() {
                    return Err(Invalid::missing("calendar", rule).into());
                }
                if read_only {
                    return Err(Invalid::missing("read_only", rule).into());
                }
                if key.is_some() {
                    return Err(Invalid::missing("key", rule).into());
                }
                (store, None)
            }
            (None, None) => {
                return Err(Invalid::missing(
                    "url",
                    "must be given, such as sqlite:apmt.db, or else a store",
                )
                .into());
            }
            (Some(_), Some(_)) => {
                return Err(Invalid::missing("url", "must not be given together with a store").into());
            }
        };
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let client = Client::new(store, policy, clock, calendar, settings);
        // It is set once, here.
        let _ = live.set(client.live());
        Ok(client)
    }
}

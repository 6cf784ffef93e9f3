//! From a URL to a store.

use std::sync::Arc;

use apmt_core::event::nearest;
use apmt_core::{Calendar, Clock, Invalid, MemoryStore, OtherCalendar, Result, Store, SystemClock};
#[cfg(not(all(feature = "http", feature = "postgres", feature = "sqlite")))]
use apmt_core::{Error, ErrorKind};

/// Every scheme that APMT knows, whether this build opens it or not.
const SCHEMES: [&str; 5] = ["memory", "sqlite", "http", "https", "postgres"];

/// What is said of a URL whose scheme nobody knows.
const KNOWN: &str = "must start with memory:, sqlite:PATH, http://, https:// or postgres://";

/// What a store is opened with, apart from its URL.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) calendar: Option<Calendar>,
    pub(crate) other_calendar: OtherCalendar,
    pub(crate) progress: Option<Progress>,
    pub(crate) read_only: bool,
    pub(crate) key: Option<String>,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "no other store can tell"))]
    pub(crate) on_append: Option<OnAppend>,
}

/// Is told how many events of how many have been folded.
pub(crate) type Progress = Box<dyn FnMut(u64, u64) + Send>;

/// Is called when another process has appended, where a store can tell.
pub(crate) type OnAppend = Box<dyn Fn() + Send + Sync>;

/// Opens the store that a URL names, and says through which calendar it measures; that of a server is the server's to
/// know.
///
/// Errors show the scheme only where more of the URL could hold a password.
pub(crate) fn open(url: &str, options: Options) -> Result<(Arc<dyn Store>, Option<Calendar>)> {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once(':') else { return Err(without_scheme(url).into()) };
    let scheme = scheme.to_ascii_lowercase();
    if options.key.is_some() && matches!(scheme.as_str(), "memory" | "sqlite") {
        let rule = "is for a server, which http: and https: URLs name: leave it away";
        return Err(Invalid::missing("key", rule).into());
    }
    let is_here = !matches!(scheme.as_str(), "http" | "https");
    let calendar = is_here.then(|| options.calendar.clone().unwrap_or_default());
    let store: Result<Arc<dyn Store>> = match scheme.as_str() {
        "memory" => memory(url, rest, options),
        "sqlite" => sqlite(url, rest, options),
        scheme @ ("http" | "https") => http(scheme, url, options),
        scheme @ ("postgres" | "postgresql") => open_postgres(scheme, url, options),
        // One letter is a drive of Windows.
        drive if drive.len() == 1 => Err(without_scheme(url).into()),
        other => Err(Invalid::new("url", format!("{other}:"), KNOWN)
            .with_nearest(nearest_scheme(other).as_deref())
            .into()),
    };
    Ok((store?, calendar))
}

fn memory(url: &str, rest: &str, options: Options) -> Result<Arc<dyn Store>> {
    if !matches!(rest, "" | "//") {
        let rule = "must be memory: with nothing after it, for a store in memory has no place";
        return Err(Invalid::new("url", url, rule).into());
    }
    if options.read_only {
        return Err(Invalid::new("read_only", true, "must be false for memory:, which starts empty").into());
    }
    let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
    Ok(Arc::new(MemoryStore::with(clock, options.calendar.unwrap_or_default())))
}

/// A store on another machine: the options are that machine's to choose.
fn http(scheme: &str, url: &str, options: Options) -> Result<Arc<dyn Store>> {
    let rule = "is the server's to choose: leave it away";
    if let Some(calendar) = &options.calendar {
        return Err(Invalid::new("calendar", calendar.name(), rule).into());
    }
    if options.read_only {
        return Err(Invalid::new("read_only", true, rule).into());
    }
    open_http(scheme, url, options.key)
}

#[cfg(feature = "http")]
fn open_http(_scheme: &str, url: &str, key: Option<String>) -> Result<Arc<dyn Store>> {
    let mut builder = apmt_store_http::HttpStore::builder(url);
    if let Some(key) = key {
        builder = builder.key(key);
    }
    Ok(Arc::new(builder.open()?))
}

#[cfg(not(feature = "http"))]
fn open_http(scheme: &str, _url: &str, _key: Option<String>) -> Result<Arc<dyn Store>> {
    Err(unsupported(scheme, "build apmt-client with its feature http, or tls for https:"))
}

fn sqlite(url: &str, rest: &str, options: Options) -> Result<Arc<dyn Store>> {
    // Both sqlite:PATH and sqlite://PATH are in use; the latter has three slashes where the path starts at the root.
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(Invalid::new("url", url, "must name a file, such as sqlite:apmt.db").into());
    }
    if path == ":memory:" {
        let rule = "must name a file; a store in memory is memory:";
        return Err(Invalid::new("url", url, rule).into());
    }
    if path.contains('?') {
        let rule = "must be a path without options after a question mark: the builder has read_only";
        return Err(Invalid::new("url", url, rule).into());
    }
    open_sqlite(path, options)
}

#[cfg(feature = "sqlite")]
fn open_sqlite(path: &str, options: Options) -> Result<Arc<dyn Store>> {
    let mut builder = apmt_store_sqlite::SqliteStore::builder(path).read_only(options.read_only);
    if let Some(clock) = options.clock {
        builder = builder.clock(clock);
    }
    if let Some(calendar) = options.calendar {
        builder = builder.calendar(calendar);
    }
    if let Some(progress) = options.progress {
        builder = builder.progress(progress);
    }
    builder = builder.other_calendar(options.other_calendar);
    Ok(Arc::new(builder.open()?))
}

#[cfg(not(feature = "sqlite"))]
fn open_sqlite(_path: &str, _options: Options) -> Result<Arc<dyn Store>> {
    Err(unsupported("sqlite", "build apmt-client with its feature sqlite"))
}

#[cfg(feature = "postgres")]
fn open_postgres(_scheme: &str, url: &str, options: Options) -> Result<Arc<dyn Store>> {
    let mut builder = apmt_store_postgres::PostgresStore::builder(url).read_only(options.read_only);
    if let Some(clock) = options.clock {
        builder = builder.clock(clock);
    }
    if let Some(calendar) = options.calendar {
        builder = builder.calendar(calendar);
    }
    if let Some(progress) = options.progress {
        builder = builder.progress(progress);
    }
    if let Some(on_append) = options.on_append {
        builder = builder.on_append(on_append);
    }
    Ok(Arc::new(builder.other_calendar(options.other_calendar).open()?))
}

#[cfg(not(feature = "postgres"))]
fn open_postgres(scheme: &str, _url: &str, _options: Options) -> Result<Arc<dyn Store>> {
    Err(unsupported(scheme, "build apmt-client with its feature postgres"))
}

#[cfg(not(all(feature = "http", feature = "postgres", feature = "sqlite")))]
fn unsupported(scheme: &str, advice: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("url: {scheme}: this build does not open it: {advice}"))
}

/// A text without a scheme: most likely a path, or a scheme whose colon was forgotten.
fn without_scheme(text: &str) -> Invalid {
    let lower = text.to_ascii_lowercase();
    if text.is_empty() {
        return Invalid::new("url", text, KNOWN);
    }
    if SCHEMES.contains(&lower.as_str()) {
        let meant = if lower == "memory" { "memory:".to_owned() } else { format!("{lower}:…") };
        return Invalid::new("url", text, KNOWN).with_nearest(Some(&meant));
    }
    Invalid::new("url", text, KNOWN).with_nearest(Some(&format!("sqlite:{text}")))
}

/// The scheme that was probably meant.
fn nearest_scheme(written: &str) -> Option<String> {
    nearest(written, SCHEMES).map(|scheme| format!("{scheme}:"))
}

//! The log of a command that runs for long: lines for people or for programs, on standard error.

use std::any::Any;

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt, registry};

use crate::failure::Failure;
use crate::screen::printable;

/// What is written of who did what: it is not for a level to leave out.
const AUDIT: &str = "apmt::audit";

/// How and what a command logs.
#[derive(Args, Debug)]
pub(crate) struct LogOptions {
    /// How the log is written to standard error
    #[arg(long, value_enum, value_name = "FORMAT", env = "APMT_LOG_FORMAT", default_value = "text")]
    pub(crate) log: Format,
    /// What is logged: error, warn, info, debug, trace or off; or a list such as info,apmt_client=debug
    #[arg(long, value_name = "FILTER", env = "APMT_LOG", default_value = "info", value_parser = filter)]
    log_level: Targets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: one JSON object a line
    Json,
}

impl LogOptions {
    /// Logs from here on, panics included.
    pub(crate) fn start(self) -> Result<(), Failure> {
        let coloured = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
        let lines = lines(self.log, coloured, std::io::stderr);
        let started = registry().with(lines.with_filter(self.log_level)).try_init();
        started.map_err(|error| Failure::new("the log could not be started").with_source(error))?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(said = said(panic.payload()), place, "a thread panicked");
        }));
        Ok(())
    }
}

/// The writer of lines.
fn lines<W>(format: Format, coloured: bool, to: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(to).with_ansi(coloured);
    match format {
        Format::Text => {
            // Values that came from outside must not look like lines of ours, nor be obeyed by a terminal.
            let fields = debug_fn(|writer, field, value| {
                let value = format!("{value:?}");
                if field.name() == "message" {
                    write!(writer, "{}", printable(&value))
                } else {
                    write!(writer, "{field}={}", printable(&value))
                }
            });
            lines.fmt_fields(fields.delimited(" ")).boxed()
        }
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn filter(text: &str) -> Result<Targets, String> {
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if level.trim().is_empty() || level.trim().parse::<LevelFilter>().is_err() {
            return Err(format!("\"{level}\" is no level: expected error, warn, info, debug, trace or off"));
        }
    }
    let targets: Targets =
        text.parse().map_err(|error: tracing_subscriber::filter::ParseError| error.to_string())?;
    Ok(targets.with_target(AUDIT, LevelFilter::TRACE))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written of values that mean no good, wherever they stand.
    fn written(format: Format, coloured: bool) -> String {
        let page = Page::default();
        let to = page.clone();
        let subscriber = registry().with(lines(format, coloured, move || to.clone()));
        let evil = "anne\n2026-01-01T00:00:00Z  INFO all is well\r\u{1b}[2J\u{9b}2J\u{202e}";
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::error_span!("request", shown = %evil, quoted = evil);
            span.in_scope(|| tracing::warn!(shown = %evil, debugged = ?evil, "{evil}"));
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_from_outside_make_no_lines_of_their_own() {
        for format in [Format::Text, Format::Json] {
            let line = written(format, false);
            let line = line.strip_suffix('\n').unwrap();
            // JSON escapes what would end the line; no terminal reads it.
            let harmful = |c: char| match format {
                Format::Text => c.is_control() || c == '\u{202e}',
                Format::Json => c.is_ascii_control(),
            };
            assert!(!line.contains(harmful), "{line:?}");
            assert_eq!(line.matches("all is well").count(), 5, "{line}");
        }
        // A terminal is told of colours and of nothing else.
        let coloured = written(Format::Text, true);
        assert!(
            coloured.contains('\u{1b}') && !coloured.contains("\u{1b}[2J") && coloured.lines().count() == 1
        );
    }

    #[test]
    fn a_filter_is_a_level_and_levels_of_targets() {
        let targets = filter("warn,apmt_client=debug").unwrap();
        assert!(targets.would_enable("hyper", &Level::WARN) && !targets.would_enable("hyper", &Level::INFO));
        assert!(targets.would_enable("apmt_client::queue", &Level::DEBUG));
        assert!(
            filter("off,apmt::audit=off").unwrap().would_enable(AUDIT, &Level::INFO),
            "it is always written"
        );
        for wrong in ["", "inof", "info,apmt_client", "apmt_client=loud"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}

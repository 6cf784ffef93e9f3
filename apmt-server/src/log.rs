//! The log of a command that runs for long: lines for people or for programs, on standard error.

use std::any::Any;

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

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
        let filter = self.log_level.with_target(AUDIT, LevelFilter::TRACE);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let started = match self.log {
            Format::Text => {
                let coloured = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
                // Values that came from outside must not look like lines of ours, nor be obeyed by a terminal.
                let fields = debug_fn(|writer, field, value| {
                    let value = format!("{value:?}");
                    if field.name() == "message" {
                        write!(writer, "{}", printable(&value))
                    } else {
                        write!(writer, "{field}={}", printable(&value))
                    }
                });
                let lines = lines.with_ansi(coloured).fmt_fields(fields.delimited(" "));
                registry().with(lines.with_filter(filter)).try_init()
            }
            Format::Json => {
                let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
                registry().with(lines.with_filter(filter)).try_init()
            }
        };
        started.map_err(|error| Failure::new("the log could not be started").with_source(error))?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(said = said(panic.payload()), place, "a thread panicked");
        }));
        Ok(())
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
    text.parse().map_err(|error: tracing_subscriber::filter::ParseError| error.to_string())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_filter_is_a_level_and_levels_of_targets() {
        let targets = filter("warn,apmt_client=debug").unwrap();
        assert!(targets.would_enable("hyper", &Level::WARN) && !targets.would_enable("hyper", &Level::INFO));
        assert!(targets.would_enable("apmt_client::queue", &Level::DEBUG));
        for wrong in ["", "inof", "info,apmt_client", "apmt_client=loud"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}

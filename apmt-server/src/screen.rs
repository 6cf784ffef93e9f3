//! What people see. Everything is rounded here and nowhere else, and text that came from outside is shown so that a
//! terminal does not obey it.

pub(crate) mod dossier;
pub(crate) mod evidence;
pub(crate) mod keys;
mod number;
#[cfg(feature = "outbox")]
pub(crate) mod outbox;
pub(crate) mod plans;
pub(crate) mod scoreboard;
pub(crate) mod simulation;
mod table;

use std::borrow::Cow;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use apmt_core::{Day, Status};

pub(crate) use number::{age, condition, standard};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WATCH: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// What stands where there is no value.
pub(crate) const NOTHING: &str = "—";

/// The status as text and as a symbol: colour alone would leave some people out.
pub(crate) const fn status(status: Status) -> (&'static str, Style) {
    match status {
        Status::Good => ("✔ good", GOOD),
        Status::InsufficientData => ("? insufficient data", DIM),
        Status::Watch => ("▲ watch", WATCH),
        Status::Review => ("◆ review", WATCH),
        // An outcome of a later version is for people to look at.
        _ => ("✖ pip", BAD),
    }
}

/// Text from outside as a terminal may show it: without characters that it would obey, or that would turn the text
/// around.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.contains(harmful) { Cow::Owned(text.replace(harmful, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A UTC day: `2026-03-01`.
pub(crate) fn date(day: Day) -> String {
    day.start().to_string().chars().take(10).collect()
}

/// A line on standard error. If nobody reads it, so be it.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", printable(line));
}

/// "1 actor", "2 actors".
pub(crate) fn count(count: impl Into<u64>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Text as a shell takes it for one word.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_text_from_outside() {
        assert_eq!(printable("anne\u{1b}[2J\u{202e}"), "anne\u{fffd}[2J\u{fffd}");
        assert_eq!(printable("日本 ünï"), "日本 ünï");
    }

    #[test]
    fn a_word_for_the_shell() {
        assert_eq!(shell_word("sqlite:/tmp/apmt.db"), "sqlite:/tmp/apmt.db");
        assert_eq!(shell_word("sqlite:it's here.db"), r"'sqlite:it'\''s here.db'");
    }
}

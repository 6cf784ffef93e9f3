//! Where an outbox stands, for people.

use std::fmt::Write as _;
use std::path::Path;

use apmt_store_http::outbox::{Delivery, OutboxStatus};

use super::{BAD, BOLD, DIM, count, printable};

/// The whole page.
pub(crate) fn page(path: &Path, status: &OutboxStatus) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{DIM}{name:<14}{DIM:#}{}", printable(text));
    };
    line("outbox", &path.display().to_string());
    let mut waiting = count(status.waiting, "event", "events");
    if let Some(oldest) = status.oldest {
        let _ = write!(waiting, ", {} bytes, the first of them since {oldest}", status.bytes);
    }
    line("waiting", &waiting);
    line(
        "delivered",
        &match status.duplicates {
            0 => count(status.delivered, "event", "events"),
            duplicates => {
                format!(
                    "{}, of which {duplicates} were there already",
                    count(status.delivered, "event", "events")
                )
            }
        },
    );
    let dropped = status.dropped;
    if dropped.rejected + dropped.oldest > 0 {
        line("full", &format!("{} rejected, {} dropped for newer ones", dropped.rejected, dropped.oldest));
    }
    line(
        "delivery",
        match status.delivery {
            Delivery::Here => "by this process",
            Delivery::Elsewhere => "by a running program",
            _ => "nobody delivers now: start the program that wrote it, or see apmt outbox deliver --help",
        },
    );
    if let Some(next) = status.next_attempt {
        line("next attempt", &next.to_string());
    }
    if let Some(error) = &status.last_error {
        let at = format!("{} at {}", error.kind, error.at);
        let _ =
            writeln!(out, "{DIM}{:<14}{DIM:#}{BAD}{at}{BAD:#} {}", "last error", printable(&error.message));
    }
    let dead = count(status.dead, "dead letter", "dead letters");
    let _ = match status.dead {
        0 => writeln!(out, "{dead}"),
        _ => writeln!(
            out,
            "{BOLD}{dead}{BOLD:#}: apmt outbox export --only dead says why; apmt outbox retry puts them back"
        ),
    };
    out
}

#[cfg(test)]
mod tests {
    use apmt_store_http::Outbox;

    use super::*;

    #[test]
    fn a_page_for_people() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::builder(folder.path().join("outbox.db")).open().unwrap();
        outbox.record_event_blocking(r#"{"type": "OVERRIDE", "actor": "anne"}"#).unwrap();
        let mut status = outbox.status_blocking().unwrap();
        let page = |status: &OutboxStatus| {
            anstream::adapter::strip_str(&page(Path::new("out\u{1b}box.db"), status)).to_string()
        };
        let shown = page(&status);
        assert!(shown.contains("outbox        out\u{fffd}box.db\n"), "{shown}");
        assert!(
            shown.contains("waiting       1 event, ") && shown.contains("nobody delivers now"),
            "{shown}"
        );
        assert!(shown.ends_with("\n0 dead letters\n") && !shown.contains("full"), "{shown}");
        (status.dead, status.delivered, status.duplicates, status.dropped.oldest) = (2, 7, 3, 1);
        let shown = page(&status);
        assert!(shown.contains("7 events, of which 3 were there already\n"), "{shown}");
        assert!(shown.contains("0 rejected, 1 dropped") && shown.contains("2 dead letters: apmt"), "{shown}");
    }
}

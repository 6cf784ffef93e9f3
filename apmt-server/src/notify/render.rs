//! Messages as text and as HTML. Both say the same.

use std::fmt::Write as _;

use askama::Template;

use super::message::{Alert, Digest, DigestLine, Message, RuleInWords, known_as};

/// What every message ends with.
const END: &str = "APMT recommends; a supervisor decides.";

#[derive(Template)]
#[template(path = "notify/alert.html")]
struct AlertPage<'a> {
    alert: &'a Alert,
    known_as: &'a str,
}

#[derive(Template)]
#[template(path = "notify/digest.html")]
struct DigestPage<'a> {
    digest: &'a Digest,
}

impl DigestPage<'_> {
    #[expect(clippy::unused_self, reason = "the template calls it so")]
    fn known_as(&self, line: &DigestLine) -> String {
        known_as(&line.name, &line.actor).into_owned()
    }
}

/// A message as text.
pub(super) fn text(message: &Message) -> String {
    let mut text = String::new();
    match message {
        Message::Alert(alert) => {
            let who = one_line(&known_as(&alert.name, &alert.actor));
            let _ = writeln!(text, "An improvement plan is recommended for {who}.\n");
            reasons(&mut text, &alert.reasons);
            let _ =
                writeln!(text, "\nAs of {}, under the policy {}.", alert.as_of, one_line(&alert.policy.name));
            if let Some(link) = &alert.link {
                let _ = writeln!(text, "The record, and the evidence: {link}");
            }
        }
        Message::Digest(digest) => {
            let _ = writeln!(text, "As of {}:\n", digest.as_of);
            if digest.lines.is_empty() {
                text.push_str("Nobody needs attention, and no plan is open.\n");
            }
            for line in &digest.lines {
                let who = one_line(&known_as(&line.name, &line.actor));
                let plan = line.plan.as_ref().map_or_else(String::new, |plan| format!("; plan: {plan}"));
                let _ = writeln!(text, "{who}: {}{plan}", line.status);
                reasons(&mut text, &line.reasons);
            }
            if let Some(link) = &digest.link {
                let _ = writeln!(text, "\nThe scoreboard: {link}");
            }
        }
    }
    let _ = writeln!(text, "\n{END}");
    text
}

/// A message as HTML.
pub(super) fn html(message: &Message) -> Result<String, askama::Error> {
    match message {
        Message::Alert(alert) => AlertPage { alert, known_as: &known_as(&alert.name, &alert.actor) }.render(),
        Message::Digest(digest) => DigestPage { digest }.render(),
    }
}

fn reasons(text: &mut String, reasons: &[RuleInWords]) {
    for reason in reasons {
        let _ = writeln!(text, "  {}: {}", one_line(&reason.rule), reason.conditions.join(", and "));
    }
}

/// Names may hold line breaks, which would let one write lines of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

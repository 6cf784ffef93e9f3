//! What went wrong with one attempt, as the error that the caller gets and as a reason to try again.

use std::time::Duration;

use apmt_core::{Error, ErrorKind, Invalid};
use serde::Deserialize;

use crate::retry::may_pass;

/// One attempt that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the caller gets if this was the last attempt.
    pub(crate) error: Error,
    /// Whether another attempt may succeed.
    pub(crate) may_pass: bool,
    /// The wait that the server asks for.
    pub(crate) retry_after: Option<Duration>,
    /// What is not there, where the server knows that it could be.
    pub(crate) missing: Option<String>,
}

/// The members of a problem (RFC 9457) that are looked at.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    detail: Option<String>,
    kind: Option<String>,
    missing: Option<String>,
    #[serde(flatten)]
    invalid: Option<Invalid>,
}

impl Failure {
    /// Whatever trying again does not change.
    pub(crate) fn lasting(error: Error) -> Self {
        Self { error, may_pass: false, retry_after: None, missing: None }
    }

    /// No answer came.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let (kind, message) = if error.is_connect() {
            (ErrorKind::Unavailable, "the server cannot be reached")
        } else if error.is_timeout() {
            (ErrorKind::TimedOut, "the server did not answer in time")
        } else if error.is_builder() {
            return Self::lasting(Error::new(ErrorKind::Io, format!("the request cannot be made: {error}")));
        } else {
            (ErrorKind::Unavailable, "the connection broke before the answer was there")
        };
        // The address says enough; the rest of the URL names people.
        let error = error.without_url();
        let message = format!("{message}: {}", innermost(&error));
        let error = Error::new(kind, message).with_source(error);
        Self { error, may_pass: true, retry_after: None, missing: None }
    }

    /// An answer that is no success. `body` is a problem if an APMT wrote it.
    pub(crate) fn answered(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let said = problem.kind.as_deref().and_then(ErrorKind::from_name);
        let error = match (said, problem.invalid) {
            (Some(ErrorKind::Invalid), Some(invalid)) => Error::from(invalid),
            (said, _) => {
                let kind = said.unwrap_or_else(|| kind_of(status));
                let detail = problem.detail.unwrap_or_else(|| advice(status).to_owned());
                Error::new(kind, format!("the server answered {status}: {detail}"))
            }
        };
        Self { error, may_pass: may_pass(status, said), retry_after, missing: problem.missing }
    }
}

/// The kind of an error that no APMT has named.
const fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 | 403 | 407 => ErrorKind::Unauthorized,
        408 | 425 | 429 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Unsupported,
    }
}

const fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "it sends callers elsewhere: open the URL where it is, for appends do not follow",
        401 | 403 | 407 => "it does not let this caller in",
        404 | 405 => {
            "it does not know what was asked: check the URL, and that an APMT of this version is there"
        }
        413 => "it, or a proxy on the way, takes no such large request: send smaller batches",
        408 | 425 | 429 | 500..=599 => "it, or a proxy on the way, cannot serve now",
        _ => "that is no answer of an APMT: check the URL",
    }
}

/// What lies at the bottom of an error: reqwest's own words say little.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_with_its_kind() {
        for kind in ErrorKind::ALL.iter().filter(|kind| **kind != ErrorKind::Invalid) {
            let body = format!(r#"{{"status": 503, "detail": "as it was", "kind": "{kind}"}}"#);
            let failure = Failure::answered(503, body.as_bytes(), None);
            assert_eq!(failure.error.kind(), *kind);
            assert_eq!(failure.may_pass, failure.error.is_temporary());
            assert_eq!(failure.error.to_string(), "the server answered 503: as it was");
        }
    }

    #[test]
    fn what_is_invalid_comes_back_as_it_was() {
        let body = br#"{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "", "kind": "invalid",
            "field": "value", "value": "6", "rule": "must be a whole number of stars from 1 to 5", "index": 3}"#;
        let failure = Failure::answered(400, body, None);
        let rule = "must be a whole number of stars from 1 to 5";
        assert_eq!(failure.error.invalid(), Some(&Invalid::new("value", 6, rule).at_index(3)));
        assert!(!failure.may_pass);
    }

    #[test]
    fn what_stands_between_is_judged_by_its_status() {
        for (status, kind) in [
            (302, ErrorKind::Unsupported),
            (401, ErrorKind::Unauthorized),
            (404, ErrorKind::Unsupported),
            (429, ErrorKind::Unavailable),
            (502, ErrorKind::Unavailable),
        ] {
            let failure = Failure::answered(status, b"<html>", Some(Duration::from_secs(1)));
            assert_eq!((failure.error.kind(), failure.retry_after), (kind, Some(Duration::from_secs(1))));
        }
    }
}

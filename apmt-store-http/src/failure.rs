//! What went wrong with one attempt, as the error that the caller gets and as a reason to try again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Invalid};
use serde::Deserialize;

use crate::retry::may_pass;

/// One attempt that failed. Several callers may have to be told of it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    message: String,
    invalid: Option<Invalid>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// Whether another attempt may succeed.
    pub(crate) may_pass: bool,
    /// The wait that the server asks for.
    pub(crate) retry_after: Option<Duration>,
    /// What is not there, where the server knows that it could be.
    pub(crate) missing: Option<String>,
    /// Whether what was sent was too large for the server, or for something on the way.
    pub(crate) too_large: bool,
}

/// What lies under the error for an answer that is no success: what the outbox looks at.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    // Only the outbox waits as long as this by itself: a call's own attempts have been made by then.
    #[cfg_attr(not(feature = "outbox"), expect(dead_code, reason = "read by the outbox"))]
    pub(crate) retry_after: Option<Duration>,
}

impl Answered {
    /// What lies under that error, if a server has answered.
    #[cfg(feature = "outbox")]
    pub(crate) fn under(error: &Error) -> Option<&Self> {
        let source = std::error::Error::source(error)?;
        source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?.downcast_ref()
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)
    }
}

impl std::error::Error for Answered {}

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
    fn new(kind: ErrorKind, message: String) -> Self {
        Self {
            kind,
            message,
            invalid: None,
            source: None,
            may_pass: false,
            retry_after: None,
            missing: None,
            too_large: false,
        }
    }

    /// Whatever trying again does not change.
    pub(crate) fn lasting(error: Error) -> Self {
        let failure = Self::new(error.kind(), error.to_string());
        Self { invalid: error.invalid().cloned(), source: Some(Arc::new(error)), ..failure }
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
        Self { source: Some(Arc::new(error)), may_pass: true, ..Self::new(kind, message) }
    }

    /// An answer that is no success. `body` is a problem if an APMT wrote it.
    pub(crate) fn answered(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let said = problem.kind.as_deref().and_then(ErrorKind::from_name);
        let mut failure = match (said, problem.invalid) {
            (Some(ErrorKind::Invalid), Some(invalid)) => {
                Self { invalid: Some(invalid), ..Self::new(ErrorKind::Invalid, String::new()) }
            }
            (said, _) => {
                let kind = said.unwrap_or_else(|| kind_of(status));
                let mut message = format!("the server answered {status}");
                // Of a key, the server knows what is wrong, and not where it comes from.
                let key = kind == ErrorKind::Unauthorized && problem.detail.is_some();
                for part in problem.detail.as_deref().into_iter().chain(key.then_some(KEY)) {
                    message = format!("{message}: {part}");
                }
                if problem.detail.is_none() {
                    message = format!("{message}: {}", advice(status));
                }
                Self::new(kind, message)
            }
        };
        if failure.invalid.is_none() {
            failure.source = Some(Arc::new(Answered { status, retry_after }));
        }
        failure.may_pass = may_pass(status, said);
        failure.retry_after = retry_after;
        failure.missing = problem.missing;
        failure.too_large = status == 413;
        failure
    }

    /// What a caller gets if this was the last attempt.
    pub(crate) fn error(&self) -> Error {
        let error = match &self.invalid {
            Some(invalid) => Error::from(invalid.clone()),
            None => Error::new(self.kind, &*self.message),
        };
        match &self.source {
            Some(source) => error.with_source(Arc::clone(source)),
            None => error,
        }
    }

    /// Which event of the request broke a rule, where one did.
    pub(crate) fn index(&self) -> Option<usize> {
        self.invalid.as_ref().and_then(Invalid::index)
    }

    /// The same failure of the event at that place of a batch.
    pub(crate) fn at_index(mut self, index: usize) -> Self {
        self.invalid = self.invalid.map(|invalid| invalid.at_index(index));
        self
    }

    /// Whether it may be one batch's fault where several were sent together, without a word about whose.
    pub(crate) fn is_somebodys(&self) -> bool {
        self.kind == ErrorKind::Invalid || self.too_large
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

/// What to do about a key.
const KEY: &str = "the key is given by HttpBuilder::key, and to the command by APMT_KEY";

const fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "it sends callers elsewhere: open the URL where it is, for appends do not follow",
        401 | 403 | 407 => {
            "it does not let this caller in: give it a key that may do this, by HttpBuilder::key, or to the command by \
             APMT_KEY"
        }
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
            assert_eq!(failure.error().kind(), *kind);
            assert_eq!(failure.may_pass, failure.error().is_temporary());
            let said = failure.error().to_string();
            assert_eq!(
                said == "the server answered 503: as it was",
                *kind != ErrorKind::Unauthorized,
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_invalid_comes_back_as_it_was() {
        let body = br#"{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "", "kind": "invalid",
            "field": "value", "value": "6", "rule": "must be a whole number of stars from 1 to 5", "index": 3}"#;
        let failure = Failure::answered(400, body, None);
        let rule = "must be a whole number of stars from 1 to 5";
        assert_eq!(failure.error().invalid(), Some(&Invalid::new("value", 6, rule).at_index(3)));
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
            assert_eq!((failure.error().kind(), failure.retry_after), (kind, Some(Duration::from_secs(1))));
        }
    }

    #[test]
    fn a_key_that_is_refused_says_what_to_do() {
        let body = br#"{"detail": "this key may only read", "kind": "unauthorized"}"#;
        for (status, body) in [(401, &b""[..]), (403, body), (407, b"")] {
            let error = Failure::answered(status, body, None).error();
            assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthorized, false));
            assert!(error.to_string().contains("APMT_KEY"), "{error}");
        }
        let error = Failure::answered(403, body, None).error();
        assert!(
            error.to_string().starts_with("the server answered 403: this key may only read: "),
            "{error}"
        );
    }
}

//! How a command ends: what its exit code is, and what is said when it fails.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use apmt_core::yaml::YamlError;
use apmt_core::{ErrorKind, Invalid};

use crate::screen::printable;

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is well: 0.
    Fine,
    /// Something that was given was rejected, or a test of a policy failed; the rest was done: 1.
    Rejected,
}

impl Ending {
    pub(crate) const fn rejected_if(rejected: bool) -> Self {
        if rejected { Self::Rejected } else { Self::Fine }
    }

    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Fine => ExitCode::SUCCESS,
            Self::Rejected => ExitCode::from(1),
        }
    }
}

/// Why a command could not do its work: 2.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    advice: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// Whoever read the output has gone, which is no failure: `apmt export | head`.
    nobody_reads: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), advice: None, source: None, nobody_reads: false }
    }

    /// Adds what to do.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds what lies under it.
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A file that could not be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: io::Error) -> Self {
        Self::new(format!("cannot {doing} {}", path.display())).with_source(error)
    }

    /// The exit code and the text for standard error, of which there is none where nobody reads.
    pub(crate) fn report(&self) -> (ExitCode, Option<String>) {
        if self.nobody_reads {
            return (ExitCode::SUCCESS, None);
        }
        let red = crate::screen::BAD;
        let mut text = format!("{red}error:{red:#} {}\n", printable(&self.message));
        let mut said = self.message.clone();
        let mut next = self.source.as_deref().map(|source| source as &(dyn Error + 'static));
        while let Some(source) = next {
            let cause = source.to_string();
            // Some errors repeat what lies under them.
            if !said.contains(&cause) {
                let _ = writeln!(text, "  because: {}", printable(&cause));
                said = cause;
            }
            next = source.source();
        }
        if let Some(advice) = &self.advice {
            let _ = writeln!(text, "  {}", printable(advice));
        }
        (ExitCode::from(2), Some(text))
    }
}

impl From<apmt_core::Error> for Failure {
    fn from(error: apmt_core::Error) -> Self {
        let advice = match error.kind() {
            ErrorKind::Locked => Some("another process holds what is needed: wait for it, then try again"),
            ErrorKind::Mismatch => Some("see also --calendar and --refold"),
            _ => None,
        };
        let failure = Self::new(error.to_string()).with_source(error);
        Self { advice: advice.map(str::to_owned), ..failure }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.to_string())
    }
}

impl From<YamlError> for Failure {
    fn from(error: YamlError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<io::Error> for Failure {
    /// An error of writing the output.
    fn from(error: io::Error) -> Self {
        let nobody_reads = error.kind() == io::ErrorKind::BrokenPipe;
        Self { nobody_reads, ..Self::new("cannot write the output").with_source(error) }
    }
}

//! The command as users run it: the real binary, in a folder of its own.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "postgres")]
#[path = "../../../apmt-store-postgres/tests/postgres/cluster.rs"]
mod cluster;
mod demo;
mod evidence;
#[cfg(feature = "postgres")]
mod failover;
mod import;
mod keys;
mod logs;
mod migrate;
#[cfg(feature = "outbox")]
mod outbox;
mod plan;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod records;
mod screens;
mod seal;
mod serve;
mod usage;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which the command is run.
struct Folder(TempDir);

/// How a run of the command ended.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apmt"));
        command.args(arguments).current_dir(self.0.path());
        for variable in [
            "APMT_KEY",
            "APMT_KEYS",
            "APMT_LOG",
            "APMT_LOG_FORMAT",
            "APMT_OUTBOX",
            "APMT_STORE",
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command with nothing on standard input.
    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // In a thread of its own: a command that prints before it has read all must not wait for us. One that
            // refuses its input closes the pipe, which is no error of the test.
            scope.spawn(move || pipe.write_all(input).ok());
            Run::of(child.wait_with_output().unwrap())
        })
    }

    /// Runs a command that must succeed, and reads its output as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).succeeded().json()
    }
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    #[track_caller]
    fn succeeded(self) -> Self {
        self.ended_with(0)
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that standard error says all of that.
    #[track_caller]
    fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in {self:?}");
        }
        self
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The folder of real logs that lies beside the workspace where this software is made; none ships with it.
fn real_logs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    folder.is_dir().then_some(folder)
}

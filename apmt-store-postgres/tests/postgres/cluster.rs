//! A throw-away PostgreSQL for tests: made, started and stopped by them, from the programs that Debian installs.

#![allow(dead_code, reason = "the tests of other crates take this file too, and not all of it")]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

/// An open session: statements go in, answers come out.
pub(crate) struct Session {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Session {
    pub(crate) fn say(&mut self, sql: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{sql}").unwrap();
    }

    pub(crate) fn wait_for(&mut self, answer: &str) {
        let mut lines = self.answers.by_ref().lines();
        assert!(lines.any(|line| line.unwrap() == answer), "the session ended before it said {answer}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running PostgreSQL, with its data in a folder of its own; both end with it.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
}

impl Cluster {
    /// Makes a cluster and starts it.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("apmt-postgres-").tempdir().unwrap();
        give(folder.path());
        let port = free_port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let cluster = Self { folder, port, settings };
        run(program("initdb").arg("-D").arg(cluster.data()).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]));
        cluster.watch();
        cluster.run();
        cluster
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn run(&self) {
        let mut options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c max_connections=400",
            self.port,
            self.folder.path().display()
        );
        for setting in &self.settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let log = self.folder.path().join("log");
        run(program("pg_ctl")
            .arg("start")
            .args([OsStr::new("-D"), self.data().as_os_str(), OsStr::new("-l"), log.as_os_str()])
            .args(["-w", "-o", &options]));
    }

    /// Statics are not dropped, and a test that is killed drops nothing: a watchdog sees this process end, and cleans up.
    fn watch(&self) {
        let script = format!(
            "while kill -0 {} 2>/dev/null; do sleep 0.5; done; \"$@\"; rm -rf {}",
            std::process::id(),
            self.folder.path().display()
        );
        let stop = self.stop_command("immediate");
        let mut watchdog = Command::new("setsid");
        watchdog.args(["--fork", "sh", "-c", &script, "sh"]).arg(stop.get_program()).args(stop.get_args());
        run(&mut watchdog);
    }

    fn stop_command(&self, mode: &str) -> Command {
        let mut command = program("pg_ctl");
        command.arg("stop").arg("-D").arg(self.data()).args(["-m", mode, "-w"]);
        command
    }

    /// Stops the server: `immediate` is as if it was killed.
    pub(crate) fn stop(&self, mode: &str) {
        run(&mut self.stop_command(mode));
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A session of the superuser's that stays open.
    pub(crate) fn session(&self, database: &str) -> Session {
        let mut command = psql(&self.url(database));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Session { child, answers }
    }

    /// Runs a statement as the superuser, and returns what it prints.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = run(Command::new(bin().join("psql")).args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.url(database),
            "-c",
            sql,
        ]));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // One that a test has stopped already is not running: no matter.
        let _ = self.stop_command("immediate").output();
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Gives a file or a folder to the user that PostgreSQL runs as, who is not root.
pub(crate) fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(path));
    }
}

fn psql(url: &str) -> Command {
    let mut command = Command::new(bin().join("psql"));
    command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]);
    command
}

/// A program of PostgreSQL's, run as the user that it may be run as.
fn program(name: &str) -> Command {
    unprivileged(bin().join(name))
}

/// A program that root may not run, or should not.
pub(crate) fn unprivileged(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| run(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0")
}

/// The folder of PostgreSQL's programs: the one that `PG_BIN` names, the newest that Debian has installed, or else the
/// first on the path.
pub(crate) fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        if let Some(named) = std::env::var_os("PG_BIN") {
            return named.into();
        }
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let number = |path: &Path| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
        let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = newest.map(|path| path.join("bin")).into_iter().chain(std::env::split_paths(&path));
        let mut folders = folders.into_iter();
        folders.find(|folder| folder.join("initdb").exists()).unwrap_or_else(|| {
            panic!("the tests need PostgreSQL's programs: install Debian's package postgresql, or name their folder in PG_BIN")
        })
    })
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    // pg_ctl's server keeps the pipes that it was given, so it is given none to wait for.
    let mut out = tempfile::tempfile().unwrap();
    let status = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out.try_clone().unwrap())
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut text = Vec::new();
    out.rewind().unwrap();
    out.read_to_end(&mut text).unwrap();
    assert!(status.success(), "{command:?}\n{}", String::from_utf8_lossy(&text));
    Output { status, stdout: text, stderr: Vec::new() }
}

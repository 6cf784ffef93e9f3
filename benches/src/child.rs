//! Servers as processes of their own, so that their memory is theirs, and their share of the processors where it is
//! limited.

use std::io::{BufRead as _, BufReader, Error, Result, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use apmt_client::Client;
use apmt_server::serve::{ServeOptions, Server};

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The control group that limits it.
    limit: Option<PathBuf>,
}

impl Served {
    /// Runs this program once more with those arguments, and reads where it listens from its first line.
    ///
    /// # Errors
    /// It does not start, or says no address.
    pub fn this(arguments: &[&str]) -> Result<Self> {
        Self::run(Command::new(std::env::current_exe()?).args(arguments))
    }

    /// Runs a program whose first line on standard output is the address where it listens.
    ///
    /// # Errors
    /// As [`this`](Self::this).
    pub fn run(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if let Ok(address) = line.trim().parse() {
            return Ok(Self { child, address, limit: None });
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(Error::other(format!("no address but {line:?}")))
    }

    /// Leaves it so much of one processor's time, as if it stood on a small machine of its own: so that what limits it is
    /// not what it shares with the load and the database.
    ///
    /// # Errors
    /// The system has no control groups, or lets this process make none: that takes Linux and root.
    pub fn limited(mut self, processors: f64) -> Result<Self> {
        // Short, for a server that has spent its time may hold the lock that others wait for.
        const PERIOD_US: f64 = 5_000.0;
        let quota = (PERIOD_US * processors).round();
        let of_version_1 = Path::new("/sys/fs/cgroup/cpu");
        let root = if of_version_1.exists() { of_version_1 } else { Path::new("/sys/fs/cgroup") };
        let group = root.join(format!("apmt-bench-{}", self.child.id()));
        std::fs::create_dir(&group)?;
        self.limit = Some(group.clone());
        if root == of_version_1 {
            std::fs::write(group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
            std::fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())?;
        } else {
            std::fs::write(group.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
        }
        std::fs::write(group.join("cgroup.procs"), self.child.id().to_string())?;
        Ok(self)
    }

    /// How much time of a processor it has used, in seconds, where the system tells.
    pub fn processor_time(&self) -> Option<f64> {
        processor_time(&self.child.id().to_string())
    }

    /// The most memory that it has held at once, in bytes, where the system tells.
    pub fn peak_memory(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kilobytes * 1024.0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(group) = &self.limit {
            let _ = std::fs::remove_dir(group);
        }
    }
}

/// How much time of a processor a process has used, in seconds: `self`, or its number.
pub fn processor_time(process: &str) -> Option<f64> {
    /// A hundred a second, on every Linux that there is.
    const TICK: f64 = 0.01;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything, the time in the program is the 12th field and that in the system the 13th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK)
}

/// What a child does that serves a store: until it is killed.
///
/// # Errors
/// The store does not open, or no port is free.
pub fn serve(url: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::open(url).map_err(Error::other)?;
        let options = ServeOptions::new(client).with_address(([127, 0, 0, 1], 0).into());
        let server = Server::bind(options).await.map_err(Error::other)?;
        tell(server.local_addr())?;
        let _ = server.run_until(std::future::pending()).await;
        Ok(())
    })
}

/// Says on standard output where a child listens.
///
/// # Errors
/// Nobody reads it.
pub fn tell(address: SocketAddr) -> Result<()> {
    println!("{address}");
    std::io::stdout().flush()
}

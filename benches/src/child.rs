//! Servers as processes of their own, so that their memory is theirs.

use std::io::{BufRead as _, BufReader, Error, Result, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use apmt_client::Client;
use apmt_server::serve::{ServeOptions, Server};

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
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
            return Ok(Self { child, address });
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(Error::other(format!("no address but {line:?}")))
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
    }
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

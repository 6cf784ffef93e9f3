//! `apmt serve`: the service over HTTP.

use std::net::SocketAddr;

use clap::Args;

use crate::failure::{Ending, Failure};
use crate::log::{Format, LogOptions};
use crate::open::{Purpose, StoreOptions, is_remote};
use crate::screen::complain;
use crate::serve::{DEFAULT_ADDRESS, ServeOptions, serve_blocking};

/// Answer over HTTP, until Ctrl-C or SIGTERM
///
/// For programs on this machine only: there are no keys yet that would say who else may read and write.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt serve
  apmt serve --store sqlite:apmt.db --address 127.0.0.1:9400
  apmt serve --log json --log-level warn
  curl -X POST localhost:9300/event -d '{\"type\":\"OVERRIDE\",\"actor\":\"test@agency.gov\"}'
  curl localhost:9300/dossier/test@agency.gov
  apmt scoreboard --store http://localhost:9300")]
pub(super) struct Serve {
    /// Where to listen: an address of this machine's own, and a port
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_ADDRESS)]
    address: SocketAddr,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    store: StoreOptions,
}

impl Serve {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        if is_remote(&self.store.store) {
            return Err(Failure::new("a server keeps its own store, and not another server's")
                .advise("give --store sqlite:PATH or memory:"));
        }
        // Programs read the log as JSON and nothing else beside it.
        let said_as_json = self.log.log == Format::Json;
        self.log.start()?;
        let client = self.store.open(Purpose::Write)?;
        let options = ServeOptions::new(client.as_async().clone()).with_address(self.address);
        let report = serve_blocking(options, |address| {
            if said_as_json {
                tracing::info!(%address, "listening");
            } else {
                complain(&format!("listening on http://{address}"));
            }
        })?;
        if report.is_clean() { Ok(Ending::Fine) } else { Err(Failure::new(report.to_string())) }
    }
}

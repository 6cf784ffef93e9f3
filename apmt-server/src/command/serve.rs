//! `apmt serve`: the service over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::audit::AuditLog;
use crate::failure::{Ending, Failure};
use crate::http::{Rate, RouterOptions};
use crate::keys::Keys;
use crate::log::{Format, LogOptions};
use crate::open::{Purpose, StoreOptions, is_remote};
use crate::screen::complain;
use crate::serve::{DEFAULT_ADDRESS, ServeOptions, serve_blocking};

/// Answer over HTTP, until Ctrl-C or SIGTERM
///
/// Without --keys, for programs on this machine only, which may read and record everything. With --keys, for whoever
/// has a key: apmt key makes them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt serve
  apmt serve --store sqlite:apmt.db --address 127.0.0.1:9400
  apmt serve --log json --log-level warn
  curl -X POST localhost:9300/event -d '{\"type\":\"OVERRIDE\",\"actor\":\"test@agency.gov\"}'
  curl localhost:9300/dossier/test@agency.gov
  apmt scoreboard --store http://localhost:9300

  apmt key create --name dashboard --scope read
  apmt serve --address 0.0.0.0:9300 --keys apmt-keys.json \\
      --tls-cert cert.pem --tls-key key.pem --audit-log audit.jsonl")]
pub(super) struct Serve {
    /// Where to listen; without --keys, an address of this machine's own
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_ADDRESS)]
    address: SocketAddr,
    /// Let in only who has one of the keys in this file
    #[arg(long, value_name = "FILE", env = "APMT_KEYS", hide_env_values = true)]
    keys: Option<PathBuf>,
    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: TlsFiles,
    /// Add a line of JSON to this file for each read of what is recorded about people
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// How often each key may ask (without --keys, each address), a second or a minute: 200/s, 90/m; or none
    ///
    /// As many as that at once. The default is 1000/s for each key, and no limit without keys.
    #[arg(long, value_name = "N[/s|/m]", value_parser = rate)]
    rate: Option<RateChoice>,
    /// Answer under this name too (without --keys, else only as localhost); may be given more than once
    ///
    /// With --keys the server answers under every name, unless this says under which.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    store: StoreOptions,
}

/// The files for TLS.
#[cfg(feature = "tls")]
#[derive(Args, Debug)]
struct TlsFiles {
    /// Answer over TLS, with the certificate in this PEM file, and those that vouch for it behind it
    ///
    /// It and the key are read again when they change.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// A rate, or none.
#[derive(Clone, Copy, Debug)]
struct RateChoice(Option<Rate>);

fn rate(text: &str) -> Result<RateChoice, String> {
    if text.trim() == "none" {
        return Ok(RateChoice(None));
    }
    let rate: Rate = text.parse().map_err(|invalid: apmt_core::Invalid| invalid.rule().to_owned())?;
    Ok(RateChoice(Some(rate)))
}

impl Serve {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        if is_remote(&self.store.store) {
            return Err(Failure::new("a server keeps its own store, and not another server's")
                .advise("give --store sqlite:PATH or memory:"));
        }
        // What may be wrong with the other files is found out before the store is opened, and perhaps made.
        let router = self.router()?;
        #[cfg(feature = "tls")]
        let tls = match (&self.tls.tls_cert, &self.tls.tls_key) {
            (Some(certificate), Some(key)) => Some(crate::serve::Tls::open(certificate, key)?),
            _ => None,
        };
        // Programs read the log as JSON and nothing else beside it.
        let said_as_json = self.log.log == Format::Json;
        self.log.start()?;
        let client = self.store.open(Purpose::Write)?;
        let options =
            ServeOptions::new(client.as_async().clone()).with_address(self.address).with_router(router);
        #[cfg(feature = "tls")]
        let options = match tls {
            Some(tls) => options.with_tls(tls),
            None => options,
        };
        let scheme = if options.is_over_tls() { "https" } else { "http" };
        let report = serve_blocking(options, |address| {
            if said_as_json {
                tracing::info!(%address, scheme, "listening");
            } else {
                complain(&format!("listening on {scheme}://{address}"));
            }
        })?;
        if report.is_clean() { Ok(Ending::Fine) } else { Err(Failure::new(report.to_string())) }
    }

    fn router(&self) -> Result<RouterOptions, Failure> {
        let mut router = RouterOptions::new();
        if let Some(keys) = &self.keys {
            router = router.with_keys(Keys::open(keys)?);
        }
        if let Some(audit_log) = &self.audit_log {
            router = router.with_audit(AuditLog::open(audit_log)?);
        }
        if let Some(RateChoice(rate)) = self.rate {
            router = router.with_rate(rate);
        }
        Ok(if self.hosts.is_empty() { router } else { router.with_hosts(&self.hosts) })
    }
}

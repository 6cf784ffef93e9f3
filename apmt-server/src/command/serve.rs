//! `apmt serve`: the service over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use apmt_client::blocking::Client;
use clap::{Args, ValueEnum};
use futures_lite::future::block_on;

use super::demo::founded;
use crate::audit::AuditLog;
use crate::demo::{ANNE, Life};
use crate::failure::{Ending, Failure};
use crate::http::{Rate, RouterOptions};
use crate::keys::Keys;
use crate::log::{Format, LogOptions};
use crate::notify::Settings;
use crate::open::{self, DEFAULT_STORE, Purpose, RuleOptions, is_remote};
use crate::screen::complain;
use crate::seal::{SealOptions, read_key};
use crate::serve::{DEFAULT_ADDRESS, ServeOptions, serve_blocking};

/// Answer over HTTP, until Ctrl-C or SIGTERM
///
/// Without --keys, for programs on this machine only, which may read and record everything. With --keys, for whoever
/// has a key: apmt key makes them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt serve
  apmt serve --demo
  apmt serve --store sqlite:apmt.db --address 127.0.0.1:9400
  apmt serve --directory people.yaml --notify notify.yaml
  apmt serve --seal-key seal.key --seal-every 5m
  apmt serve --log json --log-level warn
  curl -X POST localhost:9300/event -d '{\"type\":\"OVERRIDE\",\"actor\":\"test@agency.gov\"}'
  curl localhost:9300/dossier/test@agency.gov
  curl -N -H 'accept: text/event-stream' localhost:9300/live
  apmt scoreboard --store http://localhost:9300

  apmt key create --name dashboard --scope read
  apmt serve --address 0.0.0.0:9300 --keys apmt-keys.json \\
      --tls-cert cert.pem --tls-key key.pem --audit-log audit.jsonl")]
pub(super) struct Serve {
    /// Where to listen; without --keys, an address of this machine's own
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_ADDRESS)]
    address: SocketAddr,
    /// The store: memory:, sqlite:PATH, postgres://… for several servers, or http://… [default: sqlite:apmt.db, or memory: with --demo]
    ///
    /// In front of another server, whose policy judges, this one must be given the same --policy, and where that asks for
    /// a key, the environment variable APMT_KEY. Plans are mailed by either of them, not by both: give --notify to one.
    #[arg(long, value_name = "URL", env = "APMT_STORE", hide_env_values = true)]
    store: Option<String>,
    /// Open on a made-up agency, where something happens every few seconds; with =still, nothing does
    ///
    /// It is kept in memory, unless a store is given, which must be empty or hold that agency already.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "lively")]
    demo: Option<Demo>,
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
    /// Who people are and to whom they report, in YAML: for notices and notifications [default: with --demo, its own]
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Tell supervisors when a plan is recommended, by e-mail or webhook: the settings, in YAML
    #[arg(long, value_name = "FILE")]
    notify: Option<PathBuf>,
    /// Seal the log, and sign checkpoints of it with the key in this file: see apmt seal
    #[arg(long, value_name = "FILE")]
    seal_key: Option<PathBuf>,
    /// How often: seconds, minutes or hours (30s, 5m, 1h) [default: 1m]
    #[arg(long, value_name = "TIME", requires = "seal_key", value_parser = interval)]
    seal_every: Option<Duration>,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    rules: RuleOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Demo {
    Lively,
    Still,
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

/// How often something is done.
fn interval(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let second = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let seconds = number.parse::<u32>().ok().map(|number| u64::from(number) * second).filter(|all| *all > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "must be such as 30s, 5m or 1h".to_owned())
}

impl Serve {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let default = if self.demo.is_some() { "memory:" } else { DEFAULT_STORE };
        let store = self.store.as_deref().unwrap_or(default);
        if is_remote(store) {
            self.same_policy(store)?;
        }
        // What may be wrong with the other files is found out before the store is opened, and perhaps made.
        let router = self.router()?;
        let seal = self.seal()?;
        #[cfg(feature = "tls")]
        let tls = match (&self.tls.tls_cert, &self.tls.tls_key) {
            (Some(certificate), Some(key)) => Some(crate::serve::Tls::open(certificate, key)?),
            _ => None,
        };
        // Programs read the log as JSON and nothing else beside it.
        let said_as_json = self.log.log == Format::Json;
        self.log.start()?;
        let directory = Arc::new(match (&self.directory, self.demo) {
            (None, Some(_)) => crate::demo::directory()?,
            (path, _) => open::directory(path.as_deref())?,
        });
        let notify = self.notify.as_deref().map(|path| {
            let settings = Settings::from_yaml(&path.display().to_string(), &open::text(path)?)?;
            let options = settings.to_options(path.parent().unwrap_or(Path::new("")))?;
            Ok::<_, Failure>(options.with_directory(Arc::clone(&directory)))
        });
        let notify = notify.transpose()?;
        let client = self.rules.open(store, Purpose::Write)?;
        if self.demo.is_some() {
            let founding = founded(&client, store, None)?;
            if !said_as_json {
                complain(&founding.told);
            }
        }
        let mut options = ServeOptions::new(client.as_async().clone())
            .with_address(self.address)
            .with_router(router.with_directory(directory));
        if let Some(notify) = notify {
            options = options.with_notify(notify);
        }
        if let Some(seal) = seal {
            options = options.with_seal(seal);
        }
        #[cfg(feature = "tls")]
        let options = match tls {
            Some(tls) => options.with_tls(tls),
            None => options,
        };
        let scheme = if options.is_over_tls() { "https" } else { "http" };
        let serve = || {
            serve_blocking(options, |address| {
                if said_as_json {
                    tracing::info!(%address, scheme, "listening");
                    return;
                }
                complain(&format!("listening on {scheme}://{address}"));
                if self.demo.is_some() {
                    what_to_try(&format!("{scheme}://{address}")).lines().for_each(complain);
                }
            })
        };
        let report = match self.demo {
            Some(Demo::Lively) => std::thread::scope(|scope| {
                let (stop, stopped) = channel();
                let client = &client;
                scope.spawn(move || live_on(client, &stopped));
                let report = serve();
                drop(stop);
                report
            }),
            _ => serve(),
        }?;
        if report.is_clean() { Ok(Ending::Fine) } else { Err(Failure::new(report.to_string())) }
    }

    /// In front of another server it is that one's policy that judges: this one must not say that another does.
    fn same_policy(&self, url: &str) -> Result<(), Failure> {
        let (theirs, ours) = (block_on(open::remote(url)?.policy())?, self.rules.policy()?);
        if theirs.digest == ours.digest() {
            return Ok(());
        }
        let told = format!(
            "the records are another server's, whose policy is {} ({}), and the one here is {} ({})",
            theirs.name,
            theirs.digest,
            ours.name(),
            ours.digest()
        );
        Err(Failure::new(told).advise("give --policy the file that the other server was started with"))
    }

    fn seal(&self) -> Result<Option<SealOptions>, Failure> {
        let Some(path) = &self.seal_key else { return Ok(None) };
        let options = SealOptions::new(read_key(path)?);
        Ok(Some(match self.seal_every {
            Some(every) => options.with_interval(every),
            None => options,
        }))
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

/// Lets something happen at the agency from time to time, until it is the end.
fn live_on(client: &Client, stopped: &Receiver<()>) {
    let mut life = Life::new(1953);
    while stopped.recv_timeout(life.pause()) == Err(RecvTimeoutError::Timeout) {
        let happened = client.status().and_then(|status| client.record_events(life.step(status.now)));
        if let Err(error) = happened {
            // The server is about to end, or its store fails, which requests are told of as well.
            tracing::debug!(%error, "nothing happens at the agency");
        }
    }
}

fn what_to_try(url: &str) -> String {
    format!(
        "Open {url} in a browser, or try:\n  curl {url}/dossier/{ANNE}\n  curl '{url}/dossiers?status=pip'\n  \
         curl -N -H 'accept: text/event-stream' {url}/live"
    )
}

//! `apmt key`: who may use a server.

use std::path::PathBuf;

use apmt_core::time::{Clock as _, SystemClock};
use apmt_core::{AsOf, Timestamp};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::policy::instant_or_day;
use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::keys::{KeyEntry, KeyFile, Scope};
use crate::policy_test;
use crate::screen::{self, complain, printable};

/// Make, list and revoke the keys of a server
///
/// A server that is started with --keys lets in only who sends one of these keys. It notices a change of the file by
/// itself, within a second.
#[derive(Subcommand, Debug)]
pub(super) enum Key {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

impl Key {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Create(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Revoke(command) => command.run(),
        }
    }
}

/// Where the keys are.
#[derive(Args, Debug)]
struct File {
    /// The file of keys, which holds no secrets: of each key, only a digest
    #[arg(
        long,
        value_name = "FILE",
        env = "APMT_KEYS",
        default_value = "apmt-keys.json",
        hide_env_values = true
    )]
    keys: PathBuf,
}

impl File {
    fn open(&self) -> KeyFile {
        KeyFile::new(&self.keys)
    }
}

/// What is shown of a key.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    scope: Scope,
    state: &'static str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// The key itself, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a KeyEntry, now: Timestamp) -> Self {
        Self {
            id: entry.id(),
            name: entry.name(),
            scope: entry.scope(),
            state: entry.state_at(now),
            created_at: entry.created_at(),
            expires_at: entry.expires_at(),
            revoked_at: entry.revoked_at(),
            key: None,
        }
    }
}

/// Make a key, and print it for the one and only time
///
/// The key alone goes to standard output, and what there is to say about it to standard error.
#[derive(Args, Debug)]
#[command(after_help = "\
Scopes:
  record     record events, and read nothing: for forms, whose key may stand in a web page. Not the
             types PLAN_STARTED, PLAN_CLOSED and RETRACTION
  read       read everything, and record nothing
  supervise  record every type of event, and read everything
  admin      everything

Examples:
  apmt key create --name form --scope record
  apmt key create --name dashboard --scope read --expires 90d
  apmt key create --name auditor --scope read --expires 2027-01-01 --json
  curl -H \"Authorization: Bearer $(apmt key create --name me --scope read)\" localhost:9300/policy")]
pub(super) struct Create {
    /// Who or what has the key: it stands in lists and audit lines
    #[arg(long)]
    name: String,
    /// What the key may do
    #[arg(long, value_parser = PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.name()))
        .try_map(|name| name.parse::<Scope>()))]
    scope: Scope,
    /// When the key ends: RFC 3339, a day (which begins at midnight UTC), or in so long, such as 12h or 90d
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    file: File,
    /// Print the key, and what is known of it, as JSON
    #[arg(long)]
    json: bool,
}

/// The instant at which a key ends.
fn expiry(text: &str) -> Result<Timestamp, String> {
    let now = SystemClock.now();
    let at = match (policy_test::duration(text), instant_or_day(text)) {
        (Ok(ms), _) => now.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX)),
        (_, Ok(AsOf::At(at))) => at,
        _ => {
            let expected = "must be a time such as 2027-01-01T09:30:00Z, a day such as 2027-01-01, or in whole minutes, \
                            hours or days, such as 90d";
            return Err(expected.to_owned());
        }
    };
    if at > now { Ok(at) } else { Err("must be in the future".to_owned()) }
}

impl Create {
    fn run(self) -> Result<Ending, Failure> {
        let file = self.file.open();
        let (entry, key) = file.create(&self.name, self.scope, self.expires)?;
        if self.json {
            let shown = Shown::of(&entry, entry.created_at());
            print_json(&Shown { key: Some(key.reveal()), ..shown })?;
        } else {
            let until = entry.expires_at().map(|at| format!(", until {at}")).unwrap_or_default();
            complain(&format!(
                "made key {} for {}: scope {}{until}, in {}",
                entry.id(),
                entry.name(),
                entry.scope(),
                file.path().display()
            ));
            complain("this is the key; it is shown now and never again:");
            print(&format!("{}\n", key.reveal()))?;
        }
        Ok(Ending::Fine)
    }
}

/// List the keys, revoked and expired ones included
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt key list
  apmt key list --json | jq '.[] | select(.state == \"active\") | .name'")]
pub(super) struct List {
    #[command(flatten)]
    file: File,
    /// Print an array as JSON
    #[arg(long)]
    json: bool,
}

impl List {
    fn run(self) -> Result<Ending, Failure> {
        let (entries, now) = (self.file.open().entries()?, SystemClock.now());
        if self.json {
            print_json(&entries.iter().map(|entry| Shown::of(entry, now)).collect::<Vec<_>>())?;
        } else {
            print(&screen::keys::page(&entries, now))?;
        }
        Ok(Ending::Fine)
    }
}

/// Revoke a key: whoever has it is not let in any more, from within a second on
///
/// The key stays in the list, with the time at which it was revoked, so that audit lines can be explained.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt key revoke form
  apmt key revoke k3vb62xq --keys /etc/apmt/keys.json")]
pub(super) struct Revoke {
    /// The key's id, or its name
    #[arg(value_name = "ID|NAME")]
    key: String,
    #[command(flatten)]
    file: File,
}

impl Revoke {
    fn run(self) -> Result<Ending, Failure> {
        let entry = self.file.open().revoke(&self.key)?;
        let at = entry.revoked_at().map(|at| format!(" at {at}")).unwrap_or_default();
        print(&format!("revoked {}, {}{at}\n", entry.id(), printable(entry.name())))?;
        Ok(Ending::Fine)
    }
}

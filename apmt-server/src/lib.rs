//! The command `apmt`, and what it is made of, for programs that want a part of it.
//!
//! - [`run`] is the whole command: `apmt record`, `import`, `dossier`, `scoreboard` and the rest. `apmt help` says what
//!   each does.
//! - [`import`](mod@import) reads a log of JSON Lines into a client, line by line, in bounded memory.
//! - [`router`] is the service over HTTP, to mount in one's own; [`serve`](mod@serve) runs it on a socket.
//! - [`keys`] says who may use the service, and [`audit`] who did.
//! - [`dashboard`] is the supervisor's screen, which the router serves too.
//! - [`plan`] pre-fills the notice that opens an improvement plan, and says which plans are open; [`directory`] says who
//!   people are and to whom they report.
//! - [`notify`] tells supervisors when a plan is recommended, by e-mail or webhook.
//! - [`seal`] seals the log while a server runs, so that whoever changes it is found out.
//! - [`threats`] says who may want what of a server, and how it is met.
//! - [`demo`] makes up an agency: for demonstrations, tests and benches.
//!
//! ```
//! use apmt_client::{AsOf, blocking::Client};
//! use apmt_server::import::Importer;
//!
//! let client = Client::open("memory:")?;
//! let log = r#"{"type": "OVERRIDE", "actor": "anne@sba.gov"}
//! {"type": "OVERIDE", "actor": "anne@sba.gov"}"#;
//!
//! let mut rejected = Vec::new();
//! let mut importer = Importer::new(&client);
//! importer.read("log.jsonl", log.as_bytes(), |line| rejected.push(line.to_string()))?;
//! assert_eq!(importer.counts().stored, 1);
//! assert_eq!(
//!     rejected,
//!     ["log.jsonl:2: type: OVERIDE: is no type of event (types of your own start with X_); did you mean OVERRIDE?"]
//! );
//! assert_eq!(client.scoreboard(AsOf::Now)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
mod command;
pub mod dashboard;
pub mod demo;
pub mod directory;
mod failure;
mod grounds;
pub mod http;
pub mod import;
pub mod keys;
mod log;
mod migrate;
pub mod notify;
mod open;
pub mod plan;
mod policy_test;
mod random;
mod replay;
mod retention;
mod screen;
pub mod seal;
pub mod serve;
mod simulation;
pub mod threats;
mod watched;

pub use command::run;
pub use http::{RouterOptions, router};

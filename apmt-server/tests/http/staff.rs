//! A server with a key of each scope.

use std::net::SocketAddr;
use std::sync::Arc;

use apmt_client::Client;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_server::RouterOptions;
use apmt_server::keys::{KeyFile, Keys, Scope};
use apmt_server::serve::ServeOptions;
use tempfile::TempDir;

use crate::raw::{Answer, send};
use crate::support::Served;

/// A server, its file of keys, and a key of each scope that is named as the scope is.
pub(crate) struct Staff {
    pub(crate) served: Served,
    pub(crate) file: KeyFile,
    pub(crate) keys: Keys,
    /// Says when keys and sessions end.
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    texts: Vec<(Scope, String)>,
}

impl Staff {
    pub(crate) fn new() -> Self {
        Self::with(|router, _| router)
    }

    /// A server with more options; they are given the folder that holds the keys.
    pub(crate) fn with(options: impl FnOnce(RouterOptions, &TempDir) -> RouterOptions) -> Self {
        Self::serving(options, |serve, _| serve)
    }

    pub(crate) fn serving(
        options: impl FnOnce(RouterOptions, &TempDir) -> RouterOptions,
        serve: impl FnOnce(ServeOptions, &TempDir) -> ServeOptions,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(now()));
        let path = folder.path().join("keys.json");
        let file = KeyFile::new(&path).with_clock(Arc::clone(&clock) as _);
        let texts = Scope::ALL.iter().map(|scope| {
            let (_, key) = file.create(scope.name(), *scope, None).unwrap();
            (*scope, key.reveal().to_owned())
        });
        let texts = texts.collect();
        let keys = Keys::open_with_clock(&path, Arc::clone(&clock) as _).unwrap();
        let client = Client::builder().url("memory:").clock(Arc::clone(&clock) as _).build().unwrap();
        let router = options(RouterOptions::new().with_keys(keys.clone()), &folder);
        let options = ServeOptions::new(client).with_address(Served::any()).with_router(router);
        let served = Served::run(serve(options, &folder));
        Self { served, file, keys, clock, folder, texts }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// The key of that scope.
    pub(crate) fn key(&self, scope: Scope) -> &str {
        self.texts.iter().find(|(known, _)| *known == scope).map(|(_, key)| key.as_str()).unwrap()
    }

    /// Sends a request with that key.
    pub(crate) fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {key}");
        send(self.address(), method, path, &[("authorization", &bearer)], body.as_bytes())
    }

    /// Sends a request with the key of that scope.
    pub(crate) fn ask_as(&self, scope: Scope, method: &str, path: &str, body: &str) -> Answer {
        self.ask(self.key(scope), method, path, body)
    }
}

//! One client for the whole process, for programs that need no more.

use std::sync::OnceLock;

use apmt_core::{Dossier, Error, ErrorKind, IntoEvent, Receipt, Result};

use crate::client::Client;

static CLIENT: OnceLock<Client> = OnceLock::new();

/// Opens the store that a URL names, as [`Client::open`], for the whole process: for [`record_event`] and
/// [`get_dossier`]. Once, at the start of `main`.
///
/// What is global is never dropped: a program that enqueues ends with [`client`]`()?.shutdown(..)`.
///
/// ```standalone_crate
/// # futures_lite::future::block_on(async {
/// apmt_client::init("memory:")?;
/// apmt_client::record_event(r#"{"type": "OVERRIDE", "actor": "anne@sba.gov"}"#).await?;
/// assert_eq!(apmt_client::get_dossier("anne@sba.gov").await?.metrics.overrides, 1);
/// # Ok::<(), apmt_client::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As [`Client::open`]; [`Invalid`](ErrorKind::Invalid) the second time.
pub fn init(url: &str) -> Result<()> {
    if CLIENT.get().is_some() {
        return Err(twice());
    }
    init_with(Client::open(url)?)
}

/// As [`init`], with a client that has a policy, a clock or a store of one's own.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) the second time.
pub fn init_with(client: Client) -> Result<()> {
    CLIENT.set(client).map_err(|_| twice())
}

/// The client of the whole process.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) before [`init`].
pub fn client() -> Result<&'static Client> {
    CLIENT.get().ok_or_else(|| {
        let message = "apmt_client::init(url) or init_with(client) must be called once, before anything else";
        Error::new(ErrorKind::Invalid, message)
    })
}

/// Records an event with the client of the whole process: see [`Client::record_event`].
///
/// # Errors
/// As there; [`Invalid`](ErrorKind::Invalid) before [`init`].
pub async fn record_event(event: impl IntoEvent) -> Result<Receipt> {
    client()?.record_event(event).await
}

/// An actor's dossier as of now, from the client of the whole process: see [`Client::get_dossier`].
///
/// # Errors
/// As there; [`Invalid`](ErrorKind::Invalid) before [`init`].
pub async fn get_dossier(actor: &str) -> Result<Dossier> {
    client()?.get_dossier(actor).await
}

fn twice() -> Error {
    let message = "apmt_client::init was called before in this process: call it once, or make clients with \
                   Client::open where several are needed";
    Error::new(ErrorKind::Invalid, message)
}

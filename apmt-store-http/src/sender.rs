//! One request, and its answer.

use std::io::Write as _;

use apmt_core::{Error, ErrorKind, Receipt};
use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url};

use crate::failure::Failure;
use crate::group::Group;
use crate::retry::retry_after;
use crate::wire::{Stored, read};

/// The most bytes that an answer may have: over this something else is at work than an APMT.
const MAX_ANSWER: usize = 1 << 30;
/// Under so many bytes, packing gains less than it costs.
const WORTH_PACKING: usize = 1024;
/// Over so many bytes, packing would hold up the other callers' requests, and is done beside them.
const WORTH_A_THREAD: usize = 64 * 1024;

/// Makes attempts.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client,
    /// Where appends go.
    appends: Url,
    /// Whether requests are packed with gzip.
    gzip: bool,
}

impl Sender {
    pub(crate) const fn new(client: Client, appends: Url, gzip: bool) -> Self {
        Self { client, appends, gzip }
    }

    /// One attempt to read.
    pub(crate) async fn get(&self, url: &Url) -> Result<Bytes, Failure> {
        answer(self.client.get(url.clone())).await
    }

    /// One attempt to append.
    pub(crate) async fn append(&self, group: &Group) -> Result<Vec<Receipt>, Failure> {
        let mut request = self.client.post(self.appends.clone()).header(CONTENT_TYPE, "application/x-ndjson");
        let body = group.body();
        request = if self.gzip && body.len() >= WORTH_PACKING {
            request.header(CONTENT_ENCODING, "gzip").body(pack(body).await?)
        } else {
            request.body(body)
        };
        let answer = answer(request).await?;
        let Stored { receipts } = read(&answer).map_err(Failure::lasting)?;
        if receipts.len() == group.events() {
            return Ok(receipts);
        }
        let message = format!("the server answered {} receipts to {} events", receipts.len(), group.events());
        Err(Failure::lasting(Error::new(ErrorKind::Mismatch, message)))
    }
}

async fn pack(body: Bytes) -> Result<Vec<u8>, Failure> {
    let packed = if body.len() < WORTH_A_THREAD {
        packed(&body)
    } else {
        let packed = tokio::task::spawn_blocking(move || packed(&body)).await;
        packed.unwrap_or_else(|error| Err(error.into()))
    };
    packed.map_err(|error| {
        let message = format!("the request cannot be packed: {error}");
        Failure::lasting(Error::new(ErrorKind::Io, message).with_source(error))
    })
}

fn packed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packed.write_all(body)?;
    packed.finish()
}

/// Sends a request, and reads the answer to its end.
async fn answer(request: RequestBuilder) -> Result<Bytes, Failure> {
    let mut response = request.send().await.map_err(Failure::transport)?;
    let status = response.status();
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked =
        asked.and_then(|value| retry_after(value, chrono::DateTime::from(std::time::SystemTime::now())));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            let message = "the server's answer has no end: check that an APMT is there";
            return Err(Failure::lasting(Error::new(ErrorKind::Mismatch, message)));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        Ok(body.freeze())
    } else {
        Err(Failure::answered(status.as_u16(), &body, asked))
    }
}

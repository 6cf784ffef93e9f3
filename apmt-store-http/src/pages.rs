//! Asking, and pages put together to what was asked for.

use apmt_core::Result;
use serde::de::DeserializeOwned;

use crate::HttpStore;
use crate::wire::{Page, read};

/// The most that is asked for at once; the server gives no more either.
const AT_ONCE: usize = 1000;

/// What a query says, besides where a page begins and how long it is.
pub(crate) type Query = Vec<(&'static str, String)>;

impl HttpStore {
    /// What the server answers under that path.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: Query) -> Result<T> {
        let url = self.address.of(&[path], query);
        let body = self.transport.get(url).await.map_err(|failure| failure.error())?;
        read(&body)
    }

    /// At most `limit` entries after a place, from as many of the server's pages as it takes.
    pub(crate) async fn page<P: Page>(
        &self,
        path: &str,
        query: Query,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<P::Entry>> {
        let mut entries = Vec::new();
        let mut after = after;
        loop {
            let mut query = query.clone();
            query.extend(after.map(|after| ("after", after)));
            // A limit of 0 is asked for too: a closed store must say that it is closed.
            query.push(("limit", (limit - entries.len()).min(AT_ONCE).to_string()));
            let (more, next) = self.get::<P>(path, query).await?.into_parts();
            let ended = more.is_empty();
            entries.extend(more);
            // A server that gives more than it was asked for would be a defect, and no reason to panic.
            entries.truncate(limit);
            after = next;
            if ended || after.is_none() || entries.len() >= limit {
                return Ok(entries);
            }
        }
    }
}

//! Reads of what is recorded about people, as audit lines.

use std::net::{IpAddr, SocketAddr};

use apmt_core::time::{Clock as _, SystemClock};
use apmt_core::{ActorName, Timestamp};
use axum::RequestExt as _;
use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request};
use axum::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::Caller;
use super::envelope::REQUEST_ID;
use crate::audit::{AuditLog, TARGET};
use crate::screen::printable;

/// What was sent is cut off after so many characters: names have 256 bytes at most.
const MAX_CHARS: usize = 256;

/// A read, as its audit line says it: see [`audit`](crate::audit).
#[derive(Debug, Serialize)]
pub(super) struct Read {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    method: String,
    route: String,
    whose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl Read {
    pub(super) async fn of(request: &mut Request, caller: &Caller) -> Self {
        let (whose, name) = whose(request).await;
        let key = caller.key();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let id = request.headers().get(REQUEST_ID).and_then(|id: &HeaderValue| id.to_str().ok());
        Self {
            time: None,
            request_id: id.unwrap_or_default().to_owned(),
            key_id: key.map(|key| key.id().to_owned()),
            key: key.map(|key| key.name().to_owned()),
            peer: peer.map(|ConnectInfo(address)| address.ip().to_canonical()),
            method: request.method().to_string(),
            route: route.to_owned(),
            whose,
            name,
            as_of: parameter(request, "as_of").map(|as_of| cut(&as_of)),
            status: None,
        }
    }

    /// Writes the line, now that the answer is known and before it goes out.
    pub(super) async fn write(mut self, status: StatusCode, log: Option<&AuditLog>) {
        self.time = Some(SystemClock.now());
        self.status = Some(status.as_u16());
        if self.key_id.is_some() {
            self.tell();
        }
        if let Some(log) = log {
            let mut line = serde_json::to_vec(&self).unwrap_or_default();
            line.push(b'\n');
            log.write(line).await;
        }
    }
}

impl Read {
    fn tell(&self) {
        // Nothing that was sent can begin a line of its own, whoever prints it: JSON escapes what would, and here it is
        // replaced.
        let shown = |text: &Option<String>| text.as_deref().map(|text| printable(text).into_owned());
        tracing::info!(
            target: TARGET,
            request_id = self.request_id,
            key_id = self.key_id,
            key = self.key,
            peer = self.peer.map(tracing::field::display),
            method = self.method,
            route = self.route,
            whose = self.whose,
            name = shown(&self.name),
            as_of = shown(&self.as_of),
            status = self.status,
            "read"
        );
    }
}

/// About whom it is, from the name in the path or in the query.
async fn whose(request: &mut Request) -> (&'static str, Option<String>) {
    let in_path = request.extract_parts::<RawPathParams>().await.ok();
    for (parameter_name, whose) in [("actor", "actor"), ("case_id", "case"), ("id", "event")] {
        // There are others beside ours where a service mounts the router under a path with a name in it.
        let in_path = in_path.iter().flatten().find(|(known, _)| *known == parameter_name);
        let in_path = in_path.map(|(_, name)| name.to_owned());
        let Some(name) = in_path.or_else(|| parameter(request, parameter_name)) else { continue };
        // As a store has it: `Anne@SBA.gov` and `anne@sba.gov` are one.
        let actor = (whose == "actor").then(|| ActorName::new(&name).ok()).flatten();
        return (whose, Some(cut(actor.as_ref().map_or(&name, ActorName::as_str))));
    }
    ("everybody", None)
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

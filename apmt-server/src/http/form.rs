//! What the form of a page sends.

use axum::body::Body;
use axum::http::HeaderMap;

use super::problem::Problem;
use super::{App, body, origin};

/// The most bytes that a form may send: more than the texts of a notice may have, with percent signs.
const MAX_FORM_BYTES: usize = 256 * 1024;

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads what was sent, unless a browser says that it is another site's page that sends it.
    pub(crate) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        if origin::is_foreign(headers) {
            return Err(origin::foreign());
        }
        let body = body::read(app, headers, body, "form", MAX_FORM_BYTES).await?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A field's text, with the line ends that APMT writes, for browsers send CRLF; `None` where it is not there.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.trim().replace("\r\n", "\n"))
    }

    /// The same; empty where it is not there.
    pub(crate) fn text(&self, name: &str) -> String {
        self.sent(name).unwrap_or_default()
    }
}

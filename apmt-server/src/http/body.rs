//! Reading a request's body, up to a limit.

use apmt_core::Invalid;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::Problem;

/// The whole body, if it has at most `limit` bytes. `what` names it where it has more.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    what: &'static str,
    limit: usize,
) -> Result<Bytes, Problem> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && coding.as_bytes() != b"identity"
    {
        let detail = "the body may be sent as it is or with gzip, and with no other content coding";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
            .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity")));
    }
    let told =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > limit) {
        return Err(over(what, limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(over(what, limit)),
        Err(error) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is cut short or damaged: {error}")))
        }
    }
}

fn over(what: &'static str, limit: usize) -> Problem {
    Problem::too_large(Invalid::missing(what, format!("must be at most {limit} bytes of JSON")))
}

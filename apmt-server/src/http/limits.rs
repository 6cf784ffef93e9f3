//! How many requests at once, and for how long.

use apmt_core::ErrorKind;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::Problem;

/// Answers 503 to one request too many and to one that takes too long, and says on every 503 when to come back.
pub(super) async fn limited(app: &App, answer: impl Future<Output = Response>) -> Response {
    let mut response = match app.permits.try_acquire() {
        Err(_) => {
            let detail = "the server is busy with as many requests as it takes at once: send it again later";
            Problem::later(ErrorKind::Unavailable, detail).into_response()
        }
        Ok(_permit) => {
            let answered = tokio::time::timeout(app.options.request_timeout(), answer).await;
            answered.unwrap_or_else(|_| {
                let detail = "this took too long; what was sent may be stored all the same, and sending it again \
                              under the same ids is safe";
                Problem::later(ErrorKind::TimedOut, detail).into_response()
            })
        }
    };
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = app.options.retry_after().as_secs().max(1);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

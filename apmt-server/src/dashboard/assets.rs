//! The style and the script, which are part of the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::http::problem::Problem;

/// A file, under a name that changes with what is in it: so a browser may keep it for ever.
#[derive(Debug)]
pub(super) struct Asset {
    file: String,
    tag: HeaderValue,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes)
            .iter()
            .take(8)
            .fold(String::new(), |digest, byte| format!("{digest}{byte:02x}"));
        // A digest in hex is a header's value.
        let tag = HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { file: format!("{stem}-{digest}.{extension}"), tag, kind, bytes }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("apmt", "css", "text/css; charset=utf-8", include_bytes!("../../assets/apmt.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("apmt", "js", "text/javascript; charset=utf-8", include_bytes!("../../assets/apmt.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")));

/// `GET /assets/{file}`.
pub(super) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let known = [&STYLE, &SCRIPT].into_iter().find(|asset| asset.file == file);
    match known {
        Some(asset) => answer(asset, &headers, "public, max-age=31536000, immutable"),
        None => {
            Problem::new(StatusCode::NOT_FOUND, "there is no such file: load the page anew").into_response()
        }
    }
}

/// `GET /favicon.svg`: browsers ask for it again and again, so it has one name.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    answer(&ICON, &headers, "public, max-age=86400")
}

fn answer(asset: &Asset, headers: &HeaderMap, keep: &'static str) -> Response {
    let kept = [
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::ETAG, asset.tag.clone()),
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
    ];
    if headers.get(header::IF_NONE_MATCH) == Some(&asset.tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, asset.bytes).into_response()
}

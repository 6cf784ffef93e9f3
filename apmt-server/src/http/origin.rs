//! What other sites' pages may not do.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::problem::Problem;

/// Refuses what a browser sends for another site's page, unless it only reads: such a page cannot read the answer, but
/// what it sends would be recorded, and it reaches a server that only this machine can.
pub(super) fn own_pages_only(request: &Request) -> Result<(), Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // Browsers say it of themselves, and no page can change it; other programs do not say it.
    if reads || !matches!(site(request.headers()), Some(b"cross-site" | b"same-site")) {
        return Ok(());
    }
    Err(foreign())
}

/// Whether a browser says that the request is from a page of this server: by `Sec-Fetch-Site`, which no page can
/// change, or by an `Origin` that is the request's own host. Other programs say neither.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    site(headers).map_or_else(|| origin(headers) == Some(true), |site| site == b"same-origin")
}

/// Whether a browser says that the request is from a page that is not this server's.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    (site(headers).is_some() || headers.contains_key(header::ORIGIN)) && !is_own(headers)
}

pub(super) fn foreign() -> Problem {
    let detail =
        "pages of other sites may not record events: send them from a program, or from a page of this server";
    Problem::new(StatusCode::FORBIDDEN, detail)
}

fn site(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("sec-fetch-site").map(HeaderValue::as_bytes)
}

/// Whether `Origin`, where it was sent, is the host that was asked. The scheme is not compared: whoever ends TLS in front
/// of this server says `https` where it says `http`.
fn origin(headers: &HeaderMap) -> Option<bool> {
    let origin = normal(headers.get(header::ORIGIN)?.to_str().unwrap_or_default());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    Some(match (origin.split_once("://"), host) {
        (Some((scheme @ ("http" | "https"), own)), Some(host)) => own == without_port(scheme, &normal(host)),
        _ => false,
    })
}

/// An origin as browsers write it: in lower case, without the port that goes without saying.
fn normal(origin: &str) -> String {
    let origin = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    match origin.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{}", without_port(scheme, host)),
        None => origin,
    }
}

fn without_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(port).unwrap_or(host)
}

/// Lets through to live push whoever is no page, pages of this server, and those of the sites that are allowed, whose
/// origin it gives. The rule on WebSockets is not a browser's to keep: one opens them for every page.
pub(super) fn may_follow(headers: &HeaderMap, allowed: &[String]) -> Result<Option<HeaderValue>, Problem> {
    let sent = headers.get(header::ORIGIN);
    let named = sent.map(|origin| normal(origin.to_str().unwrap_or_default()));
    if named.is_some_and(|named| allowed.iter().any(|allowed| normal(allowed) == named)) {
        return Ok(sent.cloned());
    }
    if origin(headers) == Some(false) || site(headers) == Some(b"cross-site") {
        let detail = "pages of other sites may not follow this server: its RouterOptions::with_origins names those that \
                      may";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let allowed = ["https://Board.agency.gov/".to_owned()];
        may_follow(&headers.collect(), &allowed).is_ok()
    }

    #[test]
    fn programs_and_own_pages_pass() {
        assert!(passes(&[("host", "apmt.gov")]));
        assert!(passes(&[("host", "apmt.gov"), ("sec-fetch-site", "same-origin")]));
        for (host, origin) in [
            ("localhost:9300", "http://localhost:9300"),
            ("APMT.gov", "https://apmt.gov"),
            ("apmt.gov:443", "https://apmt.gov"),
            ("apmt.gov:80", "http://apmt.gov"),
            ("[::1]:9300", "http://[::1]:9300"),
        ] {
            assert!(passes(&[("host", host), ("origin", origin)]), "{origin} at {host}");
        }
    }

    #[test]
    fn pages_of_other_sites_do_not() {
        for (host, origin) in [
            ("localhost:9300", "http://localhost:9301"),
            ("localhost:9300", "http://localhost"),
            ("localhost:9300", "null"),
            ("localhost:9300", "localhost:9300"),
            ("localhost:9300", "ftp://localhost:9300"),
            ("localhost:9300", "http://localhost:9300.evil.example"),
            ("apmt.gov", "https://evil.example"),
            ("apmt.gov", ""),
        ] {
            assert!(!passes(&[("host", host), ("origin", origin)]), "{origin} at {host}");
        }
        assert!(!passes(&[("origin", "http://localhost")]), "no host, no own page");
        assert!(!passes(&[("host", "apmt.gov"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn sites_that_are_named_do() {
        assert!(passes(&[
            ("host", "apmt.gov"),
            ("origin", "https://board.agency.gov"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(!passes(&[("host", "apmt.gov"), ("origin", "http://board.agency.gov")]));
    }
}

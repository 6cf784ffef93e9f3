//! Under which names the server answers.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};

use super::App;
use super::problem::Problem;

/// Refuses, with 421, a request for a host that is not this server, where the options say which hosts are.
///
/// A page of another site can have its own name point to this machine (DNS rebinding), and then its browser takes what
/// it asks here for the site's own. What it cannot change is the name that it asks for.
pub(super) fn known_hosts_only(app: &App, request: &Request) -> Result<(), Problem> {
    let Some(hosts) = app.options.hosts() else { return Ok(()) };
    let mut sent = request.headers().get_all(header::HOST).iter().map(HeaderValue::to_str);
    let header = sent.next().and_then(Result::ok);
    let only = sent.next().is_none();
    // A request line may name a host too, and that is then the one that is asked for (RFC 9112, 3.2.2).
    let line = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let known =
        header.or(line).is_some() && [header, line].into_iter().flatten().all(|sent| is_known(sent, hosts));
    if only && known {
        return Ok(());
    }
    let detail = "this server does not answer under the name in the header Host: ask it as localhost, or start it with \
                  --host NAME";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
}

/// This machine's own names, which no other site can have, and those that were given.
fn is_known(sent: &str, hosts: &[String]) -> bool {
    let name = without_port(sent);
    let name = name.strip_suffix('.').unwrap_or(name);
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || literal.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name) || host.eq_ignore_ascii_case(sent))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_the_names_that_were_given_are_known() {
        let hosts = ["apmt.agency.gov".to_owned(), "[2001:db8::1]".to_owned()];
        for known in [
            "localhost",
            "LOCALHOST:9300",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:9300",
            "apmt.agency.gov",
            "APMT.agency.gov:443",
            "apmt.agency.gov.",
            "[2001:db8::1]:9300",
        ] {
            assert!(is_known(known, &hosts), "{known}");
        }
        for unknown in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:9300",
            "evil.example:127.0.0.1",
            "10.0.0.1",
            "[2001:db8::2]",
            "apmt.agency.gov.evil.example",
            "localhost:9300:80",
        ] {
            assert!(!is_known(unknown, &hosts), "{unknown}");
        }
    }
}

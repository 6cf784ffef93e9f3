//! Browsers log in with a key, and have a cookie from then on.

use std::time::Duration;

use apmt_server::keys::Scope;

use crate::raw::{Answer, send};
use crate::staff::Staff;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const EVENT: &[u8] = br#"{"type":"OVERRIDE","actor":"anne"}"#;

impl Staff {
    fn login(&self, scope: Scope) -> Answer {
        let body = format!(r#"{{"key":"{}"}}"#, self.key(scope));
        send(self.address(), "POST", "/session", &[SAME], body.as_bytes())
    }

    fn with_cookie(&self, cookie: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("cookie", cookie)], headers].concat();
        let body = if method == "POST" { EVENT } else { b"" };
        send(self.address(), method, path, &headers, body)
    }
}

/// The cookie that a browser would send from now on.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn a_login_gives_a_cookie_that_stands_for_the_key() {
    let staff = Staff::new();
    let answer = staff.login(Scope::Supervise);
    let who = answer.ok();
    assert_eq!((&who["name"], &who["scope"]), (&"supervise".into(), &"supervise".into()));
    let set = answer.header("set-cookie").unwrap();
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{set}");
    let secret = staff.key(Scope::Supervise).rsplit('_').next().unwrap();
    assert!(!set.contains(secret), "a cookie is no key");
    let cookie = cookie(&answer);
    let others = format!("theme=dark; {cookie}; lang=en");
    assert_eq!(staff.with_cookie(&others, "GET", "/session", &[]).ok(), who);
    staff.with_cookie(&cookie, "GET", "/dossier/anne", &[]).ok();
    staff.with_cookie(&cookie, "POST", "/event", &[SAME]).ok();
    // A key that is sent counts, and not the cookie beside it.
    staff.with_cookie(&cookie, "GET", "/status", &[("authorization", "Bearer wrong")]).problem(401);
}

#[test]
fn a_form_logs_in_too() {
    let staff = Staff::new();
    let headers = [("content-type", "application/x-www-form-urlencoded"), SAME];
    let body = format!("next=%2F&key={}", staff.key(Scope::Read));
    send(staff.address(), "POST", "/session", &headers, body.as_bytes()).ok();
    for wrong in ["", "{}", r#"{"key":7}"#, "kez=apmt_a_b", "[]"] {
        let problem = send(staff.address(), "POST", "/session", &[SAME], wrong.as_bytes()).problem(400);
        assert_eq!(problem["field"], "key");
    }
    send(staff.address(), "POST", "/session", &[SAME], &[b' '; 5000]).problem(413);
}

#[test]
fn a_session_may_what_its_key_may() {
    let staff = Staff::new();
    let cookie = cookie(&staff.login(Scope::Read));
    staff.with_cookie(&cookie, "GET", "/dossiers", &[]).ok();
    staff.with_cookie(&cookie, "POST", "/event", &[SAME]).problem(403);
}

/// Other sites' pages can have a browser send its cookie, and must not write with it, nor listen.
#[test]
fn what_a_browser_writes_comes_from_our_own_page() {
    let staff = Staff::new();
    let cookie = cookie(&staff.login(Scope::Admin));
    let host = ("host", "apmt.agency.gov:9300");
    let allowed: [&[(&str, &str)]; 4] = [
        &[SAME],
        &[host, ("origin", "https://apmt.agency.gov:9300")],
        &[host, ("origin", "http://APMT.agency.gov:9300")],
        &[SAME, host, ("origin", "null")],
    ];
    for headers in allowed {
        staff.with_cookie(&cookie, "POST", "/event", headers).ok();
    }
    let refused: [&[(&str, &str)]; 7] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[host, ("origin", "https://evil.example")],
        &[host, ("origin", "https://apmt.agency.gov:9301")],
        &[host, ("origin", "null")],
    ];
    for headers in refused {
        staff.with_cookie(&cookie, "POST", "/event", headers).problem(403);
        let upgrade = [headers, &[("upgrade", "websocket")]].concat();
        staff.with_cookie(&cookie, "GET", "/dossiers", &upgrade).problem(403);
        staff.with_cookie(&cookie, "DELETE", "/session", headers).problem(403);
    }
    staff.with_cookie(&cookie, "GET", "/dossiers", &[]).ok();
    // Nor log anybody in.
    let body = format!("key={}", staff.key(Scope::Read));
    send(staff.address(), "POST", "/session", &[host, ("origin", "https://evil.example")], body.as_bytes())
        .problem(403);
}

#[test]
fn every_login_has_an_id_of_its_own() {
    let staff = Staff::new();
    let first = cookie(&staff.login(Scope::Read));
    assert_ne!(first, cookie(&staff.login(Scope::Read)));
    // One that logs in again leaves the session before.
    let body = format!("key={}", staff.key(Scope::Read));
    let again =
        send(staff.address(), "POST", "/session", &[("cookie", first.as_str()), SAME], body.as_bytes());
    let second = cookie(&again);
    assert_ne!(first, second);
    staff.with_cookie(&first, "GET", "/session", &[]).problem(401);
    staff.with_cookie(&second, "GET", "/session", &[]).ok();
    // And nobody can bring one along.
    staff.with_cookie("apmt_session=known.before", "GET", "/session", &[]).problem(401);
}

#[test]
fn a_session_ends() {
    let staff = Staff::new();
    // By logging out: as often as one likes.
    let first = cookie(&staff.login(Scope::Read));
    for _ in 0..2 {
        let out = staff.with_cookie(&first, "DELETE", "/session", &[SAME]);
        assert_eq!(out.status, 204);
        assert!(out.header("set-cookie").unwrap().starts_with("apmt_session=; HttpOnly"));
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        staff.with_cookie(&first, "GET", "/session", &[]).problem(401);
    }
    // By an hour without a request.
    let idle = cookie(&staff.login(Scope::Read));
    staff.clock.advance(Duration::from_secs(59 * 60));
    staff.with_cookie(&idle, "GET", "/session", &[]).ok();
    staff.clock.advance(Duration::from_secs(59 * 60));
    staff.with_cookie(&idle, "GET", "/session", &[]).ok();
    staff.clock.advance(Duration::from_secs(60 * 60));
    staff.with_cookie(&idle, "GET", "/session", &[]).problem(401);
    // With its key.
    let revoked = cookie(&staff.login(Scope::Read));
    staff.file.revoke("read").unwrap();
    staff.keys.refresh();
    staff.with_cookie(&revoked, "GET", "/session", &[]).problem(401);
    staff.login(Scope::Read).problem(401);
}

#[test]
fn a_page_that_came_over_tls_keeps_its_cookie_there() {
    let staff = Staff::new();
    let body = format!("key={}", staff.key(Scope::Read));
    let headers = [("host", "apmt.agency.gov"), ("origin", "https://apmt.agency.gov")];
    let answer = send(staff.address(), "POST", "/session", &headers, body.as_bytes());
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
    let staff = Staff::with(|router, _| router.with_secure_cookies(true));
    assert!(staff.login(Scope::Read).header("set-cookie").unwrap().ends_with("; Secure"));
}

#[test]
fn failed_logins_are_limited_and_right_keys_come_in() {
    let staff = Staff::new();
    let wrong = || send(staff.address(), "POST", "/session", &[SAME], b"key=apmt_a_b");
    for _ in 0..10 {
        wrong().problem(401);
    }
    let limited = wrong();
    limited.problem(429);
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    staff.login(Scope::Read).ok();
}

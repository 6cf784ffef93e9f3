//! How often one may ask.

use apmt_server::RouterOptions;
use apmt_server::keys::Scope;

use crate::raw::{Answer, get, send};
use crate::staff::Staff;
use crate::support::Served;

fn limited(answer: &Answer) {
    assert_eq!(answer.problem(429)["kind"], "unavailable");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
}

#[test]
fn each_key_has_a_rate_of_its_own() {
    let staff = Staff::with(|router, _| router.with_rate(Some("2/m".parse().unwrap())));
    let ask = |scope| staff.ask_as(scope, "GET", "/session", "");
    for _ in 0..2 {
        ask(Scope::Read).ok();
    }
    limited(&ask(Scope::Read));
    // It counts whatever is asked, and what is refused too.
    limited(&staff.ask_as(Scope::Read, "GET", "/nothing", ""));
    limited(&staff.ask_as(Scope::Read, "POST", "/event", ""));
    ask(Scope::Admin).ok();
    // Whether the server lives may always be asked.
    for _ in 0..5 {
        get(staff.address(), "/healthz").ok();
    }
    // Who has no key takes nothing from anybody.
    for _ in 0..5 {
        get(staff.address(), "/session").problem(401);
    }
    ask(Scope::Admin).ok();
}

#[test]
fn a_session_asks_for_its_key() {
    let staff = Staff::with(|router, _| router.with_rate(Some("2/m".parse().unwrap())));
    let body = format!("key={}", staff.key(Scope::Read));
    let login = send(staff.address(), "POST", "/session", &[], body.as_bytes());
    let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap();
    let ask = || send(staff.address(), "GET", "/session", &[("cookie", cookie)], b"");
    ask().ok();
    staff.ask_as(Scope::Read, "GET", "/session", "").ok();
    limited(&ask());
}

#[test]
fn without_keys_it_is_each_address() {
    let served = Served::with(RouterOptions::new().with_rate(Some("3/m".parse().unwrap())));
    for _ in 0..3 {
        get(served.address, "/status").ok();
    }
    limited(&get(served.address, "/status"));
}

#[test]
fn keys_have_a_limit_unless_it_is_taken_away() {
    let served = Staff::new();
    let with_keys = RouterOptions::new().with_keys(served.keys.clone());
    assert_eq!(with_keys.rate().unwrap().to_string(), "1000/s");
    assert_eq!(with_keys.with_rate(None).rate(), None);
    assert_eq!(RouterOptions::new().rate(), None);
}

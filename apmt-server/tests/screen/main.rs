//! The supervisor's screen in a real browser: Debian's chromium, driven by playwright-core, looked over by axe-core.
//!
//! `.ci/test` installs all three. The screenshots are in `target/screens`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and its helpers are tests too"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use apmt_client::Client;
use apmt_core::{Event, Policy, Timestamp};
use apmt_server::RouterOptions;
use apmt_server::directory::Directory;
use apmt_server::keys::{KeyFile, Keys, Scope};
use apmt_server::serve::{ServeOptions, Server};

/// A server on a thread of its own, until the test's process ends.
fn serve(client: Client, router: RouterOptions) -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options =
                ServeOptions::new(client).with_address(([127, 0, 0, 1], 0).into()).with_router(router);
            let server = Server::bind(options).await.unwrap();
            send.send(server.local_addr()).unwrap();
            let _ = server.run_until(std::future::pending()).await;
        });
    });
    receive.recv().unwrap()
}

fn record(client: &Client, events: &[Event]) {
    for batch in events.chunks(5000) {
        futures_lite::future::block_on(client.record_events(batch.to_vec())).unwrap();
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)));
    found
        .find(|file| file.is_file())
        .expect("the tests of the screen need chromium: bash .ci/test installs it")
}

/// Runs a script of this folder against the server, with the keys that it may use; what it prints is shown.
fn run(script: &str, address: SocketAddr, keys: &str) {
    let modules = target().join("screen-modules");
    assert!(
        modules.join("node_modules/playwright-core").is_dir(),
        "the tests of the screen need playwright-core and axe-core in {}: bash .ci/test installs them",
        modules.display()
    );
    let screens = target().join("screens");
    std::fs::create_dir_all(&screens).unwrap();
    let run = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screen").join(script))
        .arg(format!("http://{address}"))
        .arg(&screens)
        .env("APMT_SCREEN_MODULES", &modules)
        .env("APMT_SCREEN_CHROMIUM", chromium())
        .env("APMT_SCREEN_KEYS", keys)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    println!("{said}");
    assert!(run.status.success(), "{script} failed:\n{said}");
}

fn demo(policy: Policy) -> Client {
    let client = Client::builder().url("memory:").policy(policy).build().unwrap();
    record(&client, &apmt_server::demo::events(now()));
    client
}

#[test]
fn the_demonstration_agency() {
    let router = RouterOptions::new().with_directory(apmt_server::demo::directory().unwrap());
    run("agency.mjs", serve(demo(Policy::default()), router), "");
}

#[test]
fn improvement_plans_and_targets() {
    let policy = "
name: timely
sla: {target: 5d}
rules:
  - id: chronic-override
    when: [override_rate > 0.30, sat_score_mean < 3]
    then: pip
    critical_element: 'Element 2: sound decisions'
  - id: sitting
    when: [open.overdue > 2]
    then: watch
";
    let directory = "
organization: Small Business Administration
units: [{name: District 7, supervisor: {name: Dana Reyes, email: dana@sba.gov}}]
people:
  - {actor: officer_anne@sba.gov, name: Anne Okafor, position: 'Loan Specialist, GS-1165-12', unit: District 7}
";
    let router =
        RouterOptions::new().with_directory(Directory::from_yaml("directory.yaml", directory).unwrap());
    run("plans.mjs", serve(demo(Policy::from_yaml("policy.yaml", policy).unwrap()), router), "");
}

#[test]
fn signing_in_with_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let file = KeyFile::new(&path);
    let keys = Scope::ALL.iter().map(|scope| {
        let (_, key) = file.create(scope.name(), *scope, None).unwrap();
        (scope.name().to_owned(), key.reveal().into())
    });
    let keys = serde_json::Value::Object(keys.collect()).to_string();
    let router = RouterOptions::new().with_keys(Keys::open(&path).unwrap());
    run("keys.mjs", serve(demo(Policy::default()), router), &keys);
}

#[test]
fn ten_thousand_actors() {
    let client = Client::open("memory:").unwrap();
    let end = now();
    let mut events = Vec::new();
    for number in 0..10_000_i64 {
        let actor = format!("officer_{number:05}@agency.gov");
        let at = end.plus_millis(-(number * 1000 + 1));
        events.push(Event::decision(&actor).at(at).build().unwrap());
        if number % 3 == 0 {
            events.push(Event::override_of(&actor).at(at).build().unwrap());
            events.push(Event::sat_score((number % 5 + 1) as u8).actor(&actor).at(at).build().unwrap());
        }
    }
    record(&client, &events);
    run("crowd.mjs", serve(client, RouterOptions::new()), "");
}

fn now() -> Timestamp {
    apmt_core::time::Clock::now(&apmt_core::time::SystemClock)
}

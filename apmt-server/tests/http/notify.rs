//! Notifications, to a real mail server and a real receiver on loopback.

#[cfg(feature = "postgres")]
mod shared;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apmt_client::Client;
use apmt_core::Event;
use apmt_core::conformance::now;
use apmt_core::time::{Clock as _, ManualClock};
use apmt_server::directory::Directory;
use apmt_server::notify::{EmailNotifier, Options, Schedule, Watcher, WebhookNotifier};
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::raw::post;
use crate::support::Served;

/// Where `.ci/test` installs the mail server.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/schemathesis/bin/python");
const MAIL_SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/mail_server.py");
const RECEIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/webhook_receiver.py");
/// How long something that must happen may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "a secret of more than sixteen bytes";
const ANNE: &str = "officer_anne@sba.gov";

/// A program in Python that listens on a port and writes lines of JSON.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let python = if Path::new(PYTHON).exists() { PYTHON } else { "python3" };
        let mut child = Command::new(python)
            .arg(script)
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3 with aiosmtpd: bash .ci/test installs it");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("this test needs aiosmtpd: bash .ci/test installs it");
        Self { child, port }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it is so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A store, a clock, a folder with certificates, and what is told.
struct Scene {
    folder: TempDir,
    clock: Arc<ManualClock>,
    client: Client,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let clock = Arc::new(ManualClock::at(now()));
        let client = Client::builder().url("memory:").clock(clock.clone()).build().unwrap();
        Self { folder, clock, client }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn mail_server(&self, port: u16) -> Program {
        let arguments =
            [&port.to_string(), &self.text("cert.pem"), &self.text("key.pem"), &self.text("mails")];
        Program::start(MAIL_SERVER, &arguments.map(String::as_str))
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn mails(&self) -> Vec<Value> {
        self.lines("mails")
    }

    fn options(&self) -> Options {
        let directory = "
people:
  - {actor: officer_anne@sba.gov, name: Anne <Okafor>, supervisor: {name: Dana, email: dana@sba.gov}}
  - {actor: lost, supervisor: {email: nobody@sba.gov}}
";
        Options::new(self.path("told.json"))
            .with_directory(Directory::from_yaml("directory.yaml", directory).unwrap())
            .with_link("https://apmt.sba.gov/")
            .with_retry(Duration::from_millis(20), Duration::from_millis(200))
            .with_look_every(Duration::from_millis(100))
    }

    fn mailing(&self, port: u16) -> Options {
        let authority = std::fs::read(self.path("cert.pem")).unwrap();
        let server = format!("smtp://localhost:{port}");
        let login = Some(("apmt", "correct horse"));
        let mail = EmailNotifier::new(&server, "APMT <apmt@sba.gov>", login, Some(&authority)).unwrap();
        self.options().with_notifier(Arc::new(mail))
    }

    /// Two overrides and two stars: the default policy recommends a plan.
    fn turn_to_pip(&self, actor: &str) {
        let record = |event| block_on(self.client.record_event(event)).unwrap();
        record(Event::override_of(actor).case("C-SECRET-1"));
        record(Event::sat_score(2).actor(actor));
    }

    fn status(&self, actor: &str) -> &'static str {
        block_on(self.client.get_dossier(actor)).unwrap().status.name()
    }

    /// Lets the window move past everything.
    fn let_time_pass(&self) {
        self.clock.advance(Duration::from_secs(91 * 24 * 3600));
    }
}

/// A watcher on a thread of its own, which stops when this is dropped.
struct Watching {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watching {
    fn start(scene: &Scene, options: Options) -> Self {
        let watcher = Watcher::open(scene.client.clone(), options).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(watcher.run_until(async {
                let _ = stopped.await;
            }));
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().expect("the watcher does not panic");
    }
}

/// Records an actor that turns to pip after everything else, and waits until that is told: what was not told by then
/// is not told.
fn told_after(scene: &Scene, actor: &str) {
    scene.turn_to_pip(actor);
    eventually("the last one is told", || {
        scene.mails().iter().any(|mail| mail["raw"].as_str().unwrap().contains(actor))
    });
}

fn with_fallback(options: Options) -> Options {
    options.with_fallback(["hr@sba.gov"])
}

#[test]
fn a_supervisor_gets_one_mail_over_starttls_with_a_login() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    let _watching = Watching::start(&scene, with_fallback(scene.mailing(server.port)));
    scene.turn_to_pip(ANNE);
    eventually("a mail", || !scene.mails().is_empty());
    // More of the same is the same episode.
    scene.turn_to_pip(ANNE);
    told_after(&scene, "bob@sba.gov");

    let mails = scene.mails();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    let mail = &mails[0];
    assert_eq!((&mail["tls"], &mail["authenticated"]), (&true.into(), &true.into()));
    assert_eq!(mail["to"], serde_json::json!(["dana@sba.gov"]));
    assert_eq!(mails[1]["to"], serde_json::json!(["hr@sba.gov"]), "nobody is known to supervise bob");
    let raw = mail["raw"].as_str().unwrap().replace("=\r\n", "");
    for part in [
        "From: APMT <apmt@sba.gov>",
        "To: dana@sba.gov",
        "Subject: APMT: an improvement plan is recommended",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "An improvement plan is recommended for Anne <Okafor> (officer_anne@sba.gov).",
        "chronic-override: override rate 100 % is above 30 %, and mean satisfaction 2 ",
        "https://apmt.sba.gov/actor?name=",
        "APMT recommends; a supervisor decides.",
    ] {
        assert!(raw.contains(part), "{part:?} is not in {raw}");
    }
    assert!(raw.contains("Anne &#60;Okafor&#62;"), "names are escaped: {raw}");
    assert!(!raw.contains("C-SECRET"), "no case is named: {raw}");
}

#[test]
fn a_mail_arrives_once_though_the_server_was_away_and_the_watcher_was_stopped() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    let port = server.port;
    drop(server);

    let watching = Watching::start(&scene, scene.mailing(port));
    scene.turn_to_pip(ANNE);
    let waits =
        || std::fs::read_to_string(scene.path("told.json")).is_ok_and(|text| text.contains("waiting\":[{"));
    eventually("it is kept before it is sent", waits);
    drop(watching);
    assert!(scene.mails().is_empty());

    // Another start, and the server comes back midway.
    let watching = Watching::start(&scene, scene.mailing(port));
    let server = scene.mail_server(port);
    eventually("the mail", || scene.mails().len() == 1);
    eventually("nothing waits", || !waits());
    drop(watching);

    // And one more, in which nothing has happened but to somebody else.
    let _watching = Watching::start(&scene, with_fallback(scene.mailing(port)));
    told_after(&scene, "bob@sba.gov");
    assert_eq!(scene.mails().len(), 2, "{:#?}", scene.mails());

    // The server is stopped and started again under a watcher that runs.
    drop(server);
    scene.turn_to_pip("carol@sba.gov");
    eventually("it is kept", waits);
    let _server = scene.mail_server(port);
    eventually("the mail", || scene.mails().len() == 3);
    told_after(&scene, "dave@sba.gov");
    assert_eq!(scene.mails().len(), 4, "{:#?}", scene.mails());
}

#[test]
fn the_next_episode_is_told_again_and_the_end_of_one_is_seen_by_time_alone() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    let _watching = Watching::start(&scene, scene.mailing(server.port));
    scene.turn_to_pip(ANNE);
    eventually("the first mail", || scene.mails().len() == 1);
    let told = || {
        std::fs::read_to_string(scene.path("told.json")).unwrap_or_default().contains(r#""told":{"officer"#)
    };
    assert!(told());
    scene.let_time_pass();
    assert_eq!(scene.status(ANNE), "good");
    eventually("the episode has ended", || !told());
    scene.turn_to_pip(ANNE);
    eventually("the second mail", || scene.mails().len() == 2);
}

#[test]
fn while_a_plan_is_open_nothing_more_is_told() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    block_on(scene.client.record_event(Event::plan_started(ANNE))).unwrap();
    let _watching = Watching::start(&scene, with_fallback(scene.mailing(server.port)));
    scene.turn_to_pip(ANNE);
    told_after(&scene, "bob@sba.gov");
    assert_eq!(scene.mails().len(), 1);
    block_on(scene.client.record_event(Event::plan_closed(ANNE))).unwrap();
    eventually("it is on pip still", || scene.mails().len() == 2);
}

#[test]
fn one_mailbox_that_refuses_does_not_hold_up_the_others() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    let _watching = Watching::start(&scene, scene.mailing(server.port));
    scene.turn_to_pip("lost");
    scene.turn_to_pip(ANNE);
    eventually("a mail", || scene.mails().len() == 1);
    let kept = std::fs::read_to_string(scene.path("told.json")).unwrap();
    assert!(kept.contains("nobody@sba.gov"), "it waits: {kept}");
}

#[test]
fn a_digest_comes_at_its_time_to_each_supervisor_and_to_whoever_is_named() {
    let scene = Scene::new();
    let server = scene.mail_server(0);
    let schedule = Schedule::daily("08:00", "America/New_York").unwrap();
    let options = scene.mailing(server.port).with_alerts(false).with_digest(schedule, ["chief@sba.gov"]);
    let _watching = Watching::start(&scene, options);
    scene.turn_to_pip(ANNE);
    scene.turn_to_pip("bob@sba.gov");
    let due =
        || std::fs::read_to_string(scene.path("told.json")).is_ok_and(|text| text.contains("digest\":\""));
    eventually("it knows when", due);
    assert!(scene.mails().is_empty(), "nothing is told but by digest");
    scene.clock.advance(Duration::from_secs(24 * 3600));
    eventually("two mails", || scene.mails().len() == 2);
    let mails = scene.mails();
    let to = |address: &str| {
        let mail = mails.iter().find(|mail| mail["to"] == serde_json::json!([address]));
        mail.unwrap()["raw"].as_str().unwrap().replace("=\r\n", "")
    };
    assert!(to("dana@sba.gov").contains("officer_anne@sba.gov): pip"));
    assert!(!to("dana@sba.gov").contains("bob@sba.gov"), "a supervisor is told of their own people");
    assert!(to("chief@sba.gov").contains("bob@sba.gov: pip"));
    assert!(to("chief@sba.gov").contains("Subject: APMT digest: 2 plans recommended, 0 plans open"));
}

#[test]
fn a_webhook_is_signed_and_tried_again_under_the_same_id() {
    let scene = Scene::new();
    let receiver = Program::start(RECEIVER, &[SECRET, &scene.text("hooks"), "2"]);
    let url = format!("http://127.0.0.1:{}/hook", receiver.port);
    let hook = WebhookNotifier::new("hr", &url, SECRET).unwrap();
    let _watching = Watching::start(&scene, scene.options().with_notifier(Arc::new(hook)));
    scene.turn_to_pip(ANNE);
    eventually("a delivery", || !scene.lines("hooks").is_empty());
    let delivered = &scene.lines("hooks")[0];
    let body = &delivered["body"];
    assert_eq!(delivered["id"], body["id"]);
    assert_eq!((&body["type"], &body["actor"]), (&"alert".into(), &ANNE.into()));
    assert_eq!(body["reasons"][0]["rule"], "chronic-override");
    assert_eq!(body["link"], "https://apmt.sba.gov/actor?name=officer_anne%40sba.gov");
    assert_eq!(scene.lines("hooks").len(), 1);
}

#[test]
fn a_server_tells_while_it_runs_and_not_again_after_the_next_start() {
    let scene = Scene::new();
    let receiver = Program::start(RECEIVER, &[SECRET, &scene.text("hooks"), "0"]);
    let url = format!("http://127.0.0.1:{}/hook", receiver.port);
    // A server shuts its client down at the end, so each has one of its own on the same file.
    let store = format!("sqlite:{}", scene.text("apmt.db"));
    let serve = || {
        let hook = WebhookNotifier::new("hr", &url, SECRET).unwrap();
        let client = Client::builder().url(&store).clock(scene.clock.clone()).build().unwrap();
        let options = ServeOptions::new(client).with_address(Served::any());
        Served::run(options.with_notify(scene.options().with_notifier(Arc::new(hook))))
    };
    let turn = |served: &Served, actor: &str| {
        let events = format!(
            "{{\"type\":\"OVERRIDE\",\"actor\":\"{actor}\"}}\n{{\"type\":\"SAT_SCORE\",\"actor\":\"{actor}\",\"value\":1}}"
        );
        assert_eq!(post(served.address, "/events", events).ok()["stored"], 2);
    };
    let told = |actor: &str| {
        let told = scene.lines("hooks").into_iter();
        told.filter(|line| line["body"]["actor"] == actor).count()
    };
    let served = serve();
    turn(&served, ANNE);
    eventually("anne", || told(ANNE) == 1);
    assert!(served.stop().is_clean());
    let served = serve();
    turn(&served, "bob");
    eventually("bob", || told("bob") == 1);
    assert_eq!(told(ANNE), 1);
    drop(served);
}

#[test]
fn a_wrong_secret_delivers_nothing() {
    let scene = Scene::new();
    let receiver = Program::start(RECEIVER, &["another secret of many bytes", &scene.text("hooks"), "0"]);
    let url = format!("http://127.0.0.1:{}/hook", receiver.port);
    let hook = WebhookNotifier::new("hr", &url, SECRET).unwrap();
    let message = serde_json::json!({"type": "digest", "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "as_of": scene.clock.now(), "lines": [], "to": []});
    let message = serde_json::from_value(message).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sent = runtime.block_on(apmt_server::notify::Notifier::notify(&hook, &message));
    let error = sent.unwrap_err();
    assert!(error.is_refused() && error.to_string().contains("401"), "{error}");
    assert!(scene.lines("hooks").is_empty());
}

#[test]
fn two_processes_cannot_notify_by_one_file() {
    let scene = Scene::new();
    let _first = Watcher::open(scene.client.clone(), scene.options()).unwrap();
    let error = Watcher::open(scene.client.clone(), scene.options()).unwrap_err();
    assert!(error.to_string().contains("another process notifies"), "{error}");
}

#[test]
fn a_file_that_is_none_of_it_is_refused() {
    let scene = Scene::new();
    std::fs::write(scene.path("told.json"), "{}").unwrap();
    let error = Watcher::open(scene.client.clone(), scene.options()).unwrap_err();
    assert!(error.to_string().contains("told.json"), "{error}");
}

//! No key, and no session's secret, shows where people look: in logs, errors and `Debug`.

use std::io::Write;
use std::sync::{Arc, Mutex};

use apmt_client::Client;
use apmt_server::RouterOptions;
use apmt_server::audit::AuditLog;
use apmt_server::keys::{KeyFile, Keys, Scope};
use apmt_server::serve::{ServeOptions, Server};
use tracing_subscriber::fmt::MakeWriter;

use crate::raw::{Answer, send};
use crate::support::Served;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn they_show_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let file = KeyFile::new(&path);
    let (entry, key) = file.create("reader", Scope::Read, None).unwrap();
    let (_, revoked) = file.create("revoked", Scope::Admin, None).unwrap();
    file.revoke("revoked").unwrap();
    let keys = Keys::open(&path).unwrap();
    let audit = folder.path().join("audit.jsonl");
    let router = RouterOptions::new().with_keys(keys.clone()).with_audit(AuditLog::open(&audit).unwrap());
    let options =
        ServeOptions::new(Client::open("memory:").unwrap()).with_address(Served::any()).with_router(router);
    let mut shown = format!("{file:?} {entry:?} {key:?} {keys:?} {options:?} {:?}", keys.check(key.reveal()));

    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (key_text, revoked) = (key.reveal().to_owned(), revoked.reveal().to_owned());
    let secrets = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let server = Server::bind(options).await.unwrap();
            let address = server.local_addr();
            let (key, old) = (key_text.clone(), revoked.clone());
            let (done, stop) = tokio::sync::oneshot::channel::<()>();
            let client = std::thread::spawn(move || {
                let _done = done;
                let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
                    send(address, method, path, headers, body.as_bytes())
                };
                let mut answers: Vec<Answer> = Vec::new();
                for key in [&key, &old, &format!("{key}x"), &key.replace('_', "-")] {
                    let bearer = format!("Bearer {key}");
                    for sent in [&bearer, key] {
                        let headers = [("authorization", sent.as_str())];
                        answers.push(ask("GET", "/dossier/anne", &headers, ""));
                        answers.push(ask("POST", "/event", &headers, r#"{"type":"OVERRIDE","actor":"a"}"#));
                    }
                    for body in [
                        format!("key={key}"),
                        format!("{{\"key\":\"{key}\"}}"),
                        format!("{{\"key\":[\"{key}\"]}}"),
                        format!("{{\"{key}\":1}}"),
                    ] {
                        answers.push(ask("POST", "/session", &[], &body));
                    }
                }
                let cookies: Vec<String> = answers
                    .iter()
                    .filter_map(|answer| answer.header("set-cookie")?.split(';').next().map(str::to_owned))
                    .collect();
                for cookie in &cookies {
                    answers.push(ask("GET", "/dossier/anne", &[("cookie", cookie)], ""));
                }
                (answers, cookies)
            });
            let report = server.run_until(async { drop(stop.await) }).await;
            assert!(report.is_clean());
            let (answers, cookies) = client.join().unwrap();
            assert!(answers.iter().any(|answer| answer.status == 200) && cookies.len() == 2);
            for answer in answers {
                shown.push_str(&String::from_utf8_lossy(&answer.body));
            }
            [vec![key_text.clone(), revoked], cookies].concat()
        })
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("apmt::audit") && log.contains("a login failed"), "{log}");
    shown.push_str(&log);
    shown.push_str(&std::fs::read_to_string(&audit).unwrap());
    shown.push_str(&std::fs::read_to_string(&path).unwrap());
    for secret in secrets {
        let secret = secret.rsplit(['_', '.']).next().unwrap();
        assert!(secret.len() == 52 && !shown.contains(secret), "{secret} shows in {shown}");
    }
}

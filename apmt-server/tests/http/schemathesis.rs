//! The service under requests that schemathesis makes of its description: right ones, and wrong ones of every sort.

use std::path::Path;
use std::process::Command;

use crate::support::Served;

/// Where `.ci/test` installs it.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/schemathesis/bin/schemathesis");
const HOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/schemathesis.py");
const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/schemathesis.toml");

#[test]
fn it_finds_nothing() {
    let served = Served::fresh();
    let program = if Path::new(INSTALLED).exists() { INSTALLED } else { "schemathesis" };
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["--config-file", SETTINGS, "run", &format!("{}/openapi.json", served.url())])
        // It keeps what it has found beside it.
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", HOOKS)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .output()
        .expect("this test needs schemathesis: bash .ci/test installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("generated"), "it ran: {said}");
}

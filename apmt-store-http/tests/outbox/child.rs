//! The test binary run again as another process: to be killed, to meet a full disk.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command that runs one function of [`children`] in another process.
pub(crate) fn child(role: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    as_child(&mut command, role, path);
    command
}

/// The same, in a file system of that many KiB of its own, mounted at `folder` for this process alone and filled by
/// `prepare` (shell) before the child starts.
pub(crate) fn child_on_small_disk(
    role: &str,
    folder: &Path,
    path: &Path,
    kib: usize,
    prepare: &str,
) -> Command {
    let mut command = Command::new("unshare");
    let script = format!(
        "mount -t tmpfs -o size={kib}k tmpfs {folder} && {prepare} exec {exe} \"$@\"",
        folder = folder.display(),
        exe = std::env::current_exe().unwrap().display(),
    );
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    as_child(&mut command, role, path);
    command
}

fn as_child(command: &mut Command, role: &str, path: &Path) {
    command
        .args(["--exact", "child::children", "--nocapture", "--test-threads=1"])
        .env("APMT_TEST_ROLE", role)
        .env("APMT_TEST_PATH", path)
        .stdin(Stdio::null());
}

/// Does nothing when the tests run; as a child, plays the part it is given.
#[test]
fn children() {
    let (Ok(role), Ok(path)) = (std::env::var("APMT_TEST_ROLE"), std::env::var("APMT_TEST_PATH")) else {
        return;
    };
    let path = Path::new(&path);
    match role.as_str() {
        "put until killed" => super::crash::put_until_killed(path),
        "fill the disk" => super::files::fill_the_disk(path),
        "open on a read-only disk" => super::files::open_on_a_read_only_disk(path),
        other => panic!("no such role: {other}"),
    }
}

/// Runs a child to its end and returns what it printed.
pub(crate) fn output(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

//! The command `apmt`.

use std::process::ExitCode;

fn main() -> ExitCode {
    apmt_server::run(std::env::args_os())
}

//! `apmt completions`: what a shell needs to complete the command's words.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;
use crate::failure::{Ending, Failure};

/// Print the completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt completions bash > ~/.local/share/bash-completion/completions/apmt
  apmt completions zsh > ~/.zfunc/_apmt
  apmt completions fish > ~/.config/fish/completions/apmt.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        // Into memory first: the generator would panic if nobody read.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "apmt", &mut script);
        std::io::stdout().lock().write_all(&script)?;
        Ok(Ending::Fine)
    }
}

//! `apmt import`: whole logs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::import::{Counts, ImportError, Importer, Rejected};
use crate::open::{Purpose, StoreOptions, close, progress_bar};
use crate::screen::{complain, count};

/// Import logs of events as JSON Lines, plain or gzipped
///
/// Each line is one event. Good lines are stored; each bad one is answered on standard error with the file, the line,
/// the field and the reason. Blank lines are passed over. A line has at most 64 KiB.
///
/// A line that carries an id is stored once, however often it is imported; one without is a new event each time.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt import log.jsonl.gz --store sqlite:apmt.db
  zstd -dc log.jsonl.zst | apmt import -
  apmt import *.jsonl --json 2> rejected.txt

Ends with a count of stored, duplicate and rejected lines, and with exit code 1 if any was rejected. With --json the
count is a JSON object on standard output, and each rejected line one on standard error.")]
pub(super) struct Import {
    /// The logs, gzipped or not; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the count, and each rejected line, as JSON
    #[arg(long)]
    json: bool,
    /// Answer at most so many bad lines one by one, and count the others; without it, all are answered
    #[arg(long, value_name = "N")]
    show_rejected: Option<u64>,
}

impl Import {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        // Before anything is stored: a name that is wrong should not be found out halfway.
        for path in self.files.iter().filter(|path| !is_input(path)) {
            let about = std::fs::metadata(path).map_err(|error| Failure::file("read", path, error))?;
            if about.is_dir() {
                return Err(Failure::new(format!("{} is a folder", path.display())).advise("name its files"));
            }
        }
        let client = self.store.open(Purpose::Write)?;
        let mut importer = Importer::new(&client);
        let mut read = Ok(());
        for path in &self.files {
            read = self.import(&mut importer, path);
            if read.is_err() {
                break;
            }
        }
        let counts = importer.counts();
        let hidden = self.show_rejected.map_or(0, |shown| counts.rejected.saturating_sub(shown));
        if hidden > 0 && !self.json {
            complain(&format!("… and {} more", count(hidden, "rejected line", "rejected lines")));
        }
        // What was stored before an error is stored, and said.
        self.print(counts)?;
        read?;
        close(&client)?;
        Ok(Ending::rejected_if(counts.rejected > 0))
    }

    fn import(&self, importer: &mut Importer<'_>, path: &Path) -> Result<(), Failure> {
        let before = importer.counts().rejected;
        let mut shown = before;
        let (log, bar): (Box<dyn Read>, ProgressBar) = if is_input(path) {
            let bar = progress(None, "standard input");
            (Box::new(bar.wrap_read(std::io::stdin().lock())), bar)
        } else {
            let file = File::open(path).map_err(|error| Failure::file("read", path, error))?;
            let length = file.metadata().ok().map(|about| about.len());
            let bar = progress(length, &path.display().to_string());
            (Box::new(bar.wrap_read(file)), bar)
        };
        let name = if is_input(path) { "-".to_owned() } else { path.display().to_string() };
        let read = importer.read(&name, log, |line| {
            shown += 1;
            if self.show_rejected.is_none_or(|most| shown <= most) {
                bar.suspend(|| self.answer(line));
            }
        });
        bar.finish_and_clear();
        read.map_err(|error| match error {
            ImportError::Store { file, line, source } => Failure::from(source)
                .advise(format!("the lines of {file} before line {line} are done: import it from there on")),
            read => {
                Failure::new(read.to_string()).advise("what came before is stored or rejected, as counted")
            }
        })
    }

    fn answer(&self, line: &Rejected) {
        if self.json {
            complain(&serde_json::to_string(line).unwrap_or_default());
        } else {
            complain(&line.to_string());
        }
    }

    fn print(&self, counts: Counts) -> Result<(), Failure> {
        if self.json {
            return print_json(&counts);
        }
        let Counts { stored, duplicates, rejected } = counts;
        print(&format!("{stored} stored, {duplicates} duplicate, {rejected} rejected\n"))
    }
}

fn is_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// How far it has come, in bytes of the file, for whoever sits at a terminal.
fn progress(length: Option<u64>, name: &str) -> ProgressBar {
    let template = if length.is_some() {
        "{wide_msg} {bytes:>10} of {total_bytes}  {percent:>3} %  {bar:20}  {eta} left"
    } else {
        "{wide_msg} {spinner} {bytes}"
    };
    let bar = progress_bar(length, template);
    bar.set_message(crate::screen::printable(name).into_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

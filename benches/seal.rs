//! What sealing costs: `cargo bench -p apmt-benches --bench seal`.
//!
//! Names of figures may follow to run only those: `follow` (appending while sealing follows, beside appending alone, in
//! turn in one run), `rate` (sealing what is there), `verify` (a whole log of a million events; some minutes, and only when
//! named).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use apmt_benches::{Agency, Target, UNTIL, batches, median, report, timed};
use apmt_core::time::ManualClock;
use apmt_core::{Event, Store};
use apmt_seal::{SealKey, Sealer, checkpoint, verify};
use apmt_store_sqlite::{SqliteStore, Synchronous};
use futures_lite::future::block_on;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let wanted = |name: &str| named.iter().any(|wanted| wanted == name);
    if named.is_empty() || wanted("follow") {
        follow();
    }
    if named.is_empty() || wanted("rate") {
        rate();
    }
    if wanted("verify") {
        verify_a_million();
    }
}

fn fail(error: &dyn std::fmt::Display) -> ! {
    eprintln!("{error}");
    std::process::exit(1)
}

fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(&error),
    }
}

fn folder() -> tempfile::TempDir {
    done(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")))
}

fn open(path: &Path, synchronous: Synchronous) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(UNTIL));
    done(SqliteStore::builder(path.join("apmt.db")).clock(clock).synchronous(synchronous).open())
}

fn append(store: &SqliteStore, log: Vec<Vec<Event>>) {
    for batch in log {
        done(block_on(store.append(batch)));
    }
}

/// Batches of 100 into SQLite, with a thread that seals what comes and without, in turn, five times.
fn follow() {
    const EVENTS: u64 = 100_000;
    let (mut ratios, mut alone, mut sealed_too, mut share) = (Vec::new(), Vec::new(), Vec::new(), 1.0);
    for _ in 0..5 {
        let seconds = |sealing: bool| {
            let log = batches(Agency::new(400, EVENTS), 100);
            let count = log.iter().map(Vec::len).sum::<usize>() as f64;
            let folder = folder();
            let store = open(folder.path(), Synchronous::Full);
            let over = AtomicBool::new(!sealing);
            let took = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut sealer = Sealer::default();
                    while !over.load(Ordering::Relaxed) {
                        done(block_on(sealer.catch_up(&store, &mut |_| ())));
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                });
                let took = timed(|| append(&store, log)).as_secs_f64();
                over.store(true, Ordering::Relaxed);
                took
            });
            let sealed = done(block_on(apmt_core::SealStore::sealed(&store))) as f64;
            (count / took, sealed / count)
        };
        let (without, (with, followed)) = (seconds(false).0, seconds(true));
        ratios.push(with / without);
        alone.push(without);
        sealed_too.push(with);
        share = f64::min(share, followed);
    }
    let (alone, with, ratio) = (median(alone), median(sealed_too), median(ratios));
    let figure = format!(
        "{:.0}k/s of {:.0}k/s = {ratio:.3}, {:.0} % sealed by the end",
        with / 1e3,
        alone / 1e3,
        share * 100.0
    );
    report("SQLite append while sealing follows, of appending alone", &figure, ratio, Target::AtLeast(0.5));
}

/// Events a second that are sealed, of a log that is there.
fn rate() {
    let folder = folder();
    let store = open(folder.path(), Synchronous::Full);
    append(&store, batches(Agency::new(400, 200_000), 1000));
    let mut size = 0;
    let took = timed(|| size = done(block_on(Sealer::default().catch_up(&store, &mut |_| ())))).as_secs_f64();
    let rate = size as f64 / took;
    report("SQLite sealing, events a second", &format!("{:.0}k/s", rate / 1e3), rate, Target::AtLeast(50e3));
}

/// The whole log, file and tree and checkpoint.
fn verify_a_million() {
    let folder = folder();
    let store = open(folder.path(), Synchronous::Normal);
    append(&store, batches(Agency::new(400, 1_000_000), 5000));
    done(block_on(Sealer::default().catch_up(&store, &mut |_| ())));
    let key = done(SealKey::generate("bench.example/apmt"));
    done(block_on(checkpoint(&store, &key)));
    let mut events = 0;
    let took = timed(|| {
        let verified = done(block_on(verify(&store, &[key.verifier().clone()], &[], &mut |_, _| ())));
        if !verified.is_sound() {
            fail(&"the log does not verify");
        }
        events = verified.events;
    });
    let seconds = took.as_secs_f64();
    let figure = format!("{events} events in {seconds:.1} s = {:.0}k/s", events as f64 / seconds / 1e3);
    report("SQLite verify, a whole log", &figure, seconds, Target::AtMost(60.0));
}

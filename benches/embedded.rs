//! The embedded stores beside what the hardware can do, in one run: `cargo bench -p apmt-benches`.
//!
//! Figures are ratios to a ceiling measured a moment before or after, for absolute ones drift from machine to machine
//! and from hour to hour. Names of figures may follow to run only those: `append`, `group`, `memory`, `dossier`,
//! `heavy`, `large` (the dossier in a store of 10M events; some minutes, and only when named).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use apmt_benches::{Agency, Target, UNTIL, batches, median, report, timed};
use apmt_core::time::ManualClock;
use apmt_core::{ActorName, AsOf, Calendar, Event, MemoryStore, Policy, Store, Timestamp, Window};
use apmt_store_sqlite::{SqliteStore, Synchronous};
use futures_lite::future::block_on;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let wanted = |name: &str| named.iter().any(|wanted| wanted == name);
    let all = named.is_empty();
    if all || wanted("append") {
        append();
    }
    if all || wanted("group") {
        group_commit();
    }
    if all || wanted("memory") {
        memory();
    }
    if all || wanted("dossier") || wanted("large") {
        dossiers(wanted("large"));
    }
    if all || wanted("heavy") {
        heavy_actor();
    }
}

fn folder() -> tempfile::TempDir {
    match tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) {
        Ok(folder) => folder,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ! {
    eprintln!("{error}");
    std::process::exit(1)
}

fn open(path: &Path) -> SqliteStore {
    open_with(path, Synchronous::Full)
}

/// For what is only read afterwards: the disk need not confirm each batch.
fn open_to_fill(path: &Path) -> SqliteStore {
    open_with(path, Synchronous::Normal)
}

fn open_with(path: &Path, synchronous: Synchronous) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(UNTIL));
    match SqliteStore::builder(path).clock(clock).synchronous(synchronous).open() {
        Ok(store) => store,
        Err(error) => fail(&error),
    }
}

fn record(store: &dyn Store, events: Vec<Event>) {
    if let Err(error) = block_on(store.append(events)) {
        fail(&error);
    }
}

fn bytes_on_disk(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Batches of 1000 into SQLite, fold and rollups included, beside a bare table of the same bytes: in turn, five times.
fn append() {
    const EVENTS: u64 = 200_000;
    let (mut ratios, mut ours, mut bare, mut size) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for _ in 0..5 {
        let whole = batches(Agency::new(400, EVENTS), 1000);
        let count = whole.iter().map(Vec::len).sum::<usize>() as f64;
        let json: Vec<Vec<String>> =
            whole.iter().map(|batch| batch.iter().map(Event::to_json).collect()).collect();
        let folder_of_ours = folder();
        let store = open(&folder_of_ours.path().join("apmt.db"));
        let took = timed(|| whole.into_iter().for_each(|batch| record(&store, batch))).as_secs_f64();
        drop(store);
        size = bytes_on_disk(folder_of_ours.path()) as f64 / count;
        let ceiling = bare_table(&json);
        ratios.push(ceiling / took);
        ours.push(count / took);
        bare.push(count / ceiling);
    }
    let figure = format!(
        "{:.0}k/s of {:.0}k/s = {:.3}",
        median(ours) / 1e3,
        median(bare) / 1e3,
        median(ratios.clone())
    );
    report(
        "SQLite append, batches of 1000, of a bare table's rate",
        &figure,
        median(ratios),
        Target::AtLeast(0.10),
    );
    report("SQLite bytes an event, all tables", &format!("{size:.0} B"), size, Target::AtMost(450.0));
}

/// Seconds to write the same bytes to a table of an integer key and a blob, as durably.
fn bare_table(batches: &[Vec<String>]) -> f64 {
    let folder = folder();
    let write = || -> rusqlite::Result<f64> {
        let connection = rusqlite::Connection::open(folder.path().join("bare.db"))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE bare (key INTEGER PRIMARY KEY, event BLOB NOT NULL)")?;
        let mut insert = connection.prepare("INSERT INTO bare (event) VALUES (?1)")?;
        let start = Instant::now();
        for batch in batches {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for event in batch {
                insert.execute([event.as_bytes()])?;
            }
            connection.execute_batch("COMMIT")?;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    match write() {
        Ok(seconds) => seconds,
        Err(error) => fail(&error),
    }
}

/// 64 callers who each wait for their receipt, beside one: in turn, three times.
fn group_commit() {
    let rate = |callers: usize, each: usize| {
        let folder = folder();
        let store = Arc::new(open(&folder.path().join("apmt.db")));
        // As in life: all callers are at the same hour of the same day.
        let mut shares: Vec<Vec<Event>> = vec![Vec::new(); callers];
        for (number, event) in Agency::new(400, (callers * each * 2) as u64).take(callers * each).enumerate()
        {
            if let Some(share) = shares.get_mut(number % callers) {
                share.push(event);
            }
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).build() {
            Ok(runtime) => runtime,
            Err(error) => fail(&error),
        };
        let took = timed(|| {
            runtime.block_on(async {
                let callers: Vec<_> = shares
                    .into_iter()
                    .map(|share| {
                        let store = Arc::clone(&store);
                        tokio::spawn(async move {
                            for event in share {
                                if let Err(error) = store.append(vec![event]).await {
                                    fail(&error);
                                }
                            }
                        })
                    })
                    .collect();
                for caller in callers {
                    if let Err(error) = caller.await {
                        fail(&error);
                    }
                }
            });
        });
        (callers * each) as f64 / took.as_secs_f64()
    };
    let (mut ratios, mut ones, mut manys) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let (one, many) = (rate(1, 4_000), rate(64, 1_500));
        ratios.push(many / one);
        ones.push(one);
        manys.push(many);
    }
    let figure = format!(
        "{:.1}k/s of {:.1}k/s = {:.1}",
        median(manys) / 1e3,
        median(ones) / 1e3,
        median(ratios.clone())
    );
    report(
        "SQLite, 64 concurrent callers, of one caller's rate",
        &figure,
        median(ratios),
        Target::AtLeast(8.0),
    );
}

/// The memory store on one thread.
fn memory() {
    let mut rates = Vec::new();
    for _ in 0..5 {
        let whole = batches(Agency::new(400, 300_000), 1000);
        let count = whole.iter().map(Vec::len).sum::<usize>() as f64;
        let store = MemoryStore::with(Arc::new(ManualClock::at(UNTIL)), Calendar::Always);
        let took = timed(|| whole.into_iter().for_each(|batch| record(&store, batch)));
        rates.push(count / took.as_secs_f64());
    }
    let rate = median(rates);
    report(
        "memory store, one thread, events/s",
        &format!("{:.0}k/s", rate / 1e3),
        rate,
        Target::AtLeast(500_000.0),
    );
}

/// `get_dossier` of an actor with some 5,000 events in the window.
fn dossiers(large: bool) {
    let small = Office::of(1_000_000);
    let large = large.then(|| Office::of(10_000_000));
    let both: Vec<&Office> = [&small].into_iter().chain(&large).collect();
    let medians = dossier_medians_ms(&both, 60);
    let [small, rest @ ..] = &medians[..] else { return };
    let figure = format!("{small:.3} ms");
    report("dossier, 5,000 events in the window, store of 1M", &figure, *small, Target::AtMost(0.2));
    for ms in rest {
        let figure = format!("{ms:.3} ms = {:.2} times that at 1M", ms / small);
        report("dossier, 5,000 events in the window, store of 10M", &figure, ms / small, Target::AtMost(1.3));
    }
}

/// A store, and actors whose dossiers to ask for.
struct Office {
    store: SqliteStore,
    names: Vec<ActorName>,
    _folder: tempfile::TempDir,
}

impl Office {
    /// A store of so many events, of whose officers each has some 5,000 in the window.
    fn of(events: u64) -> Self {
        // Three events in five and a half are an officer's own: assigned, decided, closed. Of 120 days, 90 are in the window.
        let officers = (events as f64 * (3.0 / 5.5) * 0.75 / 5_000.0).round() as usize;
        let folder = folder();
        let store = open_to_fill(&folder.path().join("apmt.db"));
        let mut agency = Agency::new(officers, events);
        loop {
            let batch: Vec<Event> = agency.by_ref().take(5_000).collect();
            if batch.is_empty() {
                break;
            }
            record(&store, batch);
        }
        let name = |number: usize| ActorName::new(&Agency::officer(number * 7 % officers)).ok();
        Self { store, names: (0..16).filter_map(name).collect(), _folder: folder }
    }
}

/// Each office's median over rounds of all its names, in milliseconds, after a round that is not counted. The offices
/// take turns, so that whatever else the machine does meets all of them.
fn dossier_medians_ms(offices: &[&Office], rounds: usize) -> Vec<f64> {
    let policy = Policy::default();
    let mut measured = vec![Vec::new(); offices.len()];
    for round in 0..=rounds {
        for (office, measured) in offices.iter().zip(&mut measured) {
            for name in &office.names {
                let took = timed(|| match block_on(office.store.dossier(name, AsOf::Latest, &policy)) {
                    Ok(dossier) if dossier.metrics.decisions > 0 => {}
                    Ok(_) => fail(&"the dossier is empty"),
                    Err(error) => fail(&error),
                });
                if round > 0 {
                    measured.push(took.as_secs_f64() * 1e3);
                }
            }
        }
    }
    measured.into_iter().map(median).collect()
}

/// `get_dossier` of one actor with a million events in the window.
fn heavy_actor() {
    const CASES: i64 = 500_000;
    let folder = folder();
    let store = open_to_fill(&folder.path().join("apmt.db"));
    let window = Window::days_until(90, UNTIL);
    let step = (UNTIL.millis() - window.after.millis()) / (CASES + 1);
    let mut batch = Vec::with_capacity(5_000);
    for case in 0..CASES {
        let at = window.after.millis() + 1 + case * step;
        let id = format!("2026-{case:08}");
        let hours = 1 + case * 7919 % 5_000_000;
        let builders = [
            Event::assigned(&id, "machine").at(Timestamp::from_millis(at - hours)),
            Event::decision("machine").case(&id).at(Timestamp::from_millis(at)),
        ];
        for builder in builders {
            match builder.build() {
                Ok(event) => batch.push(event),
                Err(invalid) => fail(&invalid),
            }
        }
        if batch.len() == batch.capacity() {
            record(&store, std::mem::replace(&mut batch, Vec::with_capacity(5_000)));
        }
    }
    record(&store, batch);
    let names = ActorName::new("machine").into_iter().collect();
    let medians = dossier_medians_ms(&[&Office { store, names, _folder: folder }], 40);
    let ms = medians.first().copied().unwrap_or(f64::NAN);
    report("dossier, 1M events in the window", &format!("{ms:.2} ms"), ms, Target::AtMost(5.0));
}

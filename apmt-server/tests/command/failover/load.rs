//! A load over HTTP on two servers, and what came of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use apmt_core::time::Clock as _;
use apmt_core::{Event, Recorded, Store, SystemClock, Timestamp};
use apmt_store_http::HttpStore;
use futures_lite::future::block_on;
use uuid::Uuid;

/// How many threads record at each server.
const WRITERS: usize = 4;
/// Between two batches of a writer: some hundred events a second in all, which the oracle goes through in time.
const PAUSE: Duration = Duration::from_millis(40);
/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What was acknowledged, and what a reader saw.
#[derive(Default)]
pub(super) struct Done {
    /// The ids, and the positions that their receipts give.
    pub(super) acknowledged: HashMap<Uuid, u64>,
    /// The ids of the log in its order, as somebody saw them who followed it.
    pub(super) read: Vec<Uuid>,
    batches: Vec<Batch>,
}

/// A batch that was acknowledged: by which server, when it was sent and when that was answered.
struct Batch {
    server: usize,
    sent: Instant,
    answered: Instant,
}

/// A load that goes on until it is stopped.
pub(super) struct Load {
    over: Arc<AtomicBool>,
    written: Arc<AtomicBool>,
    done: Arc<Mutex<Done>>,
    writers: Vec<JoinHandle<()>>,
    reader: JoinHandle<()>,
}

impl Load {
    pub(super) fn start(servers: &[String; 2]) -> Self {
        let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let done = Arc::new(Mutex::new(Done::default()));
        let start = SystemClock.now();
        let writers = (0..2 * WRITERS).map(|writer| {
            let (over, done, server) = (Arc::clone(&over), Arc::clone(&done), writer % 2);
            let store = open(&servers[server]);
            spawn(move || write(&store, server, writer, start, &over, &done))
        });
        let writers = writers.collect();
        let (read_until, read, store) = (Arc::clone(&written), Arc::clone(&done), open(&servers[1]));
        let reader = spawn(move || follow(&store, &read_until, &read));
        Self { over, written, done, writers, reader }
    }

    /// Waits until each server has acknowledged so many more batches.
    pub(super) fn wait_for(&self, batches: usize) {
        let of =
            |server| self.done.lock().unwrap().batches.iter().filter(|batch| batch.server == server).count();
        let wanted = [of(0) + batches, of(1) + batches];
        self.eventually("batches are acknowledged", || {
            (of(0) >= wanted[0] && of(1) >= wanted[1]).then_some(())
        });
    }

    /// How long after that instant the slower of the servers first acknowledged what was sent to it since.
    pub(super) fn back_since(&self, since: Instant) -> Duration {
        self.eventually("both servers write again", || {
            let done = self.done.lock().unwrap();
            let first = |server| {
                let batches =
                    done.batches.iter().filter(|batch| batch.server == server && batch.sent >= since);
                batches.map(|batch| batch.answered - since).min()
            };
            Some(first(0)?.max(first(1)?))
        })
    }

    fn eventually<T>(&self, what: &str, is_so: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            let lives = self.writers.iter().chain([&self.reader]).all(|thread| !thread.is_finished());
            assert!(lives && Instant::now() < end, "in vain: {what}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends the load, once everything that was sent has been acknowledged and read.
    pub(super) fn stop(self) -> Done {
        self.over.store(true, Ordering::SeqCst);
        for writer in self.writers {
            writer.join().unwrap();
        }
        self.written.store(true, Ordering::SeqCst);
        self.reader.join().unwrap();
        std::mem::take(&mut *self.done.lock().unwrap())
    }
}

fn open(url: &str) -> HttpStore {
    HttpStore::builder(url).retry_budget(PATIENCE).open().unwrap()
}

fn write(
    store: &HttpStore,
    server: usize,
    writer: usize,
    start: Timestamp,
    over: &AtomicBool,
    done: &Mutex<Done>,
) {
    let mut random = fastrand::Rng::with_seed(writer as u64);
    for round in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let events: Vec<Event> = (0..random.usize(1..8)).map(|_| event(&mut random, round, start)).collect();
        let sent = Instant::now();
        let receipts = block_on(store.append(events)).unwrap();
        let mut done = done.lock().unwrap();
        done.batches.push(Batch { server, sent, answered: Instant::now() });
        for receipt in receipts {
            // Where the client had to send it again, it may have been stored the first time.
            assert!(
                done.acknowledged.insert(receipt.id, receipt.position).is_none(),
                "nobody else has sent it"
            );
        }
        drop(done);
        sleep(PAUSE);
    }
}

/// What happens to some case: all writers meet on the same ones, and go on to others with time.
fn event(random: &mut fastrand::Rng, round: u32, start: Timestamp) -> Event {
    let case = format!("C-{}", round / 5 + random.u32(..20));
    let officer = format!("officer_{}@agency.gov", random.u8(..12));
    let event = match random.u8(..8) {
        0 => Event::case_opened(&case),
        1 => Event::assigned(&case, &officer),
        2 => Event::recommendation_of("triage", &case, "deny"),
        3 => {
            Event::decision(&officer).case(&case).human_verdict(if random.bool() { "deny" } else { "grant" })
        }
        4 => Event::override_of(&officer).case(&case),
        5 => Event::case_closed(&case).actor(&officer),
        6 => Event::paused(&case),
        _ => Event::sat_score(random.u8(1..=5)).case(&case),
    };
    let ago = random.i64(0..40 * 24 * 3_600_000);
    event.id(Uuid::new_v4()).at(start.plus_millis(-ago)).build().unwrap()
}

/// Follows the log as live push does: from the last position that it saw.
fn follow(store: &HttpStore, written: &AtomicBool, done: &Mutex<Done>) {
    let mut seen = 0;
    loop {
        // Looked at before the log is read: what was written before that is there to be read.
        let over = written.load(Ordering::SeqCst);
        let page = block_on(store.events(seen, 1000)).unwrap();
        for recorded in &page {
            seen += 1;
            assert_eq!(recorded.position, seen, "none is missed, and none comes twice");
        }
        done.lock().unwrap().read.extend(page.iter().map(|recorded| recorded.id));
        if over && page.is_empty() {
            return;
        }
        sleep(PAUSE);
    }
}

/// All that the log has.
pub(super) fn whole_log(store: &HttpStore) -> Vec<Recorded> {
    let mut log = Vec::new();
    loop {
        let page = block_on(store.events(log.len() as u64, 1000)).unwrap();
        if page.is_empty() {
            return log;
        }
        log.extend(page);
    }
}

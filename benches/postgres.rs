//! The PostgreSQL store beside what the database does when it is asked plainly, in one run:
//! `cargo bench -p apmt-benches --bench postgres`.
//!
//! It starts a throw-away cluster of its own from Debian's package. Names of figures may follow to run only those:
//! `append`, `months`, `group`, `servers-singles`, `servers-batches`, `servers-dossiers`, `servers-singles-anyhow`,
//! `servers-batches-anyhow`, `live`, and `dossier`, which loads 5M events and takes some minutes.

#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "as in the tests: what fails ends the run"
)]
#[path = "../apmt-store-postgres/tests/postgres/cluster.rs"]
mod cluster;

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apmt_benches::child::{self, Served};
use apmt_benches::follow::follow;
use apmt_benches::load::{agency, append_owned, callers, get, hundreds, hundreds_of, rate, singles_of};
use apmt_benches::{Agency, Target, UNTIL, against, batches, beside, median, percentiles, report, thousands};
use apmt_core::time::ManualClock;
use apmt_core::{ActorName, AsOf, Event, Policy, Recorded, Store, Window};
use apmt_store_postgres::PostgresStore;
use cluster::Cluster;
use futures_lite::future::block_on;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// Measures, and prints what came out.
type Figure = fn(&Databases) -> Result<()>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", url] => child::serve(url),
        ref named => measure(named),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn measure(named: &[&str]) -> Result<()> {
    let figures: [(&str, Figure); 10] = [
        ("append", appends),
        ("months", months),
        ("group", group_commit),
        ("servers-singles", |databases| servers(databases, &SINGLES)),
        ("servers-batches", |databases| servers(databases, &BATCHES)),
        ("servers-dossiers", |databases| servers(databases, &DOSSIERS)),
        ("servers-singles-anyhow", |databases| servers(databases, &SINGLES_ANYHOW)),
        ("servers-batches-anyhow", |databases| servers(databases, &BATCHES_ANYHOW)),
        ("live", live),
        ("dossier", dossiers),
    ];
    let databases = Databases::start();
    for (name, figure) in figures {
        if named.is_empty() || named.contains(&name) {
            figure(&databases)?;
        }
    }
    Ok(())
}

/// A cluster that confirms every commit with the disk, and databases in it.
struct Databases {
    cluster: Cluster,
    made: std::cell::Cell<u32>,
}

impl Databases {
    fn start() -> Self {
        Self { cluster: Cluster::start(&["max_wal_size=4GB", "shared_buffers=1GB"]), made: 0.into() }
    }

    /// The URL of an empty database.
    fn make(&self) -> String {
        let name = format!("apmt_{}", self.made.replace(self.made.get() + 1));
        self.cluster.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.cluster.url(&name)
    }
}

fn open(url: &str) -> Result<Arc<dyn Store>> {
    open_at(url, ManualClock::at(UNTIL).into())
}

fn open_at(url: &str, clock: Arc<ManualClock>) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(PostgresStore::builder(url).clock(clock).open().map_err(Error::other)?))
}

/// Batches of 1000, fold and derived tables included, beside `unnest` into a plain table with its id and an index on actor
/// and time: in turn, five times.
fn appends(databases: &Databases) -> Result<()> {
    const EVENTS: usize = 100_000;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        raw.push(Raw::of(agency(EVENTS)).batches(&databases.make(), 1000)?);
        let store = open(&databases.make())?;
        let batches = batches(agency(EVENTS).into_iter(), 1000);
        ours.push(1000.0 * callers(1, batches, move |batch| append_owned(Arc::clone(&store), batch))?);
    }
    against("append, batches of 1000, of raw unnest ON CONFLICT", &ours, &raw, 0.25);
    Ok(())
}

/// Batches of 1000, and dossiers, where ten years of the log lie in 120 monthly partitions, beside one partition: in turn,
/// three times.
fn months(databases: &Databases) -> Result<()> {
    const EVENTS: usize = 50_000;
    const MONTH_MS: i64 = 30 * 24 * 3_600_000;
    let (mut appended, mut asked) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..3 {
        for (which, months) in [1, 120].into_iter().enumerate() {
            let clock = Arc::new(ManualClock::at(UNTIL));
            let store = open_at(&databases.make(), Arc::clone(&clock))?;
            for month in (0..months).rev() {
                clock.set(UNTIL.plus_millis(-month * MONTH_MS));
                let event = Event::decision("somebody@agency.gov").case(&format!("old-{month}")).build();
                let event = event.map_err(Error::other)?;
                block_on(store.append(vec![event])).map_err(Error::other)?;
            }
            let batches = batches(agency(EVENTS).into_iter(), 1000);
            let appending = Arc::clone(&store);
            appended[which].push(
                1000.0 * callers(1, batches, move |batch| append_owned(Arc::clone(&appending), batch))?,
            );
            let officers: Vec<ActorName> = (0..2000)
                .map(|number| {
                    ActorName::try_from(Agency::officer(number % 400).as_str()).map_err(Error::other)
                })
                .collect::<Result<_>>()?;
            asked[which].push(callers(1, officers, move |officer| {
                let store = Arc::clone(&store);
                async move {
                    let dossier = store.dossier(&officer, AsOf::Latest, &Policy::default()).await;
                    dossier.map(drop).map_err(Error::other)
                }
            })?);
        }
    }
    against("append, batches of 1000, 120 months, of one month", &appended[1], &appended[0], 0.8);
    against("dossiers, 120 months, of one month", &asked[1], &asked[0], 0.8);
    Ok(())
}

/// 32 callers of one event each, beside plain inserts that commit each by itself: in turn, three times.
fn group_commit(databases: &Databases) -> Result<()> {
    const EVENTS: usize = 20_000;
    let (mut ours, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        alone.push(Raw::of(agency(EVENTS / 8)).singles(&databases.make(), 1)?);
        together.push(Raw::of(agency(EVENTS)).singles(&databases.make(), 32)?);
        let store = open(&databases.make())?;
        let appends = move |event| append_owned(Arc::clone(&store), vec![event]);
        ours.push(callers(32, agency(EVENTS), appends)?);
    }
    against("32 callers, one event each, of one raw autocommit connection", &ours, &alone, 3.0);
    let ratio = median(ours.iter().zip(&together).map(|(ours, raw)| ours / raw).collect());
    let raw = thousands(median(together));
    println!("  the same of 32 raw autocommit connections: {ratio:.2} of {raw}");
    Ok(())
}

/// Events as rows of a plain table.
struct Raw {
    ids: Vec<Uuid>,
    actors: Vec<String>,
    instants: Vec<i64>,
    payloads: Vec<String>,
}

impl Raw {
    fn of(events: Vec<Event>) -> Self {
        let recorded: Vec<Recorded> =
            events.into_iter().map(|event| Recorded::new(event, 1, UNTIL)).collect();
        let actor = |recorded: &Recorded| recorded.event.actor().map(ToString::to_string).unwrap_or_default();
        Self {
            ids: recorded.iter().map(|recorded| recorded.id).collect(),
            actors: recorded.iter().map(actor).collect(),
            instants: recorded.iter().map(|recorded| recorded.occurred_at.millis()).collect(),
            payloads: recorded.iter().map(|recorded| recorded.event.to_json()).collect(),
        }
    }

    /// Inserts them in batches over one connection; the events a second.
    fn batches(self, url: &str, size: usize) -> Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = table(url).await?;
            let insert = "INSERT INTO raw SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) \
                          ON CONFLICT DO NOTHING";
            let insert = client.prepare(insert).await.map_err(Error::other)?;
            let start = Instant::now();
            for from in (0..self.ids.len()).step_by(size) {
                let rows = from..(from + size).min(self.ids.len());
                let (ids, actors) = (&self.ids[rows.clone()], &self.actors[rows.clone()]);
                let (instants, payloads) = (&self.instants[rows.clone()], &self.payloads[rows]);
                client.execute(&insert, &[&ids, &actors, &instants, &payloads]).await.map_err(Error::other)?;
            }
            Ok(self.ids.len() as f64 / start.elapsed().as_secs_f64())
        })
    }

    /// Inserts them one by one, over so many connections; the events a second.
    fn singles(self, url: &str, connections: usize) -> Result<f64> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            table(url).await?;
            let mut clients: Vec<(Client, Statement)> = Vec::new();
            for _ in 0..connections {
                let client = connect(url).await?;
                let insert = "INSERT INTO raw VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
                let insert = client.prepare(insert).await.map_err(Error::other)?;
                clients.push((client, insert));
            }
            let events = self.ids.len();
            let rows = Arc::new(self);
            let start = Instant::now();
            let tasks: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(first, (client, insert))| {
                    let rows = Arc::clone(&rows);
                    tokio::spawn(async move {
                        for row in (first..events).step_by(connections) {
                            let Self { ids, actors, instants, payloads } = &*rows;
                            client
                                .execute(&insert, &[&ids[row], &actors[row], &instants[row], &payloads[row]])
                                .await
                                .map_err(Error::other)?;
                        }
                        Ok::<(), Error>(())
                    })
                })
                .collect();
            for task in tasks {
                task.await.map_err(Error::other)??;
            }
            Ok(events as f64 / start.elapsed().as_secs_f64())
        })
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(Error::other)?;
    tokio::spawn(connection);
    Ok(client)
}

async fn table(url: &str) -> Result<Client> {
    let client = connect(url).await?;
    let make = "CREATE TABLE raw (id uuid PRIMARY KEY, actor text NOT NULL, at bigint NOT NULL, payload text NOT NULL); \
                CREATE INDEX raw_by_actor ON raw (actor, at)";
    client.batch_execute(make).await.map_err(Error::other)?;
    Ok(client)
}

/// How an agency's events come to its servers.
#[derive(Clone, Copy)]
enum Dealt {
    /// All of a case to one server, as where a balancer goes by the case, or each office has a server of its own. The
    /// officers are everybody's.
    ByCase,
    /// Each to any server.
    Anyhow,
}

/// A load for servers.
struct Load {
    what: &'static str,
    /// What two servers have to come to beside one.
    bar: Option<f64>,
    /// The requests for each of so many servers.
    requests: fn(usize) -> Vec<Vec<Vec<u8>>>,
    /// How many events each request has, or one for a dossier.
    events: usize,
    connections: usize,
}

const SINGLES: Load = Load {
    what: "POST /event, 32 connections each",
    bar: Some(1.6),
    requests: |servers| posts(6_000, servers, Dealt::ByCase, singles_of),
    events: 1,
    connections: 32,
};
const BATCHES: Load = Load {
    what: "POST /events of 100, 8 connections each",
    bar: Some(1.6),
    requests: |servers| posts(20_000, servers, Dealt::ByCase, hundreds_of),
    events: 100,
    connections: 8,
};
const DOSSIERS: Load = Load {
    what: "GET /dossier, 16 connections each",
    bar: Some(1.6),
    requests: |servers| {
        let ask = |number: usize| get(&format!("/dossier/{}?as_of=latest", Agency::officer(number % 400)));
        vec![(0..1_500).map(ask).collect(); servers]
    },
    events: 1,
    connections: 16,
};
/// As hard as it gets: both servers have the same cases in hand at every moment.
const SINGLES_ANYHOW: Load = Load {
    what: "POST /event, cases to any server",
    bar: None,
    requests: |servers| posts(6_000, servers, Dealt::Anyhow, singles_of),
    ..SINGLES
};
const BATCHES_ANYHOW: Load = Load {
    what: "POST /events of 100, cases to any server",
    bar: None,
    requests: |servers| posts(20_000, servers, Dealt::Anyhow, hundreds_of),
    ..BATCHES
};

/// So many events for each of several servers, as requests.
fn posts(
    events: usize,
    servers: usize,
    how: Dealt,
    requests: fn(&[Event]) -> Vec<Vec<u8>>,
) -> Vec<Vec<Vec<u8>>> {
    dealt(events, servers, how).iter().map(|events| requests(events)).collect()
}

/// The events of one agency for each of several servers, as many for each.
fn dealt(events: usize, servers: usize, how: Dealt) -> Vec<Vec<Event>> {
    let mut dealt = vec![Vec::with_capacity(events); servers];
    for (number, event) in agency(events * servers).into_iter().enumerate() {
        let case: Option<usize> =
            event.case_id().and_then(|case| case.as_str().rsplit('-').next()?.parse().ok());
        let server = match how {
            Dealt::ByCase => case.unwrap_or(number),
            Dealt::Anyhow => number,
        };
        dealt[server % servers].push(event);
    }
    dealt
}

/// Two servers on one database beside one, each with a fixed share of a processor, as if it stood on a small machine of its
/// own, and with as many callers of its own: in turn, three times. Then four, and two without a limit, to see where the
/// database is the limit; and who used the processors.
fn servers(databases: &Databases, load: &Load) -> Result<()> {
    /// Of one processor, for each server.
    const SHARE: f64 = 0.2;
    const RUNS: [(usize, Option<f64>); 4] = [(1, Some(SHARE)), (2, Some(SHARE)), (4, Some(SHARE)), (2, None)];
    let Load { what, bar, requests, events, connections } = *load;
    let mut rates: [Vec<f64>; RUNS.len()] = Default::default();
    let mut limits: [String; RUNS.len()] = Default::default();
    for _ in 0..3 {
        for (place, (count, share)) in RUNS.into_iter().enumerate() {
            let url = databases.make();
            let mut served =
                (0..count).map(|_| Served::this(&["serve", &url])).collect::<Result<Vec<_>>>()?;
            if what.starts_with("GET") {
                rate(served[0].address, hundreds(60_000), 8)?;
            }
            if let Some(share) = share {
                served = served.into_iter().map(|served| served.limited(share)).collect::<Result<_>>()?;
            }
            let addresses: Vec<SocketAddr> = served.iter().map(|served| served.address).collect();
            let requests = requests(count);
            let (all, limit) = databases.watched(&served, || at_once(&addresses, &requests, connections))?;
            rates[place].push(all * events as f64);
            limits[place] = limit;
        }
    }
    let [one, two, ..] = &rates;
    let of_one = format!("two servers, {what}, of one");
    if let Some(bar) = bar {
        against(&of_one, two, one, bar);
    } else {
        let ratio = median(two.iter().zip(one).map(|(two, one)| two / one).collect());
        beside(&of_one, &format!("{ratio:.2}"));
    }
    for (((count, share), rates), limit) in RUNS.into_iter().zip(rates).zip(limits) {
        let share = share.map_or("no limit".to_owned(), |share| format!("{share} processors each"));
        println!("  {count}, {share}: {} events or dossiers/s; {limit}", thousands(median(rates)));
    }
    Ok(())
}

/// Requests to each of several servers at once; all requests a second.
fn at_once(addresses: &[SocketAddr], requests: &[Vec<Vec<u8>>], connections: usize) -> Result<f64> {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let loads: Vec<_> = addresses
            .iter()
            .zip(requests)
            .map(|(address, requests)| scope.spawn(move || rate(*address, requests.clone(), connections)))
            .collect();
        for load in loads {
            load.join().map_err(|_| Error::other("a load panicked"))??;
        }
        Ok(requests.iter().map(Vec::len).sum::<usize>() as f64 / start.elapsed().as_secs_f64())
    })
}

impl Databases {
    /// Does it, and says what limited it: who used the processors, and what the connections that append waited for in
    /// the database.
    fn watched<T>(&self, served: &[Served], does: impl FnOnce() -> Result<T>) -> Result<(T, String)> {
        let over = AtomicBool::new(false);
        let url = self.cluster.url("postgres");
        let used = || {
            let servers: f64 = served.iter().filter_map(Served::processor_time).sum();
            (servers, child::processor_time("self").unwrap_or_default())
        };
        let (busy, start, before_it) = (processor(), Instant::now(), used());
        let (done, waits) = std::thread::scope(|scope| {
            let watching = scope.spawn(|| waits(&url, &over));
            let done = does();
            over.store(true, Ordering::Relaxed);
            (done, watching.join().map_err(|_| Error::other("the watcher panicked")))
        });
        let (before, after, after_it, seconds) = (busy?, processor()?, used(), start.elapsed().as_secs_f64());
        let share = (after.0 - before.0) / (after.1 - before.1).max(1.0) * 100.0;
        let servers = (after_it.0 - before_it.0) / seconds / served.len() as f64;
        let load = (after_it.1 - before_it.1) / seconds;
        let used = format!(
            "each server used {servers:.2} processors, the load {load:.2}; all processors {share:.0} % busy"
        );
        Ok((done?, format!("{used}; transactions that write: {}", waits??)))
    }
}

/// How long the processors have been busy, and how long there were any, in ticks.
fn processor() -> Result<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let ticks: Vec<f64> =
        text.lines().next().unwrap_or("").split(' ').filter_map(|number| number.parse().ok()).collect();
    let all: f64 = ticks.iter().take(8).sum();
    Ok((all - ticks.get(3).unwrap_or(&0.0) - ticks.get(4).unwrap_or(&0.0), all))
}

/// What transactions that write waited for, in shares of the times at which somebody looked.
fn waits(url: &str, over: &AtomicBool) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = connect(url).await?;
        let look = "SELECT coalesce(wait_event_type || ' ' || wait_event, 'at work'), count(*) FROM pg_stat_activity \
                    WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid() \
                    AND application_name = 'apmt' AND query NOT LIKE 'BEGIN ISOLATION LEVEL REPEATABLE%' GROUP BY 1";
        let look = client.prepare(look).await.map_err(Error::other)?;
        let mut seen = std::collections::BTreeMap::<String, i64>::new();
        while !over.load(Ordering::Relaxed) {
            for row in client.query(&look, &[]).await.map_err(Error::other)? {
                *seen.entry(row.get(0)).or_default() += row.get::<_, i64>(1);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let all = seen.values().sum::<i64>().max(1) as f64;
        let mut seen: Vec<(String, i64)> = seen.into_iter().collect();
        seen.sort_by_key(|(_, count)| -count);
        let said: Vec<String> = seen
            .iter()
            .take(4)
            .map(|(what, count)| format!("{what} {:.0} %", *count as f64 / all * 100.0))
            .collect();
        Ok(said.join(", "))
    })
}

/// How long after one server has acknowledged a change whoever follows another has it, at 300 events a second.
fn live(databases: &Databases) -> Result<()> {
    const EVENTS: usize = 3_000;
    let url = databases.make();
    let [one, other] = [Served::this(&["serve", &url])?, Served::this(&["serve", &url])?];
    rate(one.address, hundreds(20_000), 8)?;
    let (half, most) = percentiles(follow(one.address, other.address, EVENTS, 300)?);
    let figure = format!("{most:.1} ms (median {half:.1}) of {EVENTS} events");
    report(
        "GET /live of another server, p99 after the acknowledgement",
        &figure,
        most,
        Target::AtMost(200.0),
    );
    Ok(())
}

/// An officer's dossier, with some 5,000 contributions in the window, in a store of 5M events.
fn dossiers(databases: &Databases) -> Result<()> {
    const EVENTS: usize = 5_000_000;
    const OFFICERS: usize = 340;
    let url = databases.make();
    let store = open(&url)?;
    let mut events = Agency::new(OFFICERS, EVENTS as u64);
    let start = Instant::now();
    let mut loaded = 0;
    loop {
        let portion = batches(events.by_ref().take(200_000), 5_000);
        if portion.is_empty() {
            break;
        }
        loaded += portion.iter().map(Vec::len).sum::<usize>();
        let store = Arc::clone(&store);
        callers(4, portion, move |batch| append_owned(Arc::clone(&store), batch))?;
        eprintln!("  {loaded} of {EVENTS} events loaded, {:.0} s", start.elapsed().as_secs_f64());
    }
    let (policy, as_of) = (Policy::default(), AsOf::At(UNTIL));
    let name = |number| ActorName::try_from(Agency::officer(number).as_str()).map_err(Error::other);
    let window = Window::days_until(policy.window_days(), UNTIL);
    let counted =
        block_on(store.contributions(&name(0)?, window, None, usize::MAX)).map_err(Error::other)?.len();
    let mut measured = Vec::new();
    for round in 0..3 {
        for officer in 0..OFFICERS {
            let name = name(officer)?;
            let asked = Instant::now();
            block_on(store.dossier(&name, as_of, &policy)).map_err(Error::other)?;
            if round > 0 {
                measured.push(asked.elapsed());
            }
        }
    }
    let (half, most) = percentiles(measured);
    let figure = format!("{half:.2} ms (p99 {most:.2})");
    let what = format!("a dossier, {counted} in the window, {:.1}M events", loaded as f64 / 1e6);
    report(&what, &figure, half, Target::AtMost(3.0));
    Ok(())
}

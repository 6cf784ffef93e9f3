//! The service over HTTP beside bare handlers and raw clients, in one run: `cargo bench -p apmt-benches --bench service`.
//!
//! The servers are processes of their own; the load is made by this one. Names of figures may follow to run only those:
//! `post`, `batch`, `dossier`, `remote`, `python`, `memory`, `live`.

use std::io::{Error, Result};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use apmt_benches::child::{self, Served};
use apmt_benches::follow::follow;
use apmt_benches::load::{
    Connection, JSON, agency, append_owned, callers, get, hundreds, latencies, post, rate, singles,
};
use apmt_benches::{Agency, Target, against, median, percentiles, report, thousands};
use apmt_client::Client;
use apmt_core::{Event, Store};
use apmt_store_http::HttpStore;
use axum::body::Bytes;
use axum::http::StatusCode;

/// Measures, and prints what came out.
type Figure = fn() -> Result<()>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", url] => serve(url),
        ref named => measure(named),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn measure(named: &[&str]) -> Result<()> {
    let figures: [(&str, Figure); 7] = [
        ("post", single_events),
        ("batch", batches),
        ("dossier", dossiers_under_load),
        ("remote", remote_store),
        ("python", python),
        ("memory", memory),
        ("live", live),
    ];
    for (name, figure) in figures {
        if named.is_empty() || named.contains(&name) {
            figure()?;
        }
    }
    Ok(())
}

/// What a child does: serves a store, or `bare`, a handler that only parses the event.
fn serve(url: &str) -> Result<()> {
    if url != "bare" {
        return child::serve(url);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = axum::Router::new().route("/event", axum::routing::post(bare));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        child::tell(listener.local_addr()?)?;
        axum::serve(listener, router).await
    })
}

async fn bare(body: Bytes) -> (StatusCode, &'static str) {
    match Event::from_json(&body) {
        Ok(_) => (StatusCode::OK, r#"{"ok":true,"stored_id":"01890a5d-ac96-774b-bcce-b302099a8057"}"#),
        Err(_) => (StatusCode::BAD_REQUEST, ""),
    }
}

/// A folder for databases, on the disk that the build is on.
fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("apmt.db").display())
}

/// `POST /event` over 64 connections, beside a bare handler: in turn, five times.
fn single_events() -> Result<()> {
    const EVENTS: usize = 60_000;
    let [mut bare, mut memory, mut durable] = [const { Vec::new() }; 3];
    for _ in 0..5 {
        let folder = folder()?;
        let mut measured = Vec::new();
        for url in ["bare", "memory:", &sqlite(folder.path())] {
            let served = Served::this(&["serve", url])?;
            measured.push(rate(served.address, singles(EVENTS), 64)?);
        }
        bare.push(measured[0]);
        memory.push(measured[1]);
        durable.push(measured[2]);
    }
    for (what, ours, bar) in [
        ("POST /event, 64 connections, durable SQLite, of a bare handler", durable, 0.40),
        ("POST /event, 64 connections, in memory, of a bare handler", memory, 0.70),
    ] {
        against(what, &ours, &bare, bar);
    }
    Ok(())
}

/// NDJSON of 100 events a request over 16 connections, beside the store's own rate for such batches.
fn batches() -> Result<()> {
    const EVENTS: usize = 200_000;
    let (mut served_rates, mut own_rates) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let folder_of_server = folder()?;
        let served = Served::this(&["serve", &sqlite(folder_of_server.path())])?;
        served_rates.push(100.0 * rate(served.address, hundreds(EVENTS), 16)?);
        drop(served);
        let folder_of_store = folder()?;
        own_rates.push(own_rate(&sqlite(folder_of_store.path()), &agency(EVENTS))?);
    }
    against("POST /events, 100 a request, of the store's own rate", &served_rates, &own_rates, 0.5);
    let rate = median(served_rates);
    report("POST /events, 100 a request, events/s", &thousands(rate), rate, Target::AtLeast(200_000.0));
    Ok(())
}

/// Batches of 100 appended by 16 tasks of this process.
fn own_rate(url: &str, events: &[Event]) -> Result<f64> {
    let client = Client::open(url).map_err(Error::other)?;
    let store = Arc::clone(client.store());
    let batches: Vec<Vec<Event>> = events.chunks(100).map(<[Event]>::to_vec).collect();
    Ok(100.0 * callers(16, batches, move |batch| append_owned(Arc::clone(&store), batch))?)
}

/// `GET /dossier` while 64 connections post events.
fn dossiers_under_load() -> Result<()> {
    let folder = folder()?;
    let served = Served::this(&["serve", &sqlite(folder.path())])?;
    let address = served.address;
    rate(address, hundreds(100_000), 16)?;
    let requests: Vec<Vec<u8>> = (0..400)
        .map(|number| get(&format!("/dossier/{}?as_of=latest", Agency::officer(number * 7 % 400))))
        .collect();
    let stop = AtomicBool::new(false);
    let (loaded, measured) = std::thread::scope(|scope| {
        let prober = scope.spawn(|| latencies(address, &requests, &stop));
        let loaded = rate(address, singles(200_000).split_off(100_000), 64);
        stop.store(true, Ordering::Relaxed);
        (loaded, prober.join())
    });
    let measured = measured.map_err(|_| Error::other("the prober panicked"))??;
    let (half, most) = percentiles(measured);
    let figure = format!("{most:.2} ms (median {half:.2}) at {}", thousands(loaded?));
    report("GET /dossier, p99 while 64 connections post", &figure, most, Target::AtMost(5.0));
    Ok(())
}

/// The remote store with 32 callers, beside reqwest alone, one event at a time: in turn, three times.
fn remote_store() -> Result<()> {
    const EVENTS: usize = 30_000;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (one, other) = (folder()?, folder()?);
        let served = Served::this(&["serve", &sqlite(one.path())])?;
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().map_err(Error::other)?;
        let url = format!("http://{}/event", served.address);
        let bodies: Vec<String> = agency(EVENTS).iter().map(Event::to_json).collect();
        raw.push(callers(32, bodies, move |body| {
            let request = client.post(&url).header("content-type", JSON).body(body);
            async move {
                let answer = request.send().await.and_then(reqwest::Response::error_for_status);
                answer.map_err(Error::other)?.bytes().await.map(drop).map_err(Error::other)
            }
        })?);
        let served = Served::this(&["serve", &sqlite(other.path())])?;
        let store: Arc<dyn Store> =
            Arc::new(HttpStore::open(&format!("http://{}", served.address)).map_err(Error::other)?);
        ours.push(callers(32, agency(EVENTS), move |event| append_owned(Arc::clone(&store), vec![event]))?);
    }
    against("HttpStore, 32 callers, of raw reqwest", &ours, &raw, 0.7);
    Ok(())
}

/// The tutorial's demo in Python, and ours, each with 20,000 events stored.
fn python() -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fastapi_demo.py");
    let served = Served::run(Command::new(python_with_fastapi()?).arg(script))?;
    rate(served.address, singles(20_000), 64)?;
    let theirs = rate(served.address, singles(21_000).split_off(20_000), 64)?;
    drop(served);

    let folder = folder()?;
    let served = Served::this(&["serve", &sqlite(folder.path())])?;
    rate(served.address, hundreds(20_000), 16)?;
    let ours = rate(served.address, singles(80_000).split_off(20_000), 64)?;
    let ratio = ours / theirs;
    let figure = format!("{} of {theirs:.0}/s = {ratio:.0} times", thousands(ours));
    report("POST /event with 20k stored, of the FastAPI demo's rate", &figure, ratio, Target::AtLeast(50.0));
    Ok(())
}

/// An interpreter that has what the demo needs: made the first time.
fn python_with_fastapi() -> Result<std::path::PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fastapi");
    let interpreter = home.join("bin/python");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let has = |module: &str| {
        let import = Command::new(&interpreter).args(["-c", &format!("import {module}")]).status();
        import.is_ok_and(|status| status.success())
    };
    if has("fastapi") && has("uvicorn") {
        return Ok(interpreter);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    run(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    Ok(interpreter)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(Error::other(format!("{command:?} failed: {status}"))) }
}

/// The most memory that a server takes with 500 connections and a million events in SQLite.
fn memory() -> Result<()> {
    let folder = folder()?;
    let served = Served::this(&["serve", &sqlite(folder.path())])?;
    rate(served.address, hundreds(1_000_000), 16)?;
    let filled = served.peak_memory().unwrap_or(f64::NAN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connections = Vec::new();
        for _ in 0..500 {
            connections.push(Connection::open(served.address).await?);
        }
        // All of them stay open; each posts, and each asks.
        for (number, connection) in connections.iter_mut().enumerate() {
            connection.exchange(&post("/event", JSON, r#"{"type":"OVERRIDE","actor":"a"}"#)).await?;
            let officer = Agency::officer(number % 400);
            connection.exchange(&get(&format!("/dossier/{officer}?as_of=latest"))).await?;
        }
        Ok::<(), Error>(())
    })?;
    rate(served.address, singles(50_000), 500)?;
    let peak = served.peak_memory().unwrap_or(f64::NAN);
    let figure = format!("{:.0} MB ({:.0} after filling)", peak / 1e6, filled / 1e6);
    report("memory, 500 connections, 1M events in SQLite", &figure, peak / 1e6, Target::AtMost(150.0));
    Ok(())
}

/// How long after its acknowledgement a change is with whoever follows, at 1,000 events a second over 400 officers.
fn live() -> Result<()> {
    const EVENTS: usize = 10_000;
    const A_SECOND: u32 = 1_000;
    for what in ["memory", "SQLite"] {
        let folder = folder()?;
        let url = if what == "memory" { "memory:".to_owned() } else { sqlite(folder.path()) };
        let served = Served::this(&["serve", &url])?;
        // They are there before somebody follows, so that dossiers cost what they do.
        rate(served.address, hundreds(20_000), 16)?;
        let (half, most) = percentiles(follow(served.address, served.address, EVENTS, A_SECOND)?);
        let figure = format!("{half:.1} ms (p99 {most:.1}) of {EVENTS} events");
        let name = format!("GET /live, median after the acknowledgement, {what}");
        report(&name, &figure, half, Target::AtMost(50.0));
    }
    Ok(())
}

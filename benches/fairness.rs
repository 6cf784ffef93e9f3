//! What verdicts that can be defended cost, and how often they are wrong, in one run:
//! `cargo bench -p apmt-benches --bench fairness`.
//!
//! The recommended policy, `examples/policies/guarded.yaml`, beside the built-in one, over an agency of 1,000 officers who
//! each decide 30 cases in 90 days. Names of figures may follow to run only those: `judge`, `replay`, `chance`.

use std::io::{Error, Result};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use apmt_benches::{Agency, Target, UNTIL, batches, beside, median, report};
use apmt_core::time::ManualClock;
use apmt_core::{AsOf, Calendar, MemoryStore, Policy, Store, Timestamp};
use apmt_store_sqlite::{SqliteStore, Synchronous};
use futures_lite::future::block_on;
use serde_json::Value;

/// The recommended policy.
const GUARDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/policies/guarded.yaml");

const OFFICERS: usize = 1_000;

/// How many cases an officer decides in 90 days.
const CASES: u64 = 30;

/// The span that is replayed, in days.
const YEAR: u32 = 365;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|name| name != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // A child is the command apmt.
    if let ["apmt", ..] = arguments[..] {
        return apmt_server::run(arguments.iter().map(Into::into));
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(named: &[&str]) -> Result<()> {
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    let policies = [Policy::default(), guarded()?];
    if wanted("judge") || wanted("replay") {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let path = folder.path().join("apmt.db");
        fill(&path, &policies)?;
        if wanted("judge") {
            judge(&path, &policies)?;
        }
        if wanted("replay") {
            replay(&path)?;
        }
    }
    if wanted("chance") {
        chance()?;
    }
    Ok(())
}

fn guarded() -> Result<Policy> {
    Policy::from_yaml(GUARDED, &std::fs::read_to_string(GUARDED)?).map_err(Error::other)
}

fn open(path: &Path) -> Result<SqliteStore> {
    let builder = SqliteStore::builder(path).clock(Arc::new(ManualClock::at(UNTIL)));
    // What is only read afterwards the disk need not confirm.
    builder.synchronous(Synchronous::Normal).open().map_err(Error::other)
}

/// The log of a year, and of all the days that judging its first one looks back to.
fn fill(path: &Path, policies: &[Policy]) -> Result<()> {
    let look_back = policies.iter().map(|policy| policy.look_back_days() + policy.window_days()).max();
    let days = YEAR + look_back.unwrap_or(0);
    let store = open(path)?;
    let cases = OFFICERS as u64 * CASES * u64::from(days) / 90;
    for batch in batches(Agency::over(days, OFFICERS, cases), 5_000) {
        block_on(store.append(batch)).map_err(Error::other)?;
    }
    Ok(())
}

/// Everybody's dossiers under the recommended policy, beside those under the built-in one: in turn, five times.
fn judge(path: &Path, policies: &[Policy; 2]) -> Result<()> {
    let sqlite = open(path)?;
    let memory = MemoryStore::with(Arc::new(ManualClock::at(UNTIL)), Calendar::Always);
    let mut after = 0;
    loop {
        let page = block_on(sqlite.events(after, 5_000)).map_err(Error::other)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        let events = page.into_iter().map(|recorded| recorded.event).collect();
        block_on(memory.append(events)).map_err(Error::other)?;
    }
    let stores: [(&str, &dyn Store); 2] = [("SQLite", &sqlite), ("memory", &memory)];
    for (name, store) in stores {
        let mut measured = [Vec::new(), Vec::new()];
        for round in 0..=5 {
            for (policy, measured) in policies.iter().zip(&mut measured) {
                let start = Instant::now();
                let dossiers = block_on(store.dossiers(AsOf::Latest, policy, None, usize::MAX));
                let took = start.elapsed().as_secs_f64() * 1e3;
                if dossiers.map_err(Error::other)?.len() <= OFFICERS {
                    return Err(Error::other("somebody has no dossier"));
                }
                // The first round is not counted.
                if round > 0 {
                    measured.push(took);
                }
            }
        }
        let [default, guarded] = measured;
        let ratio =
            median(guarded.iter().zip(&default).map(|(guarded, default)| guarded / default).collect());
        let figure = format!("{:.0} ms of {:.0} ms = {ratio:.2}", median(guarded), median(default));
        let what = format!("{name}, {OFFICERS} dossiers, guarded, of the built-in's cost");
        report(&what, &figure, ratio, Target::AtMost(3.0));
    }
    Ok(())
}

/// A year replayed by the command, under the recommended policy.
fn replay(path: &Path) -> Result<()> {
    let from = UNTIL.plus_millis(-i64::from(YEAR - 1) * 86_400_000);
    let store = format!("sqlite:{}", path.display());
    let start = Instant::now();
    let replay = apmt(
        &["policy", "replay", "--store", &store, "--policy", GUARDED],
        &[("--from", from), ("--to", UNTIL)],
    )?;
    let took = start.elapsed().as_secs_f64();
    if replay["days"] != YEAR {
        return Err(Error::other(format!("{} days were replayed", replay["days"])));
    }
    let what = format!("replay of {YEAR} days for {OFFICERS} officers, guarded");
    report(&what, &format!("{took:.2} s"), took, Target::AtMost(10.0));
    Ok(())
}

/// Who is flagged at some time of a year at 30 cases in 90 days, by true override rate.
fn chance() -> Result<()> {
    let simulation = apmt(&["policy", "simulate", GUARDED, "--rates", "0.25,0.45", "--cases", "30"], &[])?;
    for figure in simulation["figures"].as_array().into_iter().flatten() {
        let (policy, rate) = (&figure["policy"]["name"], figure["scenario"]["rate"].as_f64());
        let flagged = figure["outcome"]["ever_flagged"].as_f64().unwrap_or(f64::NAN) * 100.0;
        let what = format!(
            "flagged within a year at a true rate of {:.0} %, {}",
            rate.unwrap_or(f64::NAN) * 100.0,
            policy.as_str().unwrap_or_default()
        );
        let said = format!("{flagged:.1} %");
        match (policy.as_str(), rate) {
            (Some("default"), _) => beside(&what, &said),
            (_, Some(rate)) if rate < 0.30 => report(&what, &said, flagged, Target::AtMost(5.0)),
            _ => report(&what, &said, flagged, Target::AtLeast(95.0)),
        }
    }
    Ok(())
}

/// Runs the command apmt in a process of its own, and reads the JSON that it prints.
fn apmt(arguments: &[&str], instants: &[(&str, Timestamp)]) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("apmt").args(arguments).arg("--json").stdin(Stdio::null()).stderr(Stdio::inherit());
    for (option, instant) in instants {
        command.args([option, &*instant.to_string()]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(Error::other(format!("apmt {} ended with {}", arguments.join(" "), output.status)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

//! A kiosk in an office whose network comes and goes: what it records is on its own disk at once, and in the record as
//! soon as the network allows.
//!
//! `cargo run --example outbox`, or with `APMT_STORE=http://127.0.0.1:9300` beside `apmt serve`.

use std::time::Duration;

use apmt_client::outbox::Outbox;
use apmt_client::{Client, Event};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("apmt-example-{}.outbox", std::process::id()));

    // In the morning the network is away: without a target, what is put in waits.
    let outbox = Outbox::builder(&path).open()?;
    outbox.record_event(Event::override_of("officer_anne@sba.gov").case("LOAN-1042")).await?;
    outbox.record_event(Event::sat_score(2).case("LOAN-1042")).await?;
    // What is wrong is refused here and now, and not when it is delivered.
    if let Err(error) = outbox.record_event(Event::sat_score(6).case("LOAN-1042")).await {
        println!("refused: {error}");
    }
    println!("{} events wait on the disk", outbox.status().await?.waiting);
    // The power fails: nothing is lost.
    drop(outbox);

    // At noon it is back. A thread delivers what waits, in order, and what comes.
    let url = std::env::var("APMT_STORE").unwrap_or_else(|_| "memory:".to_owned());
    let client = Client::open(&url)?;
    let outbox = Outbox::builder(&path).target(client.store().clone()).open()?;
    outbox.record_event(Event::decision("officer_anne@sba.gov").case("LOAN-1043")).await?;
    outbox.flush(Duration::from_secs(10)).await?;

    let dossier = client.get_dossier("officer_anne@sba.gov").await?;
    println!("{} decisions, {} of them overrides", dossier.metrics.decisions, dossier.metrics.overrides);

    // At the end of the day: deliver what is left, but not for ever. What is not delivered stays on the disk.
    let report = outbox.shutdown(Duration::from_secs(10)).await;
    println!("{report}");
    if report.is_clean() {
        // The example leaves nothing behind. A kiosk keeps its outbox.
        for suffix in ["", "-delivery"] {
            std::fs::remove_file(format!("{}{suffix}", path.display()))?;
        }
    }
    Ok(())
}

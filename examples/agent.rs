//! An AI agent that records from a hot loop: `enqueue` never waits, a background thread delivers, and at the end the
//! report accounts for every event.
//!
//! `cargo run --release --example agent`

use std::time::{Duration, Instant};

use apmt_client::{ActorKind, Client, Event};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const CASES: u32 = 50_000;
    let client = Client::builder().url("memory:").queue_capacity(100_000).build()?;

    let start = Instant::now();
    for case in 0..CASES {
        let advice = if case % 3 == 0 { "deny" } else { "approve" };
        let event = Event::recommendation_of("triage-model", &format!("LOAN-{case}"), advice)
            .actor_kind(ActorKind::Agent)
            .model("triage-4.2.1")
            .confidence(0.87);
        // A full queue is an error here and now, and a loss that is counted: nothing vanishes.
        if let Err(error) = client.enqueue(event) {
            eprintln!("{error}");
        }
    }
    let enqueued = start.elapsed();

    // Before the process ends: wait for what is queued, but not for ever.
    let report = client.shutdown(Duration::from_secs(10)).await;
    println!("{CASES} recommendations enqueued in {enqueued:?}, delivered after {:?}", start.elapsed());
    println!("recorded {}, lost {}", report.recorded, report.losses.total());
    Ok(())
}

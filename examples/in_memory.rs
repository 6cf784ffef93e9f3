//! An integration test of one's own code, with the store in memory and a clock that the test sets.
//!
//! `cargo test -p apmt-examples --test in_memory`

use std::sync::Arc;
use std::time::Duration;

use apmt_client::{Client, Event, Result, Status};
use apmt_core::time::{Clock, ManualClock};

/// The code under test: an office decides a case against advice.
async fn decide(client: &Client, case_id: &str, verdict: &str) -> Result<()> {
    let decision =
        Event::decision("anne@sba.gov").case(case_id).ai_recommendation("deny").human_verdict(verdict);
    client.record_event(decision).await?;
    Ok(())
}

#[tokio::test]
async fn overrides_and_poor_ratings_are_flagged() -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap()));
    let client = Client::builder().url("memory:").clock(clock.clone()).build()?;

    client.record_event(Event::assigned("LOAN-1", "anne@sba.gov")).await?;
    clock.advance(Duration::from_secs(3 * 3600));
    decide(&client, "LOAN-1", "approve").await?;
    client.record_event(Event::sat_score(2).case("LOAN-1")).await?;

    let dossier = client.get_dossier("Anne@SBA.gov").await?;
    assert_eq!(dossier.metrics.override_rate, Some(1.0));
    assert_eq!(dossier.metrics.avg_processing_hours, Some(3.0));
    assert_eq!(dossier.status, Status::Pip);
    assert_eq!(dossier.reasons[0].rule, "chronic-override");

    // The window rolls on, and ninety days later nothing of it counts.
    clock.advance(Duration::from_secs(90 * 24 * 3600));
    let dossier = client.get_dossier("anne@sba.gov").await?;
    assert_eq!(dossier.status, Status::Good);
    assert_eq!(dossier.as_of, clock.now());
    Ok(())
}

//! Records a few events in `apmt.db`: as JSON, as a form or a service would send them, and by builders.
//!
//! `cargo run --example log_events`, then `cargo run --example peek_dossier`.

use apmt_client::{Event, record_event};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = std::env::var("APMT_STORE").unwrap_or_else(|_| "sqlite:apmt.db".to_owned());
    apmt_client::init(&store)?;

    // An agent recommended to deny, and the officer decided otherwise.
    record_event(json!({
        "type": "OVERRIDE",
        "actor": "officer_anne@sba.gov",
        "case_id": "LOAN-1042",
        "ai_recommendation": "deny",
        "human_verdict": "approve",
    }))
    .await?;

    // The same, typed: the compiler knows the fields.
    record_event(
        Event::decision("officer_anne@sba.gov")
            .case("LOAN-1043")
            .ai_recommendation("approve")
            .human_verdict("approve"),
    )
    .await?;

    // A citizen gives two stars. They are the officer's who decided the case.
    let receipt = record_event(json!({"type": "SAT_SCORE", "case_id": "LOAN-1042", "value": 2})).await?;
    println!("recorded, {} in the log as {}", receipt.position, receipt.id);

    // Each was durable when its call returned: there is nothing to flush.
    // What is wrong is refused, with the field, the value and the rule.
    if let Err(error) = record_event(json!({"type": "OVERIDE", "actor": "officer_anne@sba.gov"})).await {
        println!("refused: {error}");
    }
    Ok(())
}

//! Rules of one's own: a policy in YAML, a target for processing times, and the reasons that a dossier gives.
//!
//! `cargo run --example custom_policy`

use apmt_client::{Client, Event, Policy};

const POLICY: &str = r"
name: intake-office
window_days: 30
sla: {target: 72h}
rules:
  - id: slow
    when: [sla.compliance < 0.8, processing_hours.count >= 2]
    then: watch
  - id: chronic-override
    when: [override_rate > 0.30, decisions >= 3]
    then: pip
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::from_yaml("intake-office.yaml", POLICY)?;
    let client = Client::builder().url("memory:").policy(policy).build()?;
    for (case, verdict) in [("A-1", "approve"), ("A-2", "deny"), ("A-3", "deny")] {
        client
            .record_event(
                Event::decision("bob@agency.gov")
                    .case(case)
                    .ai_recommendation("approve")
                    .human_verdict(verdict),
            )
            .await?;
    }
    let dossier = client.get_dossier("bob@agency.gov").await?;
    println!("{}: {} under {}", dossier.actor, dossier.status, dossier.policy.name);
    for reason in &dossier.reasons {
        println!("  {reason}");
    }

    // A slip is answered with its place and the name that was probably meant.
    let slip = POLICY.replace("override_rate", "overide_rate");
    if let Err(error) = Policy::from_yaml("intake-office.yaml", &slip) {
        println!("{error}");
    }
    Ok(())
}

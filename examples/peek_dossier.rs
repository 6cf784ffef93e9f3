//! Prints an officer's dossier from `apmt.db`, in words and as JSON.
//!
//! `cargo run --example peek_dossier`, after `cargo run --example log_events`; another actor's name may follow `--`.

use apmt_client::get_dossier;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = std::env::var("APMT_STORE").unwrap_or_else(|_| "sqlite:apmt.db".to_owned());
    apmt_client::init(&store)?;

    let actor = std::env::args().nth(1).unwrap_or_else(|| "officer_anne@sba.gov".to_owned());
    let dossier = get_dossier(&actor).await?;
    let metrics = &dossier.metrics;
    println!("{} over {} days up to {}", dossier.actor, dossier.window_days, dossier.as_of);
    match metrics.override_rate {
        Some(rate) => {
            println!("overrode {} of {} ({:.0} %)", metrics.overrides, metrics.decisions, rate * 100.0);
        }
        None => println!("decided nothing"),
    }
    if let Some(stars) = metrics.sat_score_mean {
        println!("{stars:.1} stars from {} citizens", metrics.sat.count);
    }
    println!("status: {}", dossier.status);
    for reason in &dossier.reasons {
        println!("  because of {reason}");
    }
    println!("{}", serde_json::to_string_pretty(&dossier)?);
    Ok(())
}

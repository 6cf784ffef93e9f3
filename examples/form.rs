//! A citizen's form that embeds `record_event`, from code without async: what a web handler or a desktop program does
//! with what a person typed.
//!
//! `cargo run --example form`

use apmt_client::{ErrorKind, blocking};
use serde_json::{Value, json};

/// What the form answers the citizen.
fn submit(client: &blocking::Client, typed: &Value) -> String {
    match client.record_event(typed) {
        Ok(receipt) if receipt.duplicate => "We have your rating already. Thank you.".to_owned(),
        Ok(_) => "Thank you for your rating.".to_owned(),
        // The form can put this beside the field, for the error names it.
        Err(error) if error.kind() == ErrorKind::Invalid => match error.invalid() {
            Some(invalid) => format!("Please correct {}: {}.", invalid.field(), invalid.reason()),
            None => error.to_string(),
        },
        // Sending it again is always safe: the id makes it the same rating.
        Err(error) if error.is_temporary() => "Please try again in a minute.".to_owned(),
        Err(error) => format!("We could not take your rating: {error}"),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = blocking::Client::open("memory:")?;
    // The page makes the id when it is loaded, so that a double click is one rating.
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let rating = json!({"type": "SAT_SCORE", "id": id, "case_id": "LOAN-1042", "value": 4, "channel": "web"});
    println!("{}", submit(&client, &rating));
    println!("{}", submit(&client, &rating));
    println!("{}", submit(&client, &json!({"type": "SAT_SCORE", "case_id": "LOAN-1042", "value": 6})));
    println!("{}", submit(&client, &json!({"type": "SAT_SCORE", "value": 5})));
    Ok(())
}

//! Every rule of the contract's first section, by what a bad event is told.

mod refused;
mod wire;

use apmt_core::{Event, Invalid};
use serde_json::Value;

#[track_caller]
fn refused(event: &Value) -> Invalid {
    let by_text = Event::from_json(event.to_string()).expect_err("the event is refused");
    let by_value = Event::from_value(event.clone()).expect_err("the event is refused");
    assert_eq!(by_text, by_value, "text and value are told the same");
    by_text
}

/// What is wrong, as a person reads it.
#[track_caller]
fn told(event: &Value) -> String {
    refused(event).to_string()
}

#[track_caller]
fn accepted(event: &Value) -> Event {
    let by_text = Event::from_json(event.to_string()).expect("the event is accepted");
    assert_eq!(Event::from_value(event.clone()).expect("the event is accepted"), by_text);
    by_text
}

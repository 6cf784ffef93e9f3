//! How soon a change is with whoever follows.

use std::collections::HashMap;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::Agency;
use crate::load::{Connection, JSON, LINES, post};

/// Posts overrides at that rate while a WebSocket follows; how long after each acknowledgement its officer's dossier came
/// that counts it.
///
/// # Errors
/// A connection that broke, or an answer or a message that is none.
pub fn follow(
    recording: SocketAddr,
    followed: SocketAddr,
    events: usize,
    a_second: u32,
) -> Result<Vec<Duration>> {
    let url = format!("ws://{followed}/live");
    let (mut socket, _) = tungstenite::connect(url).map_err(Error::other)?;
    let mut text = || loop {
        if let Message::Text(text) = socket.read().map_err(Error::other)? {
            break serde_json::from_str::<serde_json::Value>(&text).map_err(Error::other);
        }
    };
    while text()?["last"] != true {}
    let (tell, told) = std::sync::mpsc::channel::<(String, u64, Instant)>();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let done = &done;
        let poster = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = Connection::open(recording).await?;
                let start = Instant::now();
                for number in 0..events {
                    let due = start + Duration::from_secs(1) * u32::try_from(number).unwrap_or(0) / a_second;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let officer = Agency::officer(number * 7 % 400);
                    let event = format!(r#"{{"type":"OVERRIDE","actor":"{officer}"}}"#);
                    let answer = connection.exchange(&post("/events?receipts=true", LINES, &event)).await?;
                    let acknowledged = Instant::now();
                    let answer: serde_json::Value = serde_json::from_slice(answer).map_err(Error::other)?;
                    let position = answer["receipts"][0]["position"].as_u64().unwrap_or(0);
                    let _ = tell.send((officer, position, acknowledged));
                }
                // What is told last may come after the delta that it waits for: there are more until all is seen.
                while !done.load(Ordering::Relaxed) {
                    connection
                        .exchange(&post("/event", JSON, r#"{"type":"OVERRIDE","actor":"last"}"#))
                        .await?;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok::<(), Error>(())
            })
        });
        // Each officer's newest delta: which position it counts, and when it came.
        let mut waiting: Vec<(String, u64, Instant)> = Vec::new();
        let mut seen: HashMap<String, Vec<(u64, Instant)>> = HashMap::new();
        let mut measured = Vec::with_capacity(events);
        while measured.len() < events {
            let delta = text()?;
            let came = Instant::now();
            let (actor, position) = (delta["actor"].as_str().unwrap_or_default(), delta["position"].as_u64());
            if delta["type"] != "delta" {
                return Err(Error::other(format!("no delta but {}", delta["type"])));
            }
            seen.entry(actor.to_owned()).or_default().push((position.unwrap_or(0), came));
            waiting.extend(told.try_iter());
            waiting.retain(|(officer, position, acknowledged)| {
                let first = seen.get(officer).and_then(|deltas| {
                    deltas.iter().find(|(counted, _)| counted >= position).map(|(_, came)| *came)
                });
                match first {
                    // A delta may even be there before the acknowledgement is.
                    Some(came) => {
                        measured.push(came.saturating_duration_since(*acknowledged));
                        false
                    }
                    None => true,
                }
            });
        }
        done.store(true, Ordering::Relaxed);
        poster.join().map_err(|_| Error::other("the poster panicked"))??;
        Ok(measured)
    })
}

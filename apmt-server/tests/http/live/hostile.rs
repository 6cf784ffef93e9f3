//! What clients send that have nothing to say.

use std::io::Write as _;

use apmt_server::RouterOptions;
use serde_json::json;
use tungstenite::Message;

use super::viewer::Viewer;
use super::{serve, still};
use crate::raw::post;

#[test]
fn it_closes_that_connection_and_no_other() {
    let served = serve(still().url("memory:").build().unwrap(), RouterOptions::new());
    let mut bystander = Viewer::new(served.address, "");

    let mut huge = Viewer::new(served.address, "");
    huge.socket.send(Message::text("x".repeat(5000))).unwrap();
    assert_eq!(huge.close_code(), Some(1009));
    let mut vast = Viewer::new(served.address, "");
    // A frame that says it has 2^62 bytes, and sends none of them.
    vast.socket.get_mut().write_all(&[0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]).unwrap();
    assert_eq!(vast.close_code(), Some(1009));
    for garbage in
        [&[0xff_u8; 32][..], b"GET / HTTP/1.1\r\n\r\n", &[0x81, 0x01, b'x'], &[0x81, 0x81, 0, 0, 0, 0, 0xff]]
    {
        let mut hostile = Viewer::new(served.address, "");
        hostile.socket.get_mut().write_all(garbage).unwrap();
        // Closed in order or not, it is over.
        hostile.close_code();
        while hostile.socket.read().is_ok() {}
    }
    // These are let be, and heard by nobody.
    for ignored in [Message::binary(vec![0; 4000]), Message::text("subscribe"), Message::Ping(vec![1].into())]
    {
        bystander.socket.send(ignored).unwrap();
    }
    for number in 1..=3 {
        post(served.address, "/event", json!({"type": "OVERRIDE", "actor": "anne"}).to_string()).ok();
        loop {
            match bystander.socket.read().unwrap() {
                Message::Pong(_) => {}
                Message::Text(text) => {
                    let delta: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(delta["dossier"]["overrides"], number);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn whoever_talks_without_end_is_still_told() {
    let served = serve(still().url("memory:").build().unwrap(), RouterOptions::new());
    let mut talker = Viewer::new(served.address, "");
    for _ in 0..2000 {
        talker.socket.write(Message::text("hear me")).unwrap();
    }
    talker.socket.flush().unwrap();
    post(served.address, "/event", json!({"type": "OVERRIDE", "actor": "anne"}).to_string()).ok();
    assert_eq!(talker.delta()["actor"], "anne");
}

//! Packed bodies, in and out.

use std::io::{Read, Write};

use apmt_core::event::{MAX_BATCH_BYTES, MAX_EVENT_BYTES};

use crate::raw::{get, send};
use crate::support::Served;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;
const CODINGS: [(&str, Packer); 2] = [("gzip", gzip), ("zstd", zstd)];

#[test]
fn bodies_may_be_packed() {
    for (coding, packed) in CODINGS {
        let served = Served::fresh();
        let headers = [("content-encoding", coding)];
        let post = |path: &str, body: &[u8]| send(served.address, "POST", path, &headers, body);
        let event = br#"{"type":"OVERRIDE","actor":"a"}"#;
        assert_eq!(post("/event", &packed(event)).ok()["ok"], true);
        // Large enough to be unpacked and read on another thread.
        let batch = "{\"type\":\"OVERRIDE\",\"actor\":\"a\"}\n".repeat(10_000);
        assert_eq!(post("/events", &packed(batch.as_bytes())).ok()["stored"], 10_000);
        // A few kilobytes that unpack to more than may be sent.
        post("/events", &packed(&vec![b' '; MAX_BATCH_BYTES + 1])).problem(413);
        post("/event", &packed(&vec![b' '; MAX_EVENT_BYTES + 1])).problem(413);
        post("/event", event).problem(400);
        let cut = packed(batch.as_bytes());
        post("/events", &cut[..cut.len() / 2]).problem(400);
        assert_eq!(get(served.address, "/status").ok()["position"], 10_001);
    }
}

#[test]
fn unknown_content_codings_are_415() {
    let served = Served::fresh();
    let event = br#"{"type":"OVERRIDE","actor":"a"}"#;
    let answer = send(served.address, "POST", "/event", &[("content-encoding", "br")], event);
    let problem = answer.problem(415);
    assert!(problem["detail"].as_str().unwrap().contains("gzip or zstd"), "{problem}");
    assert_eq!(answer.header("accept-encoding"), Some("gzip, zstd, identity"));
    send(served.address, "POST", "/event", &[("content-encoding", "identity")], event).ok();
}

#[test]
fn large_answers_are_packed_where_they_are_asked_for_so() {
    let served = Served::fresh();
    let plain = get(served.address, "/openapi.json");
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
    for coding in ["gzip", "zstd"] {
        let ask = |path: &str| send(served.address, "GET", path, &[("accept-encoding", coding)], b"");
        let packed = ask("/openapi.json");
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some(coding)));
        let mut unpacked = Vec::new();
        match coding {
            "gzip" => flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap(),
            _ => zstd::stream::copy_decode(&*packed.body, &mut unpacked).map(|()| 0).unwrap(),
        };
        assert!(unpacked == plain.body && packed.body.len() < plain.body.len() / 2);
        assert_eq!(ask("/healthz").header("content-encoding"), None, "small answers stay as they are");
    }
}

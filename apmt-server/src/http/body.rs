//! Reading a request's body, up to a limit, packed or not.

use std::io::Read;

use apmt_core::Invalid;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::App;
use super::problem::Problem;

/// What takes more than this is unpacked and read on a thread where waiting holds up nobody else's request.
const INLINE_BYTES: usize = 256 * 1024;

/// A frame of zstd may ask its reader for any amount of memory. This much every reader should have (RFC 8878, 3.1.1.1.2),
/// and ours has no more: 8 MiB, as a power of two.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// How the headers say that the body is packed, if it is.
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
        let (coding, more) = (named.next().map(HeaderValue::as_bytes), named.next().is_some());
        match coding.map(<[u8]>::trim_ascii) {
            None => Ok(None),
            _ if more => Err(unknown_coding()),
            Some(coding) if coding.eq_ignore_ascii_case(b"identity") => Ok(None),
            // RFC 9110, 8.4.1.3: the two are the same.
            Some(coding)
                if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") =>
            {
                Ok(Some(Self::Gzip))
            }
            Some(coding) if coding.eq_ignore_ascii_case(b"zstd") => Ok(Some(Self::Zstd)),
            Some(_) => Err(unknown_coding()),
        }
    }

    /// Reads what was packed: all members of a gzip, all frames of a zstd, one after the other.
    fn decoder(self, packed: Bytes) -> std::io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Gzip => Ok(Box::new(MultiGzDecoder::new(packed.reader()))),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed.reader())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Ok(Box::new(decoder))
            }
        }
    }
}

/// The whole body, unpacked, if it has at most `limit` bytes. `what` names it where it has more.
pub(crate) async fn read(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    what: &'static str,
    limit: usize,
) -> Result<Bytes, Problem> {
    let coding = Coding::of(headers)?;
    let told =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > limit) {
        return Err(over(what, limit));
    }
    let sent = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(over(what, limit)),
        Err(error) => return Err(damaged(&error)),
    };
    app.metrics.received(sent.len());
    match coding {
        None => Ok(sent),
        Some(coding) => unpack(coding, sent, what, limit).await,
    }
}

async fn unpack(coding: Coding, packed: Bytes, what: &'static str, limit: usize) -> Result<Bytes, Problem> {
    let packed_bytes = packed.len();
    let mut decoder = coding.decoder(packed).map_err(|error| damaged(&error))?;
    let mut unpacked = Vec::new();
    // A little that is packed may be much: so the first part says where the rest is unpacked.
    if packed_bytes <= INLINE_BYTES {
        let first = decoder.by_ref().take(INLINE_BYTES as u64).read_to_end(&mut unpacked);
        first.map_err(|error| damaged(&error))?;
        if unpacked.len() < INLINE_BYTES {
            return within(unpacked, what, limit);
        }
    }
    let rest = move || {
        // One more than there may be, to know it.
        let room = (limit + 1).saturating_sub(unpacked.len()) as u64;
        decoder.take(room).read_to_end(&mut unpacked).map(|_| unpacked)
    };
    let unpacked = off_thread(rest).await?.map_err(|error| damaged(&error))?;
    within(unpacked, what, limit)
}

fn within(unpacked: Vec<u8>, what: &'static str, limit: usize) -> Result<Bytes, Problem> {
    if unpacked.len() > limit { Err(over(what, limit)) } else { Ok(unpacked.into()) }
}

/// Does work on that many bytes: here where they are few, else where it holds up nobody else's request.
pub(crate) async fn work_on<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    if bytes <= INLINE_BYTES { Ok(work()) } else { off_thread(work).await }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            // It is answered and logged like any other.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server is on its way down")),
        },
    }
}

fn over(what: &'static str, limit: usize) -> Problem {
    Problem::too_large(Invalid::missing(what, format!("must be at most {limit} bytes of JSON")))
}

fn damaged(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("the body is cut short or damaged: {error}"))
}

fn unknown_coding() -> Problem {
    let detail =
        "the body may be sent as it is, or packed with gzip or zstd, and with no other content coding";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
        .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd, identity"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::response::IntoResponse;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    fn status(problem: Problem) -> StatusCode {
        problem.into_response().status()
    }

    async fn unpacked(coding: Coding, packed: Vec<u8>, limit: usize) -> Result<Bytes, StatusCode> {
        unpack(coding, packed.into(), "batch", limit).await.map_err(status)
    }

    #[tokio::test]
    async fn both_codings_are_unpacked_to_the_byte() {
        for bytes in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 3 * INLINE_BYTES] {
            let text: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
            for (coding, packed) in [(Coding::Gzip, gzip(&text)), (Coding::Zstd, zstd(&text))] {
                assert_eq!(unpacked(coding, packed.clone(), bytes).await.unwrap(), text);
                if bytes > 0 {
                    let over = unpacked(coding, packed.clone(), bytes - 1).await;
                    assert_eq!(over, Err(StatusCode::PAYLOAD_TOO_LARGE), "{coding:?} {bytes}");
                    let cut = unpacked(coding, packed[..packed.len() - 1].to_vec(), bytes).await;
                    assert_eq!(cut, Err(StatusCode::BAD_REQUEST), "{coding:?} {bytes}");
                }
            }
        }
    }

    #[tokio::test]
    async fn several_members_and_frames_are_one_body() {
        let gzips = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(unpacked(Coding::Gzip, gzips, 7).await.unwrap(), "one two");
        let zstds = [zstd(b"one "), zstd(b""), zstd(b"two")].concat();
        assert_eq!(unpacked(Coding::Zstd, zstds, 7).await.unwrap(), "one two");
    }

    #[tokio::test]
    async fn a_frame_gets_no_more_memory_than_a_reader_must_have() {
        let with_window = |log: u32| {
            let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
            packer.window_log(log).unwrap();
            packer.write_all(&[b' '; 100]).unwrap();
            packer.finish().unwrap()
        };
        assert!(unpacked(Coding::Zstd, with_window(ZSTD_WINDOW_LOG), 100).await.is_ok());
        let greedy = unpacked(Coding::Zstd, with_window(ZSTD_WINDOW_LOG + 1), 100).await;
        assert_eq!(greedy, Err(StatusCode::BAD_REQUEST));
    }

    #[tokio::test]
    async fn what_is_not_packed_as_it_says_is_damaged() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            assert_eq!(unpacked(coding, b"{}".to_vec(), 9).await, Err(StatusCode::BAD_REQUEST));
        }
        let trailing = [gzip(b"{}"), b"{}".to_vec()].concat();
        assert_eq!(unpacked(Coding::Gzip, trailing, 9).await, Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn codings_are_known_by_their_names() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Coding::of(&headers).map_err(status)
        };
        assert_eq!((of(&[]), of(&["Identity"])), (Ok(None), Ok(None)));
        assert_eq!((of(&["GZIP"]), of(&["x-gzip"])), (Ok(Some(Coding::Gzip)), Ok(Some(Coding::Gzip))));
        assert_eq!(of(&["zstd"]), Ok(Some(Coding::Zstd)));
        for unknown in [&["br"][..], &["gzip, zstd"], &["gzip", "gzip"], &[""]] {
            assert_eq!(of(unknown), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{unknown:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_off_the_thread_is_one_here() {
        let work = tokio::spawn(work_on(INLINE_BYTES + 1, || panic!("a defect")));
        assert!(work.await.unwrap_err().is_panic());
    }
}

//! How often one may ask.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use apmt_core::{ErrorKind, Invalid};
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, StatusCode, header};
use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, Quota};
use lru::LruCache;

use super::caller::Caller;
use super::problem::Problem;

/// Of how many addresses it is known how often they asked; then the one that was silent for the longest is forgotten.
const PEERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// How often logins from one address may fail: as often at once, and then one more every 6 seconds.
const FAILED_LOGINS: Rate = Rate::per_minute(NonZeroU32::new(10).unwrap());

/// How many requests are answered in a second or a minute.
///
/// As many as that at once; then they come back one by one, evenly over the time (a token bucket).
///
/// ```
/// use apmt_server::http::Rate;
/// let rate: Rate = "200/s".parse()?;
/// assert_eq!(rate, "200".parse()?);
/// assert_eq!("90/m".parse::<Rate>()?.to_string(), "90/m");
/// assert!("0/s".parse::<Rate>().is_err());
/// # Ok::<(), apmt_core::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: NonZeroU32,
    per_minute: bool,
}

impl Rate {
    /// So many a second.
    pub const fn per_second(requests: NonZeroU32) -> Self {
        Self { requests, per_minute: false }
    }

    /// So many a minute.
    pub const fn per_minute(requests: NonZeroU32) -> Self {
        Self { requests, per_minute: true }
    }

    fn bucket(self) -> Arc<DefaultDirectRateLimiter> {
        let quota =
            if self.per_minute { Quota::per_minute(self.requests) } else { Quota::per_second(self.requests) };
        Arc::new(DefaultDirectRateLimiter::direct(quota))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, if self.per_minute { 'm' } else { 's' })
    }
}

impl FromStr for Rate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (number, per_minute) = match text.trim().split_once('/') {
            None => (text.trim(), false),
            Some((number, "s")) => (number, false),
            Some((number, "m")) => (number, true),
            Some(_) => ("", false),
        };
        let requests = number.parse().map_err(|_| {
            let rule =
                "must be a number of requests, at least 1, a second or a minute, such as 200/s or 90/m";
            Invalid::new("rate", text, rule)
        })?;
        Ok(Self { requests, per_minute })
    }
}

/// Where a request comes from: an address, or the network that one subscriber has (an IPv6 /64). Nothing is known of it
/// where the router runs in a service that does not tell ([`ConnectInfo`]); those requests count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(Option<IpAddr>);

impl Peer {
    pub(super) fn of(info: Option<ConnectInfo<SocketAddr>>) -> Self {
        Self(info.map(|ConnectInfo(address)| match address.ip().to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
            ip @ IpAddr::V4(_) => ip,
        }))
    }
}

type Bucket = Arc<DefaultDirectRateLimiter>;

/// The buckets of those who ask. Memory is bounded: by the number of keys, and of addresses by [`PEERS`].
pub(super) struct Limits {
    rate: Option<Rate>,
    keys: RwLock<HashMap<Box<str>, Bucket>>,
    peers: Mutex<LruCache<Peer, Bucket>>,
    logins: Mutex<LruCache<Peer, Bucket>>,
}

impl Limits {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            keys: RwLock::default(),
            peers: Mutex::new(LruCache::new(PEERS)),
            logins: Mutex::new(LruCache::new(PEERS)),
        }
    }

    /// Takes a request from the caller's bucket or, where there are no keys, from its address's. If there is none left,
    /// how long it takes until there is.
    pub(super) fn take(
        &self,
        caller: &Caller,
        peer: Option<ConnectInfo<SocketAddr>>,
    ) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        match caller.key() {
            Some(key) => take(&self.key(key.id(), rate)),
            None => take(&bucket(&self.peers, Peer::of(peer), rate)),
        }
    }

    /// Counts a login that failed.
    pub(super) fn failed_login(&self, peer: Peer) -> Result<(), Duration> {
        take(&bucket(&self.logins, peer, FAILED_LOGINS))
    }

    fn key(&self, id: &str, rate: Rate) -> Bucket {
        // In the rule it is there, and then nobody waits for anybody.
        if let Some(bucket) = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Arc::clone(bucket);
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(keys.entry(id.into()).or_insert_with(|| rate.bucket()))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("rate", &self.rate).finish_non_exhaustive()
    }
}

fn bucket(peers: &Mutex<LruCache<Peer, Bucket>>, peer: Peer, rate: Rate) -> Bucket {
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(peers.get_or_insert(peer, || rate.bucket()))
}

fn take(bucket: &DefaultDirectRateLimiter) -> Result<(), Duration> {
    bucket.check().map_err(|until| until.wait_time_from(bucket.clock().now()))
}

/// 429, with the time to wait in `Retry-After`: whole seconds, and at least one.
pub(super) fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = "this is asked too often: wait as long as Retry-After says, or send many events at once";
    Problem::later(ErrorKind::Unavailable, detail)
        .with_status(StatusCode::TOO_MANY_REQUESTS)
        .with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_number_a_second_or_a_minute() {
        for wrong in ["", "0", "-1", "1.5", "1/h", "1/", "/s", "4294967296", "many"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        assert_eq!(" 7/s ".parse::<Rate>().unwrap().to_string(), "7/s");
    }

    #[test]
    fn a_subscriber_is_one_peer() {
        let peer = |address: &str| Peer::of(Some(ConnectInfo(address.parse().unwrap())));
        assert_eq!(peer("192.0.2.1:1"), peer("[::ffff:192.0.2.1]:2"));
        assert_ne!(peer("192.0.2.1:1"), peer("192.0.2.2:1"));
        assert_eq!(peer("[2001:db8::1]:1"), peer("[2001:db8::ffff:1]:1"));
        assert_ne!(peer("[2001:db8::1]:1"), peer("[2001:db8:0:1::1]:1"));
    }

    #[test]
    fn addresses_without_end_take_no_memory_without_end() {
        let limits = Limits::new(Some(Rate::per_minute(NonZeroU32::MIN)));
        for address in 0..2 * PEERS.get() as u32 {
            let peer = SocketAddr::from((std::net::Ipv4Addr::from_bits(address), 1));
            limits.take(&Caller::OPEN, Some(ConnectInfo(peer))).unwrap();
        }
        assert_eq!(limits.peers.lock().unwrap().len(), PEERS.get());
        let last = SocketAddr::from((std::net::Ipv4Addr::from_bits(2 * PEERS.get() as u32 - 1), 1));
        let wait = limits.take(&Caller::OPEN, Some(ConnectInfo(last))).unwrap_err();
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
    }
}

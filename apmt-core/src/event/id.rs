//! Ids of version 7 that rise within a millisecond.

use std::sync::{Mutex, PoisonError};

use uuid::{Builder, Uuid};

use crate::time::Timestamp;

/// The bits of an id that are neither time, version nor variant: 12 before the variant and 62 after it.
const FREE_BITS: u32 = 74;

/// The next id at that time.
///
/// Within one millisecond, each id is the one before plus a random step (RFC 9562, section 6.2, method 2), so that ids
/// that are made together lie together. A counter of the crate's own would do the same, but never goes back once a
/// clock has been ahead, and one process may have several clocks.
pub(super) fn next(now: Timestamp) -> Uuid {
    static LAST: Mutex<(u64, u128)> = Mutex::new((u64::MAX, 0));
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let random = Uuid::new_v4().as_u128();
    let free = {
        // Whatever a panic left behind is a good start.
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (millis, free_bits(*last, millis, random));
        last.1
    };
    let (above, below) = ((free >> 62) as u16, free as u64);
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&above.to_be_bytes());
    bytes[2..].copy_from_slice(&below.to_be_bytes());
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// What an id has beside its time: a random start, or a random step on from the one before in the same millisecond.
fn free_bits(last: (u64, u128), millis: u64, random: u128) -> u128 {
    if last.0 == millis {
        let next = last.1 + 1 + (random & 0xffff_ffff);
        if next >> FREE_BITS == 0 {
            return next;
        }
    }
    // The top bit is left for the steps to grow into: a million million of them do not use it up.
    random & ((1 << (FREE_BITS - 1)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_within_a_millisecond() {
        let all = u128::MAX;
        assert_eq!(free_bits((7, 5), 7, 0), 6);
        assert_eq!(free_bits((7, 5), 7, all), 5 + (1 << 32));
        // Another millisecond, or no room left: a new start, with room to grow.
        assert_eq!(free_bits((7, 5), 8, all), (1 << 73) - 1);
        assert_eq!(free_bits((7, (1 << 74) - 1), 7, 3), 3);
    }

    #[test]
    fn ids_name_their_time() {
        let at = |millis| Timestamp::from_millis(millis);
        let mut before = next(at(1_700_000_000_000));
        assert_eq!(before.get_version_num(), 7);
        assert_eq!(before.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(before.as_u128() >> 80, 1_700_000_000_000);
        for _ in 0..10_000 {
            // Another test's clock may come in between; the time still leads.
            let id = next(at(1_700_000_000_000));
            assert_eq!(id.as_u128() >> 80, 1_700_000_000_000);
            assert_ne!(id, before);
            before = id;
        }
        assert!(next(at(1_700_000_000_001)) > before);
        // A clock that is set back is followed.
        assert_eq!(next(at(5)).as_u128() >> 80, 5);
        assert_eq!(next(at(-5)).as_u128() >> 80, 0);
    }
}

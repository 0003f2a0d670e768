//! How long to wait before something is tried again.

use std::time::Duration;

/// `first`, doubled with every try after the first, and never more than `longest`.
pub fn doubling(first: Duration, tries: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// Spreads a wait over its upper half, by the identity of what waits, so that conversations that failed together do
/// not come back together. The same try of the same thing always waits equally long.
pub fn jittered(wait: Duration, identity: &str, tries: u32) -> Duration {
    // FNV-1a: this only has to spread, and needs no crate and no randomness.
    let hash = identity
        .bytes()
        .chain(tries.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let half = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) >> 1;
    let spread = half.saturating_mul(hash >> 48) >> 16;
    Duration::from_millis(half.saturating_add(spread))
}

/// How long KV is left alone after it has refused: from a minute to an hour. The free plan's 1,000 writes a day are
/// over until midnight, and a key takes one write a second.
pub fn archive(tries: u32, identity: &str) -> Duration {
    let minute = Duration::from_secs(60);
    doubling(minute, tries, minute.saturating_mul(60)).max(jittered(minute.saturating_mul(2), identity, tries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_end() {
        let second = Duration::from_secs(1);
        for (tries, seconds) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (40, 10), (u32::MAX, 10)] {
            assert_eq!(doubling(second, tries, second * 10), second * seconds, "{tries}");
        }
    }

    #[test]
    fn jitter_keeps_between_half_and_whole() {
        let wait = Duration::from_secs(8);
        for tries in 0..1_000 {
            let jittered = jittered(wait, "demo_bot-7-answer-0", tries);
            assert!(jittered >= wait / 2 && jittered <= wait, "{jittered:?}");
        }
        assert_ne!(jittered(wait, "a", 1), jittered(wait, "b", 1));
    }
}

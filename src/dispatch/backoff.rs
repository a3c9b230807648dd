//! How long to wait before the next attempt.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ident::TrialKey;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The delay before an attempt: full jitter over an exponential backoff, at least the pause that the server asked for, plus a
/// random part of that pause, so that calls with the same pause do not all return at the same moment.
///
/// `failed` is the number of attempts that have failed, from 1. Seeded, so that a run can be repeated.
pub(super) fn delay(seed: u64, key: &TrialKey, failed: u32, asked: Duration) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << failed.saturating_sub(1).min(10)).min(LONGEST);
    let jittered = ceiling.mul_f64(share(seed, key, failed, b"backoff"));
    asked.max(jittered) + spread(seed, key, failed, asked)
}

/// The random part: up to a fifth of the pause that the server asked for, and at most half a minute.
pub(super) fn spread(seed: u64, key: &TrialKey, failed: u32, asked: Duration) -> Duration {
    asked.mul_f64(0.2).min(LONGEST).mul_f64(share(seed, key, failed, b"spread"))
}

/// A number between 0 and 1 that depends on the trial and the attempt only.
fn share(seed: u64, key: &TrialKey, failed: u32, purpose: &[u8]) -> f64 {
    let digest = crate::ident::Digester::new("route-prof jitter 1")
        .part(&seed.to_le_bytes())
        .part(key.to_string().as_bytes())
        .part(&failed.to_le_bytes())
        .part(purpose)
        .finish();
    let mut random = ChaCha8Rng::from_seed(*digest.bytes());
    f64::from(random.next_u32()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Digest;

    #[test]
    fn delays_grow_are_spread_and_never_undercut_the_server() {
        let keys: Vec<TrialKey> = (0..200u8).map(|n| TrialKey::from_digest(&Digest::of(&[n]))).collect();
        let all =
            |failed, after| keys.iter().map(|key| delay(1, key, failed, after)).collect::<Vec<Duration>>();
        let mean = |delays: &[Duration]| delays.iter().sum::<Duration>() / 200;
        assert!(mean(&all(4, Duration::ZERO)) > mean(&all(1, Duration::ZERO)) * 4);
        assert!(all(40, Duration::ZERO).into_iter().all(|delay| delay <= LONGEST));
        let asked = Duration::from_secs(10);
        let mut delays = all(1, asked);
        assert!(delays.iter().all(|delay| *delay >= asked && *delay <= asked.mul_f64(1.2)));
        delays.dedup();
        assert!(delays.len() > 190);
        assert_eq!(all(2, asked), all(2, asked));
    }
}

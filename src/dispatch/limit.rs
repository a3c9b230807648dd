//! Rate limits: requests and tokens per minute, as token buckets.
//!
//! A bucket holds at most a tenth of a minute's amount, which is deducted from its inflow per minute, so that no sixty seconds
//! exceed the limit, not even the first ones.

use std::time::Duration;

use crate::clock::Instant;
use crate::provider::RateHeaders;

/// The share of a limit that is used: calls arrive some time after they leave, some later than others, and the server
/// counts them when they arrive.
const USED: f64 = 0.98;

/// A rate per minute.
#[derive(Debug)]
struct Bucket {
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_minute: f64, now: Instant) -> Self {
        let capacity = (per_minute / 10.0).floor().max(1.0);
        // A full bucket at the beginning of a minute, and the last unit just after its end.
        let per_second = (per_minute * USED - capacity + 1.0) / 60.0;
        Self { capacity, per_second, level: capacity, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.at = now;
    }

    /// How long until `amount` can be taken. More than the bucket ever holds can be taken once it is full.
    fn wait(&self, amount: f64) -> Duration {
        let missing = amount.min(self.capacity) - self.level;
        if missing <= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(missing / self.per_second + 0.000_001)
        }
    }
}

/// The limits of an endpoint.
#[derive(Debug)]
pub(super) struct Rates {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// Until then, nothing is left according to the server.
    hold: Option<Instant>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// The longest that a header alone holds calls back; for longer pauses the server sends a 429.
const LONGEST_HOLD: Duration = MINUTE;

impl Rates {
    pub(super) fn new(requests: Option<u32>, tokens: Option<u64>, now: Instant) -> Self {
        Self {
            requests: requests.map(|limit| Bucket::new(limit.into(), now)),
            tokens: tokens.map(|limit| Bucket::new(limit as f64, now)),
            hold: None,
        }
    }

    /// Takes a request of so many tokens, or returns how long to wait before trying again.
    pub(super) fn take(&mut self, tokens: u64, now: Instant) -> Result<(), Duration> {
        let mut wait = self.hold.map_or(Duration::ZERO, |hold| hold.saturating_duration_since(now));
        for (bucket, amount) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens as f64)] {
            if let Some(bucket) = bucket {
                bucket.fill(now);
                wait = wait.max(bucket.wait(amount));
            }
        }
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for (bucket, amount) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens as f64)] {
            if let Some(bucket) = bucket {
                bucket.level -= amount;
            }
        }
        Ok(())
    }

    /// Takes in what the server says of its limits: what is left there is never less than what is taken here, and what is
    /// limited there is limited here, too.
    pub(super) fn rebase(&mut self, said: &RateHeaders, now: Instant) {
        for (bucket, window) in [(&mut self.requests, said.requests), (&mut self.tokens, said.tokens)] {
            let Some(window) = window else { continue };
            // A window that takes longer than a minute to fill is that of a day, of which a bucket of minutes says nothing.
            if bucket.is_none() && window.reset <= MINUTE {
                *bucket = Some(Bucket::new(window.limit as f64, now));
            }
            if let Some(bucket) = bucket {
                bucket.fill(now);
                bucket.level = bucket.level.min(window.remaining as f64);
            }
            if window.remaining == 0 {
                let until = now + window.reset.min(LONGEST_HOLD);
                self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
            }
        }
    }

    /// Books what a call really used in place of what was reserved for it: more or less.
    pub(super) fn settle(&mut self, reserved: u64, used: u64) {
        if let Some(bucket) = &mut self.tokens {
            bucket.level = (bucket.level + reserved as f64 - used as f64).min(bucket.capacity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Window;

    /// The moments, in seconds, at which a greedy caller is let through.
    fn greedy(requests: Option<u32>, tokens: Option<u64>, each: u64, calls: usize) -> Vec<f64> {
        let start = Instant::now();
        let (mut now, mut rates) = (start, Rates::new(requests, tokens, start));
        let mut moments = Vec::new();
        while moments.len() < calls {
            match rates.take(each, now) {
                Ok(()) => moments.push((now - start).as_secs_f64()),
                Err(wait) => now += wait,
            }
        }
        moments
    }

    #[test]
    fn no_minute_sees_more_than_the_limit() {
        for limit in [1, 7, 60, 1000] {
            let moments = greedy(Some(limit), None, 0, limit as usize * 3);
            for (at, moment) in moments.iter().enumerate() {
                let within = moments[at..].iter().take_while(|other| **other < moment + 60.0).count();
                assert!(within <= limit as usize, "{within} of {limit}");
            }
            // And it is used: three minutes' worth takes little more than three minutes.
            assert!(moments.last().unwrap() < &210.0, "{limit}: {:?}", moments.last());
        }
    }

    #[test]
    fn tokens_are_counted_too() {
        let moments = greedy(None, Some(6000), 100, 120);
        assert!(moments[59] >= 50.0 && moments[119] >= 110.0, "{:?}", moments[119]);
    }

    #[test]
    fn what_the_server_says_is_left_is_all_that_is_taken() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let window = |limit, remaining, reset| Some(Window { limit, remaining, reset });
        let mut rates = Rates::new(Some(600), None, now);
        rates.rebase(&RateHeaders { requests: window(600, 2, second), tokens: None }, now);
        assert!(rates.take(1, now).is_ok() && rates.take(1, now).is_ok());
        assert!(rates.take(1, now).is_err());
        // Nothing left: nothing leaves before the reset, whatever the bucket holds.
        let mut rates = Rates::new(None, None, now);
        rates.rebase(&RateHeaders { requests: window(60, 0, second * 5), tokens: None }, now);
        assert!(rates.take(1, now + second * 4).is_err());
        assert!(rates.take(1, now + second * 6).is_ok());
        // A limit that only the server knows is kept from then on.
        let mut rates = Rates::new(None, None, now);
        rates.rebase(&RateHeaders { requests: None, tokens: window(1000, 1000, second) }, now);
        assert!(rates.take(100, now).is_ok());
        assert!(rates.take(100, now).is_err());
        // That of a day is no limit of a minute.
        let mut rates = Rates::new(None, None, now);
        rates.rebase(&RateHeaders { requests: window(10, 5, second * 3000), tokens: None }, now);
        assert!((0..100).all(|_| rates.take(1, now).is_ok()));
    }
}

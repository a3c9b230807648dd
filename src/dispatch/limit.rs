//! Rates: requests and tokens a minute, as token buckets.
//!
//! A bucket holds a tenth of a minute's worth at the most, and what it holds is taken off what flows into it in a minute, so
//! that no stretch of sixty seconds sees more than the limit, not even the first one.

use std::time::Duration;

use tokio::time::Instant;

/// A rate of something a minute.
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
        let per_second = (per_minute - capacity + 1.0) / 60.0;
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
}

impl Rates {
    pub(super) fn new(requests: Option<u32>, tokens: Option<u64>, now: Instant) -> Self {
        Self {
            requests: requests.map(|limit| Bucket::new(limit.into(), now)),
            tokens: tokens.map(|limit| Bucket::new(limit as f64, now)),
        }
    }

    /// Takes a request of so many tokens, or says how long to wait before asking again.
    pub(super) fn take(&mut self, tokens: u64, now: Instant) -> Result<(), Duration> {
        let mut wait = Duration::ZERO;
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
}

//! What a simulated day remembers: recent latencies, latencies of an hour, and what the adaptive variant has learnt.

/// The latest latencies of a tier at a task.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    ring: Vec<f64>,
    next: usize,
    since: usize,
    p95: Option<f64>,
}

/// The p95 is recomputed after this many requests.
const LOOK: usize = 16;

impl Window {
    pub(super) fn new(size: usize) -> Self {
        Self { size: size.max(20), ring: Vec::new(), next: 0, since: 0, p95: None }
    }

    pub(super) fn push(&mut self, latency: f64) {
        if self.ring.len() < self.size {
            self.ring.push(latency);
        } else if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = latency;
        }
        self.next = (self.next + 1) % self.size;
        self.since += 1;
    }

    /// The 95th percentile; `None` until there are twenty.
    pub(super) fn p95(&mut self) -> Option<f64> {
        if self.ring.len() < 20 {
            return None;
        }
        if self.p95.is_none() || self.since >= LOOK {
            let mut sorted = self.ring.clone();
            let at = sorted.len() * 95 / 100;
            let (_, value, _) = sorted.select_nth_unstable_by(at.min(self.ring.len() - 1), f64::total_cmp);
            self.p95 = Some(*value);
            // Recomputing even without new latencies lets a tier that was slow get another chance.
            self.since = 0;
        } else {
            self.since += 1;
        }
        self.p95
    }
}

/// Latencies by buckets that grow by 3 %, so that memory does not grow with requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    all: u64,
}

const GROWTH: f64 = 1.03;

impl Histogram {
    pub(super) fn push(&mut self, latency: f64) {
        let bucket = (latency.max(0.1) / 0.1).ln() / GROWTH.ln();
        let bucket = bucket.clamp(0.0, 1000.0) as usize;
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.all += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.all += other.all;
    }

    /// The middle of the bucket that holds the quantile.
    pub(super) fn quantile(&self, p: f64) -> Option<f64> {
        let wanted = (self.all as f64 * p).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(0.1 * GROWTH.powf(bucket as f64 + 0.5));
            }
        }
        None
    }
}

/// UCB1 over the tiers of a task (Auer, Cesa-Bianchi and Fischer 2002): rewards lie between 0 and 1.
#[derive(Debug)]
pub(super) struct Arms {
    pulls: Vec<u64>,
    rewards: Vec<f64>,
}

impl Arms {
    pub(super) fn new(count: usize) -> Self {
        Self { pulls: vec![0; count], rewards: vec![0.0; count] }
    }

    pub(super) fn choose(&self) -> usize {
        if let Some(untried) = self.pulls.iter().position(|pulls| *pulls == 0) {
            return untried;
        }
        let all = self.pulls.iter().sum::<u64>() as f64;
        let bound =
            |(pulls, reward): (&u64, &f64)| reward / *pulls as f64 + (2.0 * all.ln() / *pulls as f64).sqrt();
        let bounds: Vec<f64> = self.pulls.iter().zip(&self.rewards).map(bound).collect();
        (0..bounds.len())
            .max_by(|a, b| {
                let of = |at: &usize| bounds.get(*at).copied().unwrap_or(f64::NEG_INFINITY);
                of(a).total_cmp(&of(b)).then(b.cmp(a))
            })
            .unwrap_or_default()
    }

    pub(super) fn learn(&mut self, arm: usize, reward: f64) {
        if let (Some(pulls), Some(sum)) = (self.pulls.get_mut(arm), self.rewards.get_mut(arm)) {
            *pulls += 1;
            *sum += reward.clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_arm_is_found() {
        let mut arms = Arms::new(3);
        let mut pulls = [0; 3];
        for _ in 0..2000 {
            let arm = arms.choose();
            pulls[arm] += 1;
            arms.learn(arm, [0.2, 0.9, 0.5][arm]);
        }
        assert!(pulls[1] > 1700, "{pulls:?}");
    }

    #[test]
    fn a_quantile_is_right_to_three_per_cent() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|ms| histogram.push(f64::from(ms)));
        for (p, exact) in [(0.5, 500.0), (0.95, 950.0)] {
            let found = histogram.quantile(p).unwrap();
            assert!((found / exact - 1.0).abs() < 0.03, "{found} {exact}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}

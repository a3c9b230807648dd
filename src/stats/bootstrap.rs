//! The bootstrap of weighted means (Efron 1979): whole prompts are drawn again with replacement, and every statistic of a
//! set of prompts sees the same draw, so that tiers stay paired.
//!
//! Each replicate draws how often each prompt counts, once, and then takes the means of all columns by those counts: no
//! sample is copied or sorted. With two thousand resamples and nine columns (cost, cost uncached and share rejected of
//! three tiers), a hundred thousand prompts take some seven seconds on one core, a thousand prompts a tenth of one. Draws
//! come from ChaCha8 by multiplication and shift; the bias of that is below prompts / 2^32. The percentile interval is
//! used: it needs no jackknife and is as good for means of this size.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::interval::Bounds;
use super::quantile::Sorted;

/// A quantity of each prompt, in the same order for all columns of a set; prompts that lack it have no weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    products: Vec<f64>,
    weights: Vec<f64>,
}

impl Column {
    /// A column of (value, weight), one row per prompt; `None` where the prompt has no value.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = Option<(f64, f64)>>) -> Self {
        let (products, weights) = rows
            .into_iter()
            .map(|row| row.map_or((0.0, 0.0), |(value, weight)| (value * weight, weight)))
            .unzip();
        Self { products, weights }
    }

    /// The weighted mean of the column as it is; `None` without weight.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let total: f64 = self.weights.iter().sum();
        (total > 0.0).then(|| self.products.iter().sum::<f64>() / total)
    }
}

/// The seed and size of a bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the set of prompts: sets are drawn independently of each other.
    pub stream: u64,
    /// Replicates.
    pub resamples: u32,
}

/// The replicates of each column's weighted mean: one vector per column, one value per resample. A replicate that drew no
/// prompt with a value is NaN.
#[must_use]
pub fn means(plan: Plan, columns: &[Column]) -> Vec<Vec<f64>> {
    let rows = columns.iter().map(|column| column.weights.len()).max().unwrap_or(0);
    let draws = u32::try_from(rows).unwrap_or(u32::MAX);
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    rng.set_stream(plan.stream);
    let mut counts = vec![0.0; rows];
    let mut replicates = vec![Vec::with_capacity(plan.resamples as usize); columns.len()];
    // Most columns of a set weigh its prompts alike: their weights are added up once a replicate.
    let weights: Vec<usize> =
        (0..columns.len()).map(|at| first_like(columns, at, |one| &one.weights)).collect();
    let mut totals = vec![0.0; columns.len()];
    for _ in 0..plan.resamples {
        counts.fill(0.0);
        for _ in 0..draws {
            let row = (u64::from(rng.next_u32()) * u64::from(draws)) >> 32;
            if let Some(count) = counts.get_mut(row as usize) {
                *count += 1.0;
            }
        }
        for (at, (column, means)) in columns.iter().zip(&mut replicates).enumerate() {
            let like = weights.get(at).copied().unwrap_or(at);
            let total = if like == at {
                dot(&counts, &column.weights)
            } else {
                totals.get(like).copied().unwrap_or_default()
            };
            if let Some(known) = totals.get_mut(at) {
                *known = total;
            }
            means.push(if total > 0.0 { dot(&counts, &column.products) / total } else { f64::NAN });
        }
    }
    replicates
}

/// The first column that has the same values as the one at `at`, which may be itself.
fn first_like(columns: &[Column], at: usize, values: fn(&Column) -> &Vec<f64>) -> usize {
    let own = columns.get(at).map(values);
    columns.iter().take(at).position(|other| Some(values(other)) == own).unwrap_or(at)
}

/// The sum of values by counts, in four lanes: a fixed order of additions that the compiler can use vector instructions
/// for.
fn dot(counts: &[f64], values: &[f64]) -> f64 {
    let (counts, values) = (counts.chunks_exact(4), values.chunks_exact(4));
    let rest = (counts.remainder(), values.remainder());
    let (mut a, mut b, mut c, mut d) = (0.0, 0.0, 0.0, 0.0);
    for pair in counts.zip(values) {
        if let ([n, o, p, q], [w, x, y, z]) = pair {
            a += n * w;
            b += o * x;
            c += p * y;
            d += q * z;
        }
    }
    let mut lanes = [a, b, c, d];
    for (lane, (count, value)) in lanes.iter_mut().zip(rest.0.iter().zip(rest.1)) {
        *lane += count * value;
    }
    lanes.iter().sum()
}

/// The percentile interval of some replicates, those that are no number left out; `None` when none is.
#[must_use]
pub fn interval(replicates: impl IntoIterator<Item = f64>, confidence: f64) -> Option<Bounds> {
    let sorted = Sorted::plain(replicates)?;
    let tail = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    Some(Bounds { low: sorted.at(tail), high: sorted.at(1.0 - tail) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAN: Plan = Plan { seed: 1, stream: 0, resamples: 2000 };

    fn column(values: impl IntoIterator<Item = f64>) -> Column {
        Column::new(values.into_iter().map(|value| Some((value, 1.0))))
    }

    fn sd(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
    }

    /// RouteLLM's GSM8K: 739 right by both models, 94 by the weak one only, 382 by the strong one only, 92 by none.
    fn gsm8k() -> (Column, Column) {
        let cells = [(739, 1.0, 1.0), (94, 1.0, 0.0), (382, 0.0, 1.0), (92, 0.0, 0.0)];
        let rows: Vec<(f64, f64)> =
            cells.into_iter().flat_map(|(n, weak, strong)| std::iter::repeat_n((weak, strong), n)).collect();
        (column(rows.iter().map(|row| row.0)), column(rows.iter().map(|row| row.1)))
    }

    #[test]
    fn tiers_stay_paired() {
        let (weak, strong) = gsm8k();
        let gap = 100.0 * (strong.mean().unwrap() - weak.mean().unwrap());
        assert!((gap - 22.0352).abs() < 1e-4, "{gap}");
        let replicates = means(PLAN, &[weak, strong]);
        let paired: Vec<f64> =
            replicates[1].iter().zip(&replicates[0]).map(|(s, w)| 100.0 * (s - w)).collect();
        // Published standard errors: 1.5546 paired, 1.6439 unpaired.
        assert!((sd(&paired) - 1.5546).abs() < 0.04, "{}", sd(&paired));
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_stream_gives_others() {
        let columns = [column((0..97).map(f64::from))];
        let one = means(PLAN, &columns);
        assert_eq!(one, means(PLAN, &columns));
        assert_ne!(one, means(Plan { stream: 1, ..PLAN }, &columns));
        assert_ne!(one, means(Plan { seed: 2, ..PLAN }, &columns));
        // Pinned, so that another machine or another version of a dependency is seen to agree.
        assert_eq!(
            means(Plan { resamples: 3, ..PLAN }, &columns)[0].iter().map(|m| m * 97.0).collect::<Vec<_>>(),
            PINNED
        );
    }

    const PINNED: [f64; 3] = [4357.0, 4997.0, 5215.0];

    #[test]
    fn a_prompt_without_a_value_is_left_out_of_the_mean() {
        let column = Column::new([Some((2.0, 1.0)), None, Some((4.0, 3.0))]);
        assert_eq!(column.mean(), Some(3.5));
        assert_eq!(Column::new([None, None]).mean(), None);
        assert!(means(Plan { resamples: 2, ..PLAN }, &[Column::new([None])])[0].iter().all(|m| m.is_nan()));
        assert_eq!(interval([f64::NAN], 0.95), None);
    }

    #[test]
    fn the_interval_of_a_mean_is_about_two_standard_errors_wide() {
        let column = column((0..400).map(|i| f64::from(i % 2)));
        let bounds = interval(means(PLAN, &[column])[0].iter().copied(), 0.95).unwrap();
        assert!((bounds.low - 0.451).abs() < 0.006 && (bounds.high - 0.549).abs() < 0.006, "{bounds:?}");
    }

    proptest! {
        #[test]
        fn replicates_stay_within_the_values(values in prop::collection::vec(0.0..100.0f64, 1..40), seed: u64) {
            let (least, most) =
                values.iter().fold((f64::MAX, f64::MIN), |(l, m), v| (l.min(*v), m.max(*v)));
            let plan = Plan { seed, stream: 3, resamples: 50 };
            for mean in &means(plan, &[column(values)])[0] {
                prop_assert!(least - 1e-9 <= *mean && *mean <= most + 1e-9);
            }
        }
    }
}

//! How long the bootstrap of a whole corpus takes: the one place where statistics could be felt.

use route_prof::stats::bootstrap::{Column, Plan, means};

fn main() {
    divan::main();
}

/// Three tiers with three quantities each, as a run has them; 2,000 resamples.
#[divan::bench(args = [200, 1000, 10_000, 100_000], sample_count = 3)]
fn bootstrap_of_three_tiers(bencher: divan::Bencher<'_, '_>, prompts: u32) {
    let columns: Vec<Column> = (1..=9)
        .map(|tier| {
            Column::new((0..prompts).map(|i| Some((f64::from(i % (7 * tier)), f64::from(1 + i % 3)))))
        })
        .collect();
    bencher.bench(|| means(Plan { seed: 1, stream: 0, resamples: 2000 }, divan::black_box(&columns)));
}

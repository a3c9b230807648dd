//! A model that is asked first which tier to use. It is not called: its price, latency and accuracy are those of
//! `[strategy.classifier]`, and where it errs it names any other tier.

use super::{Applied, Path, Standing, Strategy, World, oracle};

pub(super) const STRATEGY: Strategy = Strategy { name: "classifier", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let Some(classifier) = &world.settings.classifier else { return Vec::new() };
    let rungs = world.matrix.rungs;
    if rungs < 2 {
        return Vec::new();
    }
    let right = classifier.accuracy.get();
    let wrong = (1.0 - right) / (rungs - 1) as f64;
    let paths = world.matrix.rows.iter().map(|row| {
        let cheapest = oracle::cheapest(rungs, row);
        let path = |tier: usize| Path {
            share: if tier == cheapest { right } else { wrong },
            tried: vec![tier as u8],
        };
        (0..rungs).map(path).collect()
    });
    let model = classifier.model.as_deref().unwrap_or("a model");
    let label = format!("classifier: {model}, right in {:.0} %", right * 100.0);
    let applied = Applied::fixed("classifier", label, Standing::Deployable, paths.collect());
    vec![Applied { overhead: (classifier.price.to_f64(), classifier.latency_ms.ms()), ..applied }]
}

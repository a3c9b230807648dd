//! How often the queried classifier was correct.

use crate::ident::TierName;
use crate::policy::strategies::{World, confusion};
use crate::project::Interval;
use crate::stats::interval;
use crate::summary::counted::CountedShare;
use crate::summary::queries::{ClassifierAccuracy, NamedTier};
use crate::summary::rounding::{self, thousand};
use crate::units::Millis;

/// The accuracy of the classifier; `None` without one, or where a prompt has no answer.
pub(super) fn classifier(
    world: &World<'_>,
    names: &[TierName],
    confidence: f64,
) -> Option<ClassifierAccuracy> {
    let answers = world.queries.classifier.as_ref()?;
    let confusion = confusion(world)?;
    let share = confusion.correct as f64 / confusion.passable.max(1) as f64;
    let bounds = interval::wilson(share, confusion.passable as f64, confidence);
    let correct = bounds.filter(|_| confusion.passable > 0).map(|bounds| Interval {
        mean: rounding::share(share),
        low: rounding::share(bounds.low),
        high: rounding::share(bounds.high),
    });
    let named = confusion.counts.iter().zip(names).map(|(counts, tier)| {
        let (none, cheapest) = counts.split_last().map_or((0, &[][..]), |(none, cheapest)| (*none, cheapest));
        NamedTier { tier: tier.clone(), cheapest_passing: cheapest.to_vec(), none_passes: none }
    });
    Some(ClassifierAccuracy {
        model: answers.model.clone(),
        correct: CountedShare { count: confusion.correct, of: confusion.passable, share: correct },
        unreadable: confusion.unreadable,
        cost_per_1000: answers.cost.and_then(thousand),
        latency: answers.latency.and_then(Millis::from_ms),
        named: named.collect(),
    })
}

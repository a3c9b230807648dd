//! How right the words of the classifier that was asked were.

use crate::ident::TierName;
use crate::policy::strategies::{World, confusion};
use crate::project::Interval;
use crate::stats::interval;
use crate::summary::asked::{ClassifierWords, NamedTier};
use crate::summary::counted::CountedShare;
use crate::summary::rounding::{self, thousand};
use crate::units::Millis;

/// The classifier's words; `None` where none was asked, or not about every prompt.
pub(super) fn words(world: &World<'_>, names: &[TierName], confidence: f64) -> Option<ClassifierWords> {
    let said = world.asked.classifier.as_ref()?;
    let confusion = confusion(world)?;
    let share = confusion.right as f64 / confusion.passable.max(1) as f64;
    let bounds = interval::wilson(share, confusion.passable as f64, confidence);
    let right = bounds.filter(|_| confusion.passable > 0).map(|bounds| Interval {
        mean: rounding::share(share),
        low: rounding::share(bounds.low),
        high: rounding::share(bounds.high),
    });
    let named = confusion.counts.iter().zip(names).map(|(counts, tier)| {
        let (none, cheapest) = counts.split_last().map_or((0, &[][..]), |(none, cheapest)| (*none, cheapest));
        NamedTier { tier: tier.clone(), cheapest: cheapest.to_vec(), none }
    });
    Some(ClassifierWords {
        model: said.model.clone(),
        right: CountedShare { count: confusion.right, of: confusion.passable, share: right },
        unreadable: confusion.unreadable,
        cost_per_1000: said.cost.and_then(thousand),
        latency: said.latency.and_then(Millis::from_ms),
        named: named.collect(),
    })
}

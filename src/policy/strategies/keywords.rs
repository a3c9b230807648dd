//! Words as a score: how much likelier a prompt's words are where only the strongest tier passes than where the weakest one
//! does (log odds with add-one smoothing, averaged over the words), learned on other prompts.

use std::collections::HashMap;

use super::matrix::Row;
use super::strategy::{Applied, Strategy, World};
use super::sweep;
use super::text::Texts;

pub(super) const STRATEGY: Strategy = Strategy { name: "keywords", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let Some(texts) = world.texts else { return Vec::new() };
    let fitted = world.matrix.cross_fit(
        |rows| learn(world, texts, rows),
        |odds, _, row| {
            let terms = texts.terms(row.prompt);
            let sum: f64 = terms.iter().map(|(term, _)| odds.get(term).copied().unwrap_or(0.0)).sum();
            sum / (terms.len().max(1)) as f64
        },
    );
    sweep::by_score(world, "keywords", "prompt keywords", &fitted.crossed, Some(&fitted.in_sample))
}

/// The log odds of each word.
fn learn(world: &World<'_>, texts: &Texts, rows: &[&Row]) -> HashMap<u32, f64> {
    let mut counts: HashMap<u32, (f64, f64)> = HashMap::new();
    let (mut hard, mut easy) = (0.0, 0.0);
    for row in rows {
        let (Some(weak), Some(strong)) = (row.fact(world.weak), row.fact(world.strong)) else { continue };
        let needs_strong = strong.quality > weak.quality;
        // A prompt that no tier passes says nothing about which one to take.
        if !needs_strong && weak.quality == 0.0 {
            continue;
        }
        for (term, _) in texts.terms(row.prompt) {
            let entry = counts.entry(*term).or_default();
            let (count, total) =
                if needs_strong { (&mut entry.0, &mut hard) } else { (&mut entry.1, &mut easy) };
            *count += 1.0;
            *total += 1.0;
        }
    }
    let words = counts.len() as f64;
    let odds = |(h, e): (f64, f64)| ((h + 1.0) / (hard + words)).ln() - ((e + 1.0) / (easy + words)).ln();
    counts.into_iter().map(|(term, count)| (term, odds(count))).collect()
}

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
        |words, _, row| {
            let terms = texts.terms(row.prompt);
            let sum: f64 =
                terms.iter().map(|(term, _)| words.odds.get(term).map_or(0.0, |odds| odds.0)).sum();
            sum / (terms.len().max(1)) as f64
        },
    );
    sweep::by_score(world, "keywords", "prompt keywords", &fitted.crossed, Some(&fitted.in_sample))
}

/// What words say of a prompt.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// The log odds of each word, with the requests that it was seen in.
    odds: HashMap<u32, (f64, f64)>,
    /// The log odds of a prompt whose words are not known.
    prior: f64,
}

impl Words {
    /// How likely it is that only the strongest tier passes, in percent, as if words were independent (naive Bayes). Words that were
    /// seen once say nothing.
    pub(super) fn score(&self, terms: &[(u32, u32)]) -> f64 {
        let known = terms.iter().filter_map(|(term, _)| self.odds.get(term));
        let sum: f64 = known.filter(|(_, seen)| *seen > 1.0).map(|(odds, _)| odds).sum();
        100.0 / (1.0 + (-self.prior - sum).exp())
    }
}

/// The log odds of each word.
pub(super) fn learn(world: &World<'_>, texts: &Texts, rows: &[&Row]) -> Words {
    let mut counts: HashMap<u32, (f64, f64)> = HashMap::new();
    let (mut hard, mut easy) = (0.0, 0.0);
    let mut requests = (0.0_f64, 0.0_f64);
    for row in rows {
        let (Some(weak), Some(strong)) = (row.fact(world.weak), row.fact(world.strong)) else { continue };
        let needs_strong = strong.quality > weak.quality;
        // A prompt that no tier passes says nothing about which one to take.
        if !needs_strong && weak.quality == 0.0 {
            continue;
        }
        let request = if needs_strong { &mut requests.0 } else { &mut requests.1 };
        *request += 1.0;
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
    Words {
        odds: counts.into_iter().map(|(term, count)| (term, (odds(count), count.0 + count.1))).collect(),
        prior: ((requests.0 + 1.0) / (requests.1 + 1.0)).ln(),
    }
}

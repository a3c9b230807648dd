//! A model that names the tier for each prompt: measured, where `[strategy.classifier]` queries one; else simulated from the
//! configured price, latency and accuracy, with errors spread over the other tiers.

use smallvec::smallvec;

use super::perfect;
use super::queries::PromptAnswers;
use super::strategy::{Applied, Path, Paths, Standing, Strategy, World};
use crate::config::ClassifierSettings;

pub(super) const STRATEGY: Strategy = Strategy { name: "classifier", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let Some(answers) = answers(world) else { return Vec::new() };
    let label = format!("classifier {}", answers.label);
    let applied = Applied::fixed("classifier", label, Standing::Deployable, answers.paths);
    vec![Applied { overhead: answers.overhead, ..applied }]
}

/// What a classifier answers about each row.
pub(super) struct Answers {
    /// Its name, and how often it is right.
    pub(super) label: String,
    /// Where it sends each row.
    pub(super) paths: Vec<Paths>,
    /// What asking it costs: USD and milliseconds.
    pub(super) overhead: (f64, f64),
}

/// The answers of the classifier that is configured; `None` without one, or where they are not known.
pub(super) fn answers(world: &World<'_>) -> Option<Answers> {
    let classifier = world.settings.classifier.as_ref()?;
    if world.matrix.rungs < 2 {
        return None;
    }
    match (&classifier.ask, &world.queries.classifier) {
        (Some(_), answers) => as_answered(world, answers.as_ref()?),
        (None, _) => as_configured(world, classifier),
    }
}

/// The tier that the classifier chose; the best one where it named none.
pub(super) fn chosen(world: &World<'_>, answers: &PromptAnswers<Option<usize>>, prompt: u32) -> usize {
    answers.by_prompt.get(&prompt).copied().flatten().unwrap_or(world.strong)
}

fn as_answered(world: &World<'_>, answers: &PromptAnswers<Option<usize>>) -> Option<Answers> {
    let overhead = answers.overhead(world.prompts().into_iter())?;
    let confusion = confusion(world)?;
    let correct = 100.0 * confusion.correct as f64 / confusion.passable.max(1) as f64;
    let paths = world.matrix.rows.iter().map(|row| Path::sure(chosen(world, answers, row.prompt)));
    Some(Answers {
        label: format!("{} ({correct:.0} % correct, measured)", answers.model),
        paths: paths.collect(),
        overhead,
    })
}

fn as_configured(world: &World<'_>, classifier: &ClassifierSettings) -> Option<Answers> {
    let rungs = world.matrix.rungs;
    let (right, price) = (classifier.accuracy?.get(), classifier.price?.to_f64());
    let wrong = (1.0 - right) / (rungs - 1) as f64;
    let paths = world.matrix.rows.iter().map(|row| {
        let cheapest = perfect::cheapest(rungs, row);
        let path = |tier: usize| Path {
            share: if tier == cheapest { right } else { wrong },
            tried: smallvec![tier as u8],
        };
        (0..rungs).map(path).collect()
    });
    let model = classifier.model.as_deref().unwrap_or("a model");
    Some(Answers {
        label: format!("{model} ({:.0} % correct, assumed)", right * 100.0),
        paths: paths.collect(),
        overhead: (price, classifier.latency_ms.ms()),
    })
}

/// The classifier's choices against the cheapest tier that passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    /// Requests by the tier that it named: one row per tier, in the order of the ladder. Each row has one count per cheapest
    /// passing tier, then the count of requests that no tier passes.
    pub counts: Vec<Vec<u64>>,
    /// Requests.
    pub n: u64,
    /// Requests for which it named the cheapest passing tier.
    pub correct: u64,
    /// Requests that some tier passes.
    pub passable: u64,
    /// Requests whose answer names no tier; they count as sent to the best tier.
    pub unreadable: u64,
}

/// The confusion of the queried classifier; `None` without one, or where a prompt has no answer.
#[must_use]
pub fn confusion(world: &World<'_>) -> Option<Confusion> {
    let answers = world.queries.classifier.as_ref()?;
    answers.overhead(world.prompts().into_iter())?;
    let rungs = world.matrix.rungs;
    let mut confusion =
        Confusion { counts: vec![vec![0; rungs + 1]; rungs], n: 0, correct: 0, passable: 0, unreadable: 0 };
    for row in &world.matrix.rows {
        let (named, cheapest) = (chosen(world, answers, row.prompt), perfect::cheapest(rungs, row));
        let passes = row.fact(cheapest).is_some_and(|fact| fact.quality > 0.0);
        confusion.n += 1;
        confusion.passable += u64::from(passes);
        confusion.correct += u64::from(passes && named == cheapest);
        confusion.unreadable += u64::from(answers.by_prompt.get(&row.prompt).is_some_and(Option::is_none));
        let column = if passes { cheapest } else { rungs };
        if let Some(count) = confusion.counts.get_mut(named).and_then(|row| row.get_mut(column)) {
            *count += 1;
        }
    }
    Some(confusion)
}

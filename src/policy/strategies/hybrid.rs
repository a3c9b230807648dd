//! Words first, a model where they do not tell: what the keywords score low goes to the cheapest tier, what they score high to the
//! strongest, and only in between is the classifier asked. Its price and time are added where it is.

use super::classifier;
use super::keywords;
use super::strategy::{Applied, Path, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "hybrid", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let (Some(texts), Some(answers)) = (world.texts, classifier::answers(world)) else { return Vec::new() };
    let settings = &world.settings.hybrid;
    let words = world.matrix.fit(|rows| keywords::learn(world, texts, rows));
    let rows = || world.matrix.rows.iter().enumerate();
    // The tier that the words decide for; `None` where they leave it to the classifier.
    let decided = |score: f64| match score {
        score if score < settings.below => Some(world.weak),
        score if score > settings.above => Some(world.strong),
        _ => None,
    };
    let crossed: Vec<Option<usize>> =
        rows().map(|(_, row)| decided(words.unseen(row).score(texts.terms(row.prompt)))).collect();
    let in_sample: Vec<Option<usize>> =
        rows().map(|(_, row)| decided(words.all.score(texts.terms(row.prompt)))).collect();
    let paths = |decided: &[Option<usize>]| {
        let each = decided.iter().zip(&answers.paths);
        each.map(|(tier, asked)| tier.map_or_else(|| asked.clone(), Path::sure)).collect::<Vec<_>>()
    };
    let asked = |decided: &[Option<usize>]| decided.iter().map(Option::is_none).collect::<Vec<_>>();
    let label = format!(
        "keywords below {} and above {}, between them classifier {}",
        settings.below, settings.above, answers.label
    );
    let applied = Applied::fixed("hybrid", label, Standing::Deployable, paths(&crossed));
    vec![Applied {
        in_sample: Some(paths(&in_sample)),
        overhead: answers.overhead,
        asked: Some(asked(&crossed)),
        in_sample_asked: Some(asked(&in_sample)),
        ..applied
    }]
}

//! The digests of everything that a result depends on. `router.toml` states them, and `check` compares them.

use std::collections::BTreeMap;

use crate::corpus::Corpus;
use crate::engine::run::project::Project;
use crate::grade::OracleSet;
use crate::grade::labels;
use crate::ident::Digest;
use crate::summary::Evidence;

/// The digests of everything that the result depends on.
pub(crate) fn evidence(
    project: &Project,
    corpus: &Corpus,
    oracles: &OracleSet<'_>,
) -> anyhow::Result<Evidence> {
    let config = &project.config;
    let models: Vec<_> = config.tiers.iter().map(|tier| tier.model.clone()).collect();
    let folder = config.root.join(&config.run.oracles);
    let mut labels = BTreeMap::new();
    for oracle in oracles.iter() {
        if let Some(bytes) = project.disk().read_if_present(&labels::file(&folder, &oracle.id))? {
            labels.insert(oracle.id.clone(), Digest::of(&bytes));
        }
    }
    Ok(Evidence {
        corpus: corpus.digest(),
        tiers: config.tiers_digest(),
        tasks: config.tasks_digest(),
        policy: config.policy_digest(),
        prices: project.catalogue.prices_digest(&models),
        price_source: project.catalogue.source(),
        price_note: config.prices.note.clone(),
        oracles: oracles.used().collect(),
        labels,
    })
}

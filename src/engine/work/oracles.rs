//! The oracle of each prompt of a corpus. Checks that the models asked by oracles and strategies may be asked: no judge grades its
//! own answers, and no data leaves that must stay local.

use super::question::strategy;
use crate::config::{DataLocation, DataNeed};
use crate::corpus::Corpus;
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::event::Event;
use crate::engine::run::project::Project;
use crate::grade::OracleSet;
use crate::ident::{ModelRef, OracleRef};
use crate::oracle::Asks;
use crate::oracle::ask::OwnAnswers;

/// The oracle of each prompt; the versions in `swap` replace other versions of the same oracles.
pub(crate) fn oracles<'a>(
    project: &'a Project,
    corpus: &Corpus,
    swap: &[OracleRef],
) -> anyhow::Result<OracleSet<'a>> {
    let oracles = OracleSet::resolve(&project.library, &project.config, corpus, swap)?;
    check_judges(project, corpus, &oracles)?;
    strategy::check(project, corpus)?;
    Ok(oracles)
}

/// Records new versions in `oracles.lock`, and rejects an oracle that was edited without a new version.
pub(crate) fn lock(engine: &Engine, project: &Project) -> anyhow::Result<()> {
    if project.library.write_lock()? {
        engine.emit(Event::OracleLockUpdated);
    }
    Ok(())
}

/// Rejects judges that cannot or must not be asked: of an unknown provider, the model under test, or one that the data must not
/// be sent to.
fn check_judges(project: &Project, corpus: &Corpus, oracles: &OracleSet<'_>) -> anyhow::Result<()> {
    for oracle in oracles.iter() {
        for asks in oracle.criterion.asks() {
            let Asks::Model { model, own_answers, .. } = asks else { continue };
            if !project.config.providers.contains_key(&model.provider) {
                return Err(UsageError::with_help(
                    format!(
                        "oracle {} is judged by {model}, but there is no provider `{}`",
                        oracle.id, model.provider
                    ),
                    format!(
                        "define [provider.{}] in route-prof.toml, or name a judge of another provider",
                        model.provider
                    ),
                ));
            }
            project.catalogue.price(&model)?;
            let same = project.config.tiers.iter().find(|tier| same_model(&tier.model, &model));
            if let (Some(tier), OwnAnswers::Refused) = (same, own_answers) {
                return Err(UsageError::with_help(
                    format!(
                        "oracle {} is judged by {model}, which would grade its own answers as tier {}",
                        oracle.id, tier.name
                    ),
                    "judges favour their own style: name another model, or set allow_self = true in [judge]",
                ));
            }
        }
    }
    for entry in corpus.entries().iter().enumerate() {
        let (at, entry) = entry;
        let task = project.config.tasks.get(usize::from(entry.task));
        if task.is_none_or(|task| task.data_location == DataNeed::Any) {
            continue;
        }
        for asks in oracles.of(at).map(|oracle| oracle.criterion.asks()).unwrap_or_default() {
            let Asks::Model { model, .. } = asks else { continue };
            let provider = project.config.providers.get(&model.provider);
            if provider.is_none_or(|provider| provider.data_location == DataLocation::External) {
                return Err(UsageError::with_help(
                    format!(
                        "the data of task {} must stay local, but its judge {model} is not local",
                        task.map(|task| task.name.to_string()).unwrap_or_default()
                    ),
                    "name a judge of a provider with data_location = \"local\"",
                ));
            }
        }
    }
    Ok(())
}

/// Whether two names mean the same model, possibly from different providers.
fn same_model(one: &ModelRef, other: &ModelRef) -> bool {
    let last = |model: &ModelRef| model.model.rsplit('/').next().unwrap_or_default().to_lowercase();
    one == other || last(one) == last(other)
}

//! A project: configuration, oracles and prices, and the corpora, plans and runs that belong to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;

use super::files::{LATEST, RECORD, SUMMARY};
use crate::config::{self, Config, TierRole};
use crate::corpus::Corpus;
use crate::diag::{UsageError, escape, shown};
use crate::disk::Disk;
use crate::ident::{RunId, TrialKey};
use crate::oracle::library::Library;
use crate::plan::{Plan, TargetSpec};
use crate::price::{Catalogue, ModelPrice};
use crate::provider;
use crate::summary::{Summary, json};
use crate::world::World;

/// The name of the configuration file.
pub(crate) const CONFIG_FILE: &str = "route-prof.toml";

/// A project: its configuration, oracles and prices. Open one with [`Engine::open`](crate::engine::Engine::open). Clones share what
/// is large; a request that needs other settings works on a clone of its own.
#[derive(Clone)]
pub struct Project {
    pub(crate) world: World,
    pub(crate) config: Config,
    pub(crate) library: Arc<Library>,
    pub(crate) catalogue: Arc<Catalogue>,
    /// The price of each tier's model, in the order of the ladder.
    pub(crate) prices: Vec<ModelPrice>,
    /// How calls are made, which affects what they cost.
    pub(crate) calling: Calling,
    /// The questions on which oracle programs failed in this process; they are not tried again.
    pub(crate) programs_tried: Arc<Mutex<BTreeSet<TrialKey>>>,
}

/// How calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calling {
    /// One call at a time per trial.
    Direct,
    /// Through batch APIs.
    Batch,
}

/// The configuration file: the named one, or the nearest one from the working folder upwards.
pub(crate) fn find_config(disk: &Disk, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let here = std::env::current_dir().context("cannot determine the working folder")?;
    for folder in here.ancestors() {
        if disk.is_file(&folder.join(CONFIG_FILE)) {
            // Relative to the working folder if it is in there, as the user would name it.
            return Ok(if folder == here { CONFIG_FILE.into() } else { folder.join(CONFIG_FILE) });
        }
    }
    Err(UsageError::with_help(
        format!("there is no {CONFIG_FILE} in this folder or above"),
        "start a project with `route-prof init`, or name the file with --config",
    ))
}

fn tier_prices(config: &Config, catalogue: &Catalogue) -> anyhow::Result<Vec<ModelPrice>> {
    Ok(config.tiers.iter().map(|tier| catalogue.price(&tier.model)).collect::<Result<_, _>>()?)
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project").field("config", &self.config.path).finish_non_exhaustive()
    }
}

impl Project {
    /// Loads the configuration, every oracle and the price of every tier.
    pub(crate) fn load(world: &World, config: &Path) -> anyhow::Result<Self> {
        let disk = &world.disk;
        let config = config::load(disk, config)?;
        let library = Arc::new(Library::open(disk, &config.root.join(&config.run.oracles))?);
        let catalogue = Arc::new(Catalogue::load(disk, &config)?);
        let prices = tier_prices(&config, &catalogue)?;
        let programs_tried = Arc::default();
        Ok(Self {
            world: world.clone(),
            config,
            library,
            catalogue,
            prices,
            calling: Calling::Direct,
            programs_tried,
        })
    }

    /// The disk that it is on.
    pub(crate) const fn disk(&self) -> &Disk {
        &self.world.disk
    }

    /// Adds the fallback models of every tier to the measurement. Like every model that is called, they need a price.
    pub(crate) fn measure_fallbacks(&mut self) -> anyhow::Result<()> {
        self.config.add_fallbacks();
        self.prices = tier_prices(&self.config, &self.catalogue)?;
        Ok(())
    }

    /// Looks up the price of every tier again.
    pub(crate) fn reprice(&mut self) -> anyhow::Result<()> {
        self.catalogue = Arc::new(Catalogue::load(self.disk(), &self.config)?);
        self.prices = tier_prices(&self.config, &self.catalogue)?;
        Ok(())
    }

    /// Whether the fallback models are measured, too.
    pub(crate) fn fallbacks(&self) -> bool {
        self.config.tiers.iter().any(|tier| matches!(tier.role, TierRole::Fallback(_)))
    }

    /// Opens the corpus at a path as given by the user.
    pub(crate) fn corpus(&self, path: &Path) -> anyhow::Result<Corpus> {
        Ok(Corpus::open(self.disk(), path, &path.to_string_lossy(), &self.config)?)
    }

    /// The models to measure: one target per tier, in the order of the ladder.
    pub(crate) fn targets(&self) -> anyhow::Result<Vec<TargetSpec>> {
        let mut targets = Vec::with_capacity(self.config.tiers.len());
        for (tier, price) in self.config.tiers.iter().zip(self.calling_prices()) {
            let provider = self
                .config
                .providers
                .get(&tier.model.provider)
                .with_context(|| format!("the provider of {} is not defined", tier.model))?;
            let identity = provider::identity(self.disk(), provider)?;
            targets.push(TargetSpec {
                tier: tier.name.clone(),
                model: tier.model.clone(),
                api: identity.api,
                base_url: identity.base_url,
                context_window: tier.context_window.or(price.context_window),
                price,
            });
        }
        Ok(targets)
    }

    /// The prices of calls in the way in which they are made. An unknown batch price counts as the direct price, so that cost is
    /// overestimated rather than underestimated.
    pub(crate) fn calling_prices(&self) -> Vec<ModelPrice> {
        let price = |price: &ModelPrice| match self.calling {
            Calling::Direct => price.clone(),
            Calling::Batch => price.in_batch().unwrap_or_else(|| price.clone()),
        };
        self.prices.iter().map(price).collect()
    }

    /// All trials of a corpus.
    pub(crate) fn plan(&self, corpus: &Corpus) -> anyhow::Result<Plan> {
        Ok(Plan::new(&self.config, corpus, self.targets()?)?)
    }

    /// Fails if the recording does not exist.
    pub(crate) fn require_tape(&self, file: &Path) -> anyhow::Result<()> {
        if self.disk().is_file(file) {
            return Ok(());
        }
        Err(UsageError::with_help(
            format!("there is no recording at {}", shown(file)),
            "correct `file` of [tape] in route-prof.toml (or --tape), or call the models with --live",
        ))
    }

    /// The folder of all runs.
    pub(crate) fn reports(&self) -> PathBuf {
        self.config.root.join(&self.config.run.reports)
    }

    /// The routing file: the named one, or the project's own.
    pub(crate) fn router(&self, named: Option<&Path>) -> PathBuf {
        named.map_or_else(|| self.config.root.join(&self.config.run.router), Path::to_path_buf)
    }

    /// A path as written into files: relative to the project, with forward slashes. Outside the project only the file's name is
    /// kept, so that no file reveals where things are on a machine.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let inside = self.path_inside(path);
        let shown = inside.or_else(|| path.file_name().map(PathBuf::from)).unwrap_or_default();
        shown.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// The absolute path of a file outside the project; `None` if it is inside.
    pub(crate) fn path_outside(&self, path: &Path) -> Option<PathBuf> {
        if self.path_inside(path).is_some() { None } else { std::path::absolute(path).ok() }
    }

    fn path_inside(&self, path: &Path) -> Option<PathBuf> {
        let root = &self.config.root;
        let here = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let (root, full) = (std::path::absolute(here).ok()?, std::path::absolute(path).ok()?);
        full.strip_prefix(&root).ok().map(Path::to_path_buf)
    }

    /// The folder of a run named by the user: `latest`, a run's name, or a folder.
    pub(crate) fn find_run(&self, name: &str) -> anyhow::Result<PathBuf> {
        let reports = self.reports();
        if name == "latest" {
            return self.latest()?.ok_or_else(|| {
                UsageError::with_help(
                    format!("there is no run in {} yet", self.config.run.reports.display()),
                    "start one with `route-prof run CORPUS`",
                )
            });
        }
        for folder in [reports.join(name), PathBuf::from(name)] {
            if self.disk().is_file(&folder.join(RECORD)) {
                return Ok(folder);
            }
        }
        let known = self.runs()?;
        let help = if known.is_empty() {
            "there are no runs yet: start one with `route-prof run CORPUS`".to_owned()
        } else {
            format!("use one of: {}", known.join(", "))
        };
        Err(UsageError::with_help(format!("there is no run `{}`", escape(name)), help))
    }

    /// What the run in a folder came to.
    pub(crate) fn summary_of(&self, folder: &Path) -> anyhow::Result<Summary> {
        let path = folder.join(SUMMARY);
        let run = folder.file_name().unwrap_or_default().to_string_lossy();
        let Some(bytes) = self.disk().read_if_present(&path)? else {
            let what = format!("there is no {}", shown(&path));
            return Err(UsageError::with_help(what, json::rewrite_with(&escape(&run))));
        };
        Summary::from_json(&bytes).map_err(|error| {
            UsageError::with_help(format!("cannot read {}: {error}", shown(&path)), error.help(&escape(&run)))
        })
    }

    /// The names of all runs, sorted.
    pub(crate) fn runs(&self) -> anyhow::Result<Vec<String>> {
        let reports = self.reports();
        let mut names = self.disk().list(&reports)?;
        names
            .retain(|name| RunId::new(name).is_ok() && self.disk().is_file(&reports.join(name).join(RECORD)));
        Ok(names)
    }

    /// The folder that `reports/latest` names, if it exists.
    pub(crate) fn latest(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(bytes) = self.disk().read_if_present(&self.reports().join(LATEST))? else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(&bytes);
        let Ok(id) = RunId::new(name.trim()) else { return Ok(None) };
        let folder = self.reports().join(id.as_str());
        Ok(self.disk().is_file(&folder.join(RECORD)).then_some(folder))
    }
}

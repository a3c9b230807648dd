//! From `route-prof.toml` as typed to [`Config`]: every check that needs no other file than those it names.

mod check;
mod projection;
mod provider;
mod simulate;
mod split;
mod strategy;
mod task;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use self::check::Check;
pub use self::check::plain_json_error;
use super::policy::Policy;
use super::price::Prices;
use super::provider::Provider;
use super::raw::{RawConfig, RawPrices};
use super::run::{RunSettings, Tape};
use super::settings::Config;
use super::strategy::StrategySettings;
use super::task::Task;
use super::tier::TierRole;
use crate::diag::{Fault, Faults};
use crate::disk::Disk;
use crate::ident::{ProviderName, TaskName};
use crate::units::{Share, Usd};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// What is written there is wrong.
    #[error("{0}")]
    Faults(#[from] Faults),
}

/// Keys that were there once, and what to write instead.
const REMOVED: [(&str, &str); 1] = [(
    "alert_relative",
    "remove it: a rise is found by a sequential detector, set by alert_rise (2.0 is a doubling) and alert_run_length",
)];

/// Reads and checks the configuration at `path`.
///
/// # Errors
/// All that is wrong with them, with places.
pub fn load(disk: &Disk, path: &Path) -> Result<Config, ConfigError> {
    let shown = path.display().to_string();
    let bytes = disk.read(path).map_err(|error| {
        Faults::from(Fault::new(&shown, error.to_string()).help("start a project with `route-prof init`"))
    })?;
    let source = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Faults::from(Fault::new(&shown, format!("line {line} is not UTF-8")).help("save the file as UTF-8"))
    })?;
    let raw: RawConfig = toml::from_str(&source).map_err(|error| {
        let fault = Fault::from_toml(&shown, &source, &error);
        let gone =
            REMOVED.iter().find(|(key, _)| error.message().starts_with(&format!("unknown field `{key}`")));
        Faults::from(match gone {
            Some((_, instead)) => fault.help(*instead),
            None => fault,
        })
    })?;
    // Empty for the present folder, so that paths below it are shown as a person would write them.
    let root = path.parent().map(Path::to_owned).unwrap_or_default();
    let mut check = Check { shown: &shown, source: &source, root: &root, disk, faults: Faults::default() };
    let config = check.config(path, raw);
    Ok(check.faults.into_result(config)?)
}

impl Check<'_> {
    fn config(&mut self, path: &Path, raw: RawConfig) -> Config {
        if *raw.version.get_ref() != 1 {
            let message = format!("version {} is not supported", raw.version.get_ref());
            self.fault(raw.version.span(), message, "write `version = 1`, or update route-prof");
        }
        let policy_span = raw.policy.as_ref().map(Spanned::span);
        let policy = raw.policy.map_or_else(Policy::default, |policy| self.policy(policy));
        let run = raw.run.map_or_else(RunSettings::default, |run| self.run(run));
        let mut providers = BTreeMap::new();
        for (name, provider) in raw.provider {
            if let Some(name) = self.name(&name, ProviderName::new).map(|checked| (checked, name.span())) {
                let provider = self.provider(&name.0, name.1, provider);
                providers.insert(name.0, provider);
            }
        }
        let strategy = raw
            .strategy
            .map_or_else(StrategySettings::default, |strategy| self.strategy(strategy, &providers));
        let tiers = self.tiers(raw.tier, &providers);
        if let Some(span) = policy_span {
            let ladder = tiers.iter().filter(|tier| tier.role == TierRole::Rung);
            let names: Vec<&str> = ladder.map(|tier| tier.name.as_str()).collect();
            self.faults_at(&span, policy.rule_problems(&names));
        }
        let simulate = self.simulate(raw.simulate, &tiers);
        let prices = self.prices(raw.prices);
        let mut tasks: Vec<(Range<usize>, Task)> = Vec::new();
        for (name, task) in raw.task {
            if let Some(checked) = self.name(&name, TaskName::new) {
                let task = self.task(checked, &name, task, &policy);
                tasks.push((name.span(), task));
            }
        }
        // In the order of the file: that is the order in which the user thinks of them.
        tasks.sort_by_key(|(place, _)| place.start);
        self.band_names(&tasks);
        // Whether the recording is there is asked when it is wanted: --live does without.
        let tape = raw.tape.map(|tape| Tape { file: self.root.join(tape.file), mode: tape.mode });
        let tasks: Vec<Task> = tasks.into_iter().map(|(_, task)| task).collect();
        let projection = self.projection(raw.projection);
        let baseline = raw.baseline.map(|baseline| self.baseline(baseline, &tasks, &tiers));
        Config {
            path: path.to_owned(),
            root: self.root.to_owned(),
            tiers,
            providers,
            prices,
            tasks,
            policy,
            strategy,
            projection,
            baseline,
            simulate,
            run,
            tape,
        }
    }

    fn policy(&mut self, policy: Spanned<Policy>) -> Policy {
        let span = policy.span();
        let policy = policy.into_inner();
        if policy.monitor_floor.get() > policy.route_floor.get() {
            self.fault(
                span.clone(),
                "monitor_floor is above route_floor",
                "monitor_floor must be the lower one: between the two, a tier serves with monitoring",
            );
        }
        if policy.confidence_low.get() > policy.confidence_medium.get()
            || policy.confidence_medium.get() > policy.confidence_high.get()
        {
            let help = "order them: confidence_low <= confidence_medium <= confidence_high";
            self.fault(span.clone(), "the required confidence must not fall as the consequence rises", help);
        }
        let whole = |share: Share| share.get() <= 0.0 || share.get() >= 1.0;
        if whole(policy.interval_confidence) || whole(policy.alert_confidence) {
            self.fault(
                span.clone(),
                "there is no confidence interval at a confidence of 0 or 1",
                "use a value such as 0.95 for interval_confidence and alert_confidence",
            );
        }
        if policy.context_guard.get() <= 0.0 {
            self.fault(span.clone(), "a context_guard of 0 bypasses every tier", "use a share such as 0.8");
        }
        if !(1.01..=100.0).contains(&policy.alert_rise)
            || !(1000..=100_000_000).contains(&policy.alert_run_length)
        {
            let help = "alert_rise must be between 1.01 and 100 (2.0 is a doubling), alert_run_length between 1000 and 100000000";
            self.fault(span.clone(), "a number of the alert is out of range", help);
        }
        if policy.availability_floor.get() >= 1.0 {
            let help = "use a share such as 0.99; no number of attempts shows that none ever fails";
            self.fault(span.clone(), "no tier can be shown to meet an availability_floor of 1", help);
        }
        if policy.alert_window == 0 || !(100..=100_000).contains(&policy.bootstrap_resamples) {
            let help = "alert_window must be 1 or more; bootstrap_resamples must be between 100 and 100000";
            self.fault(span.clone(), "a count of [policy] is out of range", help);
        }
        if policy.latency_penalty < Usd::ZERO {
            self.fault(
                span.clone(),
                "latency_penalty is negative",
                "use the price of a second of waiting, 0 or more",
            );
        }
        if policy.failure_cost.is_some_and(|cost| cost < Usd::ZERO) {
            self.fault(span, "failure_cost is negative", "use the cost of a wrong answer in USD, 0 or more");
        }
        policy
    }

    fn strategy(
        &mut self,
        strategy: Spanned<StrategySettings>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> StrategySettings {
        let span = strategy.span();
        let strategy = strategy.into_inner();
        if !(2..=50).contains(&strategy.folds) {
            self.fault(span.clone(), "folds is out of range", "use 2 to 50; 5 is usual");
        }
        if strategy.keep.is_empty() {
            self.fault(
                span.clone(),
                "keep is empty",
                "name a share of the best tier's quality, such as [0.97]",
            );
        }
        if strategy.neighbours == 0 {
            self.fault(span.clone(), "neighbours is 0", "use 1 or more; 10 is usual");
        }
        let weights = [strategy.weights.complexity, strategy.weights.cost, strategy.weights.latency];
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            self.fault(span.clone(), "a weight is negative", "use weights of 0 or more");
        }
        self.strategy_models(&span, &strategy, providers);
        strategy
    }

    fn run(&mut self, run: Spanned<RunSettings>) -> RunSettings {
        let span = run.span();
        let run = run.into_inner();
        let positive = [
            ("repeats", u64::from(run.repeats)),
            ("max_output_tokens", run.max_output_tokens.0),
            ("max_attempts", u64::from(run.max_attempts)),
            ("max_trial_s", u64::from(run.max_trial_s)),
            ("batch_poll_s", u64::from(run.batch_poll_s)),
            ("connect_timeout_s", u64::from(run.connect_timeout_s)),
            ("progress_timeout_s", u64::from(run.progress_timeout_s)),
            ("total_timeout_s", u64::from(run.total_timeout_s)),
        ];
        for (name, value) in positive {
            if value == 0 {
                self.fault(span.clone(), format!("{name} of [run] is 0"), "use 1 or more");
            }
        }
        run
    }

    fn prices(&mut self, raw: RawPrices) -> Prices {
        let mut models = BTreeMap::new();
        for (name, price) in raw.model {
            let parts = [price.input, price.output, price.cache_read, price.cache_write];
            if parts.into_iter().flatten().any(|price| price < Usd::ZERO) {
                let message = format!("a price of `{}` is negative", name.get_ref());
                self.fault(name.span(), message, "use USD per million tokens, 0 or more");
            }
            if let Some(model) = self.name(&name, str::parse) {
                models.insert(model, price);
            }
        }
        let catalogue = raw.catalogue.map(|file| self.root.join(file));
        Prices { catalogue, models, note: raw.note }
    }
}

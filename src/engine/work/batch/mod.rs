//! `run --batch`: submits the trials to the providers' batch APIs, waits, and collects the answers. Submissions are recorded
//! first, so after an interruption or a kill the same command continues to wait.

mod ledger;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use self::ledger::{Ledger, OpenBatch};
use super::calls::Calls;
use crate::clock;
use crate::diag::{Faults, UsageError, escape};
use crate::disk::Disk;
use crate::dispatch::{Call, EndReason, Report, Source, StopMode};
use crate::engine::context::Engine;
use crate::engine::event::{Event, Progress, Stage};
use crate::engine::run::project::Project;
use crate::ident::{RunId, TierName, TrialKey};
use crate::journal::{Index, Journal};
use crate::provider::batch::{BatchError, Batches, Found, Item, State};
use crate::provider::{Endpoint, Response, Retry};
use crate::record::{Attempt, ErrorKind, Via};
use crate::units::{Timestamp, Usd};

/// The longest time between two polls of a batch.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(300);
/// Failed polls of a batch until its tier is stopped; the batch itself continues at the provider.
const MAX_FAILED_POLLS: u32 = 10;
/// Attempts to submit a batch.
const MAX_SUBMISSIONS: u32 = 3;

/// A batch run.
pub(crate) struct BatchRun<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) project: &'a Project,
    pub(crate) calls: &'a Calls,
    pub(crate) index: &'a Index,
    pub(crate) folder: &'a Path,
    pub(crate) run: &'a RunId,
    pub(crate) ceiling: Option<Usd>,
    /// What the run has cost so far.
    pub(crate) spent: Usd,
    /// What to do with a batch if it is unknown whether the provider received it.
    pub(crate) unknown: Unknown,
}

/// What to do with a batch if it is unknown whether the provider received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Stop and ask the user.
    Ask,
    /// Submit its trials again.
    Resubmit,
}

/// The number of trials of a run that are submitted to batch APIs. Sending them directly would mean paying for them twice.
pub(crate) fn submitted_trials(disk: &Disk, folder: &Path) -> anyhow::Result<usize> {
    if !Ledger::exists(disk, folder) {
        return Ok(0);
    }
    Ok(Ledger::open(disk, folder)?.open_batches().iter().map(|open| open.keys.len()).sum())
}

/// The state of a batch run.
#[derive(Default)]
struct BatchState {
    stopped: BTreeMap<u16, String>,
    stages: Vec<Progress>,
    attempts: u64,
    reserved: Usd,
    out_of_money: bool,
}

impl BatchRun<'_> {
    /// Submits the remaining trials of `order`, and collects the answers.
    pub(crate) async fn measure(
        &self,
        journal: &mut Journal,
        order: Vec<u32>,
        stages: &[Stage],
        mut stop_mode: watch::Receiver<StopMode>,
    ) -> anyhow::Result<Report> {
        let mut ledger = Ledger::open(self.project.disk(), self.folder)?;
        let endpoints = self.endpoints(&order)?;
        let stages = stages.iter().map(|stage| Progress { done: stage.done, ..Progress::default() });
        let mut state = BatchState { stages: stages.collect(), ..BatchState::default() };
        self.resolve_unknown(&mut ledger, &endpoints).await?;
        let submitted: HashSet<TrialKey> =
            ledger.open_batches().into_iter().flat_map(|open| open.keys).collect();
        if !submitted.is_empty() {
            self.engine.emit(Event::AwaitingBatches { trials: submitted.len() as u64 });
            state.reserved = self.reserve_of(&submitted)?;
        }
        let fresh =
            order.into_iter().filter(|trial| !submitted.contains(&self.calls.plan.key(*trial as usize)));
        self.submit_all(&mut ledger, &endpoints, fresh.collect(), &mut state, &stop_mode).await?;
        let ended = self.wait(journal, &mut ledger, &endpoints, &mut state, &mut stop_mode).await?;
        Ok(Report {
            ended: if ended == EndReason::Complete && state.out_of_money { EndReason::Budget } else { ended },
            attempts: state.attempts,
            stopped: state.stopped.into_iter().collect(),
            throttled_to: None,
        })
    }

    /// The endpoint of each tier with remaining trials. All of them must have a batch API.
    fn endpoints(&self, order: &[u32]) -> anyhow::Result<BTreeMap<u16, Endpoint>> {
        let tiers: HashSet<u16> = order.iter().map(|trial| self.calls.tier(*trial)).collect();
        let mut endpoints = BTreeMap::new();
        let mut faults = Faults::default();
        let mut without = Vec::new();
        for (at, target) in self.calls.plan.targets().iter().enumerate() {
            let at = u16::try_from(at).context("too many tiers")?;
            if !tiers.contains(&at) {
                continue;
            }
            let provider = self.project.config.providers.get(&target.model.provider);
            let provider = provider.context("a provider that is not defined")?;
            match Endpoint::connect(&self.project.world, provider, &self.project.config.run) {
                Ok(endpoint) if endpoint.batches().is_some() => {
                    endpoints.insert(at, endpoint);
                }
                Ok(_) => without.push(format!("{} (api `{}`)", target.tier, target.api)),
                Err(found) => faults.0.extend(found.0),
            }
        }
        if !without.is_empty() {
            return Err(UsageError::with_help(
                format!("there is no batch API for {}", without.join(", ")),
                "run without --batch, or measure these tiers in a configuration of their own: later runs reuse the answers",
            ));
        }
        Ok(faults.into_result(endpoints)?)
    }

    fn batches<'e>(
        &self,
        endpoints: &'e BTreeMap<u16, Endpoint>,
        tier: &TierName,
    ) -> Option<(u16, Batches<'e>)> {
        let at = self.calls.plan.targets().iter().position(|target| target.tier == *tier)?;
        let at = u16::try_from(at).ok()?;
        Some((at, endpoints.get(&at)?.batches()?))
    }

    /// Finds out whether batches arrived that were being submitted when the run ended.
    async fn resolve_unknown(
        &self,
        ledger: &mut Ledger,
        endpoints: &BTreeMap<u16, Endpoint>,
    ) -> anyhow::Result<()> {
        for open in ledger.open_batches().into_iter().filter(|open| open.id.is_none()) {
            let Some((_, batches)) = self.batches(endpoints, &open.tier) else { continue };
            match batches.find(&open.label).await? {
                Found::Yes(id) => ledger.submitted(&open.label, &id)?,
                Found::No => ledger.close(&open.label, "it never arrived")?,
                Found::CannotTell if self.unknown == Unknown::Resubmit => {
                    ledger.close(&open.label, "submitted again, at the user's request")?;
                }
                Found::CannotTell => {
                    return Err(UsageError::with_help(
                        format!(
                            "the run ended while {} requests for tier {} were being submitted: the provider may have received them",
                            open.keys.len(),
                            open.tier
                        ),
                        "look for the batch in the provider's console and cancel it, then continue with --resubmit",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The most that trials in flight can cost.
    fn reserve_of(&self, keys: &HashSet<TrialKey>) -> anyhow::Result<Usd> {
        let mut sum = Usd::ZERO;
        for at in (0..self.calls.plan.len()).filter(|at| keys.contains(&self.calls.plan.key(*at))) {
            sum += self.calls.load(u32::try_from(at)?)?.reserve;
        }
        Ok(sum)
    }

    /// Submits trials, tier by tier. Each batch is recorded before it is sent.
    async fn submit_all(
        &self,
        ledger: &mut Ledger,
        endpoints: &BTreeMap<u16, Endpoint>,
        order: Vec<u32>,
        state: &mut BatchState,
        stop_mode: &watch::Receiver<StopMode>,
    ) -> anyhow::Result<()> {
        for (tier, endpoint) in endpoints {
            let Some(batches) = endpoint.batches() else { continue };
            let (most, bytes) = batches.limits();
            let (mut items, mut keys, mut size) = (Vec::new(), Vec::new(), 0);
            for trial in order.iter().copied().filter(|trial| self.calls.tier(*trial) == *tier) {
                if *stop_mode.borrow() != StopMode::Run || state.stopped.contains_key(tier) {
                    break;
                }
                let call = self.calls.load(trial)?;
                if self.ceiling.is_some_and(|ceiling| self.spent + state.reserved + call.reserve > ceiling) {
                    state.out_of_money = true;
                    break;
                }
                state.reserved += call.reserve;
                let item = match batches.item(call.key.to_string(), &call.model.model, &call.request) {
                    Ok(item) => item,
                    Err(why) => {
                        state.stopped.insert(*tier, format!("prompt {}: {why}", call.prompt));
                        break;
                    }
                };
                if items.len() == most || size + item.bytes() > bytes {
                    self.submit(ledger, &batches, *tier, &mut items, &mut keys, state).await?;
                    size = 0;
                }
                size += item.bytes();
                keys.push(call.key);
                items.push(item);
            }
            self.submit(ledger, &batches, *tier, &mut items, &mut keys, state).await?;
        }
        Ok(())
    }

    async fn submit(
        &self,
        ledger: &mut Ledger,
        batches: &Batches<'_>,
        tier: u16,
        items: &mut Vec<Item>,
        keys: &mut Vec<TrialKey>,
        state: &mut BatchState,
    ) -> anyhow::Result<()> {
        let (items, keys) = (std::mem::take(items), std::mem::take(keys));
        if items.is_empty() || state.stopped.contains_key(&tier) {
            return Ok(());
        }
        let target = self.calls.plan.targets().get(usize::from(tier)).context("a tier of another plan")?;
        let label = ledger.label(self.run.as_str(), &target.tier, &keys);
        ledger.submitting(&label, &target.tier, keys)?;
        let mut failed = 0;
        loop {
            let error = match batches.submit(&label, &items).await {
                Ok(id) => {
                    ledger.submitted(&label, &id)?;
                    self.engine.emit(Event::BatchSubmitted {
                        requests: items.len() as u64,
                        model: target.model.clone(),
                        batch: id,
                    });
                    return Ok(());
                }
                Err(error) => error,
            };
            failed += 1;
            // A request that was rejected, or never sent, has no effect. About any other, the provider is asked.
            let known = !matches!(
                error.failure.kind,
                ErrorKind::Timeout | ErrorKind::BrokenStream | ErrorKind::Server | ErrorKind::Protocol
            );
            if !known {
                match batches.find(&label).await {
                    Ok(Found::Yes(id)) => {
                        ledger.submitted(&label, &id)?;
                        return Ok(());
                    }
                    Ok(Found::No) => {}
                    Ok(Found::CannotTell) | Err(_) => {
                        state
                            .stopped
                            .insert(tier, format!("{error}; it is unknown whether the batch was accepted"));
                        return Ok(());
                    }
                }
            }
            let wait = match error.retry {
                Retry::No | Retry::StopTier => None,
                Retry::After(wait) => Some(wait),
                Retry::Backoff | Retry::Once => Some(Duration::from_secs(1 << failed)),
            };
            match wait.filter(|wait| failed < MAX_SUBMISSIONS && *wait <= MAX_POLL_INTERVAL) {
                Some(wait) => clock::sleep(wait).await,
                None => {
                    ledger.close(&label, &error.to_string())?;
                    state.stopped.insert(tier, error.to_string());
                    return Ok(());
                }
            }
        }
    }

    /// Waits for every open batch and collects each as it ends.
    async fn wait(
        &self,
        journal: &mut Journal,
        ledger: &mut Ledger,
        endpoints: &BTreeMap<u16, Endpoint>,
        state: &mut BatchState,
        stop_mode: &mut watch::Receiver<StopMode>,
    ) -> anyhow::Result<EndReason> {
        let mut interval = Duration::from_secs(self.project.config.run.batch_poll_s.into());
        let mut failures: HashMap<String, u32> = HashMap::new();
        loop {
            let mut waiting = 0;
            for open in ledger.open_batches() {
                let Some((tier, batches)) = self.batches(endpoints, &open.tier) else { continue };
                let Some(id) = open.id.as_deref().filter(|_| !state.stopped.contains_key(&tier)) else {
                    continue;
                };
                let looked = match batches.poll(id).await {
                    Ok(State::Working(_)) => Ok(false),
                    Ok(State::Failed(why)) => {
                        ledger.close(&open.label, &why)?;
                        state.stopped.insert(tier, format!("batch {} failed: {}", escape(id), escape(&why)));
                        continue;
                    }
                    Ok(State::Ended) => {
                        self.collect(journal, &batches, tier, &open, state).await.map(|()| true)
                    }
                    Err(error) => Err(error.into()),
                };
                match looked {
                    Ok(true) => ledger.close(&open.label, "collected")?,
                    Ok(false) => waiting += 1,
                    Err(error) => {
                        let failed = failures.entry(open.label.clone()).or_default();
                        *failed += 1;
                        let transient =
                            error.downcast_ref::<BatchError>().is_some_and(|error| match error.retry {
                                Retry::Backoff | Retry::Once | Retry::After(_) => true,
                                Retry::No | Retry::StopTier => false,
                            });
                        if transient && *failed < MAX_FAILED_POLLS {
                            waiting += 1;
                        } else if error.is::<BatchError>() {
                            state.stopped.insert(tier, error.to_string());
                        } else {
                            return Err(error);
                        }
                    }
                }
            }
            if waiting == 0 {
                return Ok(EndReason::Complete);
            }
            let pause = interval.mul_f64(0.9 + 0.2 * f64::from(waiting % 7) / 7.0);
            interval = (interval * 2).min(MAX_POLL_INTERVAL);
            tokio::select! {
                () = clock::sleep(pause) => {}
                _ = stop_mode.wait_for(|stop_mode| *stop_mode != StopMode::Run) => return Ok(EndReason::Interrupted),
            }
        }
    }

    /// Writes the answers of a batch to the journal, except those that are already there.
    async fn collect(
        &self,
        journal: &mut Journal,
        batches: &Batches<'_>,
        tier: u16,
        open: &OpenBatch,
        state: &mut BatchState,
    ) -> anyhow::Result<()> {
        let wanted: HashSet<TrialKey> =
            open.keys.iter().copied().filter(|key| !self.index.is_answered(key)).collect();
        let plan = &self.calls.plan;
        let trials: HashMap<String, u32> = (0..plan.len())
            .filter(|at| wanted.contains(&plan.key(*at)))
            .filter_map(|at| Some((plan.key(at).to_string(), u32::try_from(at).ok()?)))
            .collect();
        let (mut pending, mut failed) = (Vec::new(), None);
        let mut each = |item: String, response: Response| {
            let Some(trial) = trials.get(&item) else { return };
            if failed.is_some() {
                return;
            }
            match self.calls.load(*trial) {
                Ok(call) => pending.push(self.attempt(tier, &call, response)),
                Err(error) => failed = Some(error),
            }
            if pending.len() >= 1024
                && let Err(error) = journal.append(&pending).map(|()| self.count(tier, &mut pending, state))
            {
                failed = Some(error.into());
            }
        };
        batches.collect(open.id.as_deref().unwrap_or_default(), &mut each).await?;
        if let Some(error) = failed {
            return Err(error);
        }
        journal.append(&pending)?;
        self.count(tier, &mut pending, state);
        Ok(())
    }

    fn count(&self, tier: u16, written: &mut Vec<Attempt>, state: &mut BatchState) {
        for attempt in written.drain(..) {
            state.attempts += 1;
            let Some(stage) = state.stages.get_mut(usize::from(tier)) else { continue };
            stage.done += 1;
            stage.errors += u64::from(!attempt.outcome.is_answer());
            stage.spent += attempt.billed.unwrap_or_default();
        }
        let stage = usize::from(tier);
        if let Some(progress) = state.stages.get(stage) {
            self.engine.emit(Event::Progress { stage, progress: *progress });
        }
    }

    fn attempt(&self, tier: u16, call: &Call, mut response: Response) -> Attempt {
        if call.exact_model {
            response.insist_on(&call.model.model);
        }
        let mut attempt =
            response.into_attempt(call.key, call.prompt.clone(), call.model.clone(), call.repeat);
        attempt.attempt = call.attempts_before + 1;
        attempt.batch = true;
        attempt.at = Some(Timestamp::of(self.project.world.clock.now()));
        attempt.via = Via::Live;
        attempt.billed = self.calls.price(tier, &attempt);
        attempt
    }
}

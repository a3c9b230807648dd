//! `run --batch`: hands the trials over to the providers' batch APIs, waits, and collects. Interrupted or killed, the same
//! command goes on waiting: what was handed over is written down first.

mod book;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use self::book::{Book, Open};
use super::calls::Calls;
use crate::clock;
use crate::diag::{Faults, UsageError, escape};
use crate::disk::Disk;
use crate::dispatch::{Call, Ended, Report, Source, Wish};
use crate::engine::context::Engine;
use crate::engine::event::{Event, Progress, Stage};
use crate::engine::run::project::Project;
use crate::ident::{RunId, TierName, TrialKey};
use crate::journal::{Index, Journal};
use crate::provider::batch::{BatchError, Batches, Found, Item, State};
use crate::provider::{Endpoint, Response, Retry};
use crate::record::{Attempt, ErrorKind, Via};
use crate::units::{Timestamp, Usd};

/// The longest time between two looks at a batch.
const LONGEST_POLL: Duration = Duration::from_secs(300);
/// As many failed looks in a row, and the run ends; the batches go on.
const PATIENCE: u32 = 10;
/// Attempts to hand a batch over.
const TRIES: u32 = 3;

/// What a batch run works with.
pub(crate) struct BatchRun<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) project: &'a Project,
    pub(crate) calls: &'a Calls,
    pub(crate) index: &'a Index,
    pub(crate) folder: &'a Path,
    pub(crate) run: &'a RunId,
    pub(crate) ceiling: Option<Usd>,
    /// What the run has cost before.
    pub(crate) spent: Usd,
    /// What becomes of a batch of which nobody knows whether the provider got it.
    pub(crate) unknown: Unknown,
}

/// What becomes of a batch of which nobody knows whether the provider got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The user is asked.
    Ask,
    /// Its trials are handed over anew.
    Resubmit,
}

/// Trials of a run that are with batch APIs: to send them by themselves now would be to pay for them twice.
pub(crate) fn handed_over(disk: &Disk, folder: &Path) -> anyhow::Result<usize> {
    if !Book::is_there(disk, folder) {
        return Ok(0);
    }
    Ok(Book::open(disk, folder)?.open_batches().iter().map(|open| open.keys.len()).sum())
}

/// What a batch run has come to so far.
#[derive(Default)]
struct Course {
    stopped: BTreeMap<u16, String>,
    stages: Vec<Progress>,
    attempts: u64,
    reserved: Usd,
    out_of_money: bool,
}

impl BatchRun<'_> {
    /// Hands over what is left of `order`, and collects.
    pub(crate) async fn measure(
        &self,
        journal: &mut Journal,
        order: Vec<u32>,
        stages: &[Stage],
        mut wish: watch::Receiver<Wish>,
    ) -> anyhow::Result<Report> {
        let mut book = Book::open(self.project.disk(), self.folder)?;
        let endpoints = self.endpoints(&order)?;
        let stages = stages.iter().map(|stage| Progress { done: stage.done, ..Progress::default() });
        let mut course = Course { stages: stages.collect(), ..Course::default() };
        self.settle_unknown(&mut book, &endpoints).await?;
        let handed: HashSet<TrialKey> = book.open_batches().into_iter().flat_map(|open| open.keys).collect();
        if !handed.is_empty() {
            self.engine.tell(Event::BatchesAwaited { trials: handed.len() as u64 });
            course.reserved = self.reserve_of(&handed)?;
        }
        let fresh = order.into_iter().filter(|trial| !handed.contains(&self.calls.plan.key(*trial as usize)));
        self.hand_over(&mut book, &endpoints, fresh.collect(), &mut course, &wish).await?;
        let ended = self.wait(journal, &mut book, &endpoints, &mut course, &mut wish).await?;
        Ok(Report {
            ended: if ended == Ended::Complete && course.out_of_money { Ended::Budget } else { ended },
            attempts: course.attempts,
            stopped: course.stopped.into_iter().collect(),
            throttled_to: None,
        })
    }

    /// The endpoint of each tier that has trials left. All of them must take batches.
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
                format!("no batch API serves {}", without.join(", ")),
                "leave --batch out, or measure these tiers in a project of their own: answers are taken over by later runs",
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

    /// Finds out what became of batches that were about to be handed over when the run ended.
    async fn settle_unknown(
        &self,
        book: &mut Book,
        endpoints: &BTreeMap<u16, Endpoint>,
    ) -> anyhow::Result<()> {
        for open in book.open_batches().into_iter().filter(|open| open.id.is_none()) {
            let Some((_, batches)) = self.batches(endpoints, &open.tier) else { continue };
            match batches.find(&open.label).await? {
                Found::Yes(id) => book.handed(&open.label, &id)?,
                Found::No => book.over(&open.label, "it never arrived")?,
                Found::CannotTell if self.unknown == Unknown::Resubmit => {
                    book.over(&open.label, "handed over anew, as the user wished")?;
                }
                Found::CannotTell => {
                    return Err(UsageError::with_help(
                        format!(
                            "the run ended while {} requests were handed over for tier {}: the provider may be at work on them",
                            open.keys.len(),
                            open.tier
                        ),
                        "look for the batch in the provider's console and cancel it, then go on with --resubmit",
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

    /// Hands trials over, tier by tier, each batch written down before it leaves.
    async fn hand_over(
        &self,
        book: &mut Book,
        endpoints: &BTreeMap<u16, Endpoint>,
        order: Vec<u32>,
        course: &mut Course,
        wish: &watch::Receiver<Wish>,
    ) -> anyhow::Result<()> {
        for (tier, endpoint) in endpoints {
            let Some(batches) = endpoint.batches() else { continue };
            let (most, bytes) = batches.limits();
            let (mut items, mut keys, mut size) = (Vec::new(), Vec::new(), 0);
            for trial in order.iter().copied().filter(|trial| self.calls.tier(*trial) == *tier) {
                if *wish.borrow() != Wish::Go || course.stopped.contains_key(tier) {
                    break;
                }
                let call = self.calls.load(trial)?;
                if self.ceiling.is_some_and(|ceiling| self.spent + course.reserved + call.reserve > ceiling) {
                    course.out_of_money = true;
                    break;
                }
                course.reserved += call.reserve;
                let item = match batches.item(call.key.to_string(), &call.model.model, &call.request) {
                    Ok(item) => item,
                    Err(why) => {
                        course.stopped.insert(*tier, format!("prompt {}: {why}", call.prompt));
                        break;
                    }
                };
                if items.len() == most || size + item.bytes() > bytes {
                    self.submit(book, &batches, *tier, &mut items, &mut keys, course).await?;
                    size = 0;
                }
                size += item.bytes();
                keys.push(call.key);
                items.push(item);
            }
            self.submit(book, &batches, *tier, &mut items, &mut keys, course).await?;
        }
        Ok(())
    }

    async fn submit(
        &self,
        book: &mut Book,
        batches: &Batches<'_>,
        tier: u16,
        items: &mut Vec<Item>,
        keys: &mut Vec<TrialKey>,
        course: &mut Course,
    ) -> anyhow::Result<()> {
        let (items, keys) = (std::mem::take(items), std::mem::take(keys));
        if items.is_empty() || course.stopped.contains_key(&tier) {
            return Ok(());
        }
        let target = self.calls.plan.targets().get(usize::from(tier)).context("a tier of another plan")?;
        let label = book.label(self.run.as_str(), &target.tier, &keys);
        book.handing(&label, &target.tier, keys)?;
        let mut failed = 0;
        loop {
            let error = match batches.submit(&label, &items).await {
                Ok(id) => {
                    book.handed(&label, &id)?;
                    self.engine.tell(Event::BatchSubmitted {
                        requests: items.len() as u64,
                        model: target.model.clone(),
                        batch: id,
                    });
                    return Ok(());
                }
                Err(error) => error,
            };
            failed += 1;
            // A request that was refused, or never left, is known to have come to nothing; of any other the provider is asked.
            let known = !matches!(
                error.failure.kind,
                ErrorKind::Timeout | ErrorKind::BrokenStream | ErrorKind::Server | ErrorKind::Protocol
            );
            if !known {
                match batches.find(&label).await {
                    Ok(Found::Yes(id)) => {
                        book.handed(&label, &id)?;
                        return Ok(());
                    }
                    Ok(Found::No) => {}
                    Ok(Found::CannotTell) | Err(_) => {
                        course
                            .stopped
                            .insert(tier, format!("{error}; whether the batch was taken is not known"));
                        return Ok(());
                    }
                }
            }
            let wait = match error.retry {
                Retry::No | Retry::StopTier => None,
                Retry::After(wait) => Some(wait),
                Retry::Backoff | Retry::Once => Some(Duration::from_secs(1 << failed)),
            };
            match wait.filter(|wait| failed < TRIES && *wait <= LONGEST_POLL) {
                Some(wait) => clock::sleep(wait).await,
                None => {
                    book.over(&label, &error.to_string())?;
                    course.stopped.insert(tier, error.to_string());
                    return Ok(());
                }
            }
        }
    }

    /// Waits for every open batch and collects each as it ends.
    async fn wait(
        &self,
        journal: &mut Journal,
        book: &mut Book,
        endpoints: &BTreeMap<u16, Endpoint>,
        course: &mut Course,
        wish: &mut watch::Receiver<Wish>,
    ) -> anyhow::Result<Ended> {
        let mut interval = Duration::from_secs(self.project.config.run.batch_poll_s.into());
        let mut failures: HashMap<String, u32> = HashMap::new();
        loop {
            let mut waiting = 0;
            for open in book.open_batches() {
                let Some((tier, batches)) = self.batches(endpoints, &open.tier) else { continue };
                let Some(id) = open.id.as_deref().filter(|_| !course.stopped.contains_key(&tier)) else {
                    continue;
                };
                let looked = match batches.poll(id).await {
                    Ok(State::Working(_)) => Ok(false),
                    Ok(State::Failed(why)) => {
                        book.over(&open.label, &why)?;
                        course.stopped.insert(tier, format!("batch {} failed: {}", escape(id), escape(&why)));
                        continue;
                    }
                    Ok(State::Ended) => {
                        self.collect(journal, &batches, tier, &open, course).await.map(|()| true)
                    }
                    Err(error) => Err(error.into()),
                };
                match looked {
                    Ok(true) => book.over(&open.label, "collected")?,
                    Ok(false) => waiting += 1,
                    Err(error) => {
                        let failed = failures.entry(open.label.clone()).or_default();
                        *failed += 1;
                        let transient =
                            error.downcast_ref::<BatchError>().is_some_and(|error| match error.retry {
                                Retry::Backoff | Retry::Once | Retry::After(_) => true,
                                Retry::No | Retry::StopTier => false,
                            });
                        if transient && *failed < PATIENCE {
                            waiting += 1;
                        } else if error.is::<BatchError>() {
                            course.stopped.insert(tier, error.to_string());
                        } else {
                            return Err(error);
                        }
                    }
                }
            }
            if waiting == 0 {
                return Ok(Ended::Complete);
            }
            let pause = interval.mul_f64(0.9 + 0.2 * f64::from(waiting % 7) / 7.0);
            interval = (interval * 2).min(LONGEST_POLL);
            tokio::select! {
                () = clock::sleep(pause) => {}
                _ = wish.wait_for(|wish| *wish != Wish::Go) => return Ok(Ended::Interrupted),
            }
        }
    }

    /// Takes the answers of a batch into the journal. Those that a kill left there already are not taken twice.
    async fn collect(
        &self,
        journal: &mut Journal,
        batches: &Batches<'_>,
        tier: u16,
        open: &Open,
        course: &mut Course,
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
                && let Err(error) = journal.append(&pending).map(|()| self.count(tier, &mut pending, course))
            {
                failed = Some(error.into());
            }
        };
        batches.collect(open.id.as_deref().unwrap_or_default(), &mut each).await?;
        if let Some(error) = failed {
            return Err(error);
        }
        journal.append(&pending)?;
        self.count(tier, &mut pending, course);
        Ok(())
    }

    fn count(&self, tier: u16, written: &mut Vec<Attempt>, course: &mut Course) {
        for attempt in written.drain(..) {
            course.attempts += 1;
            let Some(stage) = course.stages.get_mut(usize::from(tier)) else { continue };
            stage.done += 1;
            stage.errors += u64::from(!attempt.outcome.is_answer());
            stage.spent += attempt.billed.unwrap_or_default();
        }
        let stage = usize::from(tier);
        if let Some(progress) = course.stages.get(stage) {
            self.engine.tell(Event::Progress { stage, progress: *progress });
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

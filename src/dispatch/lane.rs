//! The workers of an endpoint: taking trials, waiting for money, rate and gate, sending, handing over, retrying.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::budget::Grant;
use super::limit::Rates;
use super::{Budget, Call, Ended, Finished, Lane, Parcel, Report, Settings, Source, Wish, backoff};
use crate::provider::{Response, Retry};
use crate::record::{Attempt, ErrorKind, Outcome, Via};
use crate::units::{Millis, Timestamp};

/// A server that asks for more than this is not waited for: its tier is stopped, and another day continues the run.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// As many refusals of the same words in a row stop a tier: every further call would be refused in the same way.
const SAME_REFUSALS: u32 = 5;

/// What all workers share.
pub(super) struct Shared<S> {
    source: Arc<S>,
    budget: Arc<Budget>,
    settings: Settings,
    wish: watch::Receiver<Wish>,
    parcels: mpsc::Sender<Parcel>,
    pub(super) facts: Arc<Facts>,
}

/// What a run has come to so far.
#[derive(Default)]
pub(super) struct Facts {
    attempts: AtomicU64,
    out_of_money: AtomicBool,
    stopped: Mutex<HashMap<u16, String>>,
    failed: Mutex<Option<anyhow::Error>>,
    /// The last refusal of each tier, and how often it came in a row.
    refusals: Mutex<HashMap<u16, (String, u32)>>,
    halt: AtomicBool,
}

impl Facts {
    pub(super) fn report(&self, wish: Wish) -> anyhow::Result<Report> {
        if let Some(error) = lock(&self.failed).take() {
            return Err(error);
        }
        let mut stopped: Vec<(u16, String)> =
            lock(&self.stopped).iter().map(|(tier, why)| (*tier, why.clone())).collect();
        stopped.sort();
        let ended = if wish != Wish::Go {
            Ended::Interrupted
        } else if self.out_of_money.load(Ordering::SeqCst) {
            Ended::Budget
        } else {
            Ended::Complete
        };
        Ok(Report { ended, attempts: self.attempts.load(Ordering::SeqCst), stopped })
    }

    fn is_stopped(&self, tier: u16) -> bool {
        lock(&self.stopped).contains_key(&tier)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Source> Shared<S> {
    pub(super) fn new(
        source: Arc<S>,
        budget: Arc<Budget>,
        settings: Settings,
        wish: watch::Receiver<Wish>,
        parcels: mpsc::Sender<Parcel>,
    ) -> Self {
        Self { source, budget, settings, wish, parcels, facts: Arc::default() }
    }

    fn is_over(&self) -> bool {
        *self.wish.borrow() != Wish::Go
            || self.facts.out_of_money.load(Ordering::SeqCst)
            || self.facts.halt.load(Ordering::SeqCst)
    }

    /// Sleeps, but not beyond the user's wish to end.
    async fn sleep_until(&self, then: Instant) {
        let mut wish = self.wish.clone();
        tokio::select! {
            () = tokio::time::sleep_until(then) => {}
            _ = wish.wait_for(|wish| *wish != Wish::Go) => {}
        }
    }
}

/// A trial that is to be tried again.
struct Again {
    call: Call,
    trial: u32,
    /// Attempts that failed in this run.
    failed: u32,
    /// Whether the one more attempt of a [`Retry::Once`] was used.
    once: bool,
}

/// An endpoint's trials, rates and gate.
pub(super) struct LaneState {
    lane: Lane,
    queue: Mutex<Queue>,
    rates: Mutex<Rates>,
    /// No call leaves before this moment.
    gate: Mutex<Instant>,
}

struct Queue {
    fresh: VecDeque<u32>,
    /// Retries by the moment at which they are due.
    due: BinaryHeap<Reverse<(Instant, u32)>>,
    retries: HashMap<u32, Again>,
}

enum Next {
    Trial(Again),
    Fresh(u32),
    Wait(Instant),
    Nothing,
}

impl LaneState {
    pub(super) fn new(lane: Lane, _began: std::time::Instant) -> Self {
        let now = Instant::now();
        let rates = Rates::new(lane.limits.requests_per_minute, lane.limits.tokens_per_minute, now);
        let fresh = lane.trials.iter().copied().collect();
        let queue = Queue { fresh, due: BinaryHeap::new(), retries: HashMap::new() };
        Self { lane, queue: Mutex::new(queue), rates: Mutex::new(rates), gate: Mutex::new(now) }
    }

    /// No more workers than there are trials.
    pub(super) fn workers(&self) -> usize {
        self.lane.limits.concurrency.min(self.lane.trials.len())
    }

    fn next(&self) -> Next {
        let mut queue = lock(&self.queue);
        let now = Instant::now();
        let due = queue.due.peek().map(|Reverse((due, _))| *due);
        match due {
            Some(due) if due <= now || queue.fresh.is_empty() => {
                if due > now {
                    return Next::Wait(due);
                }
                let Some(Reverse((_, trial))) = queue.due.pop() else { return Next::Nothing };
                queue.retries.remove(&trial).map_or(Next::Nothing, Next::Trial)
            }
            Some(_) | None => queue.fresh.pop_front().map_or(Next::Nothing, Next::Fresh),
        }
    }

    fn push(&self, again: Again, due: Instant) {
        let mut queue = lock(&self.queue);
        queue.due.push(Reverse((due, again.trial)));
        queue.retries.insert(again.trial, again);
    }
}

/// Works on a lane until there is nothing left for it to do.
pub(super) async fn work<S: Source>(shared: &Shared<S>, lane: &LaneState) {
    loop {
        if shared.is_over() {
            return;
        }
        let mut again = match lane.next() {
            Next::Nothing => return,
            Next::Wait(due) => {
                shared.sleep_until(due).await;
                continue;
            }
            Next::Trial(again) => again,
            Next::Fresh(trial) => {
                if shared.facts.is_stopped(shared.source.tier(trial)) {
                    continue;
                }
                match shared.source.load(trial) {
                    Ok(call) => Again { call, trial, failed: 0, once: false },
                    Err(error) => {
                        lock(&shared.facts.failed).get_or_insert(error);
                        shared.facts.halt.store(true, Ordering::SeqCst);
                        return;
                    }
                }
            }
        };
        if shared.facts.is_stopped(again.call.tier) {
            continue;
        }
        let queued = Instant::now();
        if !reserve(shared, &again.call).await {
            return;
        }
        if !place(shared, lane, &again.call).await {
            shared.budget.settle(again.call.reserve, crate::units::Usd::ZERO);
            return;
        }
        let waited = Millis::from(queued.elapsed());
        let response = lane.lane.endpoint.call(&again.call.model.model, &again.call.request).await;
        shared.facts.attempts.fetch_add(1, Ordering::SeqCst);
        again.failed += u32::from(!response.outcome.is_answer());
        let due = retry(shared, lane, &mut again, &response);
        let attempt = attempt(shared, lane, &again.call, response, again.failed, waited);
        let used =
            attempt.usage.all_input().zip(attempt.usage.output).map(|(input, output)| input.0 + output.0);
        lock(&lane.rates).give_back(again.call.tokens.saturating_sub(used.unwrap_or(again.call.tokens)));
        // What cannot be told is taken for the most that it could be.
        let unknown = if attempt.may_be_billed() { again.call.reserve } else { crate::units::Usd::ZERO };
        let spent = attempt.billed.unwrap_or(unknown);
        let finished = Finished { trial: again.trial, tier: again.call.tier, attempt, last: due.is_none() };
        let (receipt, durable) = oneshot::channel();
        let handed = shared.parcels.send((finished, receipt)).await.is_ok();
        if !handed || durable.await.is_err() {
            // The consumer is gone: whatever came after this would be lost.
            return;
        }
        shared.budget.settle(again.call.reserve, spent);
        if let Some(due) = due {
            lane.push(again, due);
        }
    }
}

/// Reserves the money of a call; `false` when the run is over instead.
async fn reserve<S: Source>(shared: &Shared<S>, call: &Call) -> bool {
    loop {
        let settlement = shared.budget.settlement();
        match shared.budget.try_reserve(call.reserve) {
            Grant::Granted => return true,
            Grant::Exhausted => {
                shared.facts.out_of_money.store(true, Ordering::SeqCst);
                return false;
            }
            Grant::Wait => {
                let mut wish = shared.wish.clone();
                tokio::select! {
                    () = settlement => {}
                    _ = wish.wait_for(|wish| *wish != Wish::Go) => return false,
                }
            }
        }
        if shared.is_over() {
            return false;
        }
    }
}

/// Waits for the endpoint's gate and for a place in its rates; `false` when the run is over instead.
async fn place<S: Source>(shared: &Shared<S>, lane: &LaneState, call: &Call) -> bool {
    loop {
        if shared.is_over() {
            return false;
        }
        let now = Instant::now();
        let gate = *lock(&lane.gate);
        let then = if gate > now {
            gate
        } else {
            match lock(&lane.rates).take(call.tokens, now) {
                Ok(()) => return true,
                Err(wait) => now + wait,
            }
        };
        shared.sleep_until(then).await;
    }
}

/// When the trial is to be tried again; `None` when it is over.
fn retry<S: Source>(
    shared: &Shared<S>,
    lane: &LaneState,
    again: &mut Again,
    response: &Response,
) -> Option<Instant> {
    let tier = again.call.tier;
    let why = || response.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
    let stop = |why: String| {
        lock(&shared.facts.stopped).entry(tier).or_insert(why);
        None
    };
    let refused = response.failure.as_ref().is_some_and(|failure| failure.kind == ErrorKind::BadRequest)
        && response.outcome == Outcome::Error;
    {
        let mut refusals = lock(&shared.facts.refusals);
        let last = refusals.entry(tier).or_default();
        if !refused {
            last.1 = 0;
        } else if last.0 == why() {
            last.1 += 1;
        } else {
            *last = (why(), 1);
        }
        if last.1 >= SAME_REFUSALS {
            drop(refusals);
            return stop(format!("{SAME_REFUSALS} calls in a row were refused with: {}", why()));
        }
    }
    let after = match &response.retry {
        Retry::No => return None,
        Retry::StopTier => return stop(why()),
        Retry::Once if again.once => return None,
        Retry::Once => {
            again.once = true;
            None
        }
        Retry::Backoff => None,
        Retry::After(wait) if *wait > LONGEST_WAIT => {
            return stop(format!("the server asks to wait for {}: {}", Millis::from(*wait), why()));
        }
        Retry::After(wait) => Some(*wait),
    };
    if again.failed >= shared.settings.max_attempts {
        return None;
    }
    let now = Instant::now();
    let due = now + backoff::delay(shared.settings.seed, &again.call.key, again.failed, after);
    if let Some(wait) = after.filter(|wait| !wait.is_zero()) {
        // What one call was told holds for all calls to the endpoint.
        let mut gate = lock(&lane.gate);
        *gate = (*gate).max(now + wait);
    }
    Some(due)
}

fn attempt<S: Source>(
    shared: &Shared<S>,
    lane: &LaneState,
    call: &Call,
    response: Response,
    failed: u32,
    waited: Millis,
) -> Attempt {
    let number = failed + u32::from(response.outcome.is_answer());
    let mut attempt = Attempt {
        key: call.key,
        prompt: call.prompt.clone(),
        model: call.model.clone(),
        repeat: call.repeat,
        attempt: call.attempts_before + number,
        outcome: response.outcome,
        text: response.text,
        tool_calls: response.tool_calls,
        finish: response.finish,
        served_model: response.served_model,
        usage: response.usage,
        clocks: response.clocks,
        streamed: response.streamed,
        status: response.status,
        failure: response.failure,
        headers: response.headers,
        billed: None,
        at: Some(Timestamp::now()),
        via: if lane.lane.endpoint.is_script() { Via::Script } else { Via::Live },
    };
    attempt.clocks.queued_ms = waited;
    attempt.billed = match attempt.via {
        Via::Live => shared.source.price(call.tier, &attempt),
        // A script costs nothing.
        Via::Script | Via::Tape | Via::Reuse => None,
    };
    attempt
}

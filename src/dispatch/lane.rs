//! The workers of an endpoint: they take trials, wait for a slot, budget, rate limit and gate, send, hand over and retry.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::adapt::{Adaptive, Place, Signal};
use super::backoff;
use super::budget::{Budget, Grant};
use super::call::{Call, Finished, Parcel, Source};
use super::ending::StopMode;
use super::facts::{Facts, SAME_REFUSALS, lock};
use super::limit::Rates;
use super::queue::{Again, Next, Queue};
use super::settings::{Lane, Settings};
use crate::clock::{self, Instant};
use crate::provider::{Response, Retry};
use crate::record::{Attempt, ErrorKind, Outcome, Via};
use crate::units::{Millis, Timestamp, Usd};

/// If a server asks for a longer pause than this, only the tier that was told so waits, not the whole endpoint.
const LONGEST_GATE: Duration = Duration::from_secs(120);

/// What all workers share.
pub(super) struct Shared<S> {
    source: Arc<S>,
    budget: Arc<Budget>,
    settings: Settings,
    stop_mode: watch::Receiver<StopMode>,
    parcels: mpsc::Sender<Parcel>,
    pub(super) facts: Arc<Facts>,
}

impl<S: Source> Shared<S> {
    pub(super) fn new(
        source: Arc<S>,
        budget: Arc<Budget>,
        settings: Settings,
        stop_mode: watch::Receiver<StopMode>,
        parcels: mpsc::Sender<Parcel>,
    ) -> Self {
        Self { source, budget, settings, stop_mode, parcels, facts: Arc::default() }
    }

    fn is_over(&self) -> bool {
        *self.stop_mode.borrow() != StopMode::Run || self.facts.is_over()
    }

    /// Waits for something; `None` if the caller stops the run first.
    async fn unless_over<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut stop_mode = self.stop_mode.clone();
        tokio::select! {
            done = future => Some(done),
            _ = stop_mode.wait_for(|stop_mode| *stop_mode != StopMode::Run) => None,
        }
    }
}

/// An endpoint's trials, rates and gate.
pub(super) struct LaneState {
    lane: Lane,
    queue: Mutex<Queue>,
    rates: Mutex<Rates>,
    /// No call is sent before this moment; and the pause that the server asked for.
    gate: Mutex<(Instant, Duration)>,
    adaptive: Adaptive,
}

impl LaneState {
    pub(super) fn new<S>(lane: Lane, shared: &Shared<S>) -> Self {
        let now = Instant::now();
        let rates = Rates::new(lane.limits.requests_per_minute, lane.limits.tokens_per_minute, now);
        let queue = Queue::new(&lane.trials, shared.settings.retry_share);
        let adaptive = Adaptive::new(shared.settings.concurrency, lane.limits.concurrency);
        let gate = Mutex::new((now, Duration::ZERO));
        Self { lane, queue: Mutex::new(queue), rates: Mutex::new(rates), gate, adaptive }
    }

    /// No more workers than there are trials.
    pub(super) fn workers(&self) -> usize {
        self.lane.limits.concurrency.min(self.lane.trials.len())
    }

    pub(super) fn throttled_to(&self) -> Option<usize> {
        self.adaptive.lowest()
    }
}

/// Works on a lane until there is nothing left for it to do.
pub(super) async fn work<S: Source>(shared: &Shared<S>, lane: &LaneState) {
    loop {
        if shared.is_over() {
            return;
        }
        // The place comes first: who waits for one holds neither a trial nor money.
        let asked = Instant::now();
        let Some(place) = shared.unless_over(lane.adaptive.place()).await else { return };
        let permit = Millis::from(asked.elapsed());
        let next = lock(&lane.queue).next(Instant::now(), |trial| shared.source.tier(trial));
        let again = match next {
            Next::Nothing => return,
            Next::Wait(due) => {
                drop(place);
                if shared.unless_over(clock::sleep_until(due)).await.is_none() {
                    return;
                }
                continue;
            }
            Next::Again(again) if !shared.source.wanted(again.trial) => {
                lock(&lane.queue).returned(again.sent);
                continue;
            }
            Next::Again(again) => again,
            Next::Fresh(trial) => {
                if shared.facts.is_stopped(shared.source.tier(trial)) || !shared.source.wanted(trial) {
                    continue;
                }
                match shared.source.load(trial) {
                    Ok(call) => Again { call, trial, sent: 0, failed: 0, once: false, began: Instant::now() },
                    Err(error) => return shared.facts.fail(error),
                }
            }
        };
        if shared.facts.is_stopped(again.call.tier) {
            // It may have been the one retry that was let out, for which others wait.
            lock(&lane.queue).returned(again.sent);
            continue;
        }
        if !send(shared, lane, again, place, permit).await {
            return;
        }
    }
}

/// Makes one attempt and hands it to the consumer; `false` if the run is over.
async fn send<S: Source>(
    shared: &Shared<S>,
    lane: &LaneState,
    mut again: Again,
    place: Place<'_>,
    permit: Millis,
) -> bool {
    let queued = Instant::now();
    if !reserve(shared, &again.call).await {
        return false;
    }
    if !wait_for_turn(shared, lane, &again).await {
        shared.budget.settle(again.call.reserve, Usd::ZERO);
        return false;
    }
    let sent = Instant::now();
    let waited = Millis::from(sent - queued);
    let mut response = lane.lane.endpoint.call(&again.call.model.model, &again.call.request).await;
    if again.call.exact_model {
        response.insist_on(&again.call.model.model);
    }
    drop(place);
    lock(&lane.rates).rebase(&response.rates, Instant::now());
    lane.adaptive.learn(signal(&response), sent);
    shared.facts.count_attempt();
    lock(&lane.queue).returned(again.sent);
    again.sent += 1;
    again.failed += u32::from(!response.outcome.is_answer());
    let due = decide(shared, lane, &mut again, &response);
    let mut attempt = attempt(shared, lane, &again.call, response, again.sent);
    attempt.clocks.permit_ms = permit;
    attempt.clocks.queued_ms = waited;
    let used = attempt.usage.all_input().zip(attempt.usage.output).map(|(input, output)| input.0 + output.0);
    lock(&lane.rates).settle(again.call.tokens, used.unwrap_or(again.call.tokens));
    // What cannot be told is taken for the most that it could be.
    let unknown = if attempt.may_be_billed() { again.call.reserve } else { Usd::ZERO };
    let spent = attempt.billed.unwrap_or(unknown);
    let parked = lock(&lane.queue).parked(again.call.tier, Instant::now());
    let finished = Finished {
        trial: again.trial,
        tier: again.call.tier,
        attempt,
        last: due.is_none(),
        parked: parked.map(|until| until - Instant::now()),
    };
    let (receipt, durable) = oneshot::channel();
    let handed = shared.parcels.send((finished, receipt)).await.is_ok();
    if !handed || durable.await.is_err() {
        // The consumer is gone: whatever came after this would be lost.
        return false;
    }
    shared.budget.settle(again.call.reserve, spent);
    if let Some(due) = due {
        lock(&lane.queue).again(again, due);
    }
    true
}

/// What a response tells about the endpoint's load.
fn signal(response: &Response) -> Signal {
    match response.failure.as_ref().map(|failure| failure.kind) {
        Some(ErrorKind::RateLimited) => Signal::Throttled,
        Some(
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::BrokenStream
            | ErrorKind::Server
            | ErrorKind::Protocol,
        ) => Signal::Failed,
        Some(
            ErrorKind::Auth
            | ErrorKind::Billing
            | ErrorKind::BadRequest
            | ErrorKind::Empty
            | ErrorKind::WrongModel
            | ErrorKind::NotOnTape,
        )
        | None => Signal::Served,
    }
}

/// Reserves the maximum cost of a call; `false` if the run ends instead.
async fn reserve<S: Source>(shared: &Shared<S>, call: &Call) -> bool {
    loop {
        let settlement = shared.budget.settlement();
        match shared.budget.try_reserve(call.reserve) {
            Grant::Granted => return true,
            Grant::Exhausted => {
                shared.facts.out_of_money();
                return false;
            }
            Grant::Wait => {
                if shared.unless_over(settlement).await.is_none() {
                    return false;
                }
            }
        }
        if shared.is_over() {
            return false;
        }
    }
}

/// Waits for the endpoint's gate and rate limits; `false` if the run ends instead.
async fn wait_for_turn<S: Source>(shared: &Shared<S>, lane: &LaneState, again: &Again) -> bool {
    let mut waited = None;
    loop {
        if shared.is_over() {
            return false;
        }
        let now = Instant::now();
        let (gate, asked) = *lock(&lane.gate);
        let then = if gate > now {
            // Those who waited for one gate do not all come through it at once.
            let spread = backoff::spread(shared.settings.seed, &again.call.key, again.failed, asked);
            waited = Some(gate + spread);
            gate + spread
        } else if let Some(then) = waited.take().filter(|then| *then > now) {
            then
        } else {
            match lock(&lane.rates).take(again.call.tokens, now) {
                Ok(()) => return true,
                Err(wait) => now + wait,
            }
        };
        if shared.unless_over(clock::sleep_until(then)).await.is_none() {
            return false;
        }
    }
}

/// When to try the trial again; `None` if it has ended.
fn decide<S: Source>(
    shared: &Shared<S>,
    lane: &LaneState,
    again: &mut Again,
    response: &Response,
) -> Option<Instant> {
    let (tier, now) = (again.call.tier, Instant::now());
    let why = response.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
    let refused = response.failure.as_ref().is_some_and(|failure| failure.kind == ErrorKind::BadRequest)
        && response.outcome == Outcome::Error;
    if shared.facts.refusals(tier, refused.then_some(why.as_str())) >= SAME_REFUSALS {
        shared.facts.stop(tier, format!("{SAME_REFUSALS} calls in a row were rejected: {why}"));
        return None;
    }
    let mut asked = Duration::ZERO;
    match &response.retry {
        Retry::No => return None,
        Retry::StopTier => {
            shared.facts.stop(tier, why);
            return None;
        }
        Retry::Once if again.once => return None,
        Retry::Once => again.once = true,
        Retry::Backoff => {}
        Retry::After(wait) if *wait > shared.settings.max_park => {
            let wait = Millis::from(*wait);
            shared.facts.stop(
                tier,
                format!("the server asks for a pause of {wait}, longer than max_park_s allows: {why}"),
            );
            return None;
        }
        Retry::After(wait) if *wait > LONGEST_GATE => {
            // The pause does not count against the trial: it concerns the whole tier.
            let until = now + *wait + backoff::spread(shared.settings.seed, &again.call.key, 0, *wait);
            lock(&lane.queue).park(tier, until);
            again.failed = again.failed.saturating_sub(1);
            return Some(until);
        }
        Retry::After(wait) => asked = *wait,
    }
    if again.failed >= shared.settings.max_attempts {
        return None;
    }
    let delay = backoff::delay(shared.settings.seed, &again.call.key, again.failed, asked);
    if !asked.is_zero() {
        // What one call was told holds for all calls to the endpoint.
        let mut gate = lock(&lane.gate);
        if now + asked > gate.0 {
            *gate = (now + asked, asked);
        }
    }
    (now + delay < again.began + shared.settings.max_elapsed).then_some(now + delay)
}

fn attempt<S: Source>(
    shared: &Shared<S>,
    lane: &LaneState,
    call: &Call,
    response: Response,
    number: u32,
) -> Attempt {
    let mut attempt = response.into_attempt(call.key, call.prompt.clone(), call.model.clone(), call.repeat);
    attempt.attempt = call.attempts_before + number;
    attempt.at = Some(Timestamp::of(shared.settings.clock.now()));
    attempt.via = if lane.lane.endpoint.is_script() { Via::Script } else { Via::Live };
    attempt.billed = match attempt.via {
        Via::Live => shared.source.price(call.tier, &attempt),
        // A script costs nothing.
        Via::Script | Via::Tape | Via::Reuse => None,
    };
    attempt
}

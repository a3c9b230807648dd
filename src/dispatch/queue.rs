//! The trials of an endpoint that are yet to be sent: fresh ones in the order of the plan, and those that are due later.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use super::call::Call;
use crate::clock::Instant;

/// A trial that is to be tried again.
pub(super) struct Again {
    pub(super) call: Call,
    pub(super) trial: u32,
    /// Attempts that were made in this run.
    pub(super) sent: u32,
    /// Those of them that failed and count against the most that a trial may have.
    pub(super) failed: u32,
    /// Whether the one more attempt of a `Retry::Once` was used.
    pub(super) once: bool,
    /// When its first attempt began.
    pub(super) began: Instant,
}

/// What a worker is to do next.
pub(super) enum Next {
    /// Send this one again.
    Again(Again),
    /// Send this one for the first time.
    Fresh(u32),
    /// Ask again at this moment, or when something comes back.
    Wait(Instant),
    /// There is nothing left.
    Nothing,
}

/// Retries that may go out whatever their share is: a short run must be able to try at all.
const FREE_RETRIES: u64 = 20;

/// How often a retry that waits for its turn asks for it.
const TURN: Duration = Duration::from_millis(20);

pub(super) struct Queue {
    fresh: VecDeque<u32>,
    /// Trials that are due at a given moment, in their order of arrival.
    due: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    came: u64,
    /// The retries among them; the others are new trials of a paused tier.
    retries: HashMap<u32, Again>,
    /// Paused tiers, and until when.
    parked: BTreeMap<u16, Instant>,
    budget: RetryBudget,
}

/// The share of an endpoint's calls that may be retries. Beyond it, retries are sent one at a time, so that a server in trouble
/// is not flooded with them.
#[derive(Debug)]
struct RetryBudget {
    share: f64,
    sent: u64,
    retried: u64,
    /// Retries in flight beyond the share: at most one.
    in_flight: bool,
}

impl RetryBudget {
    fn is_spent(&self) -> bool {
        self.retried >= FREE_RETRIES.max((self.sent as f64 * self.share) as u64)
    }
}

impl Queue {
    pub(super) fn new(trials: &[u32], retry_share: f64) -> Self {
        Self {
            fresh: trials.iter().copied().collect(),
            due: BinaryHeap::new(),
            came: 0,
            retries: HashMap::new(),
            parked: BTreeMap::new(),
            budget: RetryBudget { share: retry_share, sent: 0, retried: 0, in_flight: false },
        }
    }

    /// What to do next. `tier` tells the tier of a fresh trial.
    pub(super) fn next(&mut self, now: Instant, tier: impl Fn(u32) -> u16) -> Next {
        let mut held = None;
        while let Some(Reverse((due, _, trial))) = self.due.peek().copied() {
            if due > now {
                held = Some(due);
                break;
            }
            let retry = self.retries.get(&trial).map(|again| again.call.tier);
            if let Some(until) = self.parked(retry.unwrap_or_else(|| tier(trial)), now) {
                self.due.pop();
                self.later(until, trial);
                continue;
            }
            if retry.is_none() {
                self.due.pop();
                self.budget.sent += 1;
                return Next::Fresh(trial);
            }
            if self.budget.is_spent() {
                if self.budget.in_flight {
                    // Its turn comes when the one that is out has come back.
                    held = Some(now + TURN);
                    break;
                }
                self.budget.in_flight = true;
            }
            self.due.pop();
            self.budget.retried += 1;
            let Some(again) = self.retries.remove(&trial) else { continue };
            return Next::Again(again);
        }
        while let Some(trial) = self.fresh.pop_front() {
            let Some(until) = self.parked(tier(trial), now) else {
                self.budget.sent += 1;
                return Next::Fresh(trial);
            };
            self.later(until, trial);
        }
        let parked = self.due.peek().map(|Reverse((due, ..))| *due);
        held.or(parked).map_or(Next::Nothing, Next::Wait)
    }

    fn later(&mut self, due: Instant, trial: u32) {
        self.came += 1;
        self.due.push(Reverse((due, self.came, trial)));
    }

    /// Takes a trial back that is to be tried again.
    pub(super) fn again(&mut self, again: Again, due: Instant) {
        let parked = self.parked.get(&again.call.tier).copied();
        self.later(parked.map_or(due, |until| until.max(due)), again.trial);
        self.retries.insert(again.trial, again);
    }

    /// A retry has ended, with whatever result.
    pub(super) fn returned(&mut self, sent_before: u32) {
        if sent_before > 0 {
            self.budget.in_flight = false;
        }
    }

    /// Pauses a tier.
    pub(super) fn park(&mut self, tier: u16, until: Instant) {
        let entry = self.parked.entry(tier).or_insert(until);
        *entry = (*entry).max(until);
    }

    /// Until when a tier is paused.
    pub(super) fn parked(&self, tier: u16, now: Instant) -> Option<Instant> {
        self.parked.get(&tier).copied().filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{Digest, PromptId, TrialKey};
    use crate::record::Request;
    use crate::units::{Tokens, Usd};

    fn again(trial: u32, tier: u16) -> Again {
        let request = Request { messages: Vec::new(), params: BTreeMap::new(), max_output_tokens: Tokens(1) };
        let call = Call {
            key: TrialKey::from_digest(&Digest::of(&trial.to_le_bytes())),
            prompt: PromptId::new("p").unwrap(),
            tier,
            model: "s/m".parse().unwrap(),
            repeat: 0,
            request,
            tokens: 1,
            exact_model: true,
            reserve: Usd::ZERO,
            attempts_before: 0,
        };
        Again { call, trial, sent: 1, failed: 1, once: false, began: Instant::now() }
    }

    /// What a queue gives at a moment: `f1` a fresh trial, `r1` a retry, `w` a wait, `-` nothing.
    fn next(queue: &mut Queue, now: Instant) -> String {
        match queue.next(now, |trial| u16::from(trial >= 10)) {
            Next::Again(again) => format!("r{}", again.trial),
            Next::Fresh(trial) => format!("f{trial}"),
            Next::Wait(_) => "w".to_owned(),
            Next::Nothing => "-".to_owned(),
        }
    }

    #[test]
    fn what_is_due_goes_first_and_what_is_not_holds_nothing_up() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut queue = Queue::new(&[1, 2, 3], 1.0);
        assert_eq!(next(&mut queue, now), "f1");
        queue.again(again(1, 0), now + second);
        assert_eq!(next(&mut queue, now), "f2");
        assert_eq!(next(&mut queue, now + second), "r1");
        assert_eq!(next(&mut queue, now + second), "f3");
        assert_eq!(next(&mut queue, now + second), "-");
    }

    #[test]
    fn a_parked_tier_waits_alone() {
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        let mut queue = Queue::new(&[10, 1, 11, 2], 1.0);
        queue.park(1, now + minute);
        let given: Vec<String> = (0..3).map(|_| next(&mut queue, now)).collect();
        assert_eq!(given, ["f1", "f2", "w"]);
        // Parked again before its time: what was held is held on, and a retry of the tier with it.
        queue.park(1, now + minute * 2);
        queue.again(again(12, 1), now);
        assert_eq!(next(&mut queue, now + minute), "w");
        let given: Vec<String> = (0..4).map(|_| next(&mut queue, now + minute * 3)).collect();
        assert_eq!(given, ["r12", "f10", "f11", "-"], "nothing is lost");
    }

    #[test]
    fn beyond_its_share_a_retry_goes_out_alone() {
        let now = Instant::now();
        let mut queue = Queue::new(&[], 0.2);
        (0..FREE_RETRIES as u32 + 3).for_each(|trial| queue.again(again(trial, 0), now));
        for _ in 0..FREE_RETRIES {
            assert!(next(&mut queue, now).starts_with('r'));
        }
        assert!(next(&mut queue, now).starts_with('r'), "one is let out");
        assert_eq!(next(&mut queue, now), "w");
        queue.returned(1);
        assert!(next(&mut queue, now).starts_with('r'));
    }
}

//! One request, step by step. Knows nothing of where the steps come from: measured answers, expected ones, or a simulated day.

use smallvec::{SmallVec, smallvec};

/// What a tier does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// USD, attempts that were retried included.
    pub cost: f64,
    /// The same as if nothing had come from a cache.
    pub uncached: f64,
    /// The probability that production accepts the answer: 0 or 1 where it is seen; `None` where it is not known.
    pub accepted: Option<f64>,
    /// The probability that the answer is good enough; `None` where nothing says so.
    pub quality: Option<f64>,
    /// Milliseconds, where measured.
    pub latency: Option<f64>,
    /// Output tokens, where reported.
    pub output: Option<f64>,
}

/// What asking a tier comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply {
    /// It answers.
    Answer(Step),
    /// It does not: the next tier is asked, and this one costs nothing.
    Unavailable,
    /// It is not known what it does: nothing can be said of the request.
    Unknown,
}

/// How a request may end.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The probability.
    pub share: f64,
    /// The tiers that answered, in order; the answer of the last one stands.
    pub tried: SmallVec<[u8; 8]>,
    /// The sum of their latencies in milliseconds; `None` where one is not known.
    pub latency: Option<f64>,
}

/// What a tier is expected to add to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// The tier.
    pub tier: usize,
    /// The probability that the request reaches it.
    pub reached: f64,
    /// USD, times that probability.
    pub cost: f64,
    /// Output tokens, times that probability; `None` where they are not known.
    pub output: Option<f64>,
}

/// A request on its way through the routes, as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// USD.
    pub cost: f64,
    /// USD as if nothing had come from a cache.
    pub uncached: f64,
    /// The probability that the answer which stands is good enough; `None` where nothing says so.
    pub quality: Option<f64>,
    /// The probability that more than one tier answers.
    pub escalated: f64,
    /// How it may end; shares add up to 1, or to less where no tier is available.
    pub ends: SmallVec<[End; 1]>,
    /// What each tier adds, in the order of the path.
    pub spent: SmallVec<[Spent; 3]>,
}

/// Sends a request to tier `start`, and what is rejected there to the tier that `up` names, always further up; without one, the
/// answer stands, rejected or not. `ask` says what a tier does with the request, and is told which tier rejected it. `None` where the path
/// leads to a tier of which nothing is known, or where no tier is available.
pub fn walk(
    start: usize,
    up: &[Option<usize>],
    mut ask: impl FnMut(usize, Option<usize>) -> Reply,
) -> Option<Walk> {
    let mut walk = Walk {
        cost: 0.0,
        uncached: 0.0,
        quality: Some(0.0),
        escalated: 0.0,
        ends: SmallVec::new(),
        spent: SmallVec::new(),
    };
    let next_of = |tier: usize| up.get(tier).copied().flatten().filter(|next| *next > tier);
    let (mut tier, mut from, mut reached) = (start, None, 1.0);
    let mut tried: SmallVec<[u8; 8]> = smallvec![];
    let mut latency = Some(0.0);
    // The answer that stands where no further tier is available.
    let mut standing: Option<Step> = None;
    loop {
        let (step, next) = match ask(tier, from) {
            Reply::Answer(step) => (Some(step), next_of(tier).filter(|_| step.accepted != Some(1.0))),
            Reply::Unknown => return None,
            Reply::Unavailable => (None, next_of(tier)),
        };
        if let Some(step) = step {
            walk.cost += reached * step.cost;
            walk.uncached += reached * step.uncached;
            walk.spent.push(Spent {
                tier,
                reached,
                cost: reached * step.cost,
                output: step.output.map(|tokens| reached * tokens),
            });
            tried.push(u8::try_from(tier).unwrap_or(u8::MAX));
            latency = latency.zip(step.latency).map(|(sum, own)| sum + own);
            standing = Some(step);
            from = Some(tier);
        }
        let Some(answer) = standing else {
            tier = next?;
            continue;
        };
        let stays = match (step, next) {
            (Some(step), Some(_)) => step.accepted?,
            (None, Some(_)) => 0.0,
            (_, None) => 1.0,
        };
        if stays > 0.0 {
            let share = reached * stays;
            walk.quality = walk.quality.zip(answer.quality).map(|(sum, own)| sum + share * own);
            walk.escalated += if tried.len() > 1 { share } else { 0.0 };
            walk.ends.push(End { share, tried: tried.clone(), latency });
        }
        reached *= 1.0 - stays;
        match next {
            Some(next) => tier = next,
            None => return Some(walk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: [Option<usize>; 3] = [Some(1), Some(2), None];

    fn step(cost: f64, accepted: f64, quality: f64) -> Reply {
        Reply::Answer(Step {
            cost,
            uncached: 2.0 * cost,
            accepted: Some(accepted),
            quality: Some(quality),
            latency: Some(100.0),
            output: Some(10.0),
        })
    }

    #[test]
    fn a_rejected_request_pays_for_every_tier_that_it_reaches() {
        let tiers = [step(1.0, 0.0, 0.0), step(10.0, 0.0, 0.0), step(100.0, 1.0, 1.0)];
        let walked = walk(0, &UP, |tier, _| tiers[tier]).unwrap();
        assert_eq!(
            (walked.cost, walked.uncached, walked.quality, walked.escalated),
            (111.0, 222.0, Some(1.0), 1.0)
        );
        assert_eq!(walked.ends[0].tried.as_slice(), [0, 1, 2]);
        assert_eq!(walked.ends[0].latency, Some(300.0));
    }

    #[test]
    fn the_answer_of_the_last_tier_stands_whatever_its_gate_says() {
        let walked = walk(2, &UP, |_, _| step(5.0, 0.0, 0.0)).unwrap();
        assert_eq!((walked.cost, walked.quality, walked.ends.len()), (5.0, Some(0.0), 1));
    }

    #[test]
    fn what_is_expected_splits_the_path() {
        let tiers = [step(1.0, 0.75, 1.0), step(10.0, 1.0, 0.5), step(100.0, 1.0, 1.0)];
        let walked = walk(0, &UP, |tier, _| tiers[tier]).unwrap();
        assert_eq!((walked.cost, walked.quality, walked.escalated), (3.5, Some(0.875), 0.25));
        assert_eq!(walked.spent[1], Spent { tier: 1, reached: 0.25, cost: 2.5, output: Some(2.5) });
    }

    #[test]
    fn a_tier_that_is_out_is_passed_over_and_a_rejected_answer_stands_where_nothing_is_left() {
        let out = |tiers: [Reply; 3]| walk(0, &UP, move |tier, _| tiers[tier]);
        let passed_over = out([Reply::Unavailable, step(10.0, 1.0, 1.0), step(100.0, 1.0, 1.0)]).unwrap();
        assert_eq!((passed_over.cost, passed_over.escalated), (10.0, 0.0));
        let stands = out([step(1.0, 0.0, 0.25), Reply::Unavailable, Reply::Unavailable]).unwrap();
        assert_eq!((stands.cost, stands.quality, stands.ends[0].share), (1.0, Some(0.25), 1.0));
        assert_eq!(out([Reply::Unavailable; 3]), None);
        assert_eq!(out([step(1.0, 0.0, 0.0), Reply::Unknown, Reply::Unknown]), None);
    }
}

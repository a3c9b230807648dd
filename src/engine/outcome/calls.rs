//! How the calls of a request ended, for whoever says it.

use crate::dispatch::{Ended, Report};
use crate::engine::work::question::ask::Asked;
use crate::summary::Summary;

/// How calls ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallsMade {
    /// How.
    pub ended: Ended,
    /// Tiers, or models, that were stopped, and why.
    pub stopped: Vec<(String, String)>,
    /// The smallest number of calls at a time that throttling led to, where there was any.
    pub throttled_to: Option<usize>,
}

impl CallsMade {
    /// `names` are those of the tiers or models, by the numbers in the report.
    pub(crate) fn of(report: Report, names: &[String]) -> Self {
        let name = |number: u16| names.get(usize::from(number)).cloned().unwrap_or_default();
        let stopped = report.stopped.into_iter().map(|(number, why)| (name(number), why)).collect();
        Self { ended: report.ended, stopped, throttled_to: report.throttled_to }
    }
}

/// What became of questions to judges, and to the models that strategies ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionsAsked {
    /// How the calls ended; `None` where nothing was asked.
    pub calls: Option<CallsMade>,
    /// Questions without an answer.
    pub missing: u64,
}

impl QuestionsAsked {
    pub(crate) fn of(summary: &Summary, asked: Option<Asked>) -> Self {
        let judges = summary.spend.judge.as_ref().map_or(0, |judge| judge.missing);
        // What strategies want to know holds nothing up unless it was being asked: no grade hangs on it.
        let strategies = match &asked {
            Some(asked) if asked.for_strategies => {
                let models = summary.strategies.iter().flat_map(|strategies| &strategies.queries);
                models.map(|model| model.missing).sum()
            }
            Some(_) | None => 0,
        };
        let calls = asked.map(|asked| {
            let names: Vec<String> = asked.models.iter().map(ToString::to_string).collect();
            CallsMade::of(asked.report, &names)
        });
        Self { calls, missing: judges + strategies }
    }
}

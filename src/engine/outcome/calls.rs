//! Reports on how the calls of a request ended.

use crate::dispatch::{EndReason, Report};
use crate::engine::work::question::ask::AskReport;
use crate::summary::Summary;

/// How calls to models ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallsReport {
    /// Why they ended.
    pub ended: EndReason,
    /// The tiers or models that were stopped, each with the reason.
    pub stopped: Vec<(String, String)>,
    /// The lowest number of concurrent calls that throttling led to; `None` without throttling.
    pub throttled_to: Option<usize>,
}

impl CallsReport {
    /// `names` are those of the tiers or models, by their index in the report.
    pub(crate) fn of(report: Report, names: &[String]) -> Self {
        let name = |number: u16| names.get(usize::from(number)).cloned().unwrap_or_default();
        let stopped = report.stopped.into_iter().map(|(number, why)| (name(number), why)).collect();
        Self { ended: report.ended, stopped, throttled_to: report.throttled_to }
    }
}

/// How the questions to judges and strategy models ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionsReport {
    /// How the calls ended; `None` if no call was made.
    pub calls: Option<CallsReport>,
    /// Number of questions without an answer.
    pub missing: u64,
}

impl QuestionsReport {
    pub(crate) fn of(summary: &Summary, asked: Option<AskReport>) -> Self {
        let judges = summary.spend.judge.as_ref().map_or(0, |judge| judge.missing);
        // No grade depends on queries of strategies, so they count only if they were asked.
        let strategies = match &asked {
            Some(asked) if asked.for_strategies => {
                let models = summary.strategies.iter().flat_map(|strategies| &strategies.queries);
                models.map(|model| model.missing).sum()
            }
            Some(_) | None => 0,
        };
        let calls = asked.map(|asked| {
            let names: Vec<String> = asked.models.iter().map(ToString::to_string).collect();
            CallsReport::of(asked.report, &names)
        });
        Self { calls, missing: judges + strategies }
    }
}

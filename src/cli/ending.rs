//! Messages about how calls ended, and the exit code.

use super::exit::Exit;
use crate::console::Console;
use crate::engine::{CallsReport, EndReason, QuestionsReport, Summary};
use crate::units::Usd;

const AGAIN: &str = "run the same command again to continue";

/// Reports how the calls for a run's trials ended.
pub(super) fn of_trials(
    console: &Console,
    summary: &Summary,
    calls: Option<&CallsReport>,
    ceiling: Option<Usd>,
) -> Exit {
    let open = summary.run.missing + summary.run.errors;
    if let Some(calls) = calls {
        if let Some(lowest) = calls.throttled_to {
            console.note(&format!(
                "rate-limited by a server: slowed down to {lowest} calls at a time; set the provider's limits in route-prof.toml to avoid this"
            ));
        }
        for (tier, why) in &calls.stopped {
            console.warn(&format!("tier {tier} was stopped: {why}"));
        }
        match calls.ended {
            EndReason::Interrupted => {
                console.note(&format!("interrupted: {open} trials have no answer yet; {AGAIN}"));
                return Exit::Interrupted;
            }
            EndReason::Budget => {
                console.warn(&format!(
                    "stopped at the cost limit: the next call could exceed {} ({} spent); {open} trials have no answer yet: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default(),
                    summary.spend.billed.human()
                ));
                return Exit::Incomplete;
            }
            EndReason::Complete => {}
        }
    }
    if open == 0 {
        return Exit::Fine;
    }
    if calls.is_none() && summary.run.missing > 0 {
        console.warn(&format!(
            "{} trials are not in the recording: measure them with --live, or set mode = \"prefer\" in [tape]",
            summary.run.missing
        ));
    } else {
        console.warn(&format!("{open} of {} trials have no answer; {AGAIN}", summary.run.trials));
    }
    Exit::Incomplete
}

/// Reports how the questions to judges and the queries of strategies ended.
pub(super) fn of_questions(console: &Console, questions: &QuestionsReport, ceiling: Option<Usd>) -> Exit {
    let missing = questions.missing;
    if let Some(calls) = &questions.calls {
        for (judge, why) in &calls.stopped {
            console.warn(&format!("judge {judge} was stopped: {why}"));
        }
        match calls.ended {
            EndReason::Interrupted => {
                console
                    .note(&format!("interrupted: {missing} questions to judges have no answer yet; {AGAIN}"));
                return Exit::Interrupted;
            }
            EndReason::Budget => {
                console.warn(&format!(
                    "stopped at the cost limit: the next question to a judge could exceed {}; {missing} have no answer yet: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default()
                ));
                return Exit::Incomplete;
            }
            EndReason::Complete => {}
        }
    }
    match (missing, &questions.calls) {
        (0, _) => return Exit::Fine,
        (missing, Some(_)) => {
            console.warn(&format!("{missing} questions to judges have no answer; {AGAIN}"));
        }
        (missing, None) => console.warn(&format!(
            "{missing} questions to judges have no answer, so their replies are ungraded: ask them with `route-prof grade latest --allow-judge --write`"
        )),
    }
    Exit::Incomplete
}

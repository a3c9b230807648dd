//! How calls ended, in words, and the exit code that it calls for.

use super::exit::Exit;
use crate::console::Console;
use crate::engine::{CallsMade, Ended, QuestionsAsked, Summary};
use crate::units::Usd;

const AGAIN: &str = "run the same command again to continue";

/// What is left to say of a run's trials.
pub(super) fn of_trials(
    console: &Console,
    summary: &Summary,
    calls: Option<&CallsMade>,
    ceiling: Option<Usd>,
) -> Exit {
    let open = summary.run.missing + summary.run.errors;
    if let Some(calls) = calls {
        if let Some(lowest) = calls.throttled_to {
            console.note(&format!(
                "a server turned calls away for coming too fast: down to {lowest} at a time; set its limits in route-prof.toml to spare it"
            ));
        }
        for (tier, why) in &calls.stopped {
            console.warn(&format!("tier {tier} was stopped: {why}"));
        }
        match calls.ended {
            Ended::Interrupted => {
                console.note(&format!("interrupted with {open} trials open; {AGAIN}"));
                return Exit::Interrupted;
            }
            Ended::Budget => {
                console.warn(&format!(
                    "stopped before the next call could exceed {} ({} spent); {open} trials are open: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default(),
                    summary.spend.billed.human()
                ));
                return Exit::Incomplete;
            }
            Ended::Complete => {}
        }
    }
    if open == 0 {
        return Exit::Fine;
    }
    if calls.is_none() && summary.run.missing > 0 {
        console.warn(&format!(
            "{} trials are not on the recording: measure them with --live, or set mode = \"prefer\" in [tape]",
            summary.run.missing
        ));
    } else {
        console.warn(&format!("{open} of {} trials have no answer; {AGAIN}", summary.run.trials));
    }
    Exit::Incomplete
}

/// What is left to say of questions to judges and strategies' models.
pub(super) fn of_questions(console: &Console, questions: &QuestionsAsked, ceiling: Option<Usd>) -> Exit {
    let missing = questions.missing;
    if let Some(calls) = &questions.calls {
        for (judge, why) in &calls.stopped {
            console.warn(&format!("judge {judge} was stopped: {why}"));
        }
        match calls.ended {
            Ended::Interrupted => {
                console.note(&format!("interrupted with {missing} questions to judges open; {AGAIN}"));
                return Exit::Interrupted;
            }
            Ended::Budget => {
                console.warn(&format!(
                    "stopped before the next question to a judge could exceed {}; {missing} are open: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default()
                ));
                return Exit::Incomplete;
            }
            Ended::Complete => {}
        }
    }
    match (missing, &questions.calls) {
        (0, _) => return Exit::Fine,
        (missing, Some(_)) => {
            console.warn(&format!("{missing} questions to judges have no answer; {AGAIN}"));
        }
        (missing, None) => console.warn(&format!(
            "{missing} questions to judges have no answer, so what hangs on them is ungraded: `route-prof grade latest --allow-judge --write` asks them"
        )),
    }
    Exit::Incomplete
}

//! Messages about how calls ended, and the exit code.

use super::exit::Exit;
use crate::console::Console;
use crate::engine::{CallsReport, EndReason, QuestionsReport, Summary};
use crate::units::{Usd, count, have};

const AGAIN: &str = "run the same command again to continue";

/// Reports how the calls for a run's trials ended.
pub(super) fn of_trials(
    console: &Console,
    summary: &Summary,
    calls: Option<&CallsReport>,
    ceiling: Option<Usd>,
) -> Exit {
    let open = summary.run.missing + summary.run.errors;
    let open_trials = || format!("{} {}", count(open, "trial"), have(open));
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
                console.note(&format!("interrupted: {} no answer yet; {AGAIN}", open_trials()));
                return Exit::Interrupted;
            }
            EndReason::Budget => {
                console.warn(&format!(
                    "stopped at the cost limit: the next call could exceed {} ({} spent); {} no answer yet: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default(),
                    summary.spend.billed.human(),
                    open_trials()
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
            "not in the recording: {}; measure them with --live, or set mode = \"prefer\" in [tape]",
            count(summary.run.missing, "trial")
        ));
    } else {
        console.warn(&format!(
            "{open} of {} {} no answer; {AGAIN}",
            count(summary.run.trials, "trial"),
            have(open)
        ));
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
                console.note(&format!(
                    "interrupted: {} {} no answer yet; {AGAIN}",
                    questions_to_judges(missing),
                    have(missing)
                ));
                return Exit::Interrupted;
            }
            EndReason::Budget => {
                console.warn(&format!(
                    "stopped at the cost limit: the next question to a judge could exceed {}; {missing} {} no answer yet: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default(),
                    have(missing)
                ));
                return Exit::Incomplete;
            }
            EndReason::Complete => {}
        }
    }
    match (missing, &questions.calls) {
        (0, _) => return Exit::Fine,
        (missing, Some(_)) => {
            console.warn(&format!("{} {} no answer; {AGAIN}", questions_to_judges(missing), have(missing)));
        }
        (missing, None) => console.warn(&format!(
            "{} {} no answer, so their replies are ungraded: ask them with `route-prof grade latest --allow-judge --write`",
            questions_to_judges(missing),
            have(missing)
        )),
    }
    Exit::Incomplete
}

fn questions_to_judges(n: u64) -> String {
    if n == 1 { "1 question to a judge".to_owned() } else { format!("{n} questions to judges") }
}

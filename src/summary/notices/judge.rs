//! What a reader must know of the oracles: how far people agree with them.

use crate::summary::judge::{CalibratedRate, Calibration, LabelSource, TierCalibration};
use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::result::Summary;
use crate::summary::task::TaskSummary;

/// What a reader must know of the oracles.
pub(super) fn notices(summary: &Summary, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    for task in &summary.tasks {
        match &task.judge {
            Some(judge) if judge.judge => of_judge(task, judge, say),
            Some(oracle) => of_oracle(task, oracle, say),
            None => {}
        }
    }
    if let Some(judge) = summary.spend.judge.as_ref().filter(|judge| judge.missing > 0) {
        say(
            Warning,
            "judge-missing",
            format!(
                "{} of {} questions to judges have no answer: the replies they are about are ungraded.",
                judge.missing, judge.questions
            ),
        );
    }
}

fn of_judge(task: &TaskSummary, judge: &Calibration, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    let (name, oracle) = (&task.name, &judge.oracle);
    if judge.labels == 0 {
        say(
            Warning,
            "judge-uncalibrated",
            format!(
                "The judge of {name} ({oracle}) is not calibrated: no human labels. No tier gets above monitor. \
                 `route-prof review export` draws a sample to label."
            ),
        );
        return;
    }
    let text = format!("The judge of {name} ({oracle}) {} {}", agreement(judge), rates(judge));
    match &judge.capped {
        None => say(Note, "judge-calibrated", text),
        Some(why) => {
            say(Warning, "judge-uncalibrated", format!("{text} No tier gets above monitor: {why}."));
        }
    }
}

/// An oracle that is no judge, of which people have labelled answers.
fn of_oracle(task: &TaskSummary, oracle: &Calibration, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    let few: Vec<String> = oracle
        .tiers
        .iter()
        .filter_map(|tier| {
            let (needed, own) = (tier.labels_needed?, tier.own_labels?);
            Some(format!("{} has {own} of {needed} labels", tier.tier))
        })
        .collect();
    let mut text = format!("The oracle of {} ({}) {}", task.name, oracle.oracle, agreement(oracle));
    if few.is_empty() || oracle.tiers.iter().any(|tier| tier.calibrated_pass_rate.is_some()) {
        text.push_str(&format!(" {}", rates(oracle)));
    }
    if !few.is_empty() {
        text.push_str(&format!(
            " Too few labels to correct by, so the oracle's own rates stand: {}. `route-prof review export --n` picks more.",
            few.join(", ")
        ));
    }
    say(Note, "oracle-labelled", text);
}

/// How far people agree with an oracle.
fn agreement(of: &Calibration) -> String {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "unknown".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    format!(
        "against {} human labels: sensitivity {}, specificity {}, kappa {}.",
        of.labels,
        percent(of.sensitivity),
        percent(of.specificity),
        of.kappa.map_or_else(|| "unknown".to_owned(), |kappa| format!("{kappa:.2}")),
    )
}

/// The corrected rates.
fn rates(of: &Calibration) -> String {
    let line = |tier: &TierCalibration| {
        let CalibratedRate { mean, low, high, labels } = tier.calibrated_pass_rate?;
        let whose = match tier.corrected_by {
            Some(LabelSource::Own) => " of its answers in this run",
            Some(LabelSource::Others) => " of other answers",
            None => "",
        };
        Some(format!(
            "{} {:.1} % ({:.1}–{:.1} %, {labels} labels{whose})",
            tier.tier,
            mean * 100.0,
            low * 100.0,
            high * 100.0
        ))
    };
    let all: Vec<String> = of.tiers.iter().filter_map(line).collect();
    match all.as_slice() {
        [] => "No pass rate can be corrected with them.".to_owned(),
        rates => format!("Corrected pass rates: {}.", rates.join(", ")),
    }
}

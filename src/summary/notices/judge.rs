//! What a reader must know of the judges.

use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::result::Summary;

/// What a reader must know of the judges.
pub(super) fn notices(summary: &Summary, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    for task in &summary.tasks {
        let Some(judge) = &task.judge else { continue };
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
            continue;
        }
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "unknown".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        let calibrated: Vec<String> = judge
            .tiers
            .iter()
            .filter_map(|tier| {
                let rate = tier.calibrated_pass_rate?;
                Some(format!(
                    "{} {:.1} % ({:.1}–{:.1} %, {} labels)",
                    tier.tier,
                    rate.mean * 100.0,
                    rate.low * 100.0,
                    rate.high * 100.0,
                    rate.labels
                ))
            })
            .collect();
        let calibrated = match calibrated.as_slice() {
            [] => "No pass rate can be calibrated with them.".to_owned(),
            rates => format!("Calibrated pass rates: {}.", rates.join(", ")),
        };
        let text = format!(
            "The judge of {name} ({oracle}) against {} human labels: sensitivity {}, specificity {}, kappa {}. {calibrated}",
            judge.labels,
            percent(judge.sensitivity),
            percent(judge.specificity),
            judge.kappa.map_or_else(|| "unknown".to_owned(), |kappa| format!("{kappa:.2}")),
        );
        match &judge.capped {
            None => say(Note, "judge-calibrated", text),
            Some(why) => {
                say(Warning, "judge-uncalibrated", format!("{text} No tier gets above monitor: {why}."))
            }
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

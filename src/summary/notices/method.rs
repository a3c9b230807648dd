//! What the reader must know about how the routes were decided.

use crate::config::{Policy, Rule};
use crate::policy::Decision;
use crate::summary::notice::{Notice, NoticeLevel};
use crate::summary::result::Summary;

/// What the reader must know about how the routes were decided.
pub(in crate::summary) fn notices(policy: &Policy, summary: &Summary) -> Vec<Notice> {
    poor(policy, summary).into_iter().collect()
}

/// Tasks where even the best tier is not good: non-inferiority does not see that.
fn poor(policy: &Policy, summary: &Summary) -> Option<Notice> {
    match policy.rule {
        Rule::Floor => return None,
        Rule::NonInferior => {}
    }
    let poor: Vec<String> = summary
        .tasks
        .iter()
        .filter(|task| matches!(task.route.decision, Decision::Route | Decision::Monitor))
        .filter_map(|task| {
            let rate = task.route.pass_rate.filter(|rate| rate.high < task.monitor_floor)?;
            Some(format!("{} ({:.1} % of {} trials pass)", task.name, rate.mean * 100.0, rate.n))
        })
        .collect();
    (!poor.is_empty()).then(|| Notice {
        level: NoticeLevel::Warning,
        code: "best-is-poor".to_owned(),
        text: format!(
            "Non-inferior does not mean good here: the pass rate is below monitor_floor for {}.",
            poor.join(", ")
        ),
    })
}

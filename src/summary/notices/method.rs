//! What the reader must know about how the routes were decided.

use crate::config::{Multiplicity, Policy, Rule};
use crate::ident::TaskName;
use crate::policy::Decision;
use crate::summary::notice::{Notice, NoticeLevel};
use crate::summary::result::Summary;

/// What the reader must know about how the routes were decided.
pub(in crate::summary) fn notices(policy: &Policy, summary: &Summary, differing: &[TaskName]) -> Vec<Notice> {
    poor(policy, summary).into_iter().chain(together(policy, summary, differing)).collect()
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

/// What a correction for many cells would change, where the policy requires none.
fn together(policy: &Policy, summary: &Summary, differing: &[TaskName]) -> Option<Notice> {
    let cells: usize = summary.tasks.iter().map(|task| task.cells.len()).sum();
    match policy.multiplicity {
        Multiplicity::None if !differing.is_empty() => {}
        Multiplicity::None | Multiplicity::Holm => return None,
    }
    let names: Vec<&str> = differing.iter().map(TaskName::as_str).collect();
    Some(Notice {
        level: NoticeLevel::Note,
        code: "multiplicity".to_owned(),
        text: format!(
            "{cells} cells were decided without correction for multiple comparisons. Holm correction would change {} of {} \
             routes: {}. To apply it, set policy.multiplicity = \"holm\".",
            differing.len(),
            summary.tasks.len(),
            names.join(", ")
        ),
    })
}

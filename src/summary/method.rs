//! How the routes were decided: the rule, what it compares with, the intervals, and what many cells at once are worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::Decided;
use super::{Decision, Notice, NoticeLevel, PassPower, Repeats, Summary, rounding};
use crate::config::{IntervalMethod, Multiplicity, Policy, Rule, is_default};
use crate::ident::{TaskName, TierName};
use crate::policy::Comparison;

/// How the routes were decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// When a tier is good enough.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Rule,
    /// Under non-inferiority: the tier that the others are held against, where the policy names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<TierName>,
    /// What was done about deciding many cells at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multiplicity: Multiplicity,
    /// The cells that were counted in; absent where each stood alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<u64>,
    /// The interval that was asked for; each pass rate says which it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interval: IntervalMethod,
}

/// A tier beside the one that its decision hangs on: of those that it is held against, the one that it is least surely as
/// good as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versus {
    /// The other tier.
    pub tier: TierName,
    /// Prompts that both answered.
    pub n: u64,
    /// The number of equally weighted prompts that would say as much.
    pub n_eff: f64,
    /// The pass rate above that of the other tier, prompt by prompt.
    pub difference: f64,
    /// Its one-sided lower bound at the confidence that the task asks for (Tango's score interval).
    pub low: f64,
    /// The weighted share of prompts that only this tier passed; repeats count by their share.
    pub only_this: f64,
    /// That of prompts that only the other one passed.
    pub only_other: f64,
    /// The confidence at which the tier is shown to be no worse than the margin.
    pub p: f64,
}

pub(super) fn method(policy: &Policy, decided: &[Decided<'_>]) -> Method {
    let cells = decided.iter().flat_map(|task| &task.assessments).filter(|cell| cell.odds.is_some());
    Method {
        rule: policy.rule,
        reference: match policy.rule {
            Rule::Floor => None,
            Rule::NonInferior => policy.reference.clone(),
        },
        multiplicity: policy.multiplicity,
        comparisons: match policy.multiplicity {
            Multiplicity::None => None,
            Multiplicity::Holm => Some(cells.count() as u64),
        },
        interval: policy.interval,
    }
}

/// A margin where it decides.
pub(super) fn in_force(policy: &Policy, margin: f64) -> Option<f64> {
    match policy.rule {
        Rule::Floor => None,
        Rule::NonInferior => Some(rounding::share(margin)),
    }
}

pub(super) fn versus(comparison: Comparison, names: &[TierName]) -> Option<Versus> {
    let Comparison { other, difference, low, p } = comparison;
    Some(Versus {
        tier: names.get(other)?.clone(),
        n: difference.n,
        n_eff: rounding::tenth(difference.n_eff),
        difference: rounding::share(difference.mean),
        low: rounding::share(low),
        only_this: rounding::share(difference.only_first),
        only_other: rounding::share(difference.only_second),
        p: rounding::share(p),
    })
}

pub(super) fn repeats(repeats: Repeats) -> Repeats {
    let line = |power: PassPower| PassPower { share: rounding::share(power.share), ..power };
    Repeats {
        prompts: repeats.prompts,
        flaky: rounding::share(repeats.flaky),
        within: rounding::share(repeats.within),
        between: rounding::share(repeats.between),
        pass_power: repeats.pass_power.into_iter().map(line).collect(),
    }
}

/// The tasks whose routes hang on whether many cells are decided as if each stood alone.
pub(super) fn differing(alone: &[Decided<'_>], together: &[Decided<'_>]) -> Vec<TaskName> {
    let differs = |(one, other): &(&Decided<'_>, &Decided<'_>)| {
        (one.tier, one.route.decision) != (other.tier, other.route.decision)
    };
    let pairs = alone.iter().zip(together).filter(differs);
    pairs.map(|(one, _)| one.measured.task.name.clone()).collect()
}

/// What follows from how the routes were decided and must be known.
pub(super) fn notices(policy: &Policy, summary: &Summary, differing: &[TaskName]) -> Vec<Notice> {
    poor(policy, summary).into_iter().chain(together(policy, summary, differing)).collect()
}

/// Tasks where the best that was measured is not good: non-inferiority does not see that.
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
            "Good enough means no worse than the best tier here, and that is not good: below monitor_floor for {}.",
            poor.join(", ")
        ),
    })
}

/// What deciding many cells at once comes to, where nothing was done about it and it matters.
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
            "{cells} cells were decided as if each stood alone; counted together (Holm), {} of {} routes would be other \
             ones: {}. policy.multiplicity = \"holm\" has it so.",
            differing.len(),
            summary.tasks.len(),
            names.join(", ")
        ),
    })
}

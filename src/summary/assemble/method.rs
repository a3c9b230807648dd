//! How the routes were decided, from the policy and from what was decided.

use super::decided::Decided;
use crate::config::{Multiplicity, Policy, Rule};
use crate::ident::TierName;
use crate::measure::{PassPower, Repeats};
use crate::policy::Comparison;
use crate::summary::method::{Method, Versus};
use crate::summary::rounding;

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
        interval_confidence: Method::unusual_level(policy.interval_confidence.get()),
    }
}

/// A margin, where the rule uses it.
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

//! The choice among a task's tiers, and the sentence that says why.

use super::{
    Assessment, Band, Case, Decision, Doubt, Escalation, Floors, Infeasible, QualityGate, Route, could_catch,
};
use crate::config::{Consequence, Policy};
use crate::measure::{CellEvidence, Rate};
use crate::stats::alert;
use crate::stats::power;
use crate::units::Tokens;

/// What was chosen, before it is written out.
struct Choice {
    tier: usize,
    decision: Decision,
    reason: String,
}

/// The route of a task; `None` when the ladder is empty.
pub(super) fn choose(case: &Case<'_>, assessments: &[Assessment]) -> Option<Route> {
    let floors = Floors::of(case.task, case.policy);
    let choice = good_enough(case, assessments, floors)
        .or_else(|| undecided(case, assessments))
        .or_else(|| best_effort(case, assessments, floors))
        .or_else(|| impossible(case, assessments))?;
    let (cell, assessment) = (case.cells.get(choice.tier)?, assessments.get(choice.tier)?);
    let tier = case.tiers.get(choice.tier)?;
    let above = case.tiers.iter().zip(assessments).skip(choice.tier + 1);
    Some(Route {
        tier: tier.name.clone(),
        decision: choice.decision,
        fallback: above
            .filter(|(_, a)| could_catch(&a.infeasible))
            .map(|(tier, _)| tier.name.clone())
            .collect(),
        max_input_tokens: tier.window.map(|window| guarded(window, case.policy)),
        retries: case.policy.retries,
        gate: case.gate.cloned(),
        quality_gate: match case.task.consequence {
            Consequence::Low | Consequence::Medium => QualityGate::Optional,
            Consequence::High => QualityGate::Required,
        },
        pass_rate: cell.pass_rate,
        confidence: match choice.decision {
            Decision::Route => assessment.p_route,
            Decision::Monitor => assessment.p_monitor,
            Decision::Escalate | Decision::Undecided => None,
        },
        escalation: escalation(cell, case.policy),
        latency: cell.latency,
        cost_per_request: assessment
            .effective_cost
            .and_then(|cost| cost.serving.checked_add(cost.escalation)),
        output_tokens: cell.tokens.map(|tokens| tokens.output_mean),
        reason: choice.reason,
    })
}

/// The input size above which a tier of this window is bypassed.
#[must_use]
pub fn guarded(window: Tokens, policy: &Policy) -> Tokens {
    Tokens((window.0 as f64 * policy.context_guard.get()).floor() as u64)
}

/// What production should see of escalations. It sees the gate only, so the baseline is the share that the gate rejected
/// (with truncations and refusals), not the share of wrong answers.
fn escalation(cell: &CellEvidence, policy: &Policy) -> Option<Escalation> {
    let seen = cell.gate_reject?;
    let noise = alert::predictive_bound(
        seen.mean,
        seen.n_eff,
        policy.alert_window,
        policy.alert_confidence.get().min(1.0 - 1e-9),
    )?;
    let risen = seen.mean * (1.0 + policy.alert_relative.get());
    Some(Escalation {
        baseline: seen.mean,
        alert_above: noise.max(risen).min(1.0),
        window: policy.alert_window,
    })
}

/// The feasible tiers with their cells, from the bottom of the ladder up.
fn feasible<'a>(
    case: &'a Case<'_>,
    assessments: &'a [Assessment],
) -> impl DoubleEndedIterator<Item = (usize, &'a CellEvidence, &'a Assessment)> {
    let cells = case.cells.iter().zip(assessments).collect::<Vec<_>>();
    cells
        .into_iter()
        .enumerate()
        .filter(|(_, (_, assessment))| assessment.infeasible.is_empty())
        .map(|(at, (cell, assessment))| (at, cell, assessment))
}

/// The cheapest tier that the evidence calls good enough.
fn good_enough(case: &Case<'_>, assessments: &[Assessment], floors: Floors) -> Option<Choice> {
    let candidates: Vec<_> = feasible(case, assessments)
        .filter(|(_, _, a)| match a.band {
            Band::Route | Band::Monitor => true,
            Band::Below | Band::Undecided => false,
        })
        .collect();
    let priced: Vec<_> = candidates.iter().filter_map(|c| Some((c.2.effective_cost?.total, c))).collect();
    let all_priced = priced.len() == candidates.len();
    // `min_by_key` keeps the first of equals: the lower on the ladder.
    let &(tier, cell, assessment) =
        if all_priced { priced.into_iter().min_by_key(|c| c.0)?.1 } else { candidates.first()? };
    let (decision, floor, p, manner) = match assessment.band {
        Band::Route => (Decision::Route, floors.route, assessment.p_route?, ""),
        Band::Monitor | Band::Below | Band::Undecided => {
            (Decision::Monitor, floors.monitor, assessment.p_monitor?, ", with quality monitoring")
        }
    };
    let superlative = if all_priced { "cheapest" } else { "lowest" };
    let why = match case.settled(tier) {
        Some(settled) => format!(
            "settled early after {} prompts, by a confidence sequence at alpha {}",
            settled.prompts, settled.alpha
        ),
        None => format!(
            "P = {p:.2} where {} consequence asks for {:.2}",
            case.task.consequence.name(),
            floors.confidence
        ),
    };
    let mut reason = format!(
        "{superlative} tier that clears {floor}{manner}: {}, {why}",
        describe(cell.pass_rate, cell.prompts),
    );
    // Said where it makes a difference: a tier that does not clear the route floor is monitored in any case.
    if let (Some(cap), Decision::Monitor) = (case.cap, decision)
        && assessment.p_route.is_some_and(|p| p >= floors.confidence)
    {
        reason.push_str(&format!("; {cap}"));
    }
    if !all_priced {
        reason.push_str("; a cost is unknown, so the order of the ladder decides");
    }
    let below = feasible(case, assessments).take_while(|c| c.0 < tier).filter(|c| c.2.doubt.is_some());
    for (at, cell, assessment) in below {
        reason.push_str(&format!("; {} may do: {}", name(case, at), doubt(case, cell, assessment)));
    }
    Some(Choice { tier, decision, reason })
}

/// The highest tier that may be good enough, until there is more evidence.
fn undecided(case: &Case<'_>, assessments: &[Assessment]) -> Option<Choice> {
    let open: Vec<_> = feasible(case, assessments)
        .filter(|(_, _, a)| match a.band {
            Band::Undecided => true,
            Band::Route | Band::Monitor | Band::Below => false,
        })
        .collect();
    let &(tier, ..) = open.last()?;
    let doubts: Vec<String> =
        open.iter().map(|(at, cell, a)| format!("{}: {}", name(case, *at), doubt(case, cell, a))).collect();
    let reason = format!(
        "the evidence does not decide, so {} serves until it does. {}",
        name(case, tier),
        doubts.join("; ")
    );
    Some(Choice { tier, decision: Decision::Undecided, reason })
}

/// The best of the tiers that can serve, none of which is good enough.
fn best_effort(case: &Case<'_>, assessments: &[Assessment], floors: Floors) -> Option<Choice> {
    let mut best: Option<(usize, &CellEvidence)> = None;
    let mean = |cell: &CellEvidence| cell.pass_rate.map_or(f64::NEG_INFINITY, |rate| rate.mean);
    // A cell that was settled early was not measured on to rank it: of two that cannot be told apart, the higher serves.
    let worse = |cell: &CellEvidence, other: &CellEvidence| {
        cell.pass_rate.zip(other.pass_rate).is_some_and(|(cell, other)| cell.high < other.low)
    };
    for (at, cell, _) in feasible(case, assessments) {
        let better = best.is_none_or(|(below, other)| match case.settled(at).or(case.settled(below)) {
            Some(_) => !worse(cell, other),
            None => mean(cell) > mean(other),
        });
        if better {
            best = Some((at, cell));
        }
    }
    let (tier, cell) = best?;
    let reason = format!(
        "no tier clears {}; {} comes nearest: {}",
        floors.monitor,
        name(case, tier),
        describe(cell.pass_rate, cell.prompts),
    );
    Some(Choice { tier, decision: Decision::Escalate, reason })
}

/// The last tier that keeps to where data may go, if any; no tier can serve as it should.
fn impossible(case: &Case<'_>, assessments: &[Assessment]) -> Option<Choice> {
    let stays = |a: &Assessment| !a.infeasible.contains(&Infeasible::DataLocation);
    let tier = assessments.iter().rposition(stays).or_else(|| assessments.len().checked_sub(1))?;
    let why: Vec<String> = assessments
        .iter()
        .enumerate()
        .map(|(at, a)| {
            let causes: Vec<String> = a.infeasible.iter().map(cause).collect();
            format!("{}: {}", name(case, at), causes.join(", "))
        })
        .collect();
    let reason = format!("no tier can serve the task as it must be served. {}", why.join("; "));
    Some(Choice { tier, decision: Decision::Escalate, reason })
}

fn name<'a>(case: &'a Case<'_>, at: usize) -> &'a str {
    case.tiers.get(at).map_or("?", |tier| tier.name.as_str())
}

fn cause(infeasible: &Infeasible) -> String {
    match infeasible {
        Infeasible::Latency(p95, need) => format!("p95 latency {p95} above {need}"),
        Infeasible::DataLocation => "the data would leave".to_owned(),
        Infeasible::Context(count) => format!("{count} prompts do not fit its context window"),
    }
}

/// `97.3 % of 210 prompts pass (94.4-98.8 %)`.
fn describe(rate: Option<Rate>, prompts: u64) -> String {
    let Some(rate) = rate else { return "nothing was graded".to_owned() };
    let percent = |share: f64| share * 100.0;
    let worth = if rate.n_eff < 0.95 * prompts as f64 {
        format!(", worth {:.0} of even weight", rate.n_eff)
    } else {
        String::new()
    };
    let plural = if prompts == 1 { "" } else { "s" };
    format!(
        "{:.1} % of {prompts} prompt{plural}{worth} pass ({:.1}-{:.1} %)",
        percent(rate.mean),
        percent(rate.low),
        percent(rate.high),
    )
}

/// Why the cell does not decide, and what would.
fn doubt(case: &Case<'_>, cell: &CellEvidence, assessment: &Assessment) -> String {
    let more = |what: &str| match assessment.more_prompts {
        Some(1) => format!("{what}, 1 more prompt would decide"),
        Some(more) => format!("{what}, {more} more prompts would decide"),
        None => format!("{what}, and not even {} more prompts would decide", power::MOST),
    };
    let seen = describe(cell.pass_rate, cell.prompts);
    match assessment.doubt {
        Some(Doubt::NoEvidence) => "no trial was graded".to_owned(),
        Some(Doubt::TooFew) => {
            more(&format!("{seen}, too few for any decision (at least {})", case.policy.min_prompts))
        }
        Some(Doubt::CouldFlip(1)) => format!("{seen}, but 1 trial without a grade could turn that over"),
        Some(Doubt::CouldFlip(count)) => {
            format!("{seen}, but {count} trials without a grade could turn that over")
        }
        Some(Doubt::NearFloor) | None => more(&seen),
    }
}

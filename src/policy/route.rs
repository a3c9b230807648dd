//! The choice among a task's tiers, and the sentence that says why.

use super::assessment::{Assessment, Comparison, Doubt, Odds, Strictness};
use super::case::{Case, could_catch};
use super::floors::Floors;
use super::types::{Band, Decision, Escalation, Infeasible, QualityGate, Route};
use crate::config::{Consequence, Policy, Rule};
use crate::measure::CellEvidence;
use crate::stats::alert;
use crate::stats::power;
use crate::units::Tokens;

/// What was chosen, before it is written out.
struct Choice {
    tier: usize,
    decision: Decision,
    reason: String,
}

impl Case<'_> {
    /// The route, by the assessments of [`Self::assess`]; `None` when the ladder is empty.
    #[must_use]
    pub fn route(&self, assessments: &[Assessment]) -> Option<Route> {
        choose(self, assessments)
    }
}

fn choose(case: &Case<'_>, assessments: &[Assessment]) -> Option<Route> {
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
            Decision::Route => assessment.odds.map(|odds| odds.route),
            Decision::Monitor => assessment.odds.map(|odds| odds.monitor),
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
    let seen = cell.gate_rejection_rate?;
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
    let decision = match assessment.band {
        Band::Route => Decision::Route,
        Band::Monitor | Band::Below | Band::Undecided => Decision::Monitor,
    };
    let superlative = if all_priced { "cheapest" } else { "lowest" };
    let mut reason = format!("{superlative} tier that {}", claim(case, tier, cell, assessment, decision));
    // Answers where it makes a difference: a tier that does not clear the bar is monitored in any case.
    let clears = |odds: Odds| assessment.strictness.applied(odds).route >= floors.confidence;
    if let (Some(cap), Decision::Monitor) = (case.cap(tier), decision)
        && assessment.odds.is_none_or(clears)
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

/// What is claimed of a tier that is good enough, and by what evidence: the end of a sentence that begins with the tier.
fn claim(
    case: &Case<'_>,
    tier: usize,
    cell: &CellEvidence,
    assessment: &Assessment,
    decision: Decision,
) -> String {
    let floors = Floors::of(case.task, case.policy);
    let (floor, margin, manner) = match decision {
        Decision::Route => (floors.route, floors.margin, ""),
        Decision::Monitor | Decision::Escalate | Decision::Undecided => {
            (floors.monitor, floors.monitor_margin, ", with quality monitoring")
        }
    };
    let seen = describe(cell);
    let Some(odds) = assessment.odds else {
        return format!("will do{manner}, and the one that the others are held against: {seen}");
    };
    let what = match case.policy.rule {
        Rule::Floor => format!("clears {floor}{manner}: {seen}"),
        Rule::NonInferior => {
            let (reference, versus) = (reference_name(case), comparison_note(case, assessment));
            let points = margin * 100.0;
            format!("is no more than {points:.1} points worse than {reference}{manner}: {seen}{versus}")
        }
    };
    if let Some(stop) = case.early_stop(tier) {
        return format!(
            "{what}, settled early after {} prompts, by a confidence sequence at alpha {}",
            stop.prompts, stop.alpha
        );
    }
    let of = |odds: Odds| match decision {
        Decision::Route => odds.route,
        Decision::Monitor | Decision::Escalate | Decision::Undecided => odds.monitor,
    };
    let (raw, strict) = (of(odds), of(assessment.strictness.applied(odds)));
    let corrected = if assessment.strictness == Strictness::default() {
        String::new()
    } else {
        format!(" ({strict:.2} when all cells are counted in, by Holm)")
    };
    format!(
        "{what}, P = {raw:.2}{corrected} where {} consequence asks for {:.2}",
        case.task.consequence.name(),
        floors.confidence,
    )
}

/// Whom a tier must be no worse than.
fn reference_name<'a>(case: &'a Case<'_>) -> &'a str {
    case.policy.reference.as_ref().map_or("the best", |name| name.as_str())
}

/// The comparison as a further part of a sentence; nothing where there is none.
fn comparison_note(case: &Case<'_>, assessment: &Assessment) -> String {
    versus(case, assessment).map_or_else(String::new, |text| format!("; {text}"))
}

/// `-1.2 points against tier3 on 208 prompts that both answered (lower bound -2.4)`.
fn versus(case: &Case<'_>, assessment: &Assessment) -> Option<String> {
    let Comparison { other, difference, low, .. } = assessment.comparison?;
    let points = |difference: f64| {
        let text = format!("{:+.1}", difference * 100.0);
        if text == "-0.0" { "+0.0".to_owned() } else { text }
    };
    let plural = if difference.n == 1 { "" } else { "s" };
    Some(format!(
        "{} points against {} on {} prompt{plural} that both answered (lower bound {})",
        points(difference.mean),
        name(case, other),
        difference.n,
        points(low),
    ))
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
    let mut best: Option<(usize, &CellEvidence, &Assessment)> = None;
    let mean = |cell: &CellEvidence| cell.pass_rate.map_or(f64::NEG_INFINITY, |rate| rate.mean);
    // A cell that was settled early was not measured on to rank it: of two that cannot be told apart, the higher serves.
    let worse = |cell: &CellEvidence, other: &CellEvidence| {
        cell.pass_rate.zip(other.pass_rate).is_some_and(|(cell, other)| cell.high < other.low)
    };
    for (at, cell, assessment) in feasible(case, assessments) {
        let better =
            best.is_none_or(|(below, other, _)| match case.early_stop(at).or(case.early_stop(below)) {
                Some(_) => !worse(cell, other),
                None => mean(cell) > mean(other),
            });
        if better {
            best = Some((at, cell, assessment));
        }
    }
    let (tier, cell, assessment) = best?;
    let none = match case.policy.rule {
        Rule::Floor => format!("no tier clears {}", floors.monitor),
        Rule::NonInferior => {
            let (whom, points) = (reference_name(case), floors.monitor_margin * 100.0);
            format!("no tier that can serve is within {points:.1} points of {whom}")
        }
    };
    let (seen, versus) = (describe(cell), comparison_note(case, assessment));
    let reason = format!("{none}; {} comes nearest: {seen}{versus}", name(case, tier));
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
fn describe(cell: &CellEvidence) -> String {
    let Some(rate) = cell.pass_rate else { return "nothing was graded".to_owned() };
    let prompts = cell.prompts;
    let percent = |share: f64| share * 100.0;
    let worth = if rate.n_eff < 0.95 * prompts as f64 {
        let what = if cell.uncalibrated.is_some() { "graded by people" } else { "of even weight" };
        // Rounded down: 29.7 are not the 30 that are asked for.
        format!(", worth {:.0} {what}", rate.n_eff.floor())
    } else {
        String::new()
    };
    let (noun, verb) = if prompts == 1 { ("prompt", "passes") } else { ("prompts", "pass") };
    let judge = cell.uncalibrated.map_or_else(String::new, |judged| {
        format!(" once freed from the errors of the judge, who passes {:.1} %", percent(judged.mean))
    });
    format!(
        "{:.1} % of {prompts} {noun}{worth} {verb} ({:.1}-{:.1} %){judge}",
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
        // More labels narrow it as well as more prompts: how many of each is not for one number to say.
        None if cell.uncalibrated.is_some() => {
            format!("{what}; more labels by people, or more prompts, may decide")
        }
        None => format!("{what}, and not even {} more prompts would decide", power::MOST),
    };
    let seen = describe(cell) + &comparison_note(case, assessment);
    match assessment.doubt {
        Some(Doubt::NoEvidence) => "no trial was graded".to_owned(),
        Some(Doubt::NoPairs) => format!("{seen}, and no prompt was answered by what it is held against, too"),
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

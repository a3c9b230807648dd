//! The choice among a task's tiers, and the sentence that says why.

use super::assessment::{Assessment, Comparison, Doubt, Odds, Strictness};
use super::case::{Case, could_catch};
use super::floors::Floors;
use super::types::{AfterFallback, Band, Decision, Infeasible, QualityGate, Route};
use super::{escalation, needs};
use crate::config::{Consequence, IntervalMethod, Policy, Rule};
use crate::measure::{self, CellEvidence};
use crate::plan::tokens;
use crate::stats::power;
use crate::units::{self, Millis, Tokens};

/// What was chosen, before it is written out.
struct Choice {
    tier: usize,
    decision: Decision,
    reason: String,
}

impl Case<'_> {
    /// Whether a tier that meets only the monitor floor may serve the task: in place of a proven one where the policy allows that; where
    /// none is proven, unless a gate is required and missing.
    #[must_use]
    pub fn may_monitor(&self, assessments: &[Assessment]) -> bool {
        if feasible(self, assessments).any(|(_, _, assessment)| assessment.band == Band::Route) {
            self.policy.monitor_saves.allows(self.task.consequence)
        } else {
            monitoring_is_possible(self)
        }
    }

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
        escalation: escalation::expected(cell, case),
        latency: cell.latency,
        cost_per_request: assessment
            .effective_cost
            .and_then(|cost| cost.serving.checked_add(cost.escalation)),
        after_fallback: after_fallback(case, assessments, choice.tier, cell),
        output_tokens: cell.tokens.map(|tokens| tokens.output_mean),
        reason: choice.reason,
    })
}

/// What requests get on the route, escalations included.
fn after_fallback(
    case: &Case<'_>,
    assessments: &[Assessment],
    tier: usize,
    cell: &CellEvidence,
) -> Option<AfterFallback> {
    let played = case.play(tier, &case.escalates_to(assessments))?;
    let confidence = case.policy.interval_confidence.get();
    let rate = |(estimate, n)| measure::rate(estimate, n, confidence, IntervalMethod::Wilson);
    let at = |p| played.latency_at(p).and_then(Millis::from_ms);
    Some(AfterFallback {
        pass_rate: played.quality().filter(|_| cell.uncalibrated.is_none()).and_then(rate),
        escalation_rate: played.escalated,
        latency_p50: at(0.5),
        latency_p95: at(0.95),
    })
}

/// The input size above which a tier of this window is bypassed.
#[must_use]
pub fn guarded(window: Tokens, policy: &Policy) -> Tokens {
    tokens::guard_tokens(window, policy.context_guard)
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

/// The cheapest tier that the evidence calls good enough, and that may serve on it.
fn good_enough(case: &Case<'_>, assessments: &[Assessment], floors: Floors) -> Option<Choice> {
    let of_band = |band| feasible(case, assessments).filter(move |(_, _, a)| a.band == band);
    let may_monitor = case.may_monitor(assessments);
    let candidates: Vec<_> = feasible(case, assessments)
        .filter(|(_, _, a)| match a.band {
            Band::Route => true,
            Band::Monitor => may_monitor,
            Band::Below | Band::Undecided => false,
        })
        .collect();
    let all_priced = candidates.iter().all(|c| c.2.effective_cost.is_some());
    // `min_by_key` keeps the first of equals: the lower on the ladder.
    let cheapest = |fit: &dyn Fn(usize, &Assessment) -> bool| {
        let fitting = || candidates.iter().filter(|c| fit(c.0, c.2));
        if all_priced {
            fitting().min_by_key(|c| c.2.effective_cost.map(|cost| cost.total))
        } else {
            fitting().next()
        }
    };
    let first = cheapest(&|_, _| true)?;
    // Where it is open whether the cheapest is fast enough, a dearer one serves only if that is known to be, and no slower.
    let surer = cheapest(&|at, a| a.unproven.is_empty() && case.no_slower(at, first.0))
        .filter(|_| !first.2.unproven.is_empty());
    let &(tier, cell, assessment) = surer.unwrap_or(first);
    let decision = match assessment.band {
        Band::Route => Decision::Route,
        Band::Monitor | Band::Below | Band::Undecided => Decision::Monitor,
    };
    let dearer_alone = |c: &&(usize, &CellEvidence, &Assessment)| {
        c.2.effective_cost.zip(assessment.effective_cost).is_some_and(|(one, own)| one.serving < own.serving)
    };
    let superlative = match all_priced {
        true if candidates.iter().any(|c| dearer_alone(&c)) => "cheapest (with escalations)",
        true => "cheapest",
        false => "lowest",
    };
    let mut reason = format!("{superlative} tier that {}", claim(case, tier, cell, assessment, decision));
    // The cap is named only where it makes the difference: a tier below the route floor is monitored in any case.
    let clears = |odds: Odds| assessment.strictness.applied(odds).route >= floors.confidence;
    if let (Some(cap), Decision::Monitor) = (case.cap(tier), decision)
        && assessment.odds.is_none_or(clears)
    {
        reason.push_str(&format!("; {cap}"));
    }
    if !all_priced {
        reason.push_str("; a cost is unknown, so the order of the ladder decides");
    }
    if let Some((kept_out, _, _)) = of_band(Band::Monitor).find(|(at, _, _)| *at < tier && !may_monitor) {
        reason.push_str(&format!(
            "; {} meets the {} monitor floor, which does not displace a proven tier at {} consequence",
            name(case, kept_out),
            floors.monitor,
            case.task.consequence.name(),
        ));
    }
    if let (Decision::Monitor, Consequence::High) = (decision, case.task.consequence) {
        reason.push_str(&catch_rate(case, tier));
    }
    if surer.is_some() {
        reason.push_str(&format!("; {} costs less: {}", name(case, first.0), needs::open(first.2)));
    }
    if let Some(seen) = cell.availability.filter(|_| assessment.unavailable) {
        reason.push_str(&format!(
            "; {}, so it serves only with its fallback",
            needs::answered(&seen, case.policy)
        ));
    }
    let decision = if assessment.unproven.is_empty() {
        decision
    } else {
        reason.push_str(&format!("; {}", needs::open(assessment)));
        Decision::Undecided
    };
    let below = feasible(case, assessments).take_while(|c| c.0 < tier).filter(|c| c.2.doubt.is_some());
    for (at, cell, assessment) in below {
        reason.push_str(&format!(
            "; {} could be good enough: {}",
            name(case, at),
            doubt(case, at, cell, assessment)
        ));
    }
    Some(Choice { tier, decision, reason })
}

/// Whether a tier that meets the monitor floor only may serve where none is proven: at high consequence each reply must be checked before
/// it is used, so there must be a gate.
fn monitoring_is_possible(case: &Case<'_>) -> bool {
    case.gate.is_some() || case.task.consequence != Consequence::High
}

/// How many of a tier's wrong answers its gate catches, as a further part of a sentence.
fn catch_rate(case: &Case<'_>, tier: usize) -> String {
    let Some(missed) = case.gates.get(tier).map(|gate| gate.false_accepts).filter(|missed| missed.of > 0)
    else {
        return "; how many wrong answers its gate catches is not known, because none was seen".to_owned();
    };
    let (caught, percent) = (missed.of - missed.count, |share: f64| 100.0 * (1.0 - share));
    let bounds = missed.bounds.map_or_else(String::new, |bounds| {
        format!(
            " ({:.0} %, {} CI {:.0}–{:.0} %)",
            percent(missed.share().unwrap_or_default()),
            units::level(case.policy.interval_confidence.get()),
            percent(bounds.high),
            percent(bounds.low),
        )
    });
    format!("; its gate, which is required, catches {caught} of {} wrong answers{bounds}", missed.of)
}

/// Why a tier is good enough, and by what evidence: the end of a sentence that begins with the tier.
fn claim(
    case: &Case<'_>,
    tier: usize,
    cell: &CellEvidence,
    assessment: &Assessment,
    decision: Decision,
) -> String {
    let floors = Floors::of(case.task, case.policy);
    let (floor, floor_name, margin, margin_name) = match decision {
        Decision::Route => (floors.route, "route floor", floors.margin, "margin"),
        Decision::Monitor | Decision::Escalate | Decision::Undecided => {
            (floors.monitor, "monitor floor", floors.monitor_margin, "monitor margin")
        }
    };
    let stop = case.early_stop(tier);
    let seen = describe(case, tier, cell);
    let Some(odds) = assessment.odds else {
        return format!("is good enough, being the reference that the others are compared with: {seen}");
    };
    let (what, probability) = match case.policy.rule {
        Rule::Floor => (format!("meets the {floor} {floor_name}: {seen}"), format!("P(true rate ≥ {floor})")),
        Rule::NonInferior => {
            let (reference, points) = (reference_name(case), margin * 100.0);
            let versus = comparison_note(case, assessment);
            (
                format!("is non-inferior to {reference} ({margin_name} {points:.1} points): {seen}{versus}"),
                "confidence".to_owned(),
            )
        }
    };
    if let Some(stop) = stop {
        return format!("{what}; stopped early after {} prompts (alpha {})", stop.prompts, stop.alpha);
    }
    let of = |odds: Odds| match decision {
        Decision::Route => odds.route,
        Decision::Monitor | Decision::Escalate | Decision::Undecided => odds.monitor,
    };
    let (raw, strict) = (of(odds), of(assessment.strictness.applied(odds)));
    let corrected = if assessment.strictness == Strictness::default() {
        String::new()
    } else {
        format!(" ({strict:.2} after Holm correction)")
    };
    format!(
        "{what}; {probability} = {raw:.2}{corrected}, {} consequence requires {:.2}",
        case.task.consequence.name(),
        floors.confidence,
    )
}

/// What a tier must be non-inferior to.
fn reference_name<'a>(case: &'a Case<'_>) -> &'a str {
    case.policy.reference.as_ref().map_or("the best tier", |name| name.as_str())
}

/// The comparison as a further part of a sentence; nothing where there is none.
fn comparison_note(case: &Case<'_>, assessment: &Assessment) -> String {
    versus(case, assessment).map_or_else(String::new, |text| format!("; {text}"))
}

/// `-1.2 points against tier3 on 208 shared prompts (lower bound -2.4)`.
fn versus(case: &Case<'_>, assessment: &Assessment) -> Option<String> {
    let Comparison { other, difference, low, .. } = assessment.comparison?;
    let points = |difference: f64| {
        let text = format!("{:+.1}", difference * 100.0);
        if text == "-0.0" { "+0.0".to_owned() } else { text }
    };
    let plural = if difference.n == 1 { "" } else { "s" };
    Some(format!(
        "{} points against {} on {} shared prompt{plural} (lower bound {})",
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
    let doubts: Vec<String> = open
        .iter()
        .map(|(at, cell, a)| format!("{}: {}", name(case, *at), doubt(case, *at, cell, a)))
        .collect();
    let reason = format!(
        "too little evidence to decide; {} serves until there is enough. {}",
        name(case, tier),
        doubts.join("; ")
    );
    Some(Choice { tier, decision: Decision::Undecided, reason })
}

/// The best of the tiers that can serve, none of which is good enough.
fn best_effort(case: &Case<'_>, assessments: &[Assessment], floors: Floors) -> Option<Choice> {
    let mut best: Option<(usize, &CellEvidence, &Assessment)> = None;
    let mean = |cell: &CellEvidence| cell.pass_rate.map_or(f64::NEG_INFINITY, |rate| rate.mean);
    // A cell that was stopped early was not measured precisely enough to rank it: of two that overlap, the higher serves.
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
    let kept_out = feasible(case, assessments).any(|(_, _, a)| a.band == Band::Monitor);
    let none = match case.policy.rule {
        _ if kept_out => format!(
            "no tier meets the {} route floor, and at high consequence monitoring needs a gate, which {} has not",
            floors.route, case.task.oracle
        ),
        Rule::Floor => format!("no tier meets the {} monitor floor", floors.monitor),
        Rule::NonInferior => {
            let (reference, points) = (reference_name(case), floors.monitor_margin * 100.0);
            format!("no feasible tier is non-inferior to {reference} (monitor margin {points:.1} points)")
        }
    };
    let (seen, versus) = (describe(case, tier, cell), comparison_note(case, assessment));
    let reason = format!("{none}; {} comes closest: {seen}{versus}", name(case, tier));
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
    let reason = format!("no tier is feasible for this task. {}", why.join("; "));
    Some(Choice { tier, decision: Decision::Escalate, reason })
}

fn name<'a>(case: &'a Case<'_>, at: usize) -> &'a str {
    case.tiers.get(at).map_or("?", |tier| tier.name.as_str())
}

fn cause(infeasible: &Infeasible) -> String {
    match infeasible {
        Infeasible::Latency(p95, limit) => format!("p95 latency {p95} exceeds the limit of {limit}"),
        Infeasible::FirstToken(p95, limit) => {
            format!("p95 time to first token {p95} exceeds the limit of {limit}")
        }
        Infeasible::Availability(answered, attempts) => format!(
            "{answered} of {attempts} attempts were answered, which is below the availability floor, and no tier above could \
             step in"
        ),
        Infeasible::DataLocation => "its provider is external and the data must stay local".to_owned(),
        Infeasible::Context(1) => "1 prompt does not fit its context window".to_owned(),
        Infeasible::Context(count) => format!("{count} prompts do not fit its context window"),
    }
}

/// `97.3 % of 210 prompts pass (187 effective after weighting; 95 % CI 94.4–98.8 %)`.
fn describe(case: &Case<'_>, tier: usize, cell: &CellEvidence) -> String {
    let Some(rate) = cell.pass_rate else { return "no trial was graded".to_owned() };
    let prompts = cell.prompts;
    let percent = |share: f64| share * 100.0;
    let mut notes = Vec::new();
    if let Some(judge) = cell.uncalibrated {
        notes.push(format!("corrected by labels; the oracle alone passes {:.1} %", percent(judge.mean)));
    }
    if cell.clusters < prompts {
        notes.push(format!("{} distinct", cell.clusters));
    }
    if rate.n_eff < 0.95 * cell.clusters as f64 {
        let cause = if cell.uncalibrated.is_some() { "correction" } else { "weighting" };
        // Rounded down: 29.7 are not the 30 that are required.
        notes.push(format!("{} effective after {cause}", units::effective_n(rate.n_eff)));
    }
    let (level, interval) = match case.early_stop(tier) {
        Some(stop) => (1.0 - stop.alpha, "bounds, each valid at every look:"),
        None => (case.policy.interval_confidence.get(), "CI"),
    };
    notes.push(format!(
        "{} {interval} {:.1}–{:.1} %",
        units::level(level),
        percent(rate.low),
        percent(rate.high)
    ));
    let (noun, verb) = if prompts == 1 { ("prompt", "passes") } else { ("prompts", "pass") };
    let of = match rate.n {
        n if n > prompts && cell.repeats.is_some() => format!("{n} replies to {prompts} {noun} pass"),
        _ => format!("{prompts} {noun} {verb}"),
    };
    format!("{:.1} % of {of} ({})", percent(rate.mean), notes.join("; "))
}

/// Why the cell is undecided, and what would decide it.
fn doubt(case: &Case<'_>, tier: usize, cell: &CellEvidence, assessment: &Assessment) -> String {
    let more = |what: &str| match assessment.more_prompts {
        Some(more) => {
            let prompts = if more == 1 { "prompt" } else { "prompts" };
            match assessment.more_chance {
                Some(chance) => {
                    format!(
                        "{what}; {more} more distinct {prompts} would decide with probability {chance:.2}"
                    )
                }
                None => format!("{what}; {more} more distinct {prompts} may decide"),
            }
        }
        // More labels narrow the interval as well as more prompts do: one number cannot say how many of each.
        None if cell.uncalibrated.is_some() => {
            format!("{what}; more human labels or more prompts may decide")
        }
        None => format!("{what}; not even {} more prompts would be likely to decide", power::MOST),
    };
    let seen = describe(case, tier, cell) + &comparison_note(case, assessment);
    match assessment.doubt {
        Some(Doubt::NoEvidence) => "no trial was graded".to_owned(),
        Some(Doubt::Spared(by)) => format!(
            "{seen}; it was not measured further, because {} is proven good enough (--complete measures on)",
            name(case, by)
        ),
        Some(Doubt::NoPairs) => format!("{seen}; it shares no graded prompt with a reference tier"),
        Some(Doubt::TooFew) => {
            more(&format!("{seen}; too few prompts for any decision (at least {})", case.policy.min_prompts))
        }
        Some(Doubt::CouldFlip(1)) => format!("{seen}; 1 trial without a grade could change that"),
        Some(Doubt::CouldFlip(count)) => {
            format!("{seen}; {count} trials without a grade could change that")
        }
        Some(Doubt::NearFloor) | None => more(&seen),
    }
}

//! The part of the page about strategies, gates, pairs of tiers and what would flip a route.

use minijinja::{context, value::Value};

use super::super::compared;
use super::super::figures::{self, Savings};
use crate::summary::flips::{RouteFlip, TrafficFlip};
use crate::summary::queries::ClassifierAccuracy;
use crate::summary::strategies::{CountedShare, GateAudit, TierPair};
use crate::summary::{Strategies, StrategyKind, StrategyLine};
use crate::units::percent;

/// Rows of a table of flips; `summary.json` has them all.
const SHOWN_FLIPS: usize = 12;

pub(super) fn value(strategies: &Strategies, ci: &str) -> Value {
    context! {
        verdict => compared::strategies(strategies, ci),
        ci => ci,
        savings_unit => compared::savings_unit(strategies),
        best => strategies.best_single_tier.as_str(),
        prompts => strategies.prompts,
        left_out => strategies.left_out,
        folds => strategies.folds,
        resamples => strategies.resamples,
        headroom => figures::points(strategies.headroom),
        months => strategies.table.iter().any(|line| line.month.is_some()),
        bills => strategies.table.iter().any(|line| line.expected_bill_per_1000.is_some()),
        table => strategies.table.iter().map(|line| self::line(strategies, line)).collect::<Vec<_>>(),
        gates => strategies.gates.iter().flat_map(gate).collect::<Vec<_>>(),
        pairs => strategies.pairs.iter().map(pair).collect::<Vec<_>>(),
        queries => strategies.queries.iter().map(|query| context! {
            model => query.model.to_string(),
            questions => query.questions,
            missing => query.missing,
            list_price => query.list_price.human(),
            billed => query.billed.human(),
        }).collect::<Vec<_>>(),
        classifier => strategies.classifier.as_ref().map(classifier),
        flips => strategies.route_flips.iter().take(SHOWN_FLIPS).map(flip).collect::<Vec<_>>(),
        traffic => strategies.traffic_flips.iter().take(SHOWN_FLIPS).map(|one| traffic(strategies, one)).collect::<Vec<_>>(),
        more_traffic => strategies.traffic_flips.len().saturating_sub(SHOWN_FLIPS),
        first_flip => compared::first_flip(strategies),
    }
}

fn line(strategies: &Strategies, line: &StrategyLine) -> Value {
    let shown = |share: Option<f64>| share.map(percent);
    let best = compared::best_single(strategies).map(|best| &best.id);
    let savings = compared::savings(strategies, line).filter(|_| Some(&line.id) != best);
    context! {
        label => line.label.clone(),
        kind => compared::strategy_kind(line.kind),
        bound => line.kind == StrategyKind::Bound,
        marked => strategies.winner.as_ref() == Some(&line.id),
        n => line.n,
        pass_rate => percent(line.pass_rate.mean),
        pass_interval => format!("{:.1} – {:.1} %", line.pass_rate.low * 100.0, line.pass_rate.high * 100.0),
        cost => line.cost_per_1000.mean.human(),
        cost_interval => format!("{} – {}", line.cost_per_1000.low.human(), line.cost_per_1000.high.human()),
        month => line.month.map(|month| figures::usd_short(month.mean)),
        p50 => line.latency_p50.map(|latency| latency.to_string()),
        p95 => line.latency_p95.map(|latency| latency.to_string()),
        escalated => percent(line.escalation_rate),
        gap => figures::points(line.quality_gap.mean),
        gap_interval => format!("{} to {}", figures::points(line.quality_gap.low), figures::points(line.quality_gap.high)),
        savings => savings.map(Savings::cell),
        savings_interval => savings.map(Savings::interval),
        gain_over_random => line.gain_over_random.map(|over| figures::points(over.mean)),
        frontier => shown(line.frontier_share),
        bill => line.expected_bill_per_1000.map(|bill| bill.human()),
        cost_save => shown(line.cost_save),
        aiq => line.aiq.map(|aiq| format!("{aiq:.3}")),
        pgr => line.pgr.map(|pgr| format!("{pgr:.3}")),
        apgr => line.apgr.map(|apgr| format!("{apgr:.3}")),
        cpt50 => shown(line.cpt50),
        cpt80 => shown(line.cpt80),
        opt_sel => shown(line.opt_sel),
        opt_cost => shown(line.opt_cost),
        opt_acc => shown(line.opt_acc),
        ibc_lift => line.ibc_lift.map(|lift| format!("{lift:+.2}")),
        cost_of_pass => line.cost_of_pass.map(|cost| cost.human()),
        in_sample => line.in_sample.map(|flattering| format!(
            "{} at {}", percent(flattering.pass_rate), flattering.cost_per_1000.human()
        )),
    }
}

fn counted(share: &CountedShare) -> String {
    match share.share {
        Some(rate) => format!(
            "{} of {}: {:.1} % ({:.1} – {:.1})",
            share.count,
            share.of,
            rate.mean * 100.0,
            rate.low * 100.0,
            rate.high * 100.0
        ),
        None => "no such answers".to_owned(),
    }
}

fn gate(gate: &GateAudit) -> Vec<Value> {
    gate.tiers
        .iter()
        .enumerate()
        .map(|(at, tier)| {
            context! {
                task => (at == 0).then(|| gate.task.to_string()),
                oracle => gate.oracle.to_string(),
                rows => gate.tiers.len(),
                tier => tier.tier.as_str(),
                false_accepts => counted(&tier.false_accepts),
                false_rejects => counted(&tier.false_rejects),
                dead => tier.rejects_nearly_all_good,
                cascade => gate.cascade_per_1000.map(|cost| cost.human()),
                cascade_rate => gate.cascade_pass_rate.map(percent),
                last => gate.last_tier_per_1000.map(|cost| cost.human()),
                last_rate => gate.last_tier_pass_rate.map(percent),
            }
        })
        .collect()
}

fn classifier(classifier: &ClassifierAccuracy) -> Value {
    context! {
        model => classifier.model.clone(),
        correct => counted(&classifier.correct),
        unreadable => classifier.unreadable,
        cost => classifier.cost_per_1000.map(|cost| cost.human()),
        latency => classifier.latency.map(|latency| latency.to_string()),
        tiers => classifier.named.iter().map(|named| named.tier.to_string()).collect::<Vec<_>>(),
        rows => classifier.named.iter().map(|named| context! {
            tier => named.tier.as_str(),
            cheapest => named.cheapest_passing.clone(),
            none => named.none_passes,
        }).collect::<Vec<_>>(),
    }
}

fn pair(pair: &TierPair) -> Value {
    context! {
        lower => pair.lower.as_str(),
        upper => pair.upper.as_str(),
        both => pair.both,
        only_lower => pair.only_lower,
        only_upper => pair.only_upper,
        neither => pair.neither,
        gap => pair.gap.map(figures::points),
        gap_se => pair.gap_se.map(|se| format!("± {:.1}", se * 100.0)),
        tolerable => pair.tolerable_gate_error.map(percent),
    }
}

fn flip(flip: &RouteFlip) -> Value {
    context! {
        task => flip.task.as_str(),
        change => compared::change(&flip.change),
        factor => figures::factor(flip.factor),
        from => flip.from.as_str(),
        to => flip.to.as_str(),
    }
}

fn traffic(strategies: &Strategies, flip: &TrafficFlip) -> Value {
    let label = |id: &Option<String>| compared::ahead(strategies, id.as_deref());
    context! {
        task => flip.task.as_str(),
        factor => figures::factor(flip.factor),
        share => format!("{} → {}", percent(flip.traffic_share), percent(flip.traffic_share_at_flip)),
        what => compared::flipped(&flip.what),
        from => label(&flip.from),
        to => label(&flip.to),
    }
}

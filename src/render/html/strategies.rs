//! The part of the page about strategies, gates, pairs of tiers and what would flip a route.

use minijinja::{context, value::Value};

use super::super::words;
use crate::summary::asked::ClassifierWords;
use crate::summary::robust::{RouteFlip, TrafficFlip};
use crate::summary::strategies::{CountedShare, GateAudit, TierPair};
use crate::summary::{Strategies, StrategyKind, StrategyLine};
use crate::units::percent;

/// Rows of a table of flips; `summary.json` has them all.
const SHOWN_FLIPS: usize = 12;

pub(super) fn value(strategies: &Strategies) -> Value {
    context! {
        verdict => words::strategies(strategies),
        best => strategies.best_single.as_str(),
        prompts => strategies.prompts,
        left_out => strategies.left_out,
        folds => strategies.folds,
        resamples => strategies.resamples,
        headroom => words::points(strategies.headroom),
        months => strategies.table.iter().any(|line| line.month.is_some()),
        bills => strategies.table.iter().any(|line| line.expected_bill_per_1000.is_some()),
        table => strategies.table.iter().map(|line| self::line(strategies, line)).collect::<Vec<_>>(),
        gates => strategies.gates.iter().flat_map(gate).collect::<Vec<_>>(),
        pairs => strategies.pairs.iter().map(pair).collect::<Vec<_>>(),
        asked => strategies.asked.iter().map(|asked| context! {
            model => asked.model.to_string(),
            questions => asked.questions,
            missing => asked.missing,
            list => asked.list.human(),
            billed => asked.billed.human(),
        }).collect::<Vec<_>>(),
        classifier => strategies.classifier.as_ref().map(classifier),
        flips => strategies.flips.iter().take(SHOWN_FLIPS).map(flip).collect::<Vec<_>>(),
        traffic => strategies.traffic.iter().take(SHOWN_FLIPS).map(|one| traffic(strategies, one)).collect::<Vec<_>>(),
        more_traffic => strategies.traffic.len().saturating_sub(SHOWN_FLIPS),
        first_flip => words::first_flip(strategies),
    }
}

fn line(strategies: &Strategies, line: &StrategyLine) -> Value {
    let shown = |share: Option<f64>| share.map(percent);
    context! {
        label => line.label.clone(),
        kind => words::strategy_kind(line.kind),
        bound => line.kind == StrategyKind::Bound,
        marked => strategies.winner.as_ref() == Some(&line.id),
        n => line.n,
        pass_rate => percent(line.pass_rate.mean),
        pass_span => format!("{:.1} – {:.1} %", line.pass_rate.low * 100.0, line.pass_rate.high * 100.0),
        cost => line.cost_per_1000.mean.human(),
        cost_span => format!("{} – {}", line.cost_per_1000.low.human(), line.cost_per_1000.high.human()),
        month => line.month.map(|month| words::usd_short(month.mean)),
        p50 => line.latency_p50.map(|latency| latency.to_string()),
        p95 => line.latency_p95.map(|latency| latency.to_string()),
        escalated => percent(line.escalation_rate),
        gap => words::points(line.quality_gap.mean),
        gap_span => format!("{} to {}", words::points(line.quality_gap.low), words::points(line.quality_gap.high)),
        saving => line.saving.map(|saving| words::saving_short(&saving)),
        saving_span => line.saving.map(|saving| format!("{} to {}", percent(saving.low), percent(saving.high))),
        over_mix => line.over_mix.map(|over| words::points(over.mean)),
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
        None => "none to judge by".to_owned(),
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
                dead => tier.dead,
                cascade => gate.cascade_per_1000.map(|cost| cost.human()),
                cascade_rate => gate.cascade_pass_rate.map(percent),
                last => gate.last_tier_per_1000.map(|cost| cost.human()),
                last_rate => gate.last_tier_pass_rate.map(percent),
            }
        })
        .collect()
}

fn classifier(words: &ClassifierWords) -> Value {
    context! {
        model => words.model.clone(),
        right => counted(&words.right),
        unreadable => words.unreadable,
        cost => words.cost_per_1000.map(|cost| cost.human()),
        latency => words.latency.map(|latency| latency.to_string()),
        tiers => words.named.iter().map(|named| named.tier.to_string()).collect::<Vec<_>>(),
        rows => words.named.iter().map(|named| context! {
            tier => named.tier.as_str(),
            cheapest => named.cheapest.clone(),
            none => named.none,
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
        gap => pair.gap.map(words::points),
        gap_se => pair.gap_se.map(|se| format!("± {:.1}", se * 100.0)),
        tolerable => pair.tolerable_gate_error.map(percent),
    }
}

fn flip(flip: &RouteFlip) -> Value {
    context! {
        task => flip.task.as_str(),
        lever => words::lever(&flip.lever),
        factor => words::factor(flip.factor),
        from => flip.from.as_str(),
        to => flip.to.as_str(),
    }
}

fn traffic(strategies: &Strategies, flip: &TrafficFlip) -> Value {
    let label = |id: &Option<String>| words::ahead(strategies, id.as_deref());
    context! {
        task => flip.task.as_str(),
        factor => words::factor(flip.factor),
        share => format!("{} → {}", percent(flip.share), percent(flip.share_then)),
        what => words::turned_over(&flip.what),
        from => label(&flip.from),
        to => label(&flip.to),
    }
}

//! One cell and one line of prices, rounded.

use crate::ident::TierName;
use crate::measure::{CellEvidence, TokenStats};
use crate::policy::Assessment;
use crate::price::ModelPrice;
use crate::summary::rounding::{self, share, tenth};
use crate::summary::task::Cell;
use crate::summary::tier::PriceLine;
use crate::units::Tokens;

use super::method;

pub(super) fn cell(
    tier: &TierName,
    evidence: &CellEvidence,
    assessment: &Assessment,
    names: &[TierName],
) -> Cell {
    Cell {
        tier: tier.clone(),
        counts: evidence.counts,
        distinct_prompts: evidence.clusters,
        pass_rate: evidence.pass_rate.map(rounding::rate),
        uncalibrated_pass_rate: evidence.uncalibrated.map(rounding::rate),
        p_route: assessment.p_route.map(share),
        p_monitor: assessment.p_monitor.map(share),
        versus: assessment.comparison.and_then(|comparison| method::versus(comparison, names)),
        repeats: evidence.repeats.clone().map(method::repeats),
        band: assessment.band,
        more_prompts: assessment.more_prompts,
        more_chance: assessment.more_chance.map(share),
        fail_reasons: evidence.fail_reasons.clone(),
        gate_rejection_rate: evidence.gate_rejection_rate.map(rounding::rate),
        latency: evidence.latency,
        availability: evidence.availability.map(rounding::availability),
        tokens: evidence.tokens.map(|tokens| TokenStats {
            input_mean: tenth(tokens.input_mean),
            output_mean: tenth(tokens.output_mean),
            input_max: Tokens(tokens.input_max.0),
            ..tokens
        }),
        retry_rate: share(evidence.retry_rate),
        cost: evidence.cost.map(rounding::money),
        cost_uncached: evidence.cost_uncached.map(rounding::usd),
        effective_cost: assessment.effective_cost.map(rounding::cost),
        infeasible: assessment.infeasible.clone(),
        unproven: assessment.unproven.iter().map(rounding::unproven).collect(),
        stopped_early: None,
    }
}

pub(super) fn price_line(price: &ModelPrice) -> PriceLine {
    PriceLine {
        input: price.input,
        output: price.output,
        cache_read: price.cache_read,
        cache_write: price.cache_write,
    }
}

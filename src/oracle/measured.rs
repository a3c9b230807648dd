//! `finish_reason`, `latency` and `cost`: what a call was like, beside what it said. Gates. Where the figure is unknown (a recording
//! without it, a batch) the reply is ungraded, never passed.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::Verdict;
use crate::units::{Millis, Usd};

pub(super) const FINISH_REASON: Kind = Kind {
    name: "finish_reason",
    summary: "the provider's finish reason",
    build: Build::Alone(finish),
    schema: || schemars::schema_for!(FinishSettings).to_value(),
};

pub(super) const LATENCY: Kind = Kind {
    name: "latency",
    summary: "the reply took no longer than this",
    build: Build::Alone(latency),
    schema: || schemars::schema_for!(LatencySettings).to_value(),
};

pub(super) const COST: Kind = Kind {
    name: "cost",
    summary: "the call cost no more than this",
    build: Build::Alone(cost),
    schema: || schemars::schema_for!(CostSettings).to_value(),
};

/// The provider's finish reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FinishSettings {
    /// The accepted finish reasons, as the provider spells them: `stop`, `tool_calls`, `end_turn`, `STOP`, ...
    #[schemars(with = "Vec<String>")]
    is: Spanned<Vec<String>>,
}

/// The reply took no longer than this.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LatencySettings {
    /// Milliseconds from request to end.
    #[schemars(with = "f64")]
    max_ms: Spanned<f64>,
}

/// The call cost no more than this.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CostSettings {
    /// USD, at today's prices.
    #[schemars(with = "f64")]
    max_usd: Spanned<Usd>,
}

#[derive(Debug)]
enum Measured {
    Finish(Vec<String>),
    Latency(Millis),
    Cost(Usd),
}

fn finish(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: FinishSettings = settings(table)?;
    if settings.is.get_ref().is_empty() {
        return Err(TableError::new(
            settings.is.span(),
            "the list is empty: nothing could pass",
            "list one, such as \"stop\"",
        ));
    }
    Ok(Box::new(Measured::Finish(settings.is.into_inner())))
}

fn latency(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: LatencySettings = settings(table)?;
    let most = Millis::from_ms(*settings.max_ms.get_ref()).filter(|most| most.ms() > 0.0);
    let most = most.ok_or_else(|| {
        TableError::new(settings.max_ms.span(), "this is not a duration", "use milliseconds, such as 2000")
    })?;
    Ok(Box::new(Measured::Latency(most)))
}

fn cost(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: CostSettings = settings(table)?;
    if *settings.max_usd.get_ref() < Usd::ZERO {
        return Err(TableError::new(settings.max_usd.span(), "the cost is negative", "use 0 or more"));
    }
    Ok(Box::new(Measured::Cost(settings.max_usd.into_inner())))
}

impl Criterion for Measured {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let unknown = |what: &str| Judgement::ungraded(format!("{what} is unknown"));
        let facts = &sample.facts;
        let good = match self {
            Self::Finish(words) => match facts.finish {
                None => return unknown("why the reply ended"),
                Some(finish) => (words.iter().any(|word| word == finish), "it ended for another reason"),
            },
            Self::Latency(most) => match facts.latency {
                None => return unknown("the latency"),
                Some(latency) => (latency <= *most, "it took too long"),
            },
            Self::Cost(most) => match facts.cost {
                None => return unknown("the cost"),
                Some(cost) => (cost <= *most, "it cost too much"),
            },
        };
        match good {
            (true, _) => Judgement::let_through(Verdict::Pass),
            (false, reason) => Judgement::rejected(reason),
        }
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}

//! What every report says of the projected cost: what is weighted by what, what the intervals contain, what serves today.

use super::figures::{self, Savings, percent_short, usd_short};
use crate::summary::{
    BillSource, Interval, Money, Scenario, SourceShare, Summary, TaskSummary, Today, Weighting,
};
use crate::units::{self, percent};

/// What the routes save: a sentence of the verdict. Against what serves today where `[baseline]` says so, else against all traffic on
/// the last tier.
pub(super) fn savings(summary: &Summary) -> Option<String> {
    let projection = &summary.projection;
    let total = projection.total.as_ref()?;
    if let Some(today) = &projection.today {
        let name = format!("what serves today ({})", tiers(today));
        return Some(match (&today.cost, Savings::of(Some(total), today.cost.as_ref(), today.savings)) {
            (Some(cost), Some(savings)) => {
                format!("This {} ({}).", savings.clause("a month", &name), usd_short(cost.month.mean))
            }
            (Some(cost), None) => format!("What serves today costs {} a month.", usd_short(cost.month.mean)),
            (None, _) => format!("What {name} costs is unknown, so that no savings can be told."),
        });
    }
    let top = projection.baselines.last()?;
    let savings = Savings::of_routes(Some(total), top)?;
    let clause = savings.clause("a month", &format!("all traffic on {}", top.tier));
    Some(format!("This {clause} ({}).", usd_short(top.cost.as_ref()?.month.mean)))
}

/// The tiers that serve today: `tier3`, or `intent on tier2, extract on tier3`.
pub(super) fn tiers(today: &Today) -> String {
    match today.tiers.as_slice() {
        [] => "no tier".to_owned(),
        [first, rest @ ..] if rest.iter().all(|line| line.tier == first.tier) => {
            format!("all on {}", first.tier)
        }
        lines => {
            lines.iter().map(|line| format!("{} on {}", line.task, line.tier)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What a source of uncertainty is.
pub(super) const fn source(source: BillSource) -> &'static str {
    match source {
        BillSource::Prompts => "prompts",
        BillSource::Traffic => "traffic",
        BillSource::OutputLength => "output length",
        BillSource::Price => "prices",
        BillSource::Routes => "routes that may be wrong",
        BillSource::Cache => "cache",
    }
}

/// Sources and their parts: `prompts 12 %, traffic 71 %`.
pub(super) fn shares(sources: &[SourceShare]) -> String {
    let part = |one: &SourceShare| format!("{} {}", source(one.source), percent_short(one.share));
    sources.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What the intervals of the projected cost contain.
pub(super) fn contains(summary: &Summary) -> Option<String> {
    summary.projection.total.as_ref()?;
    let level = units::level(summary.method.level());
    let text = match summary.projection.sources.as_deref() {
        Some(sources) if sources.len() > 1 => format!(
            "The {level} intervals of the projected cost contain: {} (parts of the variance).",
            shares(sources)
        ),
        Some(_) | None => format!(
            "The {level} intervals of the projected cost contain the sampling of the prompts only, not the uncertainty of traffic, \
             prices or answer lengths."
        ),
    };
    Some(text)
}

/// How the traffic grows.
pub(super) fn growth(summary: &Summary) -> Option<String> {
    let growth = summary.projection.growth.as_ref()?;
    let verb = if growth.per_month < 0.0 { "shrinks" } else { "grows" };
    Some(format!(
        "Traffic {verb} by {} a month, which the year contains; day and month are those of today's traffic. The twelfth month has {:.0} \
         requests a day and costs {}.",
        percent(growth.per_month.abs()),
        growth.requests_per_day,
        figures::money_short(&growth.month)
    ))
}

/// What tasks are weighted by, where it is not their traffic.
pub(super) fn weighted(summary: &Summary) -> Option<String> {
    match summary.projection.weighted_by? {
        Weighting::Corpus if summary.tasks.len() > 1 => Some(
            "Figures over several tasks are weighted by the corpus: no requests_per_day is stated."
                .to_owned(),
        ),
        Weighting::Corpus | Weighting::Traffic => None,
    }
}

/// Why there is no projection.
pub(super) fn none(summary: &Summary) -> String {
    if summary.tasks.iter().all(|task| task.requests_per_day.is_none()) {
        return "no projection: state requests_per_day in the tasks of route-prof.toml".to_owned();
    }
    let text: Vec<String> = left_out(summary);
    if text.is_empty() { "no projection".to_owned() } else { format!("no projection: {}", text.join(" ")) }
}

/// Which tasks are not projected, and why: a sentence for each reason.
pub(super) fn left_out(summary: &Summary) -> Vec<String> {
    let left = |stated: bool| -> Vec<&str> {
        let named = |task: &&TaskSummary| summary.projection.left_out.contains(&task.name);
        summary
            .tasks
            .iter()
            .filter(named)
            .filter(|task| task.requests_per_day.is_some() == stated)
            .map(|task| task.name.as_str())
            .collect()
    };
    let mut text = Vec::new();
    let (silent, unpriced) = (left(false), left(true));
    if !silent.is_empty() {
        text.push(format!("Not projected, because requests_per_day is not stated: {}.", silent.join(", ")));
    }
    if !unpriced.is_empty() {
        text.push(format!(
            "Not projected, because a cost on the route is unknown (no price, or no answer): {}.",
            unpriced.join(", ")
        ));
    }
    text
}

/// All that is said below the tables of the projection.
pub(super) fn remarks(summary: &Summary) -> Vec<String> {
    let mut text: Vec<String> = contains(summary).into_iter().collect();
    text.extend(growth(summary));
    text.extend(weighted(summary));
    text.extend(left_out(summary));
    text
}

/// The traffic of a task: `50000`, `50000 (30000–90000)`.
pub(super) fn requests(summary: &Summary, task: &str, likely: f64) -> String {
    let range = summary.tasks.iter().find(|known| known.name.as_str() == task).and_then(|t| t.traffic_range);
    match range {
        Some(range) => format!("{likely:.0} ({:.0}–{:.0})", range.low, range.high),
        None => format!("{likely:.0}"),
    }
}

/// A source's row of the table of sources: name, part, month when only it varies. Only with more than one source.
pub(super) fn source_rows(summary: &Summary) -> Vec<(&'static str, String, Money)> {
    match summary.projection.sources.as_deref() {
        Some(sources) if sources.len() > 1 => {
            sources.iter().map(|one| (source(one.source), percent_short(one.share), one.month)).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// A scenario: what moves from where to where, and the bill at both ends.
pub(super) fn scenario(scenario: &Scenario) -> (String, String, String) {
    let what = match scenario.source {
        BillSource::Traffic => {
            format!("traffic {:.0} to {:.0} requests a day", scenario.low, scenario.high)
        }
        BillSource::Cache => {
            format!(
                "caches save {} to {} of what they saved here",
                percent_short(scenario.low),
                percent_short(scenario.high)
            )
        }
        BillSource::Prompts | BillSource::OutputLength | BillSource::Price | BillSource::Routes => format!(
            "{} {} to {}",
            source(scenario.source),
            figures::factor(scenario.low),
            figures::factor(scenario.high)
        ),
    };
    (what, usd_short(scenario.month_at_low), usd_short(scenario.month_at_high))
}

/// Whether any task names its owner.
pub(super) fn owners(summary: &Summary) -> bool {
    summary.tasks.iter().any(|task| task.owner.is_some())
}

/// An interval in percents, for a CSV cell.
pub(super) fn bounds(interval: Option<Interval>) -> [String; 3] {
    interval.map_or_else(Default::default, |one| [one.mean, one.low, one.high].map(|value| value.to_string()))
}

//! From what a request costs on each plan to bills: by day, month and year, with intervals over all that may come out otherwise.

use super::types::{Growth, Horizon, Interval, Scenario, Source, SourceShare};
use super::worlds::{Cost, Otherwise, Part, Traffic, Varies, Worlds};
use crate::config::{ProjectionSettings, Range};
use crate::ident::TaskName;
use crate::measure::{self, Money};
use crate::stats::{bootstrap, skew};

/// Days of a month, on average.
pub const MONTH: f64 = 365.0 / 12.0;
/// Months of a year.
const MONTHS: i32 = 12;

/// A task that can be projected.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Requests per day, the likely number.
    pub(super) traffic: f64,
    /// Low, likely, high; `None` for a plain number.
    pub(super) range: Option<Range>,
    /// The configured task.
    pub(super) of: TaskName,
    /// What a request costs on the route.
    pub(super) routed: Cost,
    /// What serves if the route is wrong.
    pub(super) otherwise: Option<Otherwise>,
}

/// The bills of some tasks.
pub(super) struct Bills<'a> {
    lines: &'a [Line],
    settings: &'a ProjectionSettings,
    worlds: Worlds,
    sources: Vec<Source>,
    size: usize,
    confidence: f64,
}

/// What something costs per day: the mean, and a value per world.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    mean: f64,
    days: Vec<f64>,
    variance: f64,
    low: f64,
    high: f64,
}

impl<'a> Bills<'a> {
    /// `size` is the number of replicates, and of worlds.
    pub(super) fn new(
        lines: &'a [Line],
        settings: &'a ProjectionSettings,
        size: usize,
        seed: u64,
        confidence: f64,
    ) -> Self {
        let traffic: Vec<Traffic> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| Traffic {
                range: line.range,
                may_flip: line.otherwise.is_some(),
                like: lines.iter().position(|first| first.of == line.of).unwrap_or(at),
            })
            .collect();
        let worlds = Worlds::draw(settings, &traffic, size, seed);
        let sources = worlds.sources();
        Self { lines, settings, worlds, sources, size, confidence }
    }

    /// A task on its route, `bare` as if nothing came from a cache.
    pub(super) fn routed(&self, task: usize, bare: bool) -> Option<Sum> {
        let line = self.lines.get(task)?;
        let (cost, otherwise) = (uncached(&line.routed, bare), otherwise(line, bare));
        Some(self.sum(&[self.part(task, line, &cost, otherwise.as_ref())], Varies::All))
    }

    /// All tasks on their routes.
    pub(super) fn total(&self, bare: bool, varies: Varies) -> Sum {
        let costs: Vec<(Cost, Option<Otherwise>)> =
            self.lines.iter().map(|line| (uncached(&line.routed, bare), otherwise(line, bare))).collect();
        let parts: Vec<Part<'_>> = self
            .lines
            .iter()
            .zip(&costs)
            .enumerate()
            .map(|(at, (line, (cost, otherwise)))| self.part(at, line, cost, otherwise.as_ref()))
            .collect();
        self.sum(&parts, varies)
    }

    /// Each task on another plan, by its number; `None` where a cost is unknown.
    pub(super) fn plan(&self, cost: &dyn Fn(usize) -> Option<Cost>) -> Option<Sum> {
        let costs: Vec<Cost> = (0..self.lines.len()).map(cost).collect::<Option<_>>()?;
        let parts: Vec<Part<'_>> = self
            .lines
            .iter()
            .zip(&costs)
            .enumerate()
            .map(|(at, (line, cost))| self.part(at, line, cost, None))
            .collect();
        Some(self.sum(&parts, Varies::All))
    }

    /// A task on another plan.
    pub(super) fn one(&self, task: usize, cost: &Cost) -> Option<Sum> {
        let line = self.lines.get(task)?;
        Some(self.sum(&[self.part(task, line, cost, None)], Varies::All))
    }

    fn part<'p>(
        &self,
        task: usize,
        line: &Line,
        cost: &'p Cost,
        otherwise: Option<&'p Otherwise>,
    ) -> Part<'p> {
        Part { task, traffic: line.traffic, cost, otherwise }
    }

    fn sum(&self, parts: &[Part<'_>], varies: Varies) -> Sum {
        let days = self.worlds.days(parts, varies, self.size);
        let mean: f64 = parts.iter().map(|part| part.traffic * part.cost.mean).sum();
        let prompts_only = varies == Varies::Only(Source::Prompts) || self.sources == [Source::Prompts];
        let (bounds, spread) = if prompts_only {
            // The interval that every mean cost has.
            (skew::interval(mean, &days, self.confidence), None)
        } else {
            let spread = self.worlds.spread(parts, varies, self.size);
            (bootstrap::interval(spread.iter().copied(), self.confidence), Some(spread))
        };
        let (low, high) = bounds.map_or((mean, mean), |b| (b.low.min(mean), b.high.max(mean)));
        let variance = variance(spread.as_deref().unwrap_or(&days));
        Sum { mean, days, variance, low, high }
    }

    /// Day, month and year; the year with the growth of the traffic.
    pub(super) fn horizon(&self, sum: &Sum) -> Option<Horizon> {
        let grown: f64 = (0..MONTHS).map(|month| self.growth(month)).sum();
        Some(Horizon { day: sum.money(1.0)?, month: sum.money(MONTH)?, year: sum.money(MONTH * grown)? })
    }

    /// By what the traffic has grown after so many months.
    fn growth(&self, months: i32) -> f64 {
        (1.0 + self.settings.growth_per_month).powi(months)
    }

    /// The twelfth month, where traffic grows.
    pub(super) fn grown(&self, total: &Sum) -> Option<Growth> {
        let per_month = self.settings.growth_per_month;
        if per_month == 0.0 {
            return None;
        }
        let factor = self.growth(MONTHS - 1);
        let requests: f64 = self.lines.iter().map(|line| line.traffic).sum();
        Some(Growth { per_month, requests_per_day: requests * factor, month: total.money(MONTH * factor)? })
    }

    /// What the interval of the total contains.
    pub(super) fn shares(&self) -> Vec<SourceShare> {
        let alone: Vec<(Source, f64, Option<Money>)> = self
            .sources
            .iter()
            .map(|&source| {
                let sum = self.total(false, Varies::Only(source));
                (source, sum.variance, sum.money(MONTH))
            })
            .collect();
        let all: f64 = alone.iter().map(|(_, variance, _)| variance).sum();
        let only = alone.len() == 1;
        alone
            .into_iter()
            .filter_map(|(source, variance, month)| {
                let share = if only {
                    1.0
                } else if all > 0.0 {
                    variance / all
                } else {
                    0.0
                };
                Some(SourceShare { source, share, month: month? })
            })
            .collect()
    }

    /// The bill at the ends of each range.
    pub(super) fn scenarios(&self) -> Vec<Scenario> {
        let month =
            |cost: &dyn Fn(&Line) -> f64| measure::usd(self.lines.iter().map(cost).sum::<f64>() * MONTH);
        let likely = |line: &Line| line.traffic * line.routed.mean;
        let mut scenarios = Vec::new();
        let mut say = |source, low, high, at_low, at_high| {
            if let (Some(month_at_low), Some(month_at_high)) = (at_low, at_high) {
                scenarios.push(Scenario { source, low, high, month_at_low, month_at_high });
            }
        };
        if self.lines.iter().any(|line| line.range.is_some()) {
            let low = |line: &Line| line.range.map_or(line.traffic, |range| range.low);
            let high = |line: &Line| line.range.map_or(line.traffic, |range| range.high);
            say(
                Source::Traffic,
                self.lines.iter().map(low).sum(),
                self.lines.iter().map(high).sum(),
                month(&|line| low(line) * line.routed.mean),
                month(&|line| high(line) * line.routed.mean),
            );
        }
        if let Some(range) = self.settings.output_length {
            let at = |factor: f64| {
                month(&|line| likely(line) * (1.0 + line.routed.output.unwrap_or(0.0) * (factor - 1.0)))
            };
            say(Source::OutputLength, range.low, range.high, at(range.low), at(range.high));
        }
        if let Some(range) = self.settings.price {
            let at = |factor: f64| month(&|line| likely(line) * factor);
            say(Source::Price, range.low, range.high, at(range.low), at(range.high));
        }
        if let Some(range) = self.settings.cache {
            let at = |factor: f64| {
                month(&|line| {
                    line.traffic * (line.routed.bare - factor * (line.routed.bare - line.routed.mean))
                })
            };
            say(Source::Cache, range.low, range.high, at(range.low), at(range.high));
        }
        scenarios
    }

    /// The savings of `routed` as a share of `other`, world by world; `None` where the other costs nothing.
    pub(super) fn savings(&self, routed: &Sum, other: &Sum) -> Option<Interval> {
        if other.mean <= 0.0 {
            return None;
        }
        let mean = 1.0 - routed.mean / other.mean;
        let pairs = routed.days.iter().zip(&other.days);
        let bounds = bootstrap::interval(pairs.map(|(routed, all)| 1.0 - routed / all), self.confidence)?;
        Some(Interval { mean, low: bounds.low.min(mean), high: bounds.high.max(mean) })
    }
}

impl Sum {
    fn money(&self, days: f64) -> Option<Money> {
        Some(Money {
            mean: measure::usd(self.mean * days)?,
            low: measure::usd(self.low * days)?,
            high: measure::usd(self.high * days)?,
        })
    }
}

/// The cost, or the same as if nothing came from a cache.
fn uncached(cost: &Cost, bare: bool) -> Cost {
    if !bare {
        return cost.clone();
    }
    Cost { mean: cost.bare, replicates: cost.bare_replicates.clone(), ..cost.clone() }
}

fn otherwise(line: &Line, bare: bool) -> Option<Otherwise> {
    let otherwise = line.otherwise.as_ref()?;
    Some(Otherwise { cost: uncached(&otherwise.cost, bare), probability: otherwise.probability })
}

fn variance(values: &[f64]) -> f64 {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let n = finite().count().max(1) as f64;
    let mean = finite().sum::<f64>() / n;
    finite().map(|value| (value - mean).powi(2)).sum::<f64>() / n
}

//! How far a task's traffic can change before the comparison flips.
//!
//! A strategy's cost and quality are linear in the traffic of each task, the other tasks held constant, so every crossing is
//! solved exactly. What strategies learned is held constant. Scaling the traffic of all tasks scales every bill alike and flips
//! nothing.

use super::evaluate::Comparison;
use super::figures::Figures;
use super::strategy::Standing;

/// What a change of the traffic flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flipped {
    /// The single tier with the best pass rate.
    BestSingle,
    /// The best strategy: of those that beat the best single tier now, the cheapest that is no more than the margin worse than it.
    Winner,
    /// Whether the routes cost less than all traffic on this tier.
    Bill(usize),
}

/// A change of a task's traffic that flips something. Strategies are indices into the comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficChange {
    /// The task.
    pub task: usize,
    /// The factor by which its traffic changes: above 1 it grows.
    pub factor: f64,
    /// The task's share of all requests now.
    pub traffic_share: f64,
    /// Its share at the flip.
    pub traffic_share_at_flip: f64,
    /// What flips.
    pub what: Flipped,
    /// What is ahead now; `None` where no strategy beats the best single tier.
    pub from: Option<usize>,
    /// What is ahead after the flip.
    pub to: Option<usize>,
}

/// Differences below this count as equal.
const SLACK: f64 = 1e-12;
/// How far beyond a crossing the comparison is evaluated, relative to the factor.
const BEYOND: f64 = 1e-6;

/// For each task and each thing that can flip, the nearest change of the task's traffic upwards and downwards; nearest first.
#[must_use]
pub fn changes(comparison: &Comparison) -> Vec<TrafficChange> {
    let figures = &comparison.figures;
    let Some(first) = figures.first() else { return Vec::new() };
    let mut changes = Vec::new();
    for (task, own) in &first.by_task {
        let scenario = Scenario { comparison, figures, task: *task };
        let (share, others) = (own.weight, 1.0 - own.weight);
        if others <= SLACK {
            // With a single task, its share is always 1.
            continue;
        }
        let crossings = scenario.crossings();
        for (what, from) in scenario.ahead(1.0) {
            for side in [BEYOND, -BEYOND] {
                let away = |factor: &&f64| if side > 0.0 { **factor > 1.0 } else { **factor < 1.0 };
                let mut order: Vec<f64> = crossings.iter().filter(away).copied().collect();
                order.sort_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()));
                let flipped = order.into_iter().find_map(|factor| {
                    let ahead = scenario.ahead(factor * (1.0 + side));
                    let to = ahead.into_iter().find(|(other, _)| *other == what)?.1;
                    (to != from).then_some((factor, to))
                });
                changes.extend(flipped.map(|(factor, to)| TrafficChange {
                    task: *task,
                    factor,
                    traffic_share: share,
                    traffic_share_at_flip: share * factor / (share * factor + others),
                    what,
                    from,
                    to,
                }));
            }
        }
    }
    changes.sort_by(|a, b| a.factor.ln().abs().total_cmp(&b.factor.ln().abs()));
    changes
}

/// The comparison while the traffic of one task changes.
struct Scenario<'a> {
    comparison: &'a Comparison,
    figures: &'a [Figures],
    task: usize,
}

impl Scenario<'_> {
    /// A strategy's cost and quality, each split into the part of the other tasks and the part of this one.
    fn lines(&self, at: usize) -> Option<((f64, f64), (f64, f64))> {
        let parts = &self.figures.get(at)?.by_task;
        let own = parts.get(&self.task)?;
        let (cost, quality) =
            parts.values().fold((0.0, 0.0), |sum, part| (sum.0 + part.cost, sum.1 + part.quality));
        Some(((cost - own.cost, own.cost), (quality - own.quality, own.quality)))
    }

    fn at(&self, at: usize, factor: f64) -> Option<(f64, f64)> {
        let (cost, quality) = self.lines(at)?;
        Some((cost.0 + factor * cost.1, quality.0 + factor * quality.1))
    }

    fn of(&self, standing: Standing) -> impl Iterator<Item = usize> {
        self.figures.iter().enumerate().filter(move |(_, one)| one.standing == standing).map(|(at, _)| at)
    }

    /// The weight of all requests: that of the other tasks and that of this one.
    fn weight(&self) -> (f64, f64) {
        let parts = self.figures.first().map(|one| &one.by_task);
        let own = parts.and_then(|parts| parts.get(&self.task)).map_or(0.0, |own| own.weight);
        (parts.map_or(0.0, |parts| parts.values().map(|part| part.weight).sum()) - own, own)
    }

    /// The factors at which two strategies cost the same, or are as good, or one is better by the margin.
    fn crossings(&self) -> Vec<f64> {
        let mut factors = Vec::new();
        let mut meet = |a: (f64, f64), b: (f64, f64)| {
            let factor = (a.0 - b.0) / (b.1 - a.1);
            if factor.is_finite() && factor > 0.0 {
                factors.push(factor);
            }
        };
        let weight = self.weight();
        let runs: Vec<usize> = (0..self.figures.len())
            .filter(|at| self.figures.get(*at).is_some_and(|one| one.standing != Standing::Bound))
            .collect();
        for (place, one) in runs.iter().enumerate() {
            for other in runs.iter().take(place) {
                if let (Some(one), Some(other)) = (self.lines(*one), self.lines(*other)) {
                    meet(one.0, other.0);
                    meet(one.1, other.1);
                    let margin = (self.comparison.margin * weight.0, self.comparison.margin * weight.1);
                    meet((one.1.0 + margin.0, one.1.1 + margin.1), other.1);
                    meet(one.1, (other.1.0 + margin.0, other.1.1 + margin.1));
                }
            }
        }
        factors
    }

    /// What is ahead when the task's traffic is multiplied by `factor`.
    fn ahead(&self, factor: f64) -> Vec<(Flipped, Option<usize>)> {
        let point = |at: usize| self.at(at, factor);
        let better = |a: &(usize, (f64, f64)), b: &(usize, (f64, f64))| {
            b.1.1 > a.1.1 + SLACK || ((b.1.1 - a.1.1).abs() <= SLACK && b.1.0 < a.1.0)
        };
        let singles = || self.of(Standing::Single).filter_map(|at| Some((at, point(at)?)));
        let Some(best) = singles().reduce(|best, next| if better(&best, &next) { next } else { best }) else {
            return Vec::new();
        };
        // What does not beat it beyond noise now is not said to beat it with other traffic.
        let all = self.figures.iter().enumerate();
        let weight = self.weight();
        let margin = self.comparison.margin * (weight.0 + factor * weight.1);
        let winner = all
            .filter(|(_, one)| self.comparison.beats_best_single(one))
            .filter_map(|(at, _)| Some((at, point(at)?)))
            .filter(|(_, (cost, quality))| {
                *quality >= best.1.1 - margin - SLACK && *cost < best.1.0 - SLACK * best.1.0
            })
            .reduce(|cheapest, next| if next.1.0 < cheapest.1.0 { next } else { cheapest });
        let mut ahead =
            vec![(Flipped::BestSingle, Some(best.0)), (Flipped::Winner, winner.map(|winner| winner.0))];
        if let Some((routes, bill)) = self.of(Standing::Routes).find_map(|at| Some((at, point(at)?))) {
            ahead.extend(singles().map(|(at, (cost, _))| {
                (Flipped::Bill(at), Some(if bill.0 <= cost * (1.0 + SLACK) { routes } else { at }))
            }));
        }
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answers, plain};
    use super::*;

    #[test]
    fn the_best_single_tier_changes_where_the_tiers_are_as_good() {
        // At the first task the small tier is better by two of ten, at the second the large one by four of ten.
        let answers = [answers(0, 0, "wwbbbbbbbb"), answers(1, 10, "ssssbbbbbb")].concat();
        let compared = plain(&answers, &[0.5, 0.5]);
        let changes = changes(&compared);
        let best = |task: usize| {
            changes.iter().find(|change| change.what == Flipped::BestSingle && change.task == task).unwrap()
        };
        let (first, second) = (best(0), best(1));
        assert!((first.factor - 2.0).abs() < 1e-9 && (second.factor - 0.5).abs() < 1e-9, "{changes:?}");
        assert!((first.traffic_share_at_flip - 2.0 / 3.0).abs() < 1e-9, "{first:?}");
        let id = |at: Option<usize>| compared.figures[at.unwrap()].id.as_str();
        assert_eq!((id(first.from), id(first.to)), ("single:large", "single:small"));
        // Nearest first, in either direction alike.
        assert!(
            changes.windows(2).all(|pair| pair[0].factor.ln().abs() <= pair[1].factor.ln().abs() + 1e-12)
        );
    }

    #[test]
    fn a_single_task_has_no_share_to_change() {
        assert!(changes(&plain(&answers(0, 0, "bbwsn"), &[1.0])).is_empty());
    }
}

//! Cost against quality: the non-decreasing concave hull, the area under it, and how much of a gap a router recovers.
//!
//! Points are `(cost, quality)`; the unit of cost does not matter, quality lies in 0 to 1. The hull and its area (AIQ) are
//! those of RouterBench (arXiv 2403.12031, formula 2), over a range that all strategies share; recovery (PGR, APGR, CPT) is
//! that of RouteLLM (arXiv 2406.18665), the area by trapezoids over the points of the sweep as its code does.

/// A point: what it costs, and how good it is.
pub type Point = (f64, f64);

/// The non-decreasing concave hull: every point of it is reached by mixing two of its corners at random. Corners rise in
/// cost and in quality; beyond the last one it runs flat. Points that are no numbers are left out.
#[must_use]
pub fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted: Vec<Point> =
        points.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut corners: Vec<Point> = Vec::new();
    for point in sorted {
        // What costs as much or more and is no better is never on the hull.
        if corners.last().is_some_and(|last| point.1 <= last.1) {
            continue;
        }
        while let [.., before, last] = corners.as_slice() {
            let falls =
                (last.1 - before.1) * (point.0 - before.0) <= (point.1 - before.1) * (last.0 - before.0);
            if !falls {
                break;
            }
            corners.pop();
        }
        corners.push(point);
    }
    corners
}

/// The quality of a hull at a cost: between its corners by mixing, flat beyond its ends; `None` without a corner, or below
/// the cost of the first one, where nothing can be bought.
#[must_use]
pub fn at(hull: &[Point], cost: f64) -> Option<f64> {
    let first = hull.first()?;
    if cost < first.0 {
        return None;
    }
    for pair in hull.windows(2) {
        if let [a, b] = pair
            && cost <= b.0
        {
            return Some(a.1 + (b.1 - a.1) * (cost - a.0) / (b.0 - a.0));
        }
    }
    hull.last().map(|last| last.1)
}

/// The points that are mixed at random to reach the hull of some points at a cost, each with its share; `None` where nothing is as
/// cheap.
#[must_use]
pub fn mixture(points: &[Point], cost: f64) -> Option<Vec<(usize, f64)>> {
    let hull = hull(points);
    let at = |corner: &Point| points.iter().position(|point| point == corner);
    let first = hull.first()?;
    if cost < first.0 {
        return None;
    }
    for pair in hull.windows(2) {
        if let [a, b] = pair
            && cost <= b.0
        {
            let share = (cost - a.0) / (b.0 - a.0);
            return Some(vec![(at(a)?, 1.0 - share), (at(b)?, share)]);
        }
    }
    Some(vec![(at(hull.last()?)?, 1.0)])
}

/// The least cost at which a hull is at least that good; `None` where it never is.
#[must_use]
pub fn cost_of(hull: &[Point], quality: f64) -> Option<f64> {
    let first = hull.first()?;
    if first.1 >= quality {
        return Some(first.0);
    }
    hull.windows(2).find_map(|pair| match pair {
        [a, b] if b.1 >= quality => Some(a.0 + (b.0 - a.0) * (quality - a.1) / (b.1 - a.1)),
        _ => None,
    })
}

/// AIQ: the mean quality of a hull over the costs from `least` to `most`. Below its first corner the hull counts with that
/// corner's quality. `None` without a range.
#[must_use]
pub fn aiq(hull: &[Point], least: f64, most: f64) -> Option<f64> {
    let first = hull.first()?;
    if most.partial_cmp(&least) != Some(std::cmp::Ordering::Greater) {
        return None;
    }
    let mut costs: Vec<f64> = hull.iter().map(|point| point.0).filter(|c| *c > least && *c < most).collect();
    costs.insert(0, least);
    costs.push(most);
    let quality = |cost: f64| at(hull, cost.max(first.0)).unwrap_or(first.1);
    let area: f64 = costs
        .windows(2)
        .map(|pair| match pair {
            [a, b] => (b - a) * (quality(*a) + quality(*b)) / 2.0,
            _ => 0.0,
        })
        .sum();
    Some(area / (most - least))
}

/// The share of the gap between a weak and a strong model that a quality recovers (PGR); may exceed 1. `None` without a gap.
#[must_use]
pub fn recovered(quality: f64, weak: f64, strong: f64) -> Option<f64> {
    (strong > weak).then(|| (quality - weak) / (strong - weak))
}

/// APGR: the mean recovered gap over the share of strong calls, by trapezoids over `(share, quality)` points of rising
/// share that begin at 0 and end at 1. `None` without a gap or with fewer than two points.
#[must_use]
pub fn apgr(sweep: &[Point], weak: f64, strong: f64) -> Option<f64> {
    let (first, last) = (sweep.first()?, sweep.last()?);
    let span = last.0 - first.0;
    if span <= 0.0 || strong <= weak {
        return None;
    }
    let area: f64 = sweep
        .windows(2)
        .map(|pair| match pair {
            [a, b] => (b.0 - a.0) * (a.1 + b.1) / 2.0,
            _ => 0.0,
        })
        .sum();
    recovered(area / span, weak, strong)
}

/// CPT: the least share of strong calls at which the sweep first recovers `part` of the gap, by straight lines between its
/// points. RouteLLM's code interpolates the other way round, which is wrong where the curve is not monotone. `None` where it
/// never does.
#[must_use]
pub fn cpt(sweep: &[Point], weak: f64, strong: f64, part: f64) -> Option<f64> {
    if strong <= weak {
        return None;
    }
    let wanted = weak + part * (strong - weak);
    let first = sweep.first()?;
    if first.1 >= wanted {
        return Some(first.0);
    }
    sweep.windows(2).find_map(|pair| match pair {
        [a, b] if b.1 >= wanted => Some(a.0 + (b.0 - a.0) * (wanted - a.1) / (b.1 - a.1)),
        _ => None,
    })
}

/// Which points no other one beats: none costs as little or less and is as good or better, one of the two strictly.
#[must_use]
pub fn unbeaten(points: &[Point]) -> Vec<bool> {
    let beats = |a: &Point, b: &Point| a.0 <= b.0 && a.1 >= b.1 && (a.0 < b.0 || a.1 > b.1);
    points.iter().map(|point| points.iter().all(|other| !beats(other, point))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIERS: [Point; 3] = [(0.297331, 0.604930), (1.062150, 0.750352), (2.539260, 0.835915)];

    fn near(value: Option<f64>, wanted: f64) {
        assert!((value.unwrap() - wanted).abs() < 2e-6, "{value:?}, not {wanted}");
    }

    #[test]
    fn published_tiers_have_their_published_areas() {
        let (least, most) = (TIERS[0].0, TIERS[2].0);
        near(aiq(&hull(&TIERS), least, most), 0.753734);
        let mut all = TIERS.to_vec();
        all.push((0.706080, 0.875704));
        near(aiq(&hull(&all), least, most), 0.851020);
    }

    #[test]
    fn a_corner_that_mixing_beats_is_no_corner() {
        assert_eq!(hull(&[(0.0, 0.0), (1.0, 0.4), (2.0, 1.0), (3.0, 0.9)]), [(0.0, 0.0), (2.0, 1.0)]);
        assert_eq!(hull(&[(1.0, 0.5), (1.0, 0.7), (f64::NAN, 1.0)]), [(1.0, 0.7)]);
        assert_eq!(at(&[(1.0, 0.5)], 0.9), None);
        assert_eq!(at(&[(1.0, 0.5)], 9.0), Some(0.5));
    }

    #[test]
    fn a_mixture_is_as_good_as_the_hull_at_its_cost() {
        assert_eq!(mixture(&TIERS, 0.1), None);
        assert_eq!(mixture(&TIERS, 9.0), Some(vec![(2, 1.0)]));
        let half = f64::midpoint(TIERS[0].0, TIERS[1].0);
        let mixed = mixture(&TIERS, half).unwrap();
        assert_eq!((mixed[0].0, mixed[1].0), (0, 1));
        let quality: f64 = mixed.iter().map(|(point, share)| share * TIERS[*point].1).sum();
        near(at(&hull(&TIERS), half), quality);
    }

    #[test]
    fn the_cost_of_a_quality_is_where_the_hull_first_has_it() {
        let hull = hull(&[(0.0, 0.0), (2.0, 1.0)]);
        assert_eq!(cost_of(&hull, 0.5), Some(1.0));
        assert_eq!(cost_of(&hull, 0.0), Some(0.0));
        assert_eq!(cost_of(&hull, 1.1), None);
    }

    #[test]
    fn random_routing_recovers_half() {
        let sweep = [(0.0, 0.6), (0.3, 0.66), (1.0, 0.8)];
        near(apgr(&sweep, 0.6, 0.8), 0.5);
        near(cpt(&sweep, 0.6, 0.8, 0.5), 0.5);
        assert_eq!(cpt(&sweep, 0.6, 0.9, 0.9), None);
        assert_eq!(apgr(&sweep, 0.8, 0.6), None);
    }

    #[test]
    fn a_point_stays_unless_another_is_as_good_for_less_or_better_for_as_much() {
        assert_eq!(unbeaten(&[(1.0, 0.5), (1.0, 0.5), (2.0, 0.5), (2.0, 0.6)]), [true, true, false, true]);
    }

    proptest! {
        #[test]
        fn a_hull_lies_on_or_above_every_point(points in prop::collection::vec((0.01..10.0f64, 0.0..1.0f64), 1..30)) {
            let hull = hull(&points);
            for point in &points {
                prop_assert!(at(&hull, point.0).unwrap() >= point.1 - 1e-9);
            }
            for pair in hull.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
            }
        }
    }
}

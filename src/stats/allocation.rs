//! How to share a number of labels among strata, so that they say the most.

/// What is known of a stratum before it is sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stratum {
    /// Its things.
    pub size: usize,
    /// Those of them that were sampled before.
    pub known: usize,
    /// What its uncertainty counts: its share of the whole times the standard deviation within it, times how much the whole matters.
    pub spread: f64,
}

/// Shares `n` places: one place after the other to the stratum where it takes the most off the variance, `spread^2 / k - spread^2 /
/// (k + 1)` at k sampled ones. That is Neyman's allocation (1934) in whole numbers, exactly (Wright 2012), with what was sampled
/// before. None gets more than it has left; a stratum without any comes first.
#[must_use]
pub fn allocate(strata: &[Stratum], n: usize) -> Vec<usize> {
    let mut places = vec![0; strata.len()];
    for _ in 0..n {
        let gain = |at: usize| {
            let (stratum, given) = (strata.get(at)?, places.get(at)?);
            let k = stratum.known + given;
            let left = k < stratum.size && stratum.spread.is_finite();
            left.then(|| (k == 0, stratum.spread.powi(2) / (k as f64 * (k as f64 + 1.0)).max(0.5)))
        };
        let better = |a: &(bool, f64), b: &(bool, f64)| (a.0 && !b.0) || (a.0 == b.0 && a.1 > b.1);
        let mut best: Option<(usize, (bool, f64))> = None;
        for at in 0..strata.len() {
            if let Some(gain) = gain(at)
                && best.as_ref().is_none_or(|(_, most)| better(&gain, most))
            {
                best = Some((at, gain));
            }
        }
        let Some(place) = best.and_then(|(at, _)| places.get_mut(at)) else { break };
        *place += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stratum(size: usize, spread: f64) -> Stratum {
        Stratum { size, known: 0, spread }
    }

    #[test]
    fn places_go_by_size_and_spread() {
        // Neyman: in proportion to the spreads.
        assert_eq!(allocate(&[stratum(1000, 0.3), stratum(1000, 0.1)], 40), [30, 10]);
        assert_eq!(
            allocate(&[stratum(5, 0.3), stratum(1000, 0.1)], 40),
            [5, 35],
            "none gets more than it has"
        );
        assert_eq!(allocate(&[stratum(9, 0.3), stratum(9, 0.0)], 4), [3, 1], "each is looked at");
        let seen = Stratum { known: 30, ..stratum(1000, 0.3) };
        assert_eq!(allocate(&[seen, stratum(1000, 0.1)], 10), [0, 10], "what is known counts");
        assert_eq!(allocate(&[stratum(3, 1.0), stratum(2, 1.0)], 60), [3, 2]);
        assert_eq!(allocate(&[], 3), [0_usize; 0]);
    }

    proptest! {
        #[test]
        fn all_places_are_given_while_there_is_room(
            strata in prop::collection::vec((0usize..40, 0usize..10, 0.0..2.0f64), 1..12), n in 0usize..200,
        ) {
            let strata: Vec<Stratum> = strata
                .into_iter()
                .map(|(size, known, spread)| Stratum { size, known: known.min(size), spread })
                .collect();
            let room: usize = strata.iter().map(|s| s.size - s.known).sum();
            let places = allocate(&strata, n);
            prop_assert_eq!(places.iter().sum::<usize>(), n.min(room));
            prop_assert!(places.iter().zip(&strata).all(|(given, s)| s.known + given <= s.size));
        }
    }
}

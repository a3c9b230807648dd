//! Several tests at once: Holm's step-down (1979), which keeps the chance of any false finding at the chosen level.

/// Holm's adjusted p-values, in the order given: (m - i) p_(i), made monotone and capped at 1. Each may be compared with
/// the level as if it stood alone. What is no number counts as 1.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> =
        p_values.iter().map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }).enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let mut adjusted = vec![1.0; order.len()];
    let mut least = 0.0_f64;
    for (rank, (at, p)) in order.iter().enumerate() {
        least = least.max((order.len() - rank) as f64 * p).min(1.0);
        if let Some(place) = adjusted.get_mut(*at) {
            *place = least;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_textbook_example_comes_out() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, wanted) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
        assert_eq!(holm(&[f64::NAN]), [1.0]);
    }

    proptest! {
        #[test]
        fn adjusting_never_helps_and_keeps_the_order(p in prop::collection::vec(0.0..=1.0f64, 1..30)) {
            let adjusted = holm(&p);
            for (i, (a, raw)) in adjusted.iter().zip(&p).enumerate() {
                prop_assert!(a >= raw && *a <= 1.0 && *a <= (raw * p.len() as f64).max(adjusted[i]));
                prop_assert!(adjusted.iter().zip(&p).all(|(b, other)| raw > other || a <= b));
            }
        }
    }
}

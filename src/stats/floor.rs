//! What a number of prompts can decide about a floor, before any of them is sent.

use super::posterior::Posterior;

/// Kish's effective number of equally weighted prompts, (sum w)^2 / sum w^2; `None` without any weight.
#[must_use]
pub fn kish(weights: &[f64]) -> Option<f64> {
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    (squares > 0.0).then(|| sum * sum / squares)
}

/// Whether the effective sample size is as large as required. Half a thousandth of a prompt is rounding.
#[must_use]
pub fn is_enough(n_eff: f64, min_prompts: f64) -> bool {
    n_eff + 5e-4 >= min_prompts
}

/// The lowest pass rate that clears a floor at a confidence, if it is seen on `n` prompts; to a thousandth, rounded up.
/// `None` when not even all of them passing would. `posterior` is of a mean and n.
#[must_use]
pub fn least_rate(
    n: f64,
    floor: f64,
    confidence: f64,
    posterior: impl Fn(f64, f64) -> Posterior,
) -> Option<f64> {
    let clears = |rate: f64| posterior(rate, n).clears(floor) >= confidence;
    if !clears(1.0) {
        return None;
    }
    // The probability rises with the rate, so halving finds the edge.
    let (mut below, mut above) = (0_u32, 1000_u32);
    while above - below > 1 {
        let middle = u32::midpoint(below, above);
        if clears(f64::from(middle) / 1000.0) { above = middle } else { below = middle }
    }
    Some(f64::from(above) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_count_fully_and_one_heavy_prompt_counts_once() {
        assert_eq!(kish(&[2.0; 10]), Some(10.0));
        assert!(kish(&[1000.0, 1.0, 1.0]).unwrap() < 1.01);
        assert_eq!(kish(&[0.0]), None);
    }

    #[test]
    fn the_least_rate_falls_as_prompts_are_added() {
        // 13 of 13 clear 0.80 at 0.95, 12 of 12 do not.
        assert_eq!(least_rate(12.0, 0.80, 0.95, Posterior::new), None);
        assert!(least_rate(13.0, 0.80, 0.95, Posterior::new).unwrap() > 0.99);
        let rates: Vec<f64> =
            [60.0, 200.0, 1000.0].map(|n| least_rate(n, 0.95, 0.8, Posterior::new).unwrap()).into();
        assert!(rates[0] > rates[1] && rates[1] > rates[2] && rates[2] > 0.95);
    }
}

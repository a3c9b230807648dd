//! Cohen's kappa: agreement beyond chance of two graders who each say pass or fail.

/// Cohen's kappa (Cohen 1960), `(po - pe) / (1 - pe)`, of a table of weights: both pass, only the first passes, only the
/// second passes, both fail. `None` without weight, or where chance alone would always agree.
#[must_use]
pub fn cohen(both_pass: f64, first_only: f64, second_only: f64, both_fail: f64) -> Option<f64> {
    let cells = [both_pass, first_only, second_only, both_fail];
    if cells.iter().any(|cell| !cell.is_finite() || *cell < 0.0) {
        return None;
    }
    let all: f64 = cells.iter().sum();
    if all <= 0.0 {
        return None;
    }
    let first = (both_pass + first_only) / all;
    let second = (both_pass + second_only) / all;
    let observed = (both_pass + both_fail) / all;
    let chance = first * second + (1.0 - first) * (1.0 - second);
    (chance < 1.0 - 1e-12).then(|| (observed - chance) / (1.0 - chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_measured_against_chance() {
        // Fleiss, Levin and Paik's style of example: po = .7, pe = .5.
        assert!((cohen(20.0, 5.0, 10.0, 15.0).unwrap() - 0.4).abs() < 1e-12);
        assert!((cohen(25.0, 0.0, 0.0, 25.0).unwrap() - 1.0).abs() < 1e-12);
        assert!((cohen(25.0, 25.0, 25.0, 25.0).unwrap()).abs() < 1e-12);
        assert!((cohen(0.0, 25.0, 25.0, 0.0).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(cohen(10.0, 0.0, 0.0, 0.0), None, "two who always pass agree by chance");
        assert_eq!(cohen(0.0, 0.0, 0.0, 0.0), None);
        assert_eq!(cohen(f64::NAN, 1.0, 1.0, 1.0), None);
    }
}

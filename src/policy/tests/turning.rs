//! How many wrong verdicts turn a decision.

use super::*;
use crate::policy::{Turning, Wrong};
use crate::stats::posterior::Posterior;

/// What would turn what is said of the only tier, of whose so many prompts so many pass.
fn turning(passes: u32, prompts: u32, consequence: Consequence) -> Option<Turning> {
    let (task, policy, tiers) = (Task { consequence, ..task("t") }, Policy::default(), ladder(1));
    let observations = trials(0, 0, passes, prompts, "0.001");
    let cells = measure::cells(&observations, 1, 1, &SETTINGS).remove(0);
    let requests = Requests::of(&observations, 0, 1);
    let case = plain(&task, &policy, &tiers, &cells, &requests);
    case.turning(&case.assess(), 0)
}

#[test]
fn a_route_holds_until_too_many_of_its_passes_are_false() {
    let found = turning(300, 300, Consequence::High).unwrap();
    assert_eq!(found.wrong, Wrong::Passes);
    // By the posterior itself: just below the share the floor is cleared, just above it is not.
    let clears = |share: f64| Posterior::new(1.0 - share, 300.0).clears(0.95) >= 0.95;
    assert!(clears(found.share - 1e-6) && !clears(found.share + 1e-6), "{found:?}");
    assert!((0.02..0.03).contains(&found.share), "{found:?}");
    // The closer to the floor, the fewer.
    assert!(turning(60, 60, Consequence::High).unwrap().share < 0.005);
    assert!(turning(60, 60, Consequence::Low).unwrap().share > 0.01);
}

#[test]
fn a_tier_that_is_not_good_enough_holds_until_too_many_of_its_fails_are_false() {
    let below = turning(60, 100, Consequence::Medium).unwrap();
    assert_eq!(below.wrong, Wrong::Fails);
    let misses = |share: f64| Posterior::new(0.6 + 0.4 * share, 100.0).misses(0.85) >= 0.9;
    assert!(misses(below.share - 1e-6) && !misses(below.share + 1e-6), "{below:?}");
    // Undecided at the monitor floor: it turns when it is shown to be good enough.
    let open = turning(87, 100, Consequence::High).unwrap();
    assert_eq!(open.wrong, Wrong::Fails);
    let clears = |share: f64| Posterior::new(0.87 + 0.13 * share, 100.0).clears(0.85) >= 0.95;
    assert!(!clears(open.share - 1e-6) && clears(open.share + 1e-6), "{open:?}");
    // Too few prompts are too few, whatever the oracle.
    assert_eq!(turning(5, 5, Consequence::Medium), None);
}

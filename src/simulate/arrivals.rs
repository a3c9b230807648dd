//! When requests arrive.

/// How requests spread over the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    /// The same number in every hour.
    Flat,
    /// Most of them between nine and six.
    Office,
    /// By these weights, one per hour.
    Hours([f64; 24]),
}

const OFFICE: [f64; 24] = [
    1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 12.0, 14.0, 13.0, 10.0, 12.0, 14.0, 14.0, 13.0, 10.0, 6.0,
    4.0, 3.0, 2.0, 2.0, 1.0,
];

/// Requests of each hour; they add up to `requests` (largest remainders).
pub(super) fn per_hour(requests: u64, profile: Profile) -> Vec<u64> {
    let weights = match profile {
        Profile::Flat => [1.0; 24],
        Profile::Office => OFFICE,
        Profile::Hours(hours) => hours,
    };
    let sum: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|weight| requests as f64 * weight / sum).collect();
    let mut hours: Vec<u64> = exact.iter().map(|count| count.floor() as u64).collect();
    let mut order: Vec<usize> = (0..hours.len()).collect();
    order.sort_by(|a, b| {
        let rest = |at: &usize| exact.get(*at).map_or(0.0, |count| count.fract());
        rest(b).total_cmp(&rest(a)).then(a.cmp(b))
    });
    let missing = requests.saturating_sub(hours.iter().sum());
    for at in order.into_iter().take(usize::try_from(missing).unwrap_or_default()) {
        if let Some(hour) = hours.get_mut(at) {
            *hour += 1;
        }
    }
    hours
}

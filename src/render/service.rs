//! What is said about time and availability, wherever figures of them are shown.

use crate::summary::{Availability, Band, Cell, Detector, Latency, NeededTime, Summary, Unproven};
use crate::units::{count, percent};

/// `1.2 s (1.0 s – 1.5 s)`: the 95th percentile with its interval, as far as it has one.
pub(super) fn p95(latency: &Latency) -> String {
    let bounds = match (latency.p95_low, latency.p95_high) {
        (Some(low), Some(high)) => format!(" ({low} – {high})"),
        (Some(low), None) => format!(" (from {low})"),
        (None, Some(high)) => format!(" (up to {high})"),
        (None, None) => String::new(),
    };
    format!("{}{bounds}", latency.p95)
}

/// How many calls were in flight when latencies were measured: they are those of that load. `None` where nothing says so.
pub(super) fn concurrency(summary: &Summary) -> Option<String> {
    let known = || summary.tiers.iter().filter_map(|tier| Some((tier.name.as_str(), tier.concurrency?)));
    let first = known().next()?.1;
    if known().all(|(_, calls)| calls == first) {
        return Some(format!(
            "Latencies were measured with up to {} in flight per provider.",
            count(first, "call")
        ));
    }
    let each: Vec<String> = known().map(|(name, calls)| format!("{name} {calls}")).collect();
    Some(format!("Latencies were measured with calls in flight of up to: {}.", each.join(", ")))
}

/// `95.0 % available (n 400)`: only where an attempt failed.
pub(super) fn availability(cell: &Cell) -> Option<String> {
    let seen = cell.availability.filter(|seen| seen.failed > 0)?;
    Some(format!("{} available (n {})", percent(seen.rate), seen.attempts))
}

/// The same with its interval, for a column of its own.
pub(super) fn availability_column(seen: &Availability) -> String {
    format!(
        "{} ({:.1} – {:.1} %, n {})",
        percent(seen.rate),
        seen.low * 100.0,
        seen.high * 100.0,
        seen.attempts
    )
}

/// The needs of a tier that is good enough otherwise: whether it is fast enough is of no interest for another one.
pub(super) fn open(cell: &Cell) -> Vec<String> {
    match cell.band {
        Band::Route | Band::Monitor => cell.unproven.iter().map(unproven).collect(),
        Band::Below | Band::Undecided => Vec::new(),
    }
}

/// `p95 latency not proven: 94.0 % of 50 within 2.0 s`.
fn unproven(open: &Unproven) -> String {
    let what = match open.time {
        NeededTime::Latency => "p95 latency",
        NeededTime::FirstToken => "p95 time to first token",
    };
    format!("{what} not proven: {} of {} within {}", percent(open.within), open.n, open.limit)
}

/// What the detector finds within how many requests.
pub(super) fn detector(detector: &Detector) -> String {
    let found = detector
        .found_within
        .map_or_else(String::new, |requests| format!(" within {requests} requests (95 %)"));
    format!(
        "after it, a detector finds a rise to {} times {}{found}, with a false alarm in {} requests",
        detector.rise,
        percent(detector.baseline),
        detector.run_length
    )
}

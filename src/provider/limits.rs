//! What a server says of its rate limits, in the headers of a reply.

use std::time::Duration;

/// A limit over a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What the window holds.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// The time until it is full again.
    pub reset: Duration,
}

/// The limits that a reply states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Requests.
    pub requests: Option<Window>,
    /// Tokens.
    pub tokens: Option<Window>,
}

/// The limits in the headers of a reply: OpenAI's and its likes' (`x-ratelimit-*`), or Anthropic's. `now` is the time by the
/// wall clock, which Anthropic's resets refer to.
pub(super) fn read(header: impl Fn(&str) -> Option<String>, now: jiff::Timestamp) -> RateHeaders {
    let openai = |what: &str| {
        let value = |part: &str| header(&format!("x-ratelimit-{part}-{what}"));
        window(value("limit"), value("remaining"), value("reset").and_then(|text| go_duration(&text)))
    };
    let anthropic = |what: &str| {
        let value = |part: &str| header(&format!("anthropic-ratelimit-{what}-{part}"));
        let reset = value("reset").and_then(|text| {
            let then: jiff::Timestamp = text.trim().parse().ok()?;
            let wait = then.as_millisecond() - now.as_millisecond();
            Some(Duration::from_millis(u64::try_from(wait).unwrap_or_default()))
        });
        window(value("limit"), value("remaining"), reset)
    };
    RateHeaders {
        requests: openai("requests").or_else(|| anthropic("requests")),
        tokens: openai("tokens").or_else(|| anthropic("tokens")),
    }
}

/// A window whose figures make sense: some servers send -1 or 0 for what they do not limit.
fn window(limit: Option<String>, remaining: Option<String>, reset: Option<Duration>) -> Option<Window> {
    let whole = |text: Option<String>| text?.trim().parse::<u64>().ok();
    let (limit, remaining) = (whole(limit)?, whole(remaining)?);
    (limit > 0 && remaining <= limit).then_some(Window { limit, remaining, reset: reset? })
}

/// `12ms`, `1s`, `6m0s`, `1h2m3.5s`; bare seconds too.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let seconds = |number: &str, unit: f64| {
        let value = number.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)?;
        Some(Duration::from_secs_f64((value * unit).min(864_000.0)))
    };
    if let Some(plain) = seconds(text, 1.0) {
        return Some(plain);
    }
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            _ => return None,
        };
        total += seconds(value, unit)?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, ms) in
            [("12ms", 12), ("1s", 1000), ("6m0s", 360_000), ("1h2m3.5s", 3_723_500), ("0.25", 250)]
        {
            assert_eq!(go_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "soon", "5x", "-1s", "s", "1s2"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn both_families_of_headers_are_read_and_nonsense_is_not() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let of = |pairs: &'static [(&'static str, &'static str)]| {
            read(
                |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
                now,
            )
        };
        let openai = of(&[
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-reset-tokens", "0s"),
        ]);
        let window = Window { limit: 500, remaining: 499, reset: Duration::from_millis(120) };
        assert_eq!(openai, RateHeaders { requests: Some(window), tokens: None });
        let anthropic = of(&[
            ("anthropic-ratelimit-tokens-limit", "80000"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-22T10:00:30Z"),
        ]);
        let window = Window { limit: 80_000, remaining: 0, reset: Duration::from_secs(30) };
        assert_eq!(anthropic, RateHeaders { requests: None, tokens: Some(window) });
    }
}

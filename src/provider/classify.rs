//! Errors of providers: what a status, a code and a phrase mean, and what they call for.

use std::time::Duration;

use serde_json::Value;

use super::limits::go_duration;
use super::response::Retry;
use crate::record::{ErrorKind, Failure, Outcome};

/// An error as a provider states it, in the body of a reply or within a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ApiError {
    /// The status of the reply, or the one that an error within a stream stands for.
    pub(super) status: u16,
    /// `code` and `type`, as far as there are any.
    pub(super) codes: Vec<String>,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
    /// `x-should-retry`.
    pub(super) should_retry: Option<bool>,
}

/// Codes for exhausted credit or quota: retrying today does not help.
const BILLING: [&str; 8] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "billing_error",
];

/// Codes that say that the prompt does not fit.
const OVERFLOW_CODES: [&str; 3] =
    ["context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"];

/// The same as text, in lower case.
const OVERFLOW_PHRASES: [&str; 13] = [
    "context length",
    "context window",
    "context size",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length exceeds",
    "maximum prompt length",
    "too many input tokens",
    "exceeds the maximum number of tokens",
    "input token count",
    "reduce the length of the messages",
];

/// Codes of errors within a stream, and the status that each stands for.
const STREAM_CODES: [(&str, u16); 19] = [
    ("overloaded_error", 529),
    ("server_is_overloaded", 503),
    ("rate_limit_error", 429),
    ("rate_limit_exceeded", 429),
    ("slow_down", 429),
    ("authentication_error", 401),
    ("invalid_request_error", 400),
    ("timeout_error", 504),
    ("unavailable_error", 503),
    ("permission_error", 403),
    ("invalid_api_key", 401),
    ("not_found_error", 404),
    ("model_not_found", 404),
    ("request_too_large", 413),
    ("invalid_prompt", 400),
    ("context_length_exceeded", 400),
    ("exceed_context_size_error", 400),
    ("model_context_window_exceeded", 400),
    ("content_filter", 400),
];

/// Anthropic's texts, with status 400, for exhausted credit.
const BILLING_PHRASES: [&str; 2] = ["credit balance is too low", "specified api usage limits"];

impl ApiError {
    /// The error in a body of the usual shape: `{"error": {"message", "type", "code"}}`, `{"error": "text"}`, or any of these
    /// as the only element of a list, or `{"object": "error", "message"}`. `None` if there is none.
    pub(super) fn find(body: &Value) -> Option<Self> {
        let body = match body {
            Value::Array(items) if items.len() == 1 => items.first()?,
            other => other,
        };
        let inner = body.get("error").filter(|error| !error.is_null());
        // Older vLLM servers send the error without anything around it.
        let error = inner.or_else(|| (body["object"] == "error").then_some(body))?;
        let word = |key: &str| match error.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            // Some servers put a status where others put a word.
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) | None => None,
        };
        let mut codes: Vec<String> = ["code", "type", "status"].into_iter().filter_map(word).collect();
        let details = &error["details"];
        codes.extend(details["error_code"].as_str().map(str::to_owned));
        // Azure says which filter it was.
        codes.extend(error["innererror"]["code"].as_str().map(str::to_owned));
        // Google names the quota that was met: that of a minute passes by itself, that of a day does not.
        let violations =
            details.as_array().into_iter().flatten().filter_map(|detail| detail["violations"].as_array());
        codes.extend(violations.flatten().filter_map(|one| Some(one["quotaId"].as_str()?.to_owned())));
        let message = match error {
            Value::String(text) => text.clone(),
            other => word("message").unwrap_or_else(|| other.to_string()),
        };
        let numeric =
            codes.iter().find_map(|code| code.parse().ok().filter(|code| (400..600).contains(code)));
        let named = STREAM_CODES
            .iter()
            .find(|(name, _)| codes.iter().any(|code| code == name))
            .map(|(_, status)| *status);
        let status = numeric.or(named).unwrap_or_else(|| {
            // Within a reply that began well nothing but the words may tell that the prompt does not fit.
            if speaks_of_overflow(&message) { 400 } else { 500 }
        });
        Some(Self { status, codes, message, ..Self::default() })
    }

    fn has(&self, known: &[&str]) -> bool {
        self.codes.iter().any(|code| known.contains(&code.as_str()))
    }

    fn overflows(&self) -> bool {
        self.status != 429
            && (self.has(&OVERFLOW_CODES) || (self.status < 500 && speaks_of_overflow(&self.message)))
    }

    fn is_billing(&self) -> bool {
        let message = self.message.to_lowercase();
        // Groq's and OpenAI's limits of a day fill up again all the time, and say in words when the next call fits in. A header
        // alone may be anybody's, and Google's short times beside the quota of a day are not meant.
        let fits_soon = in_words(&self.message).is_some_and(|wait| !wait.is_zero());
        let daily = (message.contains("per day") && !fits_soon)
            || self.codes.iter().any(|code| code.contains("PerDay"));
        // A limit of nothing will not be more in a minute.
        let nothing = message.contains("limit: 0,") || message.trim_end().ends_with("limit: 0");
        let broke = BILLING_PHRASES.iter().any(|phrase| message.contains(phrase));
        self.status == 402
            || self.has(&BILLING)
            || (self.status == 429 && (daily || nothing))
            || (self.status == 400 && broke)
    }

    fn is_filter(&self) -> bool {
        self.has(&["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"])
    }
}

fn speaks_of_overflow(message: &str) -> bool {
    let message = message.to_lowercase();
    OVERFLOW_PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// The class of an error.
pub(super) fn api_error(error: &ApiError) -> (Outcome, Option<Failure>, Retry) {
    let message = match error.codes.first() {
        Some(code) if !error.message.contains(code.as_str()) => {
            format!("{} ({code}): {}", error.status, error.message)
        }
        Some(_) | None => format!("{}: {}", error.status, error.message),
    };
    let failure = |kind| Some(Failure { kind, message: message.clone() });
    if error.is_billing() {
        return (Outcome::Error, failure(ErrorKind::Billing), Retry::StopTier);
    }
    if error.overflows() {
        return (Outcome::Overflow, failure(ErrorKind::BadRequest), Retry::No);
    }
    if error.is_filter() {
        return (Outcome::Refused, failure(ErrorKind::BadRequest), Retry::No);
    }
    let transient = match error.retry_after {
        Some(wait) => Retry::After(wait),
        None => Retry::Backoff,
    };
    let (kind, usual) = match error.status {
        401 | 403 => return (Outcome::Error, failure(ErrorKind::Auth), Retry::StopTier),
        429 => (ErrorKind::RateLimited, Retry::After(error.retry_after.unwrap_or_default())),
        408 => (ErrorKind::Timeout, transient.clone()),
        409 | 425 | 498 | 500..=599 => (ErrorKind::Server, transient.clone()),
        _ => (ErrorKind::BadRequest, Retry::No),
    };
    let retry = match error.should_retry {
        Some(true) if usual == Retry::No => transient,
        Some(false) => Retry::No,
        Some(true) | None => usual,
    };
    (Outcome::Error, failure(kind), retry)
}

/// How long a server asks to wait: `retry-after-ms`, `retry-after` (seconds or a date), the body's `retryDelay`, or the text.
pub(super) fn retry_after(
    header: impl Fn(&str) -> Option<String>,
    body: &str,
    now: jiff::Timestamp,
) -> Option<Duration> {
    let seconds = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|s| s.is_finite() && *s >= 0.0)
            .map(|s| Duration::from_secs_f64(s.min(864_000.0)))
    };
    if let Some(wait) = header("retry-after-ms").and_then(|text| seconds(&text)) {
        return Some(wait / 1000);
    }
    let stated = header("retry-after").and_then(|text| seconds(&text).or_else(|| until_date(&text, now)));
    stated.or_else(|| in_words(body))
}

/// The wait that a body states: Google's `"retryDelay": "46s"`, or `try again in 1m26.4s` and the like.
fn in_words(body: &str) -> Option<Duration> {
    let body = body.to_lowercase();
    ["\"retrydelay\":", "try again in ", "retry after "].into_iter().find_map(|before| {
        let (_, rest) = body.split_once(before)?;
        let rest = rest.trim_start_matches([' ', '"']);
        let end = rest.find([' ', '"', ',', '\n']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let whole = go_duration(word.trim_end_matches('.'))?;
        // "20 milliseconds" would be too long a wait and "2 minutes" too short a one.
        match after.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next() {
            Some("ms" | "millisecond" | "milliseconds") => Some(whole / 1000),
            Some("minute" | "minutes") => Some(whole.saturating_mul(60)),
            Some(_) | None => Some(whole),
        }
    })
}

fn until_date(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let then = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    let wait = then.as_millisecond() - now.as_millisecond();
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ApiError {
        ApiError { status, ..ApiError::find(&serde_json::from_str(body).unwrap()).unwrap() }
    }

    #[test]
    fn each_error_finds_its_class() {
        for (status, body, outcome, kind, retry) in [
            (
                429,
                r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#,
                Outcome::Error,
                ErrorKind::RateLimited,
                Retry::After(Duration::ZERO),
            ),
            (
                429,
                r#"{"error":{"message":"no","type":"insufficient_quota","code":null}}"#,
                Outcome::Error,
                ErrorKind::Billing,
                Retry::StopTier,
            ),
            (
                429,
                r#"{"error":{"message":"limit of 50 requests per day"}}"#,
                Outcome::Error,
                ErrorKind::Billing,
                Retry::StopTier,
            ),
            (402, r#"{"error":"pay"}"#, Outcome::Error, ErrorKind::Billing, Retry::StopTier),
            (401, r#"{"error":{"message":"key"}}"#, Outcome::Error, ErrorKind::Auth, Retry::StopTier),
            (
                400,
                r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
                Outcome::Overflow,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (
                400,
                r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"too big"}}"#,
                Outcome::Overflow,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 10"}}"#,
                Outcome::Overflow,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (
                429,
                r#"{"error":{"message":"tokens per min: reduce the length of the messages"}}"#,
                Outcome::Error,
                ErrorKind::RateLimited,
                Retry::After(Duration::ZERO),
            ),
            (
                400,
                r#"{"error":{"message":"filtered","code":"content_filter"}}"#,
                Outcome::Refused,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (400, r#"{"error":{"message":"bad"}}"#, Outcome::Error, ErrorKind::BadRequest, Retry::No),
            (
                503,
                r#"[{"error":{"message":"busy","status":"UNAVAILABLE"}}]"#,
                Outcome::Error,
                ErrorKind::Server,
                Retry::Backoff,
            ),
        ] {
            let (found, failure, advice) = api_error(&error(status, body));
            assert_eq!((found, failure.unwrap().kind, advice), (outcome, kind, retry), "{body}");
        }
    }

    #[test]
    fn a_limit_of_a_day_that_says_when_the_next_call_fits_in_is_waited_for() {
        let said = |when: &str| {
            format!(
                r#"{{"error":{{"message":"Rate limit reached on tokens per day (TPD): Limit 100000, Used 99950.{when}"}}}}"#
            )
        };
        let waits = |body: &str| {
            let wait = Duration::from_secs(35);
            let (_, failure, retry) = api_error(&ApiError { retry_after: Some(wait), ..error(429, body) });
            (failure.unwrap().kind, retry)
        };
        let wait = Retry::After(Duration::from_secs(35));
        assert_eq!(waits(&said(" Please try again in 34.56s.")), (ErrorKind::RateLimited, wait));
        assert_eq!(waits(&said("")), (ErrorKind::Billing, Retry::StopTier));
        assert_eq!(waits(&said(" Please try again in 0s.")), (ErrorKind::Billing, Retry::StopTier));
        // Google states a short time beside the quota of a day, and means it not.
        let google = r#"{"error":{"message":"quota","details":[{"violations":[{"quotaId":"RequestsPerDayPerModel"}]},{"retryDelay":"35s"}]}}"#;
        assert_eq!(waits(google), (ErrorKind::Billing, Retry::StopTier));
    }

    #[test]
    fn an_error_within_a_reply_stands_for_the_status_that_its_words_mean() {
        for (body, outcome, kind, retry) in [
            (
                r#"{"error":{"code":"context_length_exceeded","message":"too much"}}"#,
                Outcome::Overflow,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (r#"{"error":"the prompt is too long"}"#, Outcome::Overflow, ErrorKind::BadRequest, Retry::No),
            (
                r#"{"error":{"code":"invalid_prompt","message":"no"}}"#,
                Outcome::Error,
                ErrorKind::BadRequest,
                Retry::No,
            ),
            (
                r#"{"error":{"type":"permission_error","message":"no"}}"#,
                Outcome::Error,
                ErrorKind::Auth,
                Retry::StopTier,
            ),
            (
                r#"{"object":"error","message":"busy","code":503}"#,
                Outcome::Error,
                ErrorKind::Server,
                Retry::Backoff,
            ),
            (
                r#"{"error":{"code":400,"message":"Your credit balance is too low to access the API"}}"#,
                Outcome::Error,
                ErrorKind::Billing,
                Retry::StopTier,
            ),
            (r#"{"error":{"message":"who knows"}}"#, Outcome::Error, ErrorKind::Server, Retry::Backoff),
        ] {
            let found = ApiError::find(&serde_json::from_str(body).unwrap()).unwrap();
            let (ended, failure, advice) = api_error(&found);
            assert_eq!((ended, failure.unwrap().kind, advice), (outcome, kind, retry), "{body}");
        }
        assert_eq!(ApiError::find(&serde_json::json!({"object": "list", "message": "x"})), None);
    }

    #[test]
    fn the_wait_is_read_wherever_it_stands() {
        let none = |_: &str| None;
        let header = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| value.to_owned())
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after(header("retry-after-ms", "250"), "", now), ms(250));
        assert_eq!(retry_after(header("retry-after", "1.5"), "", now), ms(1500));
        assert_eq!(retry_after(none, r#"{"details":[{"retryDelay":"46s"}]}"#, now), ms(46_000));
        assert_eq!(retry_after(none, "Please try again in 1.5s.", now), ms(1500));
        assert_eq!(retry_after(none, "Please try again in 20ms.", now), ms(20));
        assert_eq!(retry_after(header("retry-after", "Wed, 01 Jan 2020 00:00:00 GMT"), "", now), ms(0));
        assert_eq!(retry_after(none, "Please try again in 1m26.4s. Need more?", now), ms(86_400));
        assert_eq!(retry_after(none, "Please retry after 20 seconds.", now), ms(20_000));
        assert_eq!(retry_after(none, "Try again in 2 minutes", now), ms(120_000));
        assert_eq!(retry_after(none, "{\n \"retryDelay\": \"0.5s\"\n}", now), ms(500));
        // A header that makes no sense does not hide a body that does.
        assert_eq!(retry_after(header("retry-after", "soon"), "try again in 3s", now), ms(3000));
        assert_eq!(retry_after(none, "busy", now), None);
        assert_eq!(retry_after(none, "try again in a while", now), None);
    }
}
